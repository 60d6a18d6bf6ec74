/*
 * The table of all logs, and what is in which directory.
 */
#include <stdlib.h>

#include "broker/log/log_manager_internal.h"

#define BUCKETS_MIN 64

static size_t bucket_of(const struct log_manager *manager, struct bytes topic, int32_t partition) {
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < topic.size; i++)
        hash = (hash ^ topic.data[i]) * 0x100000001b3u;
    hash = (hash ^ (uint32_t)partition) * 0x9e3779b97f4a7c15u;
    return (size_t)(hash >> 32) & (manager->bucket_count - 1);
}

static enum error grow_table(struct log_manager *manager) {
    size_t old_count = manager->bucket_count;
    struct log **old = manager->buckets;
    struct log **grown;

    if (manager->log_count < old_count)
        return ERR_NONE;
    if ((grown = calloc(old_count == 0 ? BUCKETS_MIN : old_count * 2, sizeof(*grown))) == NULL)
        return ERR_OUT_OF_MEMORY;
    manager->buckets = grown;
    manager->bucket_count = old_count == 0 ? BUCKETS_MIN : old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        struct log *log = old[i];
        while (log != NULL) {
            struct log *next = log->next_in_bucket;
            size_t bucket = bucket_of(manager, log->topic, log->partition);
            log->next_in_bucket = grown[bucket];
            grown[bucket] = log;
            log = next;
        }
    }
    free(old);
    return ERR_NONE;
}

struct log *log_manager_find_locked(const struct log_manager *manager, struct bytes topic,
                                    int32_t partition) {
    struct log *log;

    if (manager->bucket_count == 0)
        return NULL;
    log = manager->buckets[bucket_of(manager, topic, partition)];
    while (log != NULL && (log->partition != partition || !bytes_equal(log->topic, topic)))
        log = log->next_in_bucket;
    return log;
}

enum error log_manager_insert(struct log_manager *manager, struct log *log) {
    enum error error;
    size_t bucket;

    mutex_lock(&manager->lock);
    if ((error = grow_table(manager)) == ERR_NONE) {
        CHECK(log_manager_find_locked(manager, log->topic, log->partition) == NULL);
        bucket = bucket_of(manager, log->topic, log->partition);
        log->next_in_bucket = manager->buckets[bucket];
        manager->buckets[bucket] = log;
        manager->log_count++;
    }
    mutex_unlock(&manager->lock);
    if (error == ERR_NONE)
        log_manager_join_dir(log);
    return error;
}

/* What points to the log in its bucket. `lock` is held. */
static struct log **link_to(struct log_manager *manager, const struct log *log) {
    struct log **link = &manager->buckets[bucket_of(manager, log->topic, log->partition)];

    while (*link != log)
        link = &(*link)->next_in_bucket;
    return link;
}

void log_manager_take_out(struct log_manager *manager, struct log *log) {
    mutex_lock(&manager->lock);
    *link_to(manager, log) = log->next_in_bucket;
    manager->log_count--;
    mutex_unlock(&manager->lock);
    log_manager_leave_dir(manager, log);
}

void log_manager_replace_in_table(struct log_manager *manager, struct log *log, struct log *by) {
    mutex_lock(&manager->lock);
    *link_to(manager, log) = by;
    by->next_in_bucket = log->next_in_bucket;
    mutex_unlock(&manager->lock);
}

void log_manager_join_dir(struct log *log) {
    mutex_lock(&log->dir->lock);
    TAILQ_INSERT_TAIL(&log->dir->logs, log, in_dir);
    log->dir->log_count++;
    mutex_unlock(&log->dir->lock);
}

void log_manager_leave_dir(struct log_manager *manager, struct log *log) {
    (void)manager;
    mutex_lock(&log->dir->lock);
    TAILQ_REMOVE(&log->dir->logs, log, in_dir);
    log->dir->log_count--;
    if (log->flush_aged_due_ms >= 0)
        TAILQ_REMOVE(&log->dir->flush_aged, log, in_flush_aged);
    log->flush_aged_due_ms = -1;
    mutex_unlock(&log->dir->lock);
}

struct log *log_manager_find(struct log_manager *manager, struct bytes topic, int32_t partition) {
    struct log *log;

    mutex_lock(&manager->lock);
    log = log_manager_find_locked(manager, topic, partition);
    mutex_unlock(&manager->lock);
    return log == NULL || log_dir_is_offline(log->dir) ? NULL : log;
}

size_t log_manager_log_count(const struct log_manager *manager) {
    struct log_manager *locked = (struct log_manager *)manager;
    size_t count;

    mutex_lock(&locked->lock);
    count = manager->log_count;
    mutex_unlock(&locked->lock);
    return count;
}

struct log **log_manager_take_all(struct log_manager *manager) {
    struct log **logs;
    size_t count = 0;

    mutex_lock(&manager->lock);
    logs = malloc((manager->log_count + 1) * sizeof(*logs));
    for (size_t i = 0; logs != NULL && i < manager->bucket_count; i++) {
        for (struct log *log = manager->buckets[i]; log != NULL; log = log->next_in_bucket) {
            log_ref(log);
            logs[count++] = log;
        }
    }
    mutex_unlock(&manager->lock);
    if (logs != NULL)
        logs[count] = NULL;
    return logs;
}

void log_manager_for_each(struct log_manager *manager, log_manager_on_log on_log, void *context) {
    struct log **logs = log_manager_take_all(manager);

    for (size_t i = 0; logs != NULL && logs[i] != NULL; i++) {
        on_log(context, logs[i]);
        log_unref(logs[i]);
    }
    free(logs);
}
