#include "broker/replica/replica_manager.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

#include "broker/log/log_dir.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_move.h"
#include "broker/replica/new_replica.h"
#include "broker/replica/partition_move.h"
#include "broker/replica/replica_mover.h"
#include "broker/replica/replication_quota.h"
#include "client/base/logger.h"

struct hosted_topic {
    char *name;
    size_t name_size;
    struct uuid id;
    struct partition **partitions; /* by index; NULL where not hosted */
    int32_t partition_count;
    struct traffic_meter *traffic;
    UT_hash_handle by_name;
    UT_hash_handle by_id;
};

struct replica_manager {
    struct replica_manager_config config;
    struct partition_environment environment;
    struct isr_counters isr_counters;
    struct cleaner_counters cleaner_counters;
    struct traffic_meter *traffic; /* of all topics */
    struct replication_quota leader_quota, follower_quota;
    struct replica_mover *mover;
    int64_t registered_since; /* the transaction */
    int64_t leads_since;      /* by states of that transaction on */
    bool is_departing;
    pthread_rwlock_t lock; /* the tables and the arrays in them */
    struct hosted_topic *by_name;
    struct hosted_topic *by_id;
};

enum error replica_manager_new(const struct replica_manager_config *config,
                               struct replica_manager **created) {
    struct replica_manager *manager = calloc(1, sizeof(*manager));

    if (manager == NULL)
        return ERR_OUT_OF_MEMORY;
    manager->traffic = traffic_meter_new(NULL);
    manager->mover =
        replica_mover_new(config->logs, config->mover_threads > 0 ? config->mover_threads : 1);
    if (manager->traffic == NULL || manager->mover == NULL) {
        replica_mover_free(manager->mover);
        traffic_meter_unref(manager->traffic);
        free(manager);
        return ERR_OUT_OF_MEMORY;
    }
    manager->config = *config;
    manager->environment = (struct partition_environment){
        .broker_id = config->broker_id,
        .replica_lag_ms_max = config->replica_lag_ms_max,
        .guard_bytes_max = config->guard_bytes_max,
        .clock = config->clock,
        .is_broker_alive = config->is_broker_alive,
        .propose_isr = config->propose_isr,
        .context = config->context,
        .isr_counters = &manager->isr_counters,
        .leader_quota = &manager->leader_quota,
        .follower_quota = &manager->follower_quota,
    };
    replication_quota_init(&manager->leader_quota);
    replication_quota_init(&manager->follower_quota);
    CHECK(pthread_rwlock_init(&manager->lock, NULL) == 0);
    *created = manager;
    return ERR_NONE;
}

void replica_manager_throttle(struct replica_manager *manager, int64_t leader_bytes_per_second,
                              int64_t follower_bytes_per_second, int64_t move_bytes_per_second) {
    replication_quota_set(&manager->leader_quota, leader_bytes_per_second);
    replica_mover_throttle(manager->mover, move_bytes_per_second);
    replication_quota_set(&manager->follower_quota, follower_bytes_per_second);
}

void replica_manager_registered(struct replica_manager *manager, int64_t zxid) {
    manager->registered_since = zxid;
}

void replica_manager_lead_since(struct replica_manager *manager, int64_t zxid) {
    manager->leads_since = zxid;
}

void replica_manager_depart(struct replica_manager *manager) {
    manager->is_departing = true;
}

/* ---- The table ---- */

static void read_lock(struct replica_manager *manager) {
    CHECK(pthread_rwlock_rdlock(&manager->lock) == 0);
}

static void write_lock(struct replica_manager *manager) {
    CHECK(pthread_rwlock_wrlock(&manager->lock) == 0);
}

static void unlock(struct replica_manager *manager) {
    CHECK(pthread_rwlock_unlock(&manager->lock) == 0);
}

static struct hosted_topic *find_topic(struct replica_manager *manager, struct bytes name) {
    struct hosted_topic *topic;

    HASH_FIND(by_name, manager->by_name, name.data, name.size, topic);
    return topic;
}

static struct partition *reference(struct hosted_topic *topic, int32_t index) {
    struct partition *partition;

    if (topic == NULL || index < 0 || index >= topic->partition_count)
        return NULL;
    partition = topic->partitions[index];
    if (partition != NULL)
        partition_ref(partition);
    return partition;
}

