/*
 * The disk, as a port: what the log asks of a file system.
 *
 * The real one is a thin skin over the system calls that turns errno into our errors; a test
 * wraps it, and makes the n-th call fail or write short. Descriptors are the kernel's own in both,
 * so that sendfile(2), preadv2(2) and close(2) work on them directly.
 *
 * Errors: DISK_FULL (no space, no quota), DISK_FAILED (everything else). A missing file is no
 * error where the function says so. `disk_errno` tells a log line why.
 * Threads: any.
 */
#ifndef BROKER_LOG_DISK_H
#define BROKER_LOG_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

/* Kinds of operations, for a test that wants to fail exactly one. */
enum disk_operation {
    DISK_OPEN,
    DISK_WRITE,
    DISK_READ,
    DISK_SYNC,
    DISK_ALLOCATE,
    DISK_TRUNCATE,
    DISK_SET_MODIFIED,
    DISK_RENAME,
    DISK_UNLINK,
    DISK_MAKE_DIR,
    DISK_REMOVE_DIR,
    DISK_LIST,
    DISK_STAT,
    DISK_SYNC_DIR,
    DISK_SYNC_ALL
};

enum disk_open_mode {
    DISK_OPEN_EXISTING, /* read and write */
    DISK_OPEN_READ,
    DISK_OPEN_CREATE,   /* read and write, made if missing */
    DISK_OPEN_TRUNCATED /* read and write, made if missing, emptied if not */
};

struct disk_stat {
    bool exists;
    bool is_dir;
    int64_t size;
    int64_t allocated;   /* bytes on disk; more than its size if blocks are reserved behind it */
    int64_t modified_ms; /* since 1970 */
    uint64_t inode;
    uint64_t device;    /* which file system it is on */
    int64_t changed_ns; /* since 1970; nobody can set it back, as he can the time of modification */
};

struct disk_entry {
    const char *name; /* valid during the call */
    bool is_dir;
    uint64_t inode;
};

/* Called once per entry but "." and "..". Stops on an error. */
typedef enum error (*disk_list_on_entry)(void *context, const struct disk_entry *entry);

struct disk {
    /* Asked before each operation: an error other than NONE is returned in its place. For a write
     * it may lower `*size`, which is then written before the error is returned. `path` is NULL for
     * operations on a descriptor. A NULL pointer: never asked. */
    enum error (*before)(struct disk *disk, enum disk_operation operation, const char *path,
                         size_t *size);
    /* Told after a file (by its descriptor), a directory (by its path, `fd` -1) or all there is
     * (`fd` -1, `path` NULL) was synced, so that a test knows what a loss of power leaves. NULL:
     * never told. */
    void (*synced)(struct disk *disk, int fd, const char *path);
};

/* The machine's file systems. */
struct disk *disk_system(void);

/* errno of this thread's last failed operation. */
int disk_errno(void);

/* `*fd` is -1 if the file is missing and the mode does not create it. Close with close(2). */
MUST_CHECK enum error disk_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                                int *fd);

/* All of it or an error, after which any part of it may be in the file. */
MUST_CHECK enum error disk_write(struct disk *disk, int fd, const void *data, size_t size,
                                 int64_t position);

/* `*read_size` is below `size` only at the end of the file. */
MUST_CHECK enum error disk_read(struct disk *disk, int fd, void *data, size_t size,
                                int64_t position, size_t *read_size);

/* fdatasync. */
MUST_CHECK enum error disk_sync(struct disk *disk, int fd);

/* Reserves blocks behind the end of the file, whose size stays. Best effort: false if the file
 * system cannot or has no room. */
bool disk_allocate(struct disk *disk, int fd, int64_t position, int64_t size);

/* Also frees blocks reserved behind the end. */
MUST_CHECK enum error disk_truncate(struct disk *disk, int fd, int64_t size);

/* When the file was changed, in ms since 1970. */
MUST_CHECK enum error disk_set_modified(struct disk *disk, int fd, int64_t modified_ms);

MUST_CHECK enum error disk_rename(struct disk *disk, const char *from, const char *to);

/* A missing file is no error. */
MUST_CHECK enum error disk_unlink(struct disk *disk, const char *path);

/* An existing directory is no error. */
MUST_CHECK enum error disk_make_dir(struct disk *disk, const char *path);

/* The directory and the plain files in it. A missing directory is no error. */
MUST_CHECK enum error disk_remove_dir(struct disk *disk, const char *path);

MUST_CHECK enum error disk_list(struct disk *disk, const char *path, disk_list_on_entry on_entry,
                                void *context);
MUST_CHECK enum error disk_stat(struct disk *disk, const char *path, struct disk_stat *stat);

/* Asks for what a directory's files begin with, up to 64 KiB each, so that it is in memory soon,
 * and waits for their names and sizes only, of which `each` is told. A hint that fails in silence,
 * and is not told `before`. */
void disk_warm_dir(const char *path, void (*each)(void *context, const char *name, int64_t size),
                   void *context);

/* Makes the entries of a directory durable. */
MUST_CHECK enum error disk_sync_dir(struct disk *disk, const char *path);

/* The same of the directory that `path` lies in. */
MUST_CHECK enum error disk_sync_parent(struct disk *disk, const char *path);

/* Makes everything durable that is on the file system of `fd`, whoever wrote it. It fails if any
 * write to the disk has failed since `fd` was opened: so that is opened first of all. */
MUST_CHECK enum error disk_sync_all(struct disk *disk, int fd);
/* Whether disk_sync_all notices what fails; not before Linux 5.8. */
bool disk_sync_all_notices_failures(void);

/* Reads a whole small file into `*data` (from malloc, with a zero behind that is not counted);
 * `*data` is NULL if it is missing. DISK_CORRUPT if it is larger than `bytes_max`. */
MUST_CHECK enum error disk_read_file(struct disk *disk, const char *path, size_t bytes_max,
                                     char **data, size_t *size);

/* Replaces a small file as a whole: "<path>.tmp" is written, synced if `durable`, renamed over
 * `path`, and the directory synced if `durable`. After a crash the old or the new content is there
 * (without `durable`: old, new, or empty). */
MUST_CHECK enum error disk_replace_file(struct disk *disk, const char *path, const void *data,
                                        size_t size, bool durable);

#endif
