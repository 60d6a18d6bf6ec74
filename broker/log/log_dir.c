#include "broker/log/log_dir.h"

#include <limits.h>
#include <stdlib.h>

#include "broker/log/checkpoint_file.h"
#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "client/base/logger.h"

static void run_sync(struct task *task) {
    struct log_dir *dir = CONTAINER_OF(task, struct log_dir, sync_task);
    enum error error;

    mutex_lock(&dir->lock);
    dir->sync_is_posted = false; /* what is renamed from now on needs another one */
    mutex_unlock(&dir->lock);
    if (!log_dir_is_offline(dir) && (error = disk_sync_dir(dir->disk, dir->path)) != ERR_NONE)
        (void)log_dir_fail(dir, error, "sync directory");
}

void log_dir_request_sync(struct log_dir *dir) {
    bool post;

    mutex_lock(&dir->lock);
    post = !dir->sync_is_posted;
    dir->sync_is_posted = true;
    mutex_unlock(&dir->lock);
    if (post)
        worker_pool_post(dir->pool, &dir->sync_task);
}

enum error log_dir_init(struct log_dir *dir, const char *path, struct disk *disk,
                        struct clock *clock, struct file_cache *cache, struct worker_pool *pool) {
    *dir = (struct log_dir){.disk = disk, .clock = clock, .cache = cache, .pool = pool};
    if ((dir->path = strdup(path)) == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_init(&dir->lock);
    mutex_init(&dir->checkpoint_lock);
    for (size_t i = 0; i < ARRAY_COUNT(dir->open_locks); i++)
        mutex_init(&dir->open_locks[i]);
    mutex_init(&dir->listener_lock);
    CHECK(pthread_cond_init(&dir->listener_idle, NULL) == 0);
    TAILQ_INIT(&dir->logs);
    TAILQ_INIT(&dir->flush_aged);
    STAILQ_INIT(&dir->doomed);
    rng_seed_from_kernel(&dir->rng);
    dir->sync_task.run = run_sync;
    return ERR_NONE;
}

void log_dir_done(struct log_dir *dir) {
    if (dir->path == NULL)
        return;
    CHECK(TAILQ_EMPTY(&dir->logs));
    log_dir_forget_doomed(dir);
    mutex_done(&dir->lock);
    mutex_done(&dir->checkpoint_lock);
    for (size_t i = 0; i < ARRAY_COUNT(dir->open_locks); i++)
        mutex_done(&dir->open_locks[i]);
    mutex_done(&dir->listener_lock);
    pthread_cond_destroy(&dir->listener_idle);
    free(dir->path);
    dir->path = NULL;
}

const char *log_dir_path(const struct log_dir *dir) {
    return dir->path;
}

bool log_dir_is_offline(const struct log_dir *dir) {
    return __atomic_load_n(&dir->is_offline, __ATOMIC_ACQUIRE);
}

enum error log_dir_fail(struct log_dir *dir, enum error error, const char *what) {
    if (__atomic_exchange_n(&dir->is_offline, true, __ATOMIC_ACQ_REL))
        return ERR_KAFKA_STORAGE_ERROR;
    LOG_ERROR("log_directory_failed",
              "path=%s operation=%s error=%s errno=%s action=offline_until_restart",
              LOG_QUOTED_TEXT(dir->path), LOG_QUOTED_TEXT(what), error_name(error),
              LOG_QUOTED_TEXT(strerror(disk_errno())));
    if (dir->on_failed != NULL)
        dir->on_failed(dir);
    return error;
}

/* ---- checkpoints ---- */

struct log_array {
    struct log **logs; /* references */
    struct offset_checkpoint *entries;
    size_t count;
};

static enum error take_logs(struct log_dir *dir, struct log_array *array) {
    enum error error = ERR_NONE;
    struct log *log;

    *array = (struct log_array){0};
    mutex_lock(&dir->lock);
    array->logs = malloc((dir->log_count + 1) * sizeof(array->logs[0]));
    array->entries = malloc((dir->log_count + 1) * sizeof(array->entries[0]));
    if (array->logs == NULL || array->entries == NULL) {
        error = ERR_OUT_OF_MEMORY;
    } else {
        TAILQ_FOREACH (log, &dir->logs, in_dir) {
            log_ref(log);
            array->logs[array->count++] = log;
        }
    }
    mutex_unlock(&dir->lock);
    return error;
}

static void release_logs(struct log_array *array) {
    for (size_t i = 0; i < array->count; i++)
        log_unref(array->logs[i]);
    free(array->logs);
    free(array->entries);
}

/* What one checkpoint file says of a log; -1: nothing. */
typedef int64_t (*checkpointed_offset)(struct log *log);

static enum error write_checkpoint(struct log_dir *dir, const char *name,
                                   checkpointed_offset offset_of, struct log_array *array) {
    char path[PATH_MAX];
    size_t count = 0;

    for (size_t i = 0; i < array->count; i++) {
        struct log *log = array->logs[i];
        int64_t offset = offset_of(log);
        if (offset >= 0)
            array->entries[count++] =
                (struct offset_checkpoint){log->topic, log->partition, offset, (int32_t)i};
    }
    CHECK(snprintf(path, sizeof(path), "%s/%s", dir->path, name) < PATH_MAX);
    return offset_checkpoint_write(dir->disk, path, array->entries, count);
}

static enum error fail_checkpoint(struct log_dir *dir, enum error error, const char *name) {
    return error == ERR_NONE || error == ERR_OUT_OF_MEMORY ? error : log_dir_fail(dir, error, name);
}

enum error log_dir_checkpoint_recovery_points(struct log_dir *dir) {
    struct log_array array;
    enum error error;

    if (log_dir_is_offline(dir))
        return ERR_KAFKA_STORAGE_ERROR;
    mutex_lock(&dir->checkpoint_lock);
    if ((error = take_logs(dir, &array)) == ERR_NONE)
        error = write_checkpoint(dir, LOG_DIR_RECOVERY_POINTS, log_recovery_point, &array);
    /* The entries are where each topic-partition's log is; none was left out. */
    for (size_t i = 0; i < array.count && error == ERR_NONE; i++)
        array.logs[i]->recovery_point_written = array.entries[i].offset;
    mutex_unlock(&dir->checkpoint_lock);
    release_logs(&array);
    return fail_checkpoint(dir, error, "write " LOG_DIR_RECOVERY_POINTS);
}

/* Only where the first segment does not say it. */
static int64_t start_offset_beyond_base(struct log *log) {
    int64_t start_offset = log_start_offset(log);

    return start_offset > log_first_base_offset(log) ? start_offset : -1;
}

static enum error write_other(struct log_dir *dir, const char *name, const char *what,
                              checkpointed_offset offset_of) {
    struct log_array array;
    enum error error;

    if (log_dir_is_offline(dir))
        return ERR_KAFKA_STORAGE_ERROR;
    mutex_lock(&dir->checkpoint_lock);
    if ((error = take_logs(dir, &array)) == ERR_NONE)
        error = write_checkpoint(dir, name, offset_of, &array);
    mutex_unlock(&dir->checkpoint_lock);
    release_logs(&array);
    return fail_checkpoint(dir, error, what);
}

enum error log_dir_checkpoint_start_offsets(struct log_dir *dir) {
    return write_other(dir, LOG_DIR_START_OFFSETS, "write " LOG_DIR_START_OFFSETS,
                       start_offset_beyond_base);
}

static int64_t compacted_offset(struct log *log) {
    int64_t offset = __atomic_load_n(&log->compacted_offset, __ATOMIC_ACQUIRE);

    return offset > 0 ? offset : -1;
}

enum error log_dir_checkpoint_compacted(struct log_dir *dir) {
    return write_other(dir, LOG_DIR_COMPACTED, "write " LOG_DIR_COMPACTED, compacted_offset);
}

static int64_t high_watermark(struct log *log) {
    return log_high_watermark(log);
}

enum error log_dir_checkpoint_high_watermarks(struct log_dir *dir) {
    return write_other(dir, LOG_DIR_HIGH_WATERMARKS, "write " LOG_DIR_HIGH_WATERMARKS,
                       high_watermark);
}