struct partition *replica_manager_find(struct replica_manager *manager, struct bytes topic,
                                       int32_t index) {
    struct partition *partition;

    if (bytes_is_null(topic))
        return NULL;
    read_lock(manager);
    partition = reference(find_topic(manager, topic), index);
    unlock(manager);
    return partition;
}

struct partition *replica_manager_find_by_id(struct replica_manager *manager,
                                             const struct uuid *topic_id, int32_t index) {
    struct hosted_topic *topic;
    struct partition *partition;

    read_lock(manager);
    HASH_FIND(by_id, manager->by_id, topic_id, sizeof(*topic_id), topic);
    partition = reference(topic, index);
    unlock(manager);
    return partition;
}

static struct hosted_topic *add_topic(struct replica_manager *manager,
                                      const struct metadata_topic *source) {
    struct hosted_topic *topic = calloc(1, sizeof(*topic));

    CHECK(topic != NULL);
    topic->name = strdup(source->name);
    CHECK(topic->name != NULL);
    topic->name_size = strlen(topic->name);
    topic->id = source->id;
    topic->traffic = traffic_meter_new(manager->traffic);
    CHECK(topic->traffic != NULL);
    write_lock(manager);
    HASH_ADD_KEYPTR(by_name, manager->by_name, topic->name, topic->name_size, topic);
    if (!uuid_is_zero(&topic->id))
        HASH_ADD(by_id, manager->by_id, id, sizeof(topic->id), topic);
    unlock(manager);
    return topic;
}

/* All its partitions are retired already. */
static void remove_topic(struct replica_manager *manager, struct hosted_topic *topic) {
    write_lock(manager);
    HASH_DELETE(by_name, manager->by_name, topic);
    if (!uuid_is_zero(&topic->id))
        HASH_DELETE(by_id, manager->by_id, topic);
    unlock(manager);
    traffic_meter_unref(topic->traffic);
    free(topic->partitions);
    free(topic->name);
    free(topic);
}

static void set_partition(struct replica_manager *manager, struct hosted_topic *topic,
                          int32_t index, struct partition *partition) {
    write_lock(manager);
    if (index >= topic->partition_count) {
        struct partition **grown = realloc(topic->partitions, ((size_t)index + 1) * sizeof(*grown));
        CHECK(grown != NULL);
        memset(&grown[topic->partition_count], 0,
               (size_t)(index + 1 - topic->partition_count) * sizeof(*grown));
        topic->partitions = grown;
        topic->partition_count = index + 1;
    }
    topic->partitions[index] = partition;
    unlock(manager);
}

/* ---- Following the metadata ---- */

static void retire(struct replica_manager *manager, struct hosted_topic *topic, int32_t index,
                   enum retired_log fate) {
    struct partition *partition = topic->partitions[index];
    enum error error;

    if (partition == NULL)
        return;
    manager->config.source.unfollow(manager->config.source.context, partition);
    set_partition(manager, topic, index, NULL);
    error = partition_retire(partition, manager->config.logs, fate);
    if (error != ERR_NONE)
        LOG_ERROR("replica_not_removed",
                  "topic=%s partition=%d error=%s action=\"its folder stays; it is set aside at "
                  "the next start\"",
                  topic->name, index, error_name(error));
    partition_unref(partition);
}

static void retire_topic(struct replica_manager *manager, struct hosted_topic *topic,
                         enum retired_log fate) {
    for (int32_t i = 0; i < topic->partition_count; i++)
        retire(manager, topic, i, fate);
    remove_topic(manager, topic);
}

static void drop_future(struct replica_manager *manager, struct log *future) {
    enum error error = log_manager_drop_future(manager->config.logs, future);

    if (error != ERR_NONE)
        LOG_ERROR("future_log_not_removed", "topic=%.*s partition=%d error=%s",
                  BYTES_FORMAT(log_topic(future)), log_partition(future), error_name(error));
}

static void end_move(struct replica_manager *manager, struct partition *partition) {
    struct log *future = partition_end_move(partition);

    if (future == NULL)
        return;
    LOG_INFO("replica_move_ended", "topic=%s partition=%d path=%s", partition_topic(partition),
             partition_index(partition), LOG_QUOTED_TEXT(log_dir_path(log_directory(future))));
    drop_future(manager, future);
    log_unref(future);
}

