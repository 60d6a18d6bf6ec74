#include "tests/simulation/simulated_cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/base/logger.h"
#include "zk-schema/broker_registration.h"
#include "zk-schema/broker_znode.h"
#include "zk-schema/paths.h"

/* ---- The timer, in simulated time */

struct armed {
    struct simulated_broker *broker;
    uint64_t generation;
};

static void timer_fires(void *context) {
    struct armed *armed = context;
    struct simulated_broker *broker = armed->broker;
    bool current = broker->runs && armed->generation == broker->timer_generation;

    free(armed);
    if (current)
        broker->timer.expired(broker->timer.context);
}

static void timer_arm(struct controller_timer *timer, int64_t delay_ms) {
    struct simulated_broker *broker = CONTAINER_OF(timer, struct simulated_broker, timer);
    struct armed *armed = calloc(1, sizeof(*armed));

    CHECK(armed != NULL);
    *armed = (struct armed){broker, ++broker->timer_generation};
    simulator_schedule(&broker->cluster->simulator, delay_ms, timer_fires, armed);
}

static void timer_cancel(struct controller_timer *timer) {
    CONTAINER_OF(timer, struct simulated_broker, timer)->timer_generation++;
}

/* ---- A broker process
 * ---------------------------------------------------------------------------- */

static void on_registered(void *context, int64_t broker_epoch) {
    struct simulated_broker *broker = context;

    broker->broker_epoch = broker_epoch;
    broker->was_registered = true;
    if (!broker->follows_metadata)
        metadata_watcher_on_session(broker->watcher, ZK_SESSION_NEW);
    broker->follows_metadata = true;
    controller_shell_broker_registered(broker->shell, broker_epoch);
}

static void on_session(struct zk_listener *listener, enum zk_session_state state) {
    struct simulated_broker *broker = CONTAINER_OF(listener, struct simulated_broker, listener);

    if (state == ZK_SESSION_EXPIRED)
        broker->broker_epoch = 0;
    controller_shell_on_session(broker->shell, state);
    if (broker->follows_metadata)
        metadata_watcher_on_session(broker->watcher, state);
    if (state == ZK_SESSION_NEW && !broker->registration_started) {
        broker->registration_started = true;
        broker_registration_start(broker->registration);
    } else {
        broker_registration_on_session(broker->registration, state);
    }
}

static void on_watch(struct zk_listener *listener, enum zk_event_kind kind, const char *path) {
    struct simulated_broker *broker = CONTAINER_OF(listener, struct simulated_broker, listener);

    broker_registration_on_watch(broker->registration, kind, path);
    controller_shell_on_watch(broker->shell, kind, path);
    metadata_watcher_on_watch(broker->watcher, kind, path);
}

/* INVARIANT: within a topic id, what a cache knows of a partition is never older than before. */
static void check_progress(struct simulated_broker *broker,
                           const struct metadata_topic_change *change) {
    const struct metadata_topic *before = change->before, *after = change->after;

    if (before == NULL || after == NULL || !uuid_equal(&before->id, &after->id))
        return;
    for (int32_t p = 0; p < before->partition_count && p < after->partition_count; p++) {
        const struct metadata_partition *old = &before->partitions[p], *new = &after->partitions[p];
        if (new->leader_epoch < old->leader_epoch || new->partition_epoch < old->partition_epoch)
            checker_broken(broker->cluster->checker,
                           "broker %d forgets version %d of a partition for version %d", broker->id,
                           old->partition_epoch, new->partition_epoch);
    }
}

static void on_update(void *context, const struct metadata_update *update) {
    struct simulated_broker *broker = context;

    for (int32_t i = 0; i < update->change_count; i++)
        check_progress(broker, &update->changes[i]);
    simulator_trace(&broker->cluster->simulator, "broker %d %s: %d topics, %d brokers", broker->id,
                    update->is_full_load ? "loads" : "follows", update->metadata->topic_count,
                    update->metadata->broker_count);
    if (broker->cluster->replicas != NULL)
        model_replicas_on_metadata(broker->cluster->replicas, broker, update->metadata);
}

static void on_term(void *context, bool active, int32_t controller_epoch) {
    struct simulated_broker *broker = context;

    simulator_tell(&broker->cluster->simulator, "broker %d %s %d", broker->id,
                   active ? "acts as controller of epoch" : "is controller no more",
                   controller_epoch);
}

