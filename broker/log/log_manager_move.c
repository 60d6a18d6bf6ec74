/*
 * Future logs: which there are, making and dropping them, and the exchange with the current log.
 */
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_manager_internal.h"
#include "broker/log/log_move.h"
#include "broker/log/partition_metadata.h"
#include "client/base/logger.h"

/* ---- directories ---- */

int log_manager_find_dir(const struct log_manager *manager, struct bytes path) {
    for (size_t i = 0; i < manager->dir_count; i++)
        if (bytes_equal_text(path, manager->dirs[i].dir.path))
            return (int)i;
    return -1;
}

bool log_manager_dir_is_offline(const struct log_manager *manager, int dir) {
    return log_dir_is_offline(&manager->dirs[dir].dir);
}

bool log_manager_dir_holds(const struct log_manager *manager, int dir, const struct log *log) {
    return log->dir == &manager->dirs[dir].dir;
}

/* ---- preferences ---- */

#define PREFERENCES_MAX 16384

/* Where a log is to be made that is not there yet. */
struct dir_preference {
    TAILQ_ENTRY(dir_preference) next;
    struct manager_dir *dir;
    int32_t partition;
    size_t topic_size;
    char topic[];
};

static struct dir_preference *find_preference(struct log_manager *manager, struct bytes topic,
                                              int32_t partition) {
    struct dir_preference *preference;

    TAILQ_FOREACH (preference, &manager->preferences, next) {
        if (preference->partition == partition &&
            bytes_equal(bytes_of(preference->topic, preference->topic_size), topic))
            return preference;
    }
    return NULL;
}

static void remove_preference(struct log_manager *manager, struct dir_preference *preference) {
    TAILQ_REMOVE(&manager->preferences, preference, next);
    manager->preference_count--;
    free(preference);
}

void log_manager_prefer_dir(struct log_manager *manager, struct bytes topic, int32_t partition,
                            int dir) {
    struct dir_preference *preference = malloc(sizeof(*preference) + topic.size);
    struct dir_preference *before;

    if (preference == NULL) {
        LOG_WARN("directory_preference_forgotten", "partition=%d error=OUT_OF_MEMORY", partition);
        return;
    }
    preference->dir = &manager->dirs[dir];
    preference->partition = partition;
    preference->topic_size = topic.size;
    memcpy(preference->topic, topic.data, topic.size);
    mutex_lock(&manager->lock);
    if ((before = find_preference(manager, topic, partition)) != NULL)
        remove_preference(manager, before);
    if (manager->preference_count == PREFERENCES_MAX)
        remove_preference(manager, TAILQ_FIRST(&manager->preferences));
    TAILQ_INSERT_TAIL(&manager->preferences, preference, next);
    manager->preference_count++;
    mutex_unlock(&manager->lock);
}

struct manager_dir *log_manager_preferred_dir(struct log_manager *manager, struct bytes topic,
                                              int32_t partition) {
    struct dir_preference *preference;
    struct manager_dir *dir;

    mutex_lock(&manager->lock);
    preference = find_preference(manager, topic, partition);
    dir = preference == NULL ? NULL : preference->dir;
    mutex_unlock(&manager->lock);
    return dir;
}

void log_manager_forget_preference(struct log_manager *manager, struct bytes topic,
                                   int32_t partition) {
    struct dir_preference *preference;

    mutex_lock(&manager->lock);
    if ((preference = find_preference(manager, topic, partition)) != NULL)
        remove_preference(manager, preference);
    mutex_unlock(&manager->lock);
}

void log_manager_forget_preferences(struct log_manager *manager) {
    while (!TAILQ_EMPTY(&manager->preferences))
        remove_preference(manager, TAILQ_FIRST(&manager->preferences));
}

/* ---- which there are ---- */

/* `lock` is held. */
static struct log *find_future(struct log_manager *manager, struct bytes topic, int32_t partition) {
    struct log *log = manager->futures;

