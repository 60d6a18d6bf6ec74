/*
 * The data directories themselves: made, locked, told whose they are, and failing one by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_manager_internal.h"
#include "client/base/logger.h"

#define LOCK_FILE ".lock"

int log_manager_live_directories(const struct log_manager *manager) {
    int live = 0;

    for (size_t i = 0; i < manager->dir_count; i++)
        live += log_dir_is_offline(&manager->dirs[i].dir) ? 0 : 1;
    return live;
}

bool log_manager_has_offline_directory(const struct log_manager *manager) {
    return log_manager_live_directories(manager) < (int)manager->dir_count;
}

int log_manager_failed_directories(const struct log_manager *manager) {
    return (int)manager->dir_count - log_manager_live_directories(manager);
}

static void on_dir_failed(struct log_dir *dir) {
    struct log_manager *manager = dir->owner;

    if (manager->owner != NULL && manager->owner->on_directory_failed != NULL)
        manager->owner->on_directory_failed(manager->owner, dir->path,
                                            log_manager_live_directories(manager));
}

/* Durable: else all that is synced into it later would go with its name. */
static enum error make_one(struct disk *disk, const char *path) {
    struct disk_stat stat;
    enum error error;

    if ((error = disk_stat(disk, path, &stat)) != ERR_NONE || stat.exists)
        return error;
    if ((error = disk_make_dir(disk, path)) != ERR_NONE)
        return error;
    return disk_sync_parent(disk, path);
}

/* Makes the directory with its parents. */
static enum error make_dirs(struct disk *disk, const char *path) {
    char partial[PATH_MAX];
    enum error error;

    if (strlen(path) >= sizeof(partial))
        return ERR_DISK_FAILED;
    memcpy(partial, path, strlen(path) + 1);
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if ((error = make_one(disk, partial)) != ERR_NONE)
            return error;
        *slash = '/';
    }
    return make_one(disk, partial);
}

/* The same kind of lock that Java's FileChannel.tryLock takes, so that a Java broker and this one
 * exclude each other. Errors: CONFIG_INVALID (held by another), the disk's. */
static enum error lock_dir(struct manager_dir *dir) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    enum error error;

    if (snprintf(path, sizeof(path), "%s/" LOCK_FILE, dir->dir.path) >= (int)sizeof(path))
        return ERR_DISK_FAILED;
    error = disk_open(dir->dir.disk, path, DISK_OPEN_CREATE, &dir->lock_fd);
    if (error != ERR_NONE)
        return error;
    if (fcntl(dir->lock_fd, F_OFD_SETLK, &lock) == 0)
        return ERR_NONE;
    if (errno != EAGAIN && errno != EACCES)
        return ERR_DISK_FAILED;
    LOG_ERROR("log_directory_locked",
              "path=%s reason=another_process_or_a_second_entry_of_log.dirs_uses_it",
              LOG_QUOTED_TEXT(dir->dir.path));
    return ERR_CONFIG_INVALID;
}

enum error log_manager_open_dir(struct log_manager *manager, struct manager_dir *dir,
                                const char *path) {
    enum error error;

    dir->lock_fd = -1;
    dir->previous_broker_epoch = -1;
    error =
        log_dir_init(&dir->dir, path, manager->disk, manager->clock, manager->cache, manager->pool);
    if (error != ERR_NONE)
        return error;
    dir->dir.on_failed = on_dir_failed;
    dir->dir.owner = manager;
    if ((error = make_dirs(manager->disk, path)) == ERR_NONE)
        error = lock_dir(dir);
    if (error == ERR_NONE) {
        dir->has_meta = true;
        error = meta_properties_read(manager->disk, path, &dir->meta);
    }
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL || error == ERR_DISK_CORRUPT) {
        (void)log_dir_fail(&dir->dir, error, "open directory");
        return ERR_NONE;
    }
    return error;
}

void log_manager_close_dir(struct manager_dir *dir) {
    if (dir->has_meta)
        meta_properties_done(&dir->meta);
    if (dir->dir.path != NULL && dir->lock_fd >= 0)
        close(dir->lock_fd);
    log_dir_done(&dir->dir);
}

/* ---- identity ---- */

