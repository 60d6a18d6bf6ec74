/*
 * Making a log where there is none.
 */
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_manager_internal.h"
#include "broker/log/partition_metadata.h"

static struct manager_dir *emptiest_dir(struct log_manager *manager) {
    struct manager_dir *emptiest = NULL;
    size_t fewest = 0;

    for (size_t i = 0; i < manager->dir_count; i++) {
        struct manager_dir *dir = &manager->dirs[i];
        size_t count;
        if (log_dir_is_offline(&dir->dir))
            continue;
        mutex_lock(&dir->dir.lock);
        count = dir->dir.log_count;
        mutex_unlock(&dir->dir.lock);
        if (emptiest == NULL || count < fewest) {
            emptiest = dir;
            fewest = count;
        }
    }
    return emptiest;
}

/* Where it is wanted, as Kafka: nowhere else then. */
static struct manager_dir *choose_dir(struct log_manager *manager, struct bytes topic,
                                      int32_t partition) {
    struct manager_dir *preferred = log_manager_preferred_dir(manager, topic, partition);

    if (preferred == NULL)
        return emptiest_dir(manager);
    return log_dir_is_offline(&preferred->dir) ? NULL : preferred;
}

enum error log_manager_refresh_checkpoints(struct log_dir *dir) {
    enum error error;
    bool stale;

    mutex_lock(&dir->lock);
    stale = dir->checkpoints_are_stale;
    dir->checkpoints_are_stale = false;
    mutex_unlock(&dir->lock);
    if (!stale)
        return ERR_NONE;
    if ((error = log_dir_checkpoint_recovery_points(dir)) != ERR_NONE ||
        (error = log_dir_checkpoint_start_offsets(dir)) != ERR_NONE ||
        (error = log_dir_checkpoint_compacted(dir)) != ERR_NONE)
        return error;
    return log_dir_checkpoint_high_watermarks(dir);
}

/* The folder costs one fsync, that of the topic id. Its name becomes durable with the first flush
 * of data: until then nothing is lost with it. */
static enum error create_in(struct log_manager *manager, struct manager_dir *dir,
                            const struct log_load_options *options, const struct uuid *topic_id,
                            struct log **created) {
    struct log *log = NULL;
    enum error error;

    if ((error = log_manager_refresh_checkpoints(&dir->dir)) != ERR_NONE ||
        (error = disk_make_dir(manager->disk, options->dir_name)) != ERR_NONE)
        return error;
    if (!uuid_is_zero(topic_id) &&
        (error = partition_metadata_write(manager->disk, options->dir_name, topic_id, false)) !=
            ERR_NONE)
        return error;
    if ((error = log_load(&dir->dir, options, &log)) != ERR_NONE)
        return error;
    if ((error = log_manager_insert(manager, log)) != ERR_NONE) {
        log_unref(log);
        return error;
    }
    *created = log;
    return ERR_NONE;
}

static enum error create_there(struct log_manager *manager, struct manager_dir *dir,
                               struct bytes topic, int32_t partition, const struct uuid *topic_id,
                               const struct log_config *config, struct log **created) {
    char name[LOG_FOLDER_NAME_MAX + 1];
    char path[PATH_MAX];
    struct log_load_options options = {
        .topic = topic,
        .partition = partition,
        .dir_name = path,
        .config = config,
        .was_clean = true,
    };
    enum error error;

    log_folder_name(topic, partition, name);
    if (snprintf(path, sizeof(path), "%s/%s", dir->dir.path, name) >= (int)sizeof(path))
        return ERR_INVALID_TOPIC_EXCEPTION;
    error = create_in(manager, dir, &options, topic_id, created);
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL || error == ERR_DISK_CORRUPT) {
        (void)log_dir_fail(&dir->dir, error, "create a partition");
        return ERR_KAFKA_STORAGE_ERROR;
    }
    if (error == ERR_NONE)
        log_manager_forget_preference(manager, topic, partition);
    return error;
}

/* As Kafka: if a directory turns out to have failed, the next one is tried. */
static enum error create(struct log_manager *manager, struct bytes topic, int32_t partition,
                         const struct uuid *topic_id, const struct log_config *config,
                         struct log **created) {
    struct manager_dir *dir;
    enum error error = ERR_KAFKA_STORAGE_ERROR;

    while (error == ERR_KAFKA_STORAGE_ERROR &&
           (dir = choose_dir(manager, topic, partition)) != NULL)
        error = create_there(manager, dir, topic, partition, topic_id, config, created);
    return error;
}

static enum error adopt_topic_id(struct log *log, const struct uuid *topic_id) {
    return uuid_is_zero(topic_id) ? ERR_NONE : log_set_topic_id(log, topic_id);
}

enum error log_manager_find_or_create(struct log_manager *manager, struct bytes topic,
                                      int32_t partition, const struct uuid *topic_id,
                                      const struct log_config *config, bool is_new,
                                      struct log **found) {
    struct log *log;
    enum error error = ERR_NONE;

    CHECK(partition >= 0);
    if (!log_folder_topic_is_valid(topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    mutex_lock(&manager->create_lock);
    mutex_lock(&manager->lock);
    log = log_manager_find_locked(manager, topic, partition);
    mutex_unlock(&manager->lock);
    if (log != NULL && log_dir_is_offline(log->dir))
        error = ERR_KAFKA_STORAGE_ERROR;
    else if (log != NULL)
        error = adopt_topic_id(log, topic_id);
    else if (!is_new && log_manager_has_offline_directory(manager))
        error = ERR_KAFKA_STORAGE_ERROR; /* it may be there */
    else
        error = create(manager, topic, partition, topic_id, config, &log);
    mutex_unlock(&manager->create_lock);
    if (error == ERR_NONE)
        *found = log;
    return error;
}