    while (log != NULL && (log->partition != partition || !bytes_equal(log->topic, topic)))
        log = log->next_in_bucket;
    return log;
}

struct log *log_manager_find_future(struct log_manager *manager, struct bytes topic,
                                    int32_t partition) {
    struct log *log;

    mutex_lock(&manager->lock);
    log = find_future(manager, topic, partition);
    mutex_unlock(&manager->lock);
    return log == NULL || log_dir_is_offline(log->dir) ? NULL : log;
}

bool log_manager_insert_future(struct log_manager *manager, struct log *future) {
    bool is_first;

    mutex_lock(&manager->lock);
    is_first = find_future(manager, future->topic, future->partition) == NULL;
    if (is_first) {
        future->next_in_bucket = manager->futures;
        manager->futures = future;
    }
    mutex_unlock(&manager->lock);
    if (is_first)
        log_manager_join_dir(future);
    return is_first;
}

static void leave_futures(struct log_manager *manager, struct log *future) {
    struct log **link;

    mutex_lock(&manager->lock);
    link = &manager->futures;
    while (*link != future)
        link = &(*link)->next_in_bucket;
    *link = future->next_in_bucket;
    mutex_unlock(&manager->lock);
}

static void take_out_future(struct log_manager *manager, struct log *future) {
    leave_futures(manager, future);
    log_manager_leave_dir(manager, future);
}

struct log *log_manager_pop_future(struct log_manager *manager) {
    struct log *future = manager->futures;

    if (future != NULL)
        take_out_future(manager, future);
    return future;
}

/* ---- making and dropping ---- */

static enum error make_in(struct log_manager *manager, struct manager_dir *dir,
                          const struct log_load_options *options, const struct uuid *topic_id,
                          struct log **made) {
    enum error error;

    if ((error = log_manager_refresh_checkpoints(&dir->dir)) != ERR_NONE ||
        (error = disk_make_dir(manager->disk, options->dir_name)) != ERR_NONE)
        return error;
    if (!uuid_is_zero(topic_id) &&
        (error = partition_metadata_write(manager->disk, options->dir_name, topic_id, false)) !=
            ERR_NONE)
        return error;
    return log_load(&dir->dir, options, made);
}

static bool future_path(const struct log *current, struct manager_dir *dir, char path[PATH_MAX]) {
    char name[LOG_FOLDER_NAME_MAX + 1];
    struct uuid unique;

    if (!log_folder_future_fits(current->topic, current->partition))
        return false;
    mutex_lock(&dir->dir.lock);
    unique = uuid_random(&dir->dir.rng);
    mutex_unlock(&dir->dir.lock);
    log_folder_name_aside(current->topic, current->partition, &unique, LOG_FOLDER_FUTURE, name);
    return snprintf(path, PATH_MAX, "%s/%s", dir->dir.path, name) < PATH_MAX;
}

enum error log_manager_make_future(struct log_manager *manager, struct log *current, int index,
                                   struct log **made) {
    struct manager_dir *dir = &manager->dirs[index];
    struct log_config config = log_config_of_future(&current->config);
    struct uuid topic_id = log_topic_id(current);
    char path[PATH_MAX];
    struct log_load_options options = {
        .topic = current->topic,
        .partition = current->partition,
        .dir_name = path,
        .config = &config,
        /* Below it the current log is compacted, and so are the batches that will be copied. */
        .compacted_offset = offset_load(&current->compacted_offset),
        .was_clean = true,
    };
    struct log *future = NULL;
    enum error error;

    if (!future_path(current, dir, path))
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (log_manager_has_offline_directory(manager))
        return ERR_KAFKA_STORAGE_ERROR;
    mutex_lock(&manager->create_lock);
    error = make_in(manager, dir, &options, &topic_id, &future);
    if (error == ERR_NONE)
        CHECK(log_manager_insert_future(manager, future));
    mutex_unlock(&manager->create_lock);
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL || error == ERR_DISK_CORRUPT)
        return log_dir_fail(&dir->dir, error, "create a future log");
    if (error != ERR_NONE)
        return error;
    log_manager_forget_preference(manager, current->topic, current->partition);
    *made = future;
    return ERR_NONE;
}