enum error log_manager_check_identities(const struct log_manager *manager) {
    const struct meta_properties *first = NULL;

    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir) || !dir->meta.exists)
            continue;
        if (first == NULL) {
            first = &dir->meta;
            continue;
        }
        if (first->broker_id != dir->meta.broker_id ||
            strcmp(first->cluster_id, dir->meta.cluster_id) != 0) {
            LOG_ERROR("meta_properties_contradict",
                      "path=%s broker_id=%d cluster_id=%s other_broker_id=%d other_cluster_id=%s",
                      LOG_QUOTED_TEXT(dir->dir.path), dir->meta.broker_id,
                      LOG_QUOTED_TEXT(dir->meta.cluster_id), first->broker_id,
                      LOG_QUOTED_TEXT(first->cluster_id));
            return ERR_CONFIG_INVALID;
        }
    }
    return ERR_NONE;
}

struct log_manager_identity log_manager_identity(const struct log_manager *manager) {
    struct log_manager_identity identity = {.broker_id = -1};

    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir) || !dir->meta.exists)
            continue;
        if (dir->meta.broker_id >= 0)
            identity.broker_id = dir->meta.broker_id;
        if (dir->meta.cluster_id[0] != '\0')
            memcpy(identity.cluster_id, dir->meta.cluster_id, sizeof(identity.cluster_id));
    }
    return identity;
}

static enum error set_dir_identity(struct log_manager *manager, struct manager_dir *dir,
                                   int32_t broker_id, const char *cluster_id) {
    const struct meta_properties *meta = &dir->meta;
    enum error error;

    if (meta->broker_id >= 0 && meta->broker_id != broker_id) {
        LOG_ERROR("meta_properties_contradict",
                  "path=%s broker_id=%d configured_broker_id=%d "
                  "action=\"this is another broker's data: correct broker.id or log.dirs\"",
                  LOG_QUOTED_TEXT(dir->dir.path), meta->broker_id, broker_id);
        return ERR_CONFIG_INVALID;
    }
    if (meta->cluster_id[0] != '\0' && strcmp(meta->cluster_id, cluster_id) != 0) {
        LOG_ERROR(
            "meta_properties_contradict",
            "path=%s cluster_id=%s zookeeper_cluster_id=%s "
            "action=\"this is another cluster's data: correct zookeeper.connect or log.dirs\"",
            LOG_QUOTED_TEXT(dir->dir.path), LOG_QUOTED_TEXT(meta->cluster_id),
            LOG_QUOTED_TEXT(cluster_id));
        return ERR_CONFIG_INVALID;
    }
    if (meta->broker_id == broker_id && strcmp(meta->cluster_id, cluster_id) == 0)
        return ERR_NONE;
    error = meta_properties_write(manager->disk, dir->dir.path, &dir->meta, broker_id, cluster_id,
                                  clock_wall_ms(manager->clock));
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL) {
        (void)log_dir_fail(&dir->dir, error, "write meta.properties");
        return ERR_NONE;
    }
    return error;
}

enum error log_manager_set_identity(struct log_manager *manager, int32_t broker_id,
                                    const char *cluster_id) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < manager->dir_count && error == ERR_NONE; i++) {
        if (!log_dir_is_offline(&manager->dirs[i].dir))
            error = set_dir_identity(manager, &manager->dirs[i], broker_id, cluster_id);
    }
    return error;
}

int64_t log_manager_previous_broker_epoch(const struct log_manager *manager) {
    int64_t epoch = -1;

    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir) || !dir->has_logs)
            continue;
        if (!dir->was_clean || dir->previous_broker_epoch < 0)
            return -1;
        if (epoch < 0 || dir->previous_broker_epoch < epoch)
            epoch = dir->previous_broker_epoch;
    }
    return epoch;
}

bool log_manager_was_clean(const struct log_manager *manager) {
    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (dir->has_logs && !dir->was_clean)
            return false;
    }
    return true;
}

bool log_manager_may_have_lost_records(const struct log_manager *manager) {
    for (size_t i = 0; i < manager->dir_count; i++)
        if (!manager->dirs[i].had_marker ||
            __atomic_load_n(&manager->dirs[i].dir.lost_records, __ATOMIC_ACQUIRE))
            return true;
    return false;
}