static void make_registration(struct simulated_broker *broker) {
    const struct broker_endpoint endpoint = {"PLAINTEXT", "localhost", 9000 + broker->id,
                                             "PLAINTEXT"};
    const struct broker_znode znode = {
        .rack = broker->rack,
        .timestamp_ms = 1,
        .endpoints = &endpoint,
        .endpoint_count = 1,
    };
    struct broker_registration_config config = {
        .zk = model_client_zk(broker->client),
        .broker_id = broker->id,
        .restarted_uncleanly = broker->restarted_uncleanly,
        .on_registered = on_registered,
        .context = broker,
    };
    struct arena arena;

    arena_init(&arena, 1 << 20);
    config.data = broker_znode_encode(&znode, &arena);
    CHECK(broker_registration_new(&config, &broker->registration) == ERR_NONE);
    arena_done(&arena);
}

static void make_watcher(struct simulated_broker *broker) {
    struct metadata_watcher_config config = {
        .zk = model_client_zk(broker->client),
        .cache = &broker->metadata,
        .on_update = on_update,
        .context = broker,
    };

    broker->follows_metadata = false;
    metadata_cache_init(&broker->metadata);
    CHECK(metadata_watcher_new(&config, &broker->watcher) == ERR_NONE);
}

void simulated_broker_start(struct simulated_cluster *cluster, int32_t id, const char *rack) {
    struct simulated_broker *broker = &cluster->brokers[id];
    struct controller_shell_config config = {
        .timer = &broker->timer,
        .clock = &cluster->simulator.clock,
        .broker_id = id,
        .unclean_leader_election_enable = cluster->unclean_leader_election_enable,
        .delete_topic_enable = true,
        .auto_leader_rebalance_enable = cluster->balance_interval_ms > 0,
        .leader_imbalance_check_interval_ms = cluster->balance_interval_ms,
        .leader_imbalance_per_broker_percentage = 10,
        .changes_retained = cluster->changes_retained,
        .test_without_fence = cluster->without_fence,
        .test_without_registrations_check = cluster->without_registrations_check,
        .on_term = on_term,
        .context = broker,
    };
    char name[16];

    CHECK(id >= 1 && id <= SIMULATED_BROKERS_MAX && !broker->runs && !cluster->is_over);
    snprintf(name, sizeof(name), "broker %d", id);
    broker->cluster = cluster;
    broker->id = id;
    broker->rack = rack;
    broker->exists = true;
    broker->runs = true;
    broker->starts++;
    simulator_stream(&cluster->simulator, name, broker->starts, &broker->rng);
    config.rng_seed = rng_next(&broker->rng);
    broker->was_registered = false;
    broker->restarted_uncleanly = !broker->stopped_cleanly;
    broker->broker_epoch = 0;
    broker->registration_started = false;
    broker->listener = (struct zk_listener){on_session, on_watch};
    broker->timer = (struct controller_timer){.arm = timer_arm, .cancel = timer_cancel};
    broker->client = model_client_new(cluster->zookeeper, name, broker->starts, &broker->listener);
    config.zk = model_client_zk(broker->client);
    CHECK(controller_shell_new(&config, &broker->shell) == ERR_NONE);
    make_watcher(broker);
    make_registration(broker);
    if (cluster->replicas != NULL)
        model_replicas_on_start(cluster->replicas, broker);
    simulator_tell(&cluster->simulator, "broker %d starts", id);
}

struct expiry {
    struct model_zookeeper *zookeeper;
    int64_t session_id;
};

static void session_expires(void *context) {
    struct expiry *expiry = context;

    model_zookeeper_expire(expiry->zookeeper, expiry->session_id);
    free(expiry);
}

static void end_process(struct simulated_cluster *cluster, int32_t id, int64_t session_left_ms,
                        bool is_clean) {
    struct simulated_broker *broker = &cluster->brokers[id];
    struct expiry *expiry = calloc(1, sizeof(*expiry));

    CHECK(broker->runs && expiry != NULL);
    simulator_tell(&cluster->simulator, "broker %d %s", id, is_clean ? "closes" : "is killed");
    *expiry = (struct expiry){cluster->zookeeper, model_client_stop(broker->client)};
    controller_shell_free(broker->shell);
    broker_registration_free(broker->registration);
    metadata_watcher_free(broker->watcher);
    metadata_cache_done(&broker->metadata);
    broker->runs = false;
    /* As log_manager_may_have_lost_records: what a process found that never registered, nobody
     * knows. */
    broker->stopped_cleanly = is_clean && broker->was_registered;
    if (cluster->replicas != NULL)
        model_replicas_on_stop(cluster->replicas, broker, is_clean);
    simulator_schedule(&cluster->simulator, session_left_ms, session_expires, expiry);
}

void simulated_broker_stop(struct simulated_cluster *cluster, int32_t id, int64_t session_left_ms) {
    end_process(cluster, id, session_left_ms, false);
}

void simulated_broker_close(struct simulated_cluster *cluster, int32_t id,
                            int64_t session_left_ms) {
    end_process(cluster, id, session_left_ms, true);
}

