/*
 * A clean stop: every log complete and on disk, then the checkpoints, then the marker that says so,
 * then what the next start need not find out.
 *
 * Logs that changed are synced one by one on the pool, or, if they are many, with one sync of their
 * directory's file system: thousands of files wait for the journal once then, not each for itself.
 *
 * INVARIANT: no recovery point rises and no marker is written before the logs are on disk. A crash
 * until then finds the points of before and no marker: what was finished meanwhile (ends of
 * indexes, snapshots) is checked by recovery like all that lies behind them.
 */
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_manager_internal.h"
#include "broker/log/worker_pool.h"

static struct manager_dir *dir_of(const struct log *log) {
    return CONTAINER_OF(log->dir, struct manager_dir, dir);
}

struct closing {
    struct task task;
    struct log *log;
    bool *is_complete; /* atomic */
};

static enum error close_one(struct log *log) {
    const struct manager_dir *dir = dir_of(log);
    struct disk_stat folder;
    enum error error;

    if (!dir->syncs_together || log_is_finished(log))
        return log_close_clean(log);
    if ((error = disk_stat(dir->dir.disk, log->dir_name, &folder)) != ERR_NONE)
        return error;
    /* A folder may be a link to another disk, or one that is mounted there. */
    return folder.exists && folder.device == dir->device ? log_finish(log) : log_close_clean(log);
}

static void run_close(struct task *task) {
    struct closing *closing = CONTAINER_OF(task, struct closing, task);
    struct log *log = closing->log;
    enum error error = log_check_usable(log);

    if (error == ERR_NONE) {
        error = close_one(log);
        if (log_fail(log, error, "close") != ERR_NONE)
            __atomic_store_n(closing->is_complete, false, __ATOMIC_RELAXED);
    }
    log_unref(log);
    free(closing);
}

static void post_close(struct log_manager *manager, struct log *log, bool *is_complete) {
    struct closing *closing = malloc(sizeof(*closing));

    if (closing == NULL) {
        __atomic_store_n(is_complete, false, __ATOMIC_RELAXED);
        return;
    }
    log_ref(log);
    *closing = (struct closing){.task.run = run_close, .log = log, .is_complete = is_complete};
    worker_pool_post(manager->pool, &closing->task);
}

/* Whether so many logs changed that they are synced together, where that is as good. */
static void decide(const struct log_manager *manager, struct manager_dir *dir) {
    struct disk_stat stat;
    size_t changed = 0;
    struct log *log;

    TAILQ_FOREACH (log, &dir->dir.logs, in_dir)
        changed += log_is_finished(log) ? 0 : 1;
    if (changed < manager->sync_together_min || !disk_sync_all_notices_failures() ||
        disk_stat(dir->dir.disk, dir->dir.path, &stat) != ERR_NONE)
        return;
    dir->device = stat.device;
    dir->syncs_together = true;
}

/* The descriptor of the lock has been open since before anything was written. */
static bool sync_together(struct manager_dir *dir) {
    enum error error = disk_sync_all(dir->dir.disk, dir->lock_fd);
    struct log *log;

    if (error != ERR_NONE) {
        (void)log_dir_fail(&dir->dir, error, "sync the file system");
        return false;
    }
    TAILQ_FOREACH (log, &dir->dir.logs, in_dir) {
        if ((error = log_note_synced(log)) != ERR_NONE)
            return false;
    }
    return true;
}

/* All on disk; false if memory is out. Nobody else uses the logs, so their lists need no lock. */
static bool close_logs(struct log_manager *manager) {
    bool is_complete = true;
    struct log *log;

    for (size_t i = 0; i < manager->dir_count; i++) {
        struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir))
            continue;
        decide(manager, dir);
        TAILQ_FOREACH (log, &dir->dir.logs, in_dir)
            post_close(manager, log, &is_complete);
    }
    worker_pool_drain(manager->pool);
    for (size_t i = 0; i < manager->dir_count; i++) {
        struct manager_dir *dir = &manager->dirs[i];
        if (dir->syncs_together && !log_dir_is_offline(&dir->dir))
            is_complete = sync_together(dir) && is_complete;
    }
    return is_complete;
}

static void write_marker(struct manager_dir *dir, int64_t broker_epoch) {
    char path[PATH_MAX];
    char text[64];
    int size = snprintf(text, sizeof(text), "{\"version\":0,\"brokerEpoch\":%lld}",
                        (long long)broker_epoch);
    enum error error;

    CHECK(snprintf(path, sizeof(path), "%s/" LOG_DIR_CLEAN_MARKER, dir->dir.path) < PATH_MAX);
    error = disk_replace_file(dir->dir.disk, path, text, (size_t)size, true);
    if (error != ERR_NONE)
        (void)log_dir_fail(&dir->dir, error, "write " LOG_DIR_CLEAN_MARKER);
}

void log_manager_close(struct log_manager *manager, int64_t broker_epoch) {
    bool complete;

    if (manager == NULL)
        return;
    __atomic_store_n(&manager->is_closing, true, __ATOMIC_RELEASE);
    worker_pool_drain(manager->pool);
    complete = manager->is_loaded && close_logs(manager);
    if (manager->is_loaded)
        log_manager_checkpoint(manager);
    for (size_t i = 0; i < manager->dir_count && complete; i++) {
        struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir))
            continue;
        write_marker(dir, broker_epoch);
        if (!log_dir_is_offline(&dir->dir))
            log_manager_write_summary(dir);
    }
    log_manager_abandon(manager);
}