enum error log_manager_drop_future(struct log_manager *manager, struct log *future) {
    return log_manager_put_aside(manager, future, LOG_FOLDER_DELETED, take_out_future);
}

void log_manager_forget_future(struct log_manager *manager, struct log *future) {
    log_mark_closed(future);
    take_out_future(manager, future);
    log_unref(future);
}

/* ---- taking the current log's place ---- */

static enum error write_checkpoints(struct log_dir *dir) {
    enum error error;

    if ((error = log_dir_checkpoint_recovery_points(dir)) != ERR_NONE ||
        (error = log_dir_checkpoint_start_offsets(dir)) != ERR_NONE ||
        (error = log_dir_checkpoint_compacted(dir)) != ERR_NONE)
        return error;
    return log_dir_checkpoint_high_watermarks(dir);
}

/* INVARIANT: before the future log has the partition's name, everything that is on disk of the
 * current one is on disk here: its records, its start, how far it was compacted. A crash right
 * after the exchange must not bring back what was deleted. */
enum error log_prepare_promotion(struct log *future) {
    enum error error = log_flush(future);

    return error != ERR_NONE ? error : write_checkpoints(future->dir);
}

/* INVARIANT: the new name is durable before the old folder loses it. The directories may be on two
 * disks, of which the power keeps one and not the other. */
static enum error take_name(struct log_manager *manager, struct log *future) {
    char name[LOG_FOLDER_NAME_MAX + 1];
    char path[PATH_MAX];
    enum error error;

    log_folder_name(future->topic, future->partition, name);
    if (snprintf(path, sizeof(path), "%s/%s", future->dir->path, name) >= (int)sizeof(path))
        return ERR_DISK_FAILED;
    if ((error = disk_rename(manager->disk, future->dir_name, path)) != ERR_NONE ||
        (error = disk_sync_dir(manager->disk, future->dir->path)) != ERR_NONE)
        return error;
    return log_set_dir_name(future, path);
}

enum error log_manager_promote(struct log_manager *manager, struct log *current,
                               struct log *future) {
    enum error error;

    CHECK(log_end_offset(future) == log_end_offset(current) && log_is_quiet(future));
    CHECK(log_flushed_offset(future) == log_end_offset(future));
    if (log_dir_is_offline(current->dir) || log_dir_is_offline(future->dir))
        return ERR_KAFKA_STORAGE_ERROR;
    mutex_lock(&manager->create_lock);
    if ((error = take_name(manager, future)) == ERR_NONE) {
        leave_futures(manager, future);
        log_manager_replace_in_table(manager, current, future);
    }
    mutex_unlock(&manager->create_lock);
    return error == ERR_NONE ? error
                             : log_dir_fail(future->dir, error, "rename a future partition");
}

enum error log_manager_delete_replaced(struct log_manager *manager, struct log *replaced) {
    enum error error =
        log_manager_put_aside(manager, replaced, LOG_FOLDER_DELETED, log_manager_leave_dir);

    if (error == ERR_NONE)
        return error;
    /* The folder keeps its name, in a directory that is offline now: the next start finds the
     * partition twice, and keeps the newer one. */
    log_manager_leave_dir(manager, replaced);
    log_unref(replaced);
    return error;
}

void log_note_promotion(struct log *replaced, struct log *promoted) {
    log_close_files(replaced);
    /* A disk's failure was reported when it took the directory offline; without memory the next
     * time will do, since what is stale there is written anew before it could mislead. */
    (void)!write_checkpoints(promoted->dir);
    (void)!write_checkpoints(replaced->dir);
}