static enum error begin_move(struct replica_manager *manager, struct partition *partition,
                             struct log *future) {
    enum error error = partition_begin_move(partition, future);

    if (error != ERR_NONE)
        return error;
    LOG_INFO("replica_move_begun",
             "topic=%s partition=%d from=%s to=%s offset=%" PRId64 " log_end_offset=%" PRId64,
             partition_topic(partition), partition_index(partition),
             LOG_QUOTED_TEXT(log_dir_path(log_directory(partition_log(partition)))),
             LOG_QUOTED_TEXT(log_dir_path(log_directory(future))), log_end_offset(future),
             log_end_offset(partition_log(partition)));
    replica_mover_add(manager->mover, partition);
    return ERR_NONE;
}

/* The broker stopped while the replica was being moved, or the place of its log was taken anew. */
static void resume_move(struct replica_manager *manager, struct partition *partition) {
    struct log *log = partition_log(partition);
    struct log *future =
        log_manager_find_future(manager->config.logs, log_topic(log), log_partition(log));
    struct uuid topic_id;
    enum error error;

    if (future == NULL)
        return;
    topic_id = log_topic_id(future);
    if (log_directory(future) == log_directory(log) ||
        (!uuid_is_zero(&topic_id) && !uuid_equal(&topic_id, partition_topic_id(partition)))) {
        drop_future(manager, future);
        return;
    }
    error = begin_move(manager, partition, future);
    if (error != ERR_NONE)
        LOG_ERROR("replica_move_not_resumed", "topic=%s partition=%d error=%s",
                  partition_topic(partition), partition_index(partition), error_name(error));
}

/* Opens or creates the log, and puts the partition into the table. */
static struct partition *host(struct replica_manager *manager, struct hosted_topic *hosted,
                              const struct metadata_topic *topic, int32_t index,
                              const struct log_config *log_config) {
    const struct metadata_partition *state = &topic->partitions[index];
    struct partition *partition;
    struct log *log;
    bool is_new = replica_is_new(state, manager->config.broker_id, manager->registered_since);
    enum error error = log_manager_find_or_create(manager->config.logs, bytes_of_text(topic->name),
                                                  index, &topic->id, log_config, is_new, &log);

    if (error == ERR_INCONSISTENT_TOPIC_ID) {
        /* Left from a topic of this name that was deleted while this broker was away. */
        struct log *stray =
            log_manager_find(manager->config.logs, bytes_of_text(topic->name), index);
        LOG_WARN("log_of_deleted_topic", "topic=%s partition=%d action=\"set aside as stray\"",
                 topic->name, index);
        if (stray != NULL &&
            (error = log_manager_set_aside(manager->config.logs, stray)) == ERR_NONE)
            error = log_manager_find_or_create(manager->config.logs, bytes_of_text(topic->name),
                                               index, &topic->id, log_config, true, &log);
    }
    if (error != ERR_NONE) {
        LOG_ERROR("replica_not_opened", "topic=%s partition=%d error=%s reason=\"%s\"", topic->name,
                  index, error_name(error), error_text(error));
        return NULL;
    }
    log_set_config(log, log_config);
    partition = partition_new(&manager->environment, topic->name, index, &topic->id, log,
                              log_high_watermark(log));
    partition_set_traffic(partition, hosted->traffic);
    set_partition(manager, hosted, index, partition);
    resume_move(manager, partition);
    return partition;
}

static bool is_offline(const struct partition *partition) {
    return log_dir_is_offline(log_directory(partition_log(partition)));
}

static void apply_partition(struct replica_manager *manager, struct hosted_topic *hosted,
                            const struct metadata_topic *topic, int32_t index,
                            const struct log_config *log_config, int32_t min_isr) {
    const struct metadata_partition *state = &topic->partitions[index];
    struct partition *partition =
        index < hosted->partition_count ? hosted->partitions[index] : NULL;
    const struct follower_source *source = &manager->config.source;
    struct metadata_partition role = *state;

    if (!broker_ids_contain(state->replicas, state->replica_count, manager->config.broker_id)) {
        if (partition != NULL)
            retire(manager, hosted, index, RETIRED_LOG_DELETE);
        return;
    }
    if (state->partition_epoch < 0) /* assigned, but without leader and ISR so far */
        return;
    if (partition == NULL)
        partition = host(manager, hosted, topic, index, log_config);
    if (partition == NULL)
        return;
    if (state->leader == manager->config.broker_id && state->state_zxid < manager->leads_since) {
        LOG_INFO("leadership_not_resumed", "topic=%s partition=%d leader_epoch=%d", topic->name,
                 index, state->leader_epoch);
        role.leader = METADATA_NO_BROKER;
    }
    if (!partition_apply(partition, &role, min_isr))
        return;
    if (manager->is_departing &&
        !broker_ids_contain(state->isr, state->isr_count, manager->config.broker_id))
        role.leader = METADATA_NO_BROKER; /* it follows nobody any more */
    if (partition_role(partition) == ROLE_FOLLOWER && role.leader != METADATA_NO_BROKER &&
        !is_offline(partition))
        source->follow(source->context, partition, state->leader, state->leader_epoch);
    else
        source->unfollow(source->context, partition);
}

