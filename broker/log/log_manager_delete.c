/*
 * Deleting a log, or setting it aside: its folder gets another name at once, and what is deleted
 * goes later.
 */
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_manager_internal.h"
#include "client/base/logger.h"

enum error log_manager_remove_later(struct log_manager *manager, struct manager_dir *dir,
                                    const char *path, int64_t delay_ms) {
    struct removal *removal = malloc(sizeof(*removal) + strlen(path) + 1);
    struct removal *before;

    if (removal == NULL)
        return ERR_OUT_OF_MEMORY;
    removal->manager = manager;
    removal->dir = dir;
    removal->due_ms = clock_monotonic_ms(manager->clock) + delay_ms;
    memcpy(removal->path, path, strlen(path) + 1);
    mutex_lock(&manager->lock);
    TAILQ_FOREACH_REVERSE(before, &manager->removals, removal_list, next) {
        if (before->due_ms <= removal->due_ms)
            break;
    }
    if (before == NULL)
        TAILQ_INSERT_HEAD(&manager->removals, removal, next);
    else
        TAILQ_INSERT_AFTER(&manager->removals, before, removal, next);
    mutex_unlock(&manager->lock);
    return ERR_NONE;
}

static void run_removal(struct task *task) {
    struct removal *removal = CONTAINER_OF(task, struct removal, task);
    struct log_dir *dir = &removal->dir->dir;
    enum error error = ERR_NONE;

    if (!log_dir_is_offline(dir))
        error = disk_remove_dir(dir->disk, removal->path);
    if (error != ERR_NONE)
        (void)log_dir_fail(dir, error, "remove a deleted partition");
    free(removal);
}

void log_manager_post_due_removals(struct log_manager *manager, int64_t now_ms) {
    for (;;) {
        struct removal *removal;
        mutex_lock(&manager->lock);
        removal = TAILQ_FIRST(&manager->removals);
        if (removal != NULL && removal->due_ms <= now_ms)
            TAILQ_REMOVE(&manager->removals, removal, next);
        else
            removal = NULL;
        mutex_unlock(&manager->lock);
        if (removal == NULL)
            return;
        removal->task.run = run_removal;
        worker_pool_post(manager->pool, &removal->task);
    }
}

static enum error rename_aside(struct log_manager *manager, struct log *log,
                               enum log_folder_kind kind, char path[PATH_MAX]) {
    char name[LOG_FOLDER_NAME_MAX + 1];
    struct uuid unique;
    enum error error;

    mutex_lock(&log->dir->lock);
    unique = uuid_random(&log->dir->rng);
    mutex_unlock(&log->dir->lock);
    log_folder_name_aside(log->topic, log->partition, &unique, kind, name);
    if (snprintf(path, PATH_MAX, "%s/%s", log->dir->path, name) >= PATH_MAX)
        return ERR_DISK_FAILED;
    if ((error = disk_rename(manager->disk, log->dir_name, path)) != ERR_NONE)
        return error;
    return log_set_dir_name(log, path);
}

enum error log_manager_put_aside(struct log_manager *manager, struct log *log,
                                 enum log_folder_kind kind, log_manager_take_out_of *take_out) {
    struct log_dir *dir = log->dir;
    char path[PATH_MAX];
    enum error error;

    if (log_dir_is_offline(dir))
        return ERR_KAFKA_STORAGE_ERROR;
    mutex_lock(&manager->create_lock);
    /* Nobody who opens it may meet another log under its name. */
    mutex_lock(log_open_lock(log));
    /* First of all, so that whoever misses the folder's old name knows why. */
    log_mark_closed(log);
    error = rename_aside(manager, log, kind, path);
    mutex_unlock(log_open_lock(log));
    if (error != ERR_NONE) {
        mutex_unlock(&manager->create_lock);
        return log_dir_fail(dir, error, "rename a deleted partition");
    }
    take_out(manager, log);
    mutex_lock(&dir->lock);
    dir->checkpoints_are_stale = true;
    mutex_unlock(&dir->lock);
    mutex_unlock(&manager->create_lock);
    log_dir_request_sync(dir);
    if (kind == LOG_FOLDER_DELETED &&
        log_manager_remove_later(manager, (struct manager_dir *)dir, path,
                                 log->config.file_delete_delay_ms) != ERR_NONE)
        LOG_WARN("removal_postponed", "path=%s until=restart", LOG_QUOTED_TEXT(path));
    log_unref(log);
    return ERR_NONE;
}

enum error log_manager_delete(struct log_manager *manager, struct log *log) {
    return log_manager_put_aside(manager, log, LOG_FOLDER_DELETED, log_manager_take_out);
}

enum error log_manager_set_aside(struct log_manager *manager, struct log *log) {
    return log_manager_put_aside(manager, log, LOG_FOLDER_STRAY, log_manager_take_out);
}
