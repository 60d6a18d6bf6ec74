/*
 * The manager's life: opening, and ending as a crash would. What it does in between, and how it
 * stops cleanly, is in log_manager_*.c.
 */
#include "broker/log/log_manager.h"

#include <sys/statvfs.h>

#include <limits.h>
#include <stdlib.h>

#include "broker/log/descriptors.h"
#include "broker/log/disk.h"
#include "broker/log/log_manager_internal.h"
#include "client/base/logger.h"

#define BACKGROUND_THREADS 4
#define OPEN_FILES_PERCENT 60 /* of RLIMIT_NOFILE; the rest is for connections */
#define OPEN_FILES_MIN     16

/* So many logs that changed are put on disk together by a clean stop. Each by itself has up to nine
 * files and folders to sync, each of which waits for the journal; a few are cheaper than what
 * others wrote to the same file system, which goes with it. */
#define SYNC_TOGETHER_MIN 256

/* ---- opening ---- */

static size_t open_files_by_limit(void) {
    size_t open_max = descriptors_limit() / 100 * OPEN_FILES_PERCENT;

    return open_max < OPEN_FILES_MIN ? OPEN_FILES_MIN : open_max;
}

static enum error fill(struct log_manager *manager, const struct log_manager_options *options) {
    size_t open_max = options->open_files_max > 0 ? options->open_files_max : open_files_by_limit();
    int threads =
        options->background_threads > 0 ? options->background_threads : BACKGROUND_THREADS;
    enum error error;

    manager->owner = options->owner;
    manager->recovery_threads_per_dir =
        options->recovery_threads_per_dir > 0 ? options->recovery_threads_per_dir : 1;
    manager->sync_together_min =
        options->sync_together_min > 0 ? options->sync_together_min : SYNC_TOGETHER_MIN;
    log_manager_init_checkpoints(manager, options);
    if ((error = file_cache_new(open_max, &manager->cache)) != ERR_NONE ||
        (error = worker_pool_new(threads, "log", &manager->pool)) != ERR_NONE)
        return error;
    LOG_INFO("log_manager_open", "directories=%zu open_files_max=%zu background_threads=%d",
             options->dir_count, open_max, threads);
    manager->dirs = calloc(options->dir_count, sizeof(manager->dirs[0]));
    if (manager->dirs == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < options->dir_count; i++) {
        manager->dir_count++;
        if ((error = log_manager_open_dir(manager, &manager->dirs[i], options->dirs[i])) !=
            ERR_NONE)
            return error;
    }
    if (log_manager_live_directories(manager) == 0)
        return ERR_KAFKA_STORAGE_ERROR;
    return log_manager_check_identities(manager);
}

enum error log_manager_open(const struct log_manager_options *options,
                            struct log_manager **opened) {
    struct log_manager *manager = calloc(1, sizeof(*manager));
    enum error error;

    CHECK(options->dir_count > 0);
    if (manager == NULL)
        return ERR_OUT_OF_MEMORY;
    manager->disk = options->disk != NULL ? options->disk : disk_system();
    manager->clock = options->clock != NULL ? options->clock : clock_system();
    mutex_init(&manager->lock);
    mutex_init(&manager->create_lock);
    TAILQ_INIT(&manager->removals);
    TAILQ_INIT(&manager->preferences);
    if ((error = fill(manager, options)) != ERR_NONE) {
        log_manager_abandon(manager);
        return error;
    }
    *opened = manager;
    return ERR_NONE;
}

/* ---- asking ---- */

struct worker_pool *log_manager_pool(struct log_manager *manager) {
    return manager->pool;
}

bool log_manager_dir_info(struct log_manager *manager, size_t index,
                          struct log_manager_dir_info *info) {
    struct statvfs stat;
    struct log_dir *dir;

    if (index >= manager->dir_count)
        return false;
    dir = &manager->dirs[index].dir;
    *info = (struct log_manager_dir_info){
        .dir = dir,
        .path = dir->path,
        .is_offline = log_dir_is_offline(dir),
        .total_bytes = -1,
        .usable_bytes = -1,
        .flush_times = &dir->flush_times,
        .recovered_bytes = atomic_load(&dir->recovered_bytes),
        .recovery_bytes = atomic_load(&dir->recovery_bytes),
    };
    /* More than was thought: an index of an older segment could not be used. */
    if (info->recovery_bytes < info->recovered_bytes)
        info->recovery_bytes = info->recovered_bytes;
    mutex_lock(&dir->lock);
    info->log_count = dir->log_count;
    mutex_unlock(&dir->lock);
    if (!info->is_offline && statvfs(dir->path, &stat) == 0) {
        info->total_bytes = (int64_t)(stat.f_blocks * stat.f_frsize);
        info->usable_bytes = (int64_t)(stat.f_bavail * stat.f_frsize);
    }
    return true;
}

/* ---- ending without closing ---- */

static void drop_logs(struct log_manager *manager) {
    struct log *future;

    while ((future = log_manager_pop_future(manager)) != NULL) {
        log_mark_closed(future);
        log_unref(future);
    }
    for (size_t i = 0; i < manager->bucket_count; i++) {
        while (manager->buckets[i] != NULL) {
            struct log *log = manager->buckets[i];
            log_mark_closed(log);
            log_manager_take_out(manager, log);
            log_unref(log);
        }
    }
    free(manager->buckets);
}

void log_manager_abandon(struct log_manager *manager) {
    struct removal *removal;

    if (manager == NULL)
        return;
    __atomic_store_n(&manager->is_closing, true, __ATOMIC_RELEASE);
    /* Tasks may hold logs, and logs files: the pool goes first, the cache last. */
    worker_pool_free(manager->pool);
    drop_logs(manager);
    while ((removal = TAILQ_FIRST(&manager->removals)) != NULL) {
        TAILQ_REMOVE(&manager->removals, removal, next);
        free(removal);
    }
    log_manager_forget_preferences(manager);
    for (size_t i = 0; i < manager->dir_count; i++)
        log_manager_close_dir(&manager->dirs[i]);
    free(manager->dirs);
    file_cache_free(manager->cache);
    mutex_done(&manager->lock);
    mutex_done(&manager->create_lock);
    free(manager);
}