static void apply_settings(struct hosted_topic *hosted, const struct log_config *log_config) {
    for (int32_t i = 0; i < hosted->partition_count; i++) {
        if (hosted->partitions[i] != NULL)
            partition_set_log_config(hosted->partitions[i], log_config);
    }
}

static bool is_throttled(const struct replica_manager *manager, const struct metadata_topic *topic,
                         const char *key, int32_t partition) {
    const char *list = metadata_find_setting(topic, key);

    return list != NULL && throttled_replicas_contain(list, partition, manager->config.broker_id);
}

static void apply_throttles(struct replica_manager *manager, struct hosted_topic *hosted,
                            const struct metadata_topic *topic) {
    for (int32_t i = 0; i < hosted->partition_count; i++) {
        if (hosted->partitions[i] != NULL)
            partition_set_throttled(
                hosted->partitions[i],
                is_throttled(manager, topic, "leader.replication.throttled.replicas", i),
                is_throttled(manager, topic, "follower.replication.throttled.replicas", i));
    }
}

static void apply_change(struct replica_manager *manager,
                         const struct metadata_topic_change *change, enum retired_log gone) {
    const struct metadata_topic *after = change->after;
    const char *name = after != NULL ? after->name : change->before->name;
    struct hosted_topic *hosted = find_topic(manager, bytes_of_text(name));
    struct log_config log_config;
    int32_t min_isr;

    if (hosted != NULL && (after == NULL || !uuid_equal(&hosted->id, &after->id))) {
        LOG_INFO("topic_gone", "topic=%s logs=%s", name,
                 gone == RETIRED_LOG_DELETE ? "deleted" : "set_aside");
        retire_topic(manager, hosted, gone);
        hosted = NULL;
    }
    if (after == NULL)
        return;
    if (hosted == NULL)
        hosted = add_topic(manager, after);
    manager->config.topic_settings(manager->config.context, after, &log_config, &min_isr);
    for (int32_t i = 0; i < after->partition_count; i++)
        apply_partition(manager, hosted, after, i, &log_config, min_isr);
    apply_settings(hosted, &log_config);
    apply_throttles(manager, hosted, after);
}

void replica_manager_apply(struct replica_manager *manager,
                           const struct metadata_topic_change *changes, int32_t change_count,
                           enum retired_log gone) {
    for (int32_t i = 0; i < change_count; i++)
        apply_change(manager, &changes[i], gone);
}

void replica_manager_apply_settings(struct replica_manager *manager,
                                    const struct metadata *metadata) {
    for (int32_t i = 0; i < metadata->topic_count; i++) {
        const struct metadata_topic_change same = {metadata->topics[i], metadata->topics[i]};
        apply_change(manager, &same, RETIRED_LOG_KEEP);
    }
}

struct stray_search {
    struct replica_manager *manager;
    const struct metadata *metadata;
};

static void set_aside_if_stray(void *context, struct log *log) {
    struct stray_search *search = context;
    struct replica_manager *manager = search->manager;
    const struct metadata_topic *topic = metadata_find_topic(search->metadata, log_topic(log));
    const struct metadata_partition *state =
        topic == NULL ? NULL : metadata_find_partition(topic, log_partition(log));
    struct log *future;
    enum error error;

    if (state != NULL &&
        broker_ids_contain(state->replicas, state->replica_count, manager->config.broker_id))
        return;
    LOG_WARN("stray_log",
             "topic=%.*s partition=%d action=\"renamed to -stray and kept; delete it by hand if "
             "it is not needed\"",
             BYTES_FORMAT(log_topic(log)), log_partition(log));
    future = log_manager_find_future(manager->config.logs, log_topic(log), log_partition(log));
    if (future != NULL)
        drop_future(manager, future);
    error = log_manager_set_aside(manager->config.logs, log);
    if (error != ERR_NONE)
        LOG_ERROR("stray_log_not_renamed", "topic=%.*s partition=%d error=%s",
                  BYTES_FORMAT(log_topic(log)), log_partition(log), error_name(error));
}

