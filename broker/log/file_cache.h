/*
 * Open files of segments, at most so many at a time, the least recently used closed first.
 *
 * A file is opened when it is needed and stays open while it is in the cache or anybody holds a
 * reference (an append, a read, a range on its way to a socket). So deletion and eviction never
 * pull a descriptor away. A miss costs an open(2), some 3 us.
 *
 * Threads: any.
 */
#ifndef BROKER_LOG_FILE_CACHE_H
#define BROKER_LOG_FILE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "broker/log/disk.h"
#include "client/wire/writer.h"

struct file_cache;

struct open_file {
    struct file_owner owner; /* first: what a file range refers to */
    int fd;
    int refs;       /* atomic */
    bool is_pinned; /* the cache's lock; not to be closed: its place is not in the list */
};

/* The place of one file in the cache; zeroed at first. Its owner must call file_cache_forget
 * before it goes. */
struct cached_file {
    struct open_file *open; /* the cache's lock; NULL: not open */
    TAILQ_ENTRY(cached_file) lru;
};

MUST_CHECK enum error file_cache_new(size_t open_max, struct file_cache **created);
/* All files must have been forgotten. Accepts NULL. */
void file_cache_free(struct file_cache *cache);

/* A reference if it is open in the cache, else NULL. */
struct open_file *file_cache_find(struct file_cache *cache, struct cached_file *file);

/* Opens `path` and puts it into the cache. `*opened` is NULL if it is missing and the mode does
 * not create it. */
MUST_CHECK enum error file_cache_open(struct file_cache *cache, struct cached_file *file,
                                      struct disk *disk, const char *path, enum disk_open_mode mode,
                                      struct open_file **opened);

/* Opens it, if it exists and is not open yet, and keeps it so until it is forgotten: whoever finds
 * it from now on gets this very file, whatever becomes of the path. Pinned files are not counted.
 */
MUST_CHECK enum error file_cache_pin(struct file_cache *cache, struct cached_file *file,
                                     struct disk *disk, const char *path);

/* Drops it from the cache; it is closed with its last reference. */
void file_cache_forget(struct file_cache *cache, struct cached_file *file);

void open_file_ref(struct open_file *file);
void open_file_unref(struct open_file *file); /* accepts NULL */

size_t file_cache_count(struct file_cache *cache);

#endif
