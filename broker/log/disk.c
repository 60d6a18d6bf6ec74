#include "broker/log/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define WARM_BYTES (64 << 10)

static _Thread_local int last_errno;

int disk_errno(void) {
    return last_errno;
}

static enum error failed(void) {
    last_errno = errno;
    return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_DISK_FAILED;
}

static enum error before(struct disk *disk, enum disk_operation operation, const char *path) {
    size_t size = 0;

    return disk->before == NULL ? ERR_NONE : disk->before(disk, operation, path, &size);
}

struct disk *disk_system(void) {
    static struct disk system;
    return &system;
}

/* Without noting when it was read: of a file that was written since it was read last, that would be
 * a change on disk, which waits for the journal. Only who owns the file may ask for that. */
static int open_unnoted(const char *path, int flags) {
    int fd;

    do {
        fd = open(path, flags | O_NOATIME | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EPERM)
            fd = open(path, flags | O_CLOEXEC, 0644);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static DIR *open_dir_unnoted(const char *path) {
    int fd = open_unnoted(path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

enum error disk_open(struct disk *disk, const char *path, enum disk_open_mode mode, int *fd) {
    static const int flags[] = {
        [DISK_OPEN_EXISTING] = O_RDWR,
        [DISK_OPEN_READ] = O_RDONLY,
        [DISK_OPEN_CREATE] = O_RDWR | O_CREAT,
        [DISK_OPEN_TRUNCATED] = O_RDWR | O_CREAT | O_TRUNC,
    };
    enum error error = before(disk, DISK_OPEN, path);
    int opened;

    if (error != ERR_NONE)
        return error;
    opened = open_unnoted(path, flags[mode]);
    if (opened < 0 && (errno != ENOENT || mode == DISK_OPEN_CREATE || mode == DISK_OPEN_TRUNCATED))
        return failed();
    *fd = opened;
    return ERR_NONE;
}

static enum error write_all(int fd, const uint8_t *data, size_t size, int64_t position) {
    while (size > 0) {
        ssize_t written = pwrite(fd, data, size, position);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return failed();
        data += written;
        size -= (size_t)written;
        position += written;
    }
    return ERR_NONE;
}

enum error disk_write(struct disk *disk, int fd, const void *data, size_t size, int64_t position) {
    enum error refused = ERR_NONE;
    enum error error;

    if (disk->before != NULL) {
        size_t granted = size;
        refused = disk->before(disk, DISK_WRITE, NULL, &granted);
        if (refused != ERR_NONE)
            size = granted;
    }
    error = write_all(fd, data, size, position);
    return refused != ERR_NONE ? refused : error;
}

enum error disk_read(struct disk *disk, int fd, void *data, size_t size, int64_t position,
                     size_t *read_size) {
    enum error error = before(disk, DISK_READ, NULL);
    size_t done = 0;

    if (error != ERR_NONE)
        return error;
    while (done < size) {
        ssize_t got = pread(fd, (uint8_t *)data + done, size - done, position + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed();
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *read_size = done;
    return ERR_NONE;
}

enum error disk_sync(struct disk *disk, int fd) {
    enum error error = before(disk, DISK_SYNC, NULL);

    if (error != ERR_NONE)
        return error;
    if (fdatasync(fd) != 0)
        return failed();
    if (disk->synced != NULL)
        disk->synced(disk, fd, NULL);
    return ERR_NONE;
}

bool disk_allocate(struct disk *disk, int fd, int64_t position, int64_t size) {
    return before(disk, DISK_ALLOCATE, NULL) == ERR_NONE &&
           fallocate(fd, FALLOC_FL_KEEP_SIZE, position, size) == 0;
}

enum error disk_truncate(struct disk *disk, int fd, int64_t size) {
    enum error error = before(disk, DISK_TRUNCATE, NULL);

    if (error != ERR_NONE)
        return error;
    while (ftruncate(fd, size) != 0) {
        if (errno != EINTR)
            return failed();
    }
    return ERR_NONE;
}

enum error disk_set_modified(struct disk *disk, int fd, int64_t modified_ms) {
    struct timespec time = {(time_t)(modified_ms / 1000), (long)(modified_ms % 1000) * 1000000};
    struct timespec times[2] = {time, time};
    enum error error = before(disk, DISK_SET_MODIFIED, NULL);

    if (error != ERR_NONE)
        return error;
    return futimens(fd, times) == 0 ? ERR_NONE : failed();
}

enum error disk_rename(struct disk *disk, const char *from, const char *to) {
    enum error error = before(disk, DISK_RENAME, from);

    if (error != ERR_NONE)
        return error;
    return rename(from, to) == 0 ? ERR_NONE : failed();
}

enum error disk_unlink(struct disk *disk, const char *path) {
    enum error error = before(disk, DISK_UNLINK, path);

    if (error != ERR_NONE)
        return error;
    return unlink(path) == 0 || errno == ENOENT ? ERR_NONE : failed();
}

enum error disk_make_dir(struct disk *disk, const char *path) {
    enum error error = before(disk, DISK_MAKE_DIR, path);

    if (error != ERR_NONE)
        return error;
    return mkdir(path, 0755) == 0 || errno == EEXIST ? ERR_NONE : failed();
}

struct removal {
    struct disk *disk;
    const char *path;
};

static enum error remove_entry(void *context, const struct disk_entry *entry) {
    struct removal *removal = context;
    char path[PATH_MAX];

    if (entry->is_dir)
        return ERR_NONE;
    if (snprintf(path, sizeof(path), "%s/%s", removal->path, entry->name) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return failed();
    }
    return disk_unlink(removal->disk, path);
}

enum error disk_remove_dir(struct disk *disk, const char *path) {
    struct removal removal = {disk, path};
    enum error error = before(disk, DISK_REMOVE_DIR, path);

    if (error == ERR_NONE)
        error = disk_list(disk, path, remove_entry, &removal);
    if (error != ERR_NONE)
        return error;
    return rmdir(path) == 0 || errno == ENOENT ? ERR_NONE : failed();
}

static bool entry_is_dir(int dir_fd, const struct dirent *entry) {
    struct stat stat;

    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return fstatat(dir_fd, entry->d_name, &stat, 0) == 0 && S_ISDIR(stat.st_mode);
}

enum error disk_list(struct disk *disk, const char *path, disk_list_on_entry on_entry,
                     void *context) {
    enum error error = before(disk, DISK_LIST, path);
    struct dirent *entry;
    DIR *dir;

    if (error != ERR_NONE)
        return error;
    if ((dir = open_dir_unnoted(path)) == NULL)
        return errno == ENOENT ? ERR_NONE : failed();
    while (error == ERR_NONE) {
        errno = 0;
        if ((entry = readdir(dir)) == NULL) {
            if (errno != 0)
                error = failed();
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            error = on_entry(
                context,
                &(struct disk_entry){entry->d_name, entry_is_dir(dirfd(dir), entry), entry->d_ino});
    }
    closedir(dir);
    return error;
}

void disk_warm_dir(const char *path, void (*each)(void *context, const char *name, int64_t size),
                   void *context) {
    DIR *dir = open_dir_unnoted(path);
    struct dirent *entry;
    struct stat found;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        int fd = entry->d_type == DT_REG
                     ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
                     : -1;
        if (fd < 0)
            continue;
        (void)posix_fadvise(fd, 0, WARM_BYTES, POSIX_FADV_WILLNEED);
        if (fstat(fd, &found) == 0)
            each(context, entry->d_name, found.st_size);
        close(fd);
    }
    closedir(dir);
}

enum error disk_stat(struct disk *disk, const char *path, struct disk_stat *result) {
    enum error error = before(disk, DISK_STAT, path);
    struct stat found;

    if (error != ERR_NONE)
        return error;
    if (stat(path, &found) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return failed();
        *result = (struct disk_stat){.exists = false};
        return ERR_NONE;
    }
    *result = (struct disk_stat){
        .exists = true,
        .is_dir = S_ISDIR(found.st_mode),
        .size = found.st_size,
        .allocated = (int64_t)found.st_blocks * 512,
        .modified_ms = (int64_t)found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1000000,
        .inode = found.st_ino,
        .device = found.st_dev,
        .changed_ns = (int64_t)found.st_ctim.tv_sec * 1000000000 + found.st_ctim.tv_nsec,
    };
    return ERR_NONE;
}

enum error disk_sync_dir(struct disk *disk, const char *path) {
    enum error error = before(disk, DISK_SYNC_DIR, path);
    int fd;

    if (error != ERR_NONE)
        return error;
    if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return failed();
    if (fsync(fd) != 0)
        error = failed();
    close(fd);
    if (error == ERR_NONE && disk->synced != NULL)
        disk->synced(disk, -1, path);
    return error;
}

enum error disk_sync_all(struct disk *disk, int fd) {
    enum error error = before(disk, DISK_SYNC_ALL, NULL);

    if (error != ERR_NONE)
        return error;
    if (syncfs(fd) != 0)
        return failed();
    if (disk->synced != NULL)
        disk->synced(disk, -1, NULL);
    return ERR_NONE;
}

bool disk_sync_all_notices_failures(void) {
    struct utsname name;
    int major;
    int minor;

    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 8));
}

enum error disk_read_file(struct disk *disk, const char *path, size_t bytes_max, char **data,
                          size_t *size) {
    struct stat stat;
    enum error error;
    char *read = NULL;
    size_t read_size = 0;
    int fd;

    if ((error = disk_open(disk, path, DISK_OPEN_READ, &fd)) != ERR_NONE)
        return error;
    if (fd < 0) {
        *data = NULL;
        *size = 0;
        return ERR_NONE;
    }
    if (fstat(fd, &stat) != 0) {
        error = failed();
        goto out;
    }
    if (!S_ISREG(stat.st_mode) || stat.st_size < 0 || (uint64_t)stat.st_size > bytes_max) {
        error = ERR_DISK_CORRUPT;
        goto out;
    }
    if ((read = malloc((size_t)stat.st_size + 1)) == NULL) {
        error = ERR_OUT_OF_MEMORY;
        goto out;
    }
    if ((error = disk_read(disk, fd, read, (size_t)stat.st_size, 0, &read_size)) != ERR_NONE)
        goto out;
    read[read_size] = '\0';
    *data = read;
    *size = read_size;
    read = NULL;
out:
    free(read);
    close(fd);
    return error;
}

enum error disk_sync_parent(struct disk *disk, const char *path) {
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];

    if (slash == NULL)
        return disk_sync_dir(disk, ".");
    if (slash == path)
        return disk_sync_dir(disk, "/");
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    return disk_sync_dir(disk, parent);
}

enum error disk_replace_file(struct disk *disk, const char *path, const void *data, size_t size,
                             bool durable) {
    char temporary[PATH_MAX];
    enum error error;
    int fd;

    if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= (int)sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return failed();
    }
    if ((error = disk_open(disk, temporary, DISK_OPEN_TRUNCATED, &fd)) != ERR_NONE)
        return error;
    error = disk_write(disk, fd, data, size, 0);
    if (error == ERR_NONE && durable)
        error = disk_sync(disk, fd);
    close(fd);
    if (error == ERR_NONE)
        error = disk_rename(disk, temporary, path);
    if (error == ERR_NONE && durable)
        error = disk_sync_parent(disk, path);
    return error;
}