void replica_manager_set_strays_aside(struct replica_manager *manager,
                                      const struct metadata *metadata) {
    struct stray_search search = {manager, metadata};

    log_manager_for_each(manager->config.logs, set_aside_if_stray, &search);
}

/* ---- Moving them between directories ---- */

static enum error move_to(struct replica_manager *manager, struct partition *partition, int dir) {
    struct log_manager *logs = manager->config.logs;
    /* The future log first: it may become the log at any moment. */
    struct log *future = partition_future_log(partition);
    struct log *log = partition_log(partition);
    enum error error = ERR_NONE;

    if (future != NULL) {
        /* That is under way, or failed. */
        replica_mover_add(manager->mover, partition);
        log_unref(future);
        return ERR_NONE;
    }
    if (log_manager_dir_holds(logs, dir, log))
        return ERR_NONE;
    if ((error = log_manager_make_future(logs, log, dir, &future)) != ERR_NONE)
        return error;
    error = begin_move(manager, partition, future);
    if (error != ERR_NONE)
        drop_future(manager, future);
    return error;
}

/* Where it is, or on its way to. */
static bool is_bound_for(struct replica_manager *manager, struct partition *partition, int dir) {
    struct log_manager *logs = manager->config.logs;
    struct log *future = partition_future_log(partition);
    bool is_bound = (future != NULL && log_manager_dir_holds(logs, dir, future)) ||
                    log_manager_dir_holds(logs, dir, partition_log(partition));

    log_unref(future);
    return is_bound;
}

static void end_move_elsewhere(struct replica_manager *manager, struct partition *partition,
                               int dir) {
    struct log *future = partition_future_log(partition);

    if (future != NULL && !log_manager_dir_holds(manager->config.logs, dir, future))
        end_move(manager, partition);
    log_unref(future);
}

enum error replica_manager_move(struct replica_manager *manager, struct bytes topic, int32_t index,
                                struct bytes path) {
    struct log_manager *logs = manager->config.logs;
    struct partition *partition;
    enum error error = ERR_REPLICA_NOT_AVAILABLE;
    int dir;

    if (!log_folder_future_fits(topic, index))
        return ERR_INVALID_TOPIC_EXCEPTION;
    if ((dir = log_manager_find_dir(logs, path)) < 0)
        return ERR_LOG_DIR_NOT_FOUND;
    if (log_manager_dir_is_offline(logs, dir))
        return ERR_KAFKA_STORAGE_ERROR;
    partition = replica_manager_find(manager, topic, index);
    if (partition != NULL && is_offline(partition)) {
        error = ERR_KAFKA_STORAGE_ERROR;
    } else {
        if (partition != NULL)
            end_move_elsewhere(manager, partition, dir);
        if (partition == NULL || !is_bound_for(manager, partition, dir))
            log_manager_prefer_dir(logs, topic, index, dir);
        if (partition != NULL)
            error = move_to(manager, partition, dir);
    }
    partition_unref(partition);
    return error;
}

/* ---- All of them ---- */

void replica_manager_for_each(struct replica_manager *manager, replica_manager_visit *visit,
                              void *context) {
    struct partition **all = NULL;
    size_t count = 0;
    size_t capacity = 0;
    struct hosted_topic *topic;
    struct hosted_topic *next;

    read_lock(manager);
    HASH_ITER (by_name, manager->by_name, topic, next) {
        for (int32_t i = 0; i < topic->partition_count; i++) {
            struct partition *partition = reference(topic, i);
            if (partition == NULL)
                continue;
            if (count == capacity) {
                capacity = capacity == 0 ? 64 : capacity * 2;
                all = realloc(all, capacity * sizeof(*all));
                CHECK(all != NULL);
            }
            all[count++] = partition;
        }
    }
    unlock(manager);
    for (size_t i = 0; i < count; i++) {
        visit(context, all[i]);
        partition_unref(all[i]);
    }
    free(all);
}

