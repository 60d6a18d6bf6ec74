/*
 * A partition that lies in two directories when the broker starts.
 *
 * A crash while a future log took the place of the current one leaves both under the partition's
 * name, holding the same. A directory that failed then, or was offline while its partition was made
 * anew elsewhere, comes back with an old state. Kafka refuses to start and leaves the choice to the
 * operator; here the log that got further stays, and nothing is lost: the other one is deleted only
 * if it holds the same or nothing, and else set aside.
 */
#include <stdlib.h>

#include "broker/log/log_manager_internal.h"
#include "client/base/logger.h"

/* Which got further: the later leader epoch counts more than the number of records, since what an
 * earlier leader wrote beyond it was never committed. */
static bool is_behind(const struct log *log, const struct log *other) {
    int32_t own = log_latest_leader_epoch(log);
    int32_t others = log_latest_leader_epoch(other);

    return own != others ? own < others : log_end_offset(log) < log_end_offset(other);
}

static bool holds_the_same(const struct log *log, const struct log *other) {
    return log_latest_leader_epoch(log) >= 0 && log_end_offset(log) == log_end_offset(other) &&
           log_start_offset(log) == log_start_offset(other) &&
           leader_epochs_are_equal(log->epochs, other->epochs);
}

static bool are_of_one_topic(const struct log *log, const struct log *other) {
    struct uuid own = log_topic_id(log);
    struct uuid others = log_topic_id(other);

    return !uuid_is_zero(&own) && uuid_equal(&own, &others);
}

/* A folder that is nothing but that: its directory failed, or was full, before the topic id was in
 * it, and the log was made in another one. */
static bool was_never_made(const struct log *log) {
    struct uuid id = log_topic_id(log);

    return uuid_is_zero(&id) && log_end_offset(log) == 0 && log_size(log) == 0 &&
           log_latest_leader_epoch(log) < 0;
}

static void stay_out(struct log_manager *manager, struct log *log) {
    (void)manager;
    (void)log;
}

void log_manager_discard(struct log_manager *manager, struct log *log, enum log_folder_kind kind) {
    /* If it cannot be renamed its directory is offline now, and has told of it. */
    if (log_manager_put_aside(manager, log, kind, stay_out) != ERR_NONE)
        log_unref(log);
}

static enum error insert(struct log_manager *manager, struct log *log) {
    enum error error = log_manager_insert(manager, log);

    if (error != ERR_NONE)
        log_unref(log);
    return error;
}

static enum error resolve(struct log_manager *manager, struct log *present, struct log *found) {
    bool keeps_present =
        !was_never_made(present) && (was_never_made(found) || !is_behind(present, found));
    enum log_folder_kind kind =
        holds_the_same(present, found) || was_never_made(keeps_present ? found : present)
            ? LOG_FOLDER_DELETED
            : LOG_FOLDER_STRAY;

    LOG_WARN("partition_in_two_directories",
             "topic=%.*s partition=%d kept=%s kept_end_offset=%" PRId64
             " other=%s other_end_offset=%" PRId64 " action=%s",
             BYTES_FORMAT(found->topic), found->partition,
             LOG_QUOTED_TEXT((keeps_present ? present : found)->dir->path),
             log_end_offset(keeps_present ? present : found),
             LOG_QUOTED_TEXT((keeps_present ? found : present)->dir->path),
             log_end_offset(keeps_present ? found : present),
             kind == LOG_FOLDER_DELETED ? "delete_the_other" : "set_the_other_aside_as_stray");
    if (keeps_present) {
        log_manager_discard(manager, found, kind);
        return ERR_NONE;
    }
    if (log_manager_put_aside(manager, present, kind, log_manager_take_out) != ERR_NONE) {
        log_manager_take_out(manager, present);
        log_unref(present);
    }
    return insert(manager, found);
}

enum error log_manager_insert_or_resolve(struct log_manager *manager, struct log *found) {
    struct log *present;

    mutex_lock(&manager->lock);
    present = log_manager_find_locked(manager, found->topic, found->partition);
    mutex_unlock(&manager->lock);
    if (present == NULL)
        return insert(manager, found);
    if (are_of_one_topic(present, found) || was_never_made(present) || was_never_made(found))
        return resolve(manager, present, found);
    LOG_ERROR("partition_in_two_directories",
              "topic=%.*s partition=%d path=%s other=%s "
              "reason=\"their topic ids do not say that both are of the same topic\" "
              "action=\"remove one of the folders\"",
              BYTES_FORMAT(found->topic), found->partition, LOG_QUOTED_TEXT(found->dir->path),
              LOG_QUOTED_TEXT(present->dir->path));
    log_unref(found);
    return ERR_DISK_CORRUPT;
}
