#include "broker/log/log_repair.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_internal.h"
#include "broker/log/shutdown_summary.h"

#define OPEN_FILES_MAX   64
#define MARKER_BYTES_MAX 65536

struct segment_sum {
    struct disk *disk;
    const char *dir;
    int64_t bytes;
};

static enum error add_segment(void *context, const struct disk_entry *entry) {
    struct segment_sum *sum = context;
    size_t suffix = strlen(entry->name) < 4 ? 0 : strlen(entry->name) - 4;
    struct disk_stat stat;
    char path[PATH_MAX];
    enum error error;

    if (entry->is_dir || strcmp(entry->name + suffix, SEGMENT_SUFFIX_LOG) != 0)
        return ERR_NONE;
    snprintf(path, sizeof(path), "%s/%s", sum->dir, entry->name);
    if ((error = disk_stat(sum->disk, path, &stat)) == ERR_NONE)
        sum->bytes += stat.exists ? stat.size : 0;
    return error;
}

static enum error mend(struct log_dir *dir, const struct log_load_options *options,
                       struct log_repair *repair) {
    struct log *log = NULL;
    enum error error = log_load(dir, options, &log);

    if (error != ERR_NONE)
        return error;
    worker_pool_drain(dir->pool);
    error = log_close_clean(log);
    repair->log_start_offset = log_start_offset(log);
    repair->log_end_offset = log_end_offset(log);
    repair->bytes_after = log_size(log);
    log_mark_closed(log);
    worker_pool_drain(dir->pool);
    log_unref(log);
    return error;
}

struct repairing {
    struct log_dir dir; /* first */
    const struct log_repair *repair;
};

static void on_recovered(struct log_dir *dir) {
    const struct log_repair *repair = ((struct repairing *)dir)->repair;

    repair->on_progress(repair->context, repair, atomic_load(&dir->recovered_bytes));
}

static enum error mend_in(struct disk *disk, const char *parent,
                          const struct log_load_options *options, struct log_repair *repair) {
    struct file_cache *cache = NULL;
    struct worker_pool *pool = NULL;
    struct repairing repairing = {.repair = repair};
    struct log_dir *dir = &repairing.dir;
    enum error error;

    if ((error = file_cache_new(OPEN_FILES_MAX, &cache)) == ERR_NONE &&
        (error = worker_pool_new(1, "repair", &pool)) == ERR_NONE &&
        (error = log_dir_init(dir, parent, disk, clock_system(), cache, pool)) == ERR_NONE) {
        dir->on_recovered = repair->on_progress == NULL ? NULL : on_recovered;
        error = mend(dir, options, repair);
    }
    worker_pool_free(pool);
    log_dir_done(dir);
    file_cache_free(cache);
    return error;
}

static void path_in(const char *parent, const char *name, char path[PATH_MAX + 64]) {
    snprintf(path, PATH_MAX + 64, "%s/%s", parent, name);
}

static enum error unlink_in(struct disk *disk, const char *parent, const char *name) {
    char path[PATH_MAX + 64];

    path_in(parent, name, path);
    return disk_unlink(disk, path);
}

/* What the last stop left in the data directory. The mark of a clean one is away while records may
 * go. INVARIANT: whoever finds the mark finds all records: a broker without it says, as it joins,
 * that records may be missing, and is not taken for a replica that has them. */
static enum error take_marks(struct disk *disk, const char *parent, char **mark, size_t *size) {
    char path[PATH_MAX + 64];
    enum error error;

    *mark = NULL;
    path_in(parent, LOG_DIR_CLEAN_MARKER, path);
    /* The broker must look for itself. */
    if ((error = unlink_in(disk, parent, SHUTDOWN_SUMMARY_FILE)) != ERR_NONE ||
        (error = disk_read_file(disk, path, MARKER_BYTES_MAX, mark, size)) != ERR_NONE ||
        *mark == NULL)
        return error;
    error = disk_unlink(disk, path);
    return error == ERR_NONE ? disk_sync_dir(disk, parent) : error;
}

static enum error put_mark_back(struct disk *disk, const char *parent, const char *mark,
                                size_t size) {
    char path[PATH_MAX + 64];

    path_in(parent, LOG_DIR_CLEAN_MARKER, path);
    return disk_replace_file(disk, path, mark, size, true);
}

enum error log_repair_partition(struct disk *disk, const char *path, struct log_repair *repair) {
    struct segment_sum sum = {disk, path, 0};
    struct log_load_options options = {.dir_name = path, .config = &log_config_default};
    char parent[PATH_MAX];
    char *mark = NULL;
    size_t mark_size;
    char *slash;
    enum error error;

    if (strlen(path) >= sizeof(parent))
        return ERR_INVALID_TOPIC_EXCEPTION;
    memcpy(parent, path, strlen(path) + 1);
    if ((slash = strrchr(parent, '/')) == NULL || slash == parent ||
        log_folder_parse(path + (slash - parent) + 1, &options.topic, &options.partition) !=
            LOG_FOLDER_CURRENT)
        return ERR_INVALID_TOPIC_EXCEPTION;
    *slash = '\0';
    if ((error = disk_list(disk, path, add_segment, &sum)) != ERR_NONE)
        return error;
    repair->bytes_before = sum.bytes;
    if ((error = take_marks(disk, parent, &mark, &mark_size)) == ERR_NONE)
        error = mend_in(disk, parent, &options, repair);
    if (error == ERR_NONE && mark != NULL && repair->bytes_after >= repair->bytes_before)
        error = put_mark_back(disk, parent, mark, mark_size);
    free(mark);
    return error;
}