static void check_lag(void *context, struct partition *partition) {
    (void)context;
    if (partition_role(partition) == ROLE_LEADER)
        partition_check_lag(partition);
}

void replica_manager_check_lag(struct replica_manager *manager) {
    replica_manager_for_each(manager, check_lag, NULL);
}

static void apply_retention(void *context, struct partition *partition) {
    (void)context;
    partition_apply_retention(partition);
}

void replica_manager_apply_retention(struct replica_manager *manager) {
    replica_manager_for_each(manager, apply_retention, NULL);
}

static void expire_producers(void *context, struct partition *partition) {
    const int64_t *expiration_ms = context;

    partition_expire_producers(partition, *expiration_ms);
}

void replica_manager_expire_producers(struct replica_manager *manager, int64_t expiration_ms) {
    replica_manager_for_each(manager, expire_producers, &expiration_ms);
}

static void stop_if_offline(void *context, struct partition *partition) {
    struct replica_manager *manager = context;
    struct log *future = partition_future_log(partition);
    struct log *ended;

    if (future != NULL && log_dir_is_offline(log_directory(future)) &&
        (ended = partition_end_move(partition)) != NULL) {
        log_manager_forget_future(manager->config.logs, ended);
        log_unref(ended);
    }
    log_unref(future);
    if (is_offline(partition))
        manager->config.source.unfollow(manager->config.source.context, partition);
}

void replica_manager_stop_offline(struct replica_manager *manager) {
    replica_manager_for_each(manager, stop_if_offline, manager);
}

void replica_manager_for_each_offline(struct replica_manager *manager,
                                      const struct metadata *metadata,
                                      replica_manager_visit_offline *visit, void *context) {
    for (int32_t t = 0; t < metadata->topic_count; t++) {
        const struct metadata_topic *topic = metadata->topics[t];
        for (int32_t i = 0; i < topic->partition_count; i++) {
            const struct metadata_partition *state = &topic->partitions[i];
            struct partition *partition;
            if (state->partition_epoch < 0 ||
                !broker_ids_contain(state->replicas, state->replica_count,
                                    manager->config.broker_id))
                continue;
            partition = replica_manager_find(manager, bytes_of_text(topic->name), i);
            if (partition == NULL || is_offline(partition))
                visit(context, topic, i);
            partition_unref(partition);
        }
    }
}

void replica_manager_retire_all(struct replica_manager *manager) {
    struct hosted_topic *topic;
    struct hosted_topic *next;

    HASH_ITER (by_name, manager->by_name, topic, next)
        retire_topic(manager, topic, RETIRED_LOG_KEEP);
}

void replica_manager_free(struct replica_manager *manager) {
    if (manager == NULL)
        return;
    replica_manager_retire_all(manager);
    replica_mover_free(manager->mover);
    replication_quota_done(&manager->leader_quota);
    replication_quota_done(&manager->follower_quota);
    CHECK(pthread_rwlock_destroy(&manager->lock) == 0);
    traffic_meter_unref(manager->traffic);
    free(manager);
}

/* ---- What others may count ---- */

struct traffic_meter *replica_manager_traffic(struct replica_manager *manager) {
    return manager->traffic;
}

const struct isr_counters *replica_manager_isr_counters(const struct replica_manager *manager) {
    return &manager->isr_counters;
}

struct cleaner_counters *replica_manager_cleaner_counters(struct replica_manager *manager) {
    return &manager->cleaner_counters;
}

struct metered_topic {
    char *name;
    struct traffic_meter *traffic;
};

void replica_manager_for_each_topic(struct replica_manager *manager,
                                    replica_manager_visit_topic *visit, void *context) {
    struct metered_topic *all;
    struct hosted_topic *topic;
    struct hosted_topic *next;
    size_t count = 0;

    read_lock(manager);
    all = calloc(HASH_CNT(by_name, manager->by_name) + 1, sizeof(*all));
    CHECK(all != NULL);
    HASH_ITER (by_name, manager->by_name, topic, next) {
        all[count] = (struct metered_topic){strdup(topic->name), topic->traffic};
        CHECK(all[count].name != NULL);
        traffic_meter_ref(all[count++].traffic);
    }
    unlock(manager);
    for (size_t i = 0; i < count; i++) {
        visit(context, all[i].name, all[i].traffic);
        traffic_meter_unref(all[i].traffic);
        free(all[i].name);
    }
    free(all);
}