/* ---- Metadata ---- */

struct simulated_reader {
    struct simulated_cluster *cluster;
    struct zk_listener listener;
    struct model_client *client;
    struct metadata_cache metadata;
    struct metadata_watcher *watcher;
};

static void reader_on_session(struct zk_listener *listener, enum zk_session_state state) {
    metadata_watcher_on_session(CONTAINER_OF(listener, struct simulated_reader, listener)->watcher,
                                state);
}

static void reader_on_watch(struct zk_listener *listener, enum zk_event_kind kind,
                            const char *path) {
    metadata_watcher_on_watch(CONTAINER_OF(listener, struct simulated_reader, listener)->watcher,
                              kind, path);
}

static void reader_on_update(void *context, const struct metadata_update *update) {
    (void)context;
    (void)update;
}

struct simulated_reader *simulated_reader_new(struct simulated_cluster *cluster) {
    struct simulated_reader *reader = calloc(1, sizeof(*reader));
    struct metadata_watcher_config config = {.on_update = reader_on_update};

    CHECK(reader != NULL);
    reader->cluster = cluster;
    reader->listener = (struct zk_listener){reader_on_session, reader_on_watch};
    metadata_cache_init(&reader->metadata);
    reader->client =
        model_client_new(cluster->zookeeper, "reader", ++cluster->readers, &reader->listener);
    config.cache = &reader->metadata;
    config.zk = model_client_zk(reader->client);
    CHECK(metadata_watcher_new(&config, &reader->watcher) == ERR_NONE);
    return reader;
}

void simulated_reader_free(struct simulated_reader *reader) {
    if (reader == NULL)
        return;
    (void)model_client_stop(reader->client);
    metadata_watcher_free(reader->watcher);
    metadata_cache_done(&reader->metadata);
    free(reader);
}

bool simulated_reader_is_loaded(const struct simulated_reader *reader) {
    return metadata_watcher_is_loaded(reader->watcher);
}

void simulated_reader_compare(const struct simulated_reader *reader) {
    struct simulated_cluster *cluster = reader->cluster;
    const struct metadata *read =
        metadata_cache_get((struct metadata_cache *)(uintptr_t)&reader->metadata);

    for (int32_t id = 1; id <= SIMULATED_BROKERS_MAX; id++) {
        const struct metadata *followed;
        if (!cluster->brokers[id].runs)
            continue;
        followed = metadata_cache_get(&cluster->brokers[id].metadata);
        if (!metadata_equal(followed, read))
            checker_broken(cluster->checker,
                           "broker %d knows %d topics, %d brokers, controller %d; a reader finds "
                           "%d, %d, %d, or their content differs",
                           id, followed->topic_count, followed->broker_count,
                           followed->controller_id, read->topic_count, read->broker_count,
                           read->controller_id);
        metadata_unref(followed);
    }
    metadata_unref(read);
}

struct simulated_broker *simulated_cluster_controller(struct simulated_cluster *cluster) {
    struct simulated_broker *newest = NULL;

    for (int32_t id = 1; id <= SIMULATED_BROKERS_MAX; id++) {
        struct simulated_broker *broker = &cluster->brokers[id];
        if (broker->runs && controller_shell_is_active(broker->shell) &&
            (newest == NULL ||
             controller_shell_epoch(broker->shell) > controller_shell_epoch(newest->shell)))
            newest = broker;
    }
    return newest;
}

void simulated_cluster_init(struct simulated_cluster *cluster, uint64_t seed) {
    logger_set_level(getenv("BARNABAS_TRACE") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    *cluster = (struct simulated_cluster){0};
    simulator_init(&cluster->simulator, seed);
    cluster->checker = checker_new(&cluster->simulator);
    cluster->zookeeper =
        model_zookeeper_new(&cluster->simulator, checker_on_commit, cluster->checker);
    checker_set_zookeeper(cluster->checker, cluster->zookeeper);
    for (size_t i = 0; i < startup_path_count; i++)
        CHECK(model_zookeeper_create(cluster->zookeeper, startup_paths[i], BYTES_NULL) == ERR_NONE);
}

void simulated_cluster_done(struct simulated_cluster *cluster) {
    cluster->is_over = true;
    for (int32_t id = 1; id <= SIMULATED_BROKERS_MAX; id++)
        if (cluster->brokers[id].runs)
            simulated_broker_stop(cluster, id, 1);
    while (simulator_step(&cluster->simulator, INT64_MAX))
        ;
    model_zookeeper_free(cluster->zookeeper);
    model_replicas_free(cluster->replicas);
    checker_free(cluster->checker);
    simulator_done(&cluster->simulator);
}
