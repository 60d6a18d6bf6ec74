#include "broker/control/control_internal.h"

#include <stdlib.h>

#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/control/broker_settings.h"
#include "broker/control/controller_channel.h"
#include "broker/control/departure.h"
#include "broker/control/directory_failures.h"
#include "broker/control/isr_changes.h"
#include "broker/control/own_znode.h"
#include "broker/control/topic_requests.h"
#include "broker/control/topic_settings.h"
#include "broker/replica/replica_fetcher.h"
#include "broker/transaction/producer_ids.h"
#include "client/base/logger.h"
#include "zk-schema/broker_registration.h"

#define TICK_MS 250

/* How many requests to stop end the wait for the cluster, and that for a departure: the first one
 * is why the broker departs. */
#define PATIENCE_STARTING  1
#define PATIENCE_DEPARTING 2

/* ---- Work for the control thread ---- */

struct control_task {
    struct task task;
    struct control *control;
    void (*run)(struct control *control);
};

static void run_control_task(struct task *task) {
    struct control_task *posted = CONTAINER_OF(task, struct control_task, task);
    struct control *control = posted->control;
    void (*run)(struct control *) = posted->run;

    free(posted);
    run(control);
}

static void post(struct control *control, void (*run)(struct control *)) {
    struct control_task *posted = calloc(1, sizeof(*posted));

    CHECK(posted != NULL);
    *posted = (struct control_task){{.run = run_control_task}, control, run};
    executor_post(loop_executor(control->loop), &posted->task);
}

/* ---- Bootstrap ---- */

static void connect_first(struct control *control) {
    if (control->has_session)
        rendezvous_signal(&control->rendezvous, ERR_NONE);
    else
        control->is_connecting = true;
}

static void on_first_session(struct control *control) {
    if (!control->is_connecting)
        return;
    control->is_connecting = false;
    rendezvous_signal(&control->rendezvous, ERR_NONE);
}

static void start_bootstrap(struct control *control) {
    if (control->has_session)
        bootstrap_start(&control->bootstrap);
}

static void on_bootstrapped(void *context, enum error error,
                            const struct bootstrap_result *result) {
    struct control *control = context;

    if (error == ERR_ZK_OUTCOME_UNKNOWN || error == ERR_ZK_SESSION_EXPIRED)
        return; /* the next session event starts it again */
    control->is_bootstrapping = false;
    control->broker_id = result->broker_id;
    control->identity.broker_id = result->broker_id;
    memcpy(control->identity.cluster_id, result->cluster_id, sizeof(control->identity.cluster_id));
    rendezvous_signal(&control->rendezvous, error);
}

static void begin_bootstrap(struct control *control) {
    control->is_bootstrapping = true;
    start_bootstrap(control);
}

enum error control_bootstrap(struct control *control, int32_t known_broker_id,
                             struct control_identity *identity) {
    enum error error;

    control->bootstrap = (struct bootstrap){
        .zk = &control->zk_meter.zk,
        .rng = &control->rng,
        .broker_id = known_broker_id,
        .reserved_max_id = control->config->reserved_broker_max_id,
        .done = on_bootstrapped,
        .context = control,
    };
    post(control, connect_first);
    error = rendezvous_wait(&control->rendezvous, control->config->zookeeper_connection_timeout_ms,
                            PATIENCE_STARTING);
    if (error != ERR_NONE)
        return error;
    /* A ZooKeeper that is there but slow is waited for, as in Kafka. */
    post(control, begin_bootstrap);
    error = rendezvous_wait(&control->rendezvous, -1, PATIENCE_STARTING);
    if (error == ERR_NONE)
        *identity = control->identity;
    return error;
}

/* ---- Session ---- */

static void on_session(struct zk_listener *listener, enum zk_session_state state) {
    struct control *control = CONTAINER_OF(listener, struct control, listener);

    control_status_on_session(&control->status, state, clock_monotonic_ms(clock_system()));
    zk_meter_on_session(&control->zk_meter, state);
    control->has_session = state == ZK_SESSION_NEW || state == ZK_SESSION_RECONNECTED ||
                           (state == ZK_SESSION_DISCONNECTED && control->has_session);
    if (state == ZK_SESSION_DISCONNECTED)
        LOG_WARN("zookeeper_disconnected", "action=\"serving from the cache until it is back\"");
    if (state == ZK_SESSION_NEW)
        on_first_session(control);
    if (control->is_bootstrapping && (state == ZK_SESSION_NEW || state == ZK_SESSION_RECONNECTED))
        start_bootstrap(control);
    if (control->registration == NULL)
        return;
    controller_shell_on_session(control->shell, state);
    /* Before this broker has ever been registered there is nothing to follow yet. */
    if (atomic_load(&control->broker_epoch) >= 0)
        metadata_watcher_on_session(control->watcher, state);
    broker_registration_on_session(control->registration, state);
}

static void on_watch(struct zk_listener *listener, enum zk_event_kind kind, const char *path) {
    struct control *control = CONTAINER_OF(listener, struct control, listener);

    zk_meter_on_watch(&control->zk_meter, kind, path);
    if (control->registration == NULL)
        return;
    broker_registration_on_watch(control->registration, kind, path);
    controller_shell_on_watch(control->shell, kind, path);
    metadata_watcher_on_watch(control->watcher, kind, path);
}

static void on_registered(void *context, int64_t broker_epoch) {
    struct control *control = context;
    bool is_first = atomic_exchange(&control->broker_epoch, broker_epoch) < 0;

    isr_changes_set_broker_epoch(control->isr_changes, broker_epoch);
    topic_requests_set_broker_epoch(control->topic_requests, broker_epoch);
    if (is_first) {
        replica_manager_registered(control->replicas, broker_epoch);
        replica_manager_lead_since(control->replicas,
                                   broker_registration_unclean_since(control->registration));
        /* Before the load: it is complete when these have been read. */
        broker_settings_read(control->broker_settings);
        metadata_watcher_on_session(control->watcher, ZK_SESSION_NEW);
    }
    controller_shell_broker_registered(control->shell, broker_epoch);
}

static void on_refused(void *context, enum error error) {
    struct control *control = context;

    if (control->is_joining) {
        control->is_joining = false;
        rendezvous_signal(&control->rendezvous, error);
    } else {
        LOG_ERROR("broker_registration_lost",
                  "broker=%d error=%s action=\"stop the other broker with this id, then restart "
                  "this one\"",
                  control->broker_id, error_name(error));
    }
}

/* ---- Metadata ---- */

static void on_update(void *context, const struct metadata_update *update) {
    struct control *control = context;

    if (!update->is_full_load)
        control_status_on_metadata(&control->status, update->changes, update->change_count);
    if (!control->has_resigned)
        replica_manager_apply(control->replicas, update->changes, update->change_count,
                              update->keeps_gone ? RETIRED_LOG_SET_ASIDE : RETIRED_LOG_DELETE);
    if (control->is_joining && update->is_full_load) {
        control->is_joining = false;
        if (update->is_complete)
            replica_manager_set_strays_aside(control->replicas, update->metadata);
        LOG_INFO("metadata_loaded", "topics=%d brokers=%d", update->metadata->topic_count,
                 update->metadata->broker_count);
        rendezvous_signal(&control->rendezvous, ERR_NONE);
    }
    if (update->is_full_load)
        directory_failures_tell_again(&control->directory_failures);
    if (update->is_full_load) /* entries of /config/changes may have come meanwhile */
        broker_settings_read(control->broker_settings);
    departure_on_metadata(control->departure, update->metadata);
    if (control->metadata_changed != NULL)
        control->metadata_changed(control->metadata_context, update);
    metadata_waiters_wake(&control->metadata_waiters, update->metadata);
}

static void apply_settings(struct control *control, const struct config *now,
                           const struct metadata *metadata) {
    controller_shell_on_unclean_default(control->shell, now->unclean_leader_election_enable);
    cleaner_job_on_settings(&control->cleaner, now);
    atomic_store(&control->producer_expiry.limit, now->producer_id_expiration_ms);
    replica_manager_throttle(control->replicas, now->leader_replication_throttled_rate,
                             now->follower_replication_throttled_rate,
                             now->replica_alter_log_dirs_rate);
    if (!control->has_resigned)
        replica_manager_apply_settings(control->replicas, metadata);
    if (control->settings_changed != NULL)
        control->settings_changed(control->settings_context, now);
}

static void on_broker_settings(void *context) {
    struct control *control = context;
    const struct config *now = live_config_get(control->live_config);
    const struct metadata *metadata = metadata_cache_get(&control->metadata);

    /* Most reads bring nothing new. */
    if (control->applied == NULL || !config_is_same(control->applied, now))
        apply_settings(control, now, metadata);
    if (control->applied != NULL)
        live_config_release(control->applied);
    control->applied = now;
    metadata_waiters_wake(&control->metadata_waiters, metadata);
    metadata_unref(metadata);
}

static void on_config_change(void *context, const char *entity_path) {
    struct control *control = context;

    if (strncmp(entity_path, "topics/", 7) == 0)
        controller_shell_on_topic_config(control->shell, bytes_of_text(entity_path + 7));
    broker_settings_on_change(control->broker_settings, entity_path);
    config_purge_on_change(&control->config_purge, clock_wall_ms(clock_system()),
                           clock_monotonic_ms(clock_system()));
}

static void topic_settings(void *context, const struct metadata_topic *topic,
                           struct log_config *log_config, int32_t *min_isr) {
    const struct control *control = context;
    const struct config *config = live_config_get(control->live_config);

    topic_settings_of(config, topic, log_config, min_isr);
    live_config_release(config);
}

static bool is_broker_alive(void *context, int32_t broker_id) {
    struct control *control = context;
    const struct metadata *metadata = metadata_cache_get(&control->metadata);
    bool is_alive = metadata_find_broker(metadata, broker_id) != NULL;

    metadata_unref(metadata);
    return is_alive;
}

static bool endpoint_of(void *context, int32_t broker_id, char *host, size_t host_size,
                        uint16_t *port) {
    struct control *control = context;
    const struct metadata *metadata = metadata_cache_get(&control->metadata);
    const struct metadata_broker *broker = metadata_find_broker(metadata, broker_id);
    const struct metadata_endpoint *endpoint =
        broker == NULL
            ? NULL
            : metadata_find_endpoint(broker, control->config->inter_broker_listener_name);

    if (endpoint != NULL) {
        snprintf(host, host_size, "%s", endpoint->host);
        *port = (uint16_t)endpoint->port;
    }
    metadata_unref(metadata);
    return endpoint != NULL;
}

static int64_t own_epoch(void *context) {
    return control_broker_epoch(context);
}

static void propose_isr(void *context, struct partition *partition) {
    struct control *control = context;

    isr_changes_add_soon(control->isr_changes, loop_executor(control->loop), partition);
}

/* ---- Timers ---- */

static void on_tick(struct loop_timer *timer) {
    struct control *control = CONTAINER_OF(timer, struct control, tick);
    int64_t now_ms = clock_monotonic_ms(clock_system());

    if (broker_registration_is_waiting(control->registration))
        broker_registration_on_time(control->registration, now_ms,
                                    zk_client_session_timeout_ms(control->zk_client));
    config_writes_on_time(&control->config_writes, now_ms);
    if (!control->is_joining && broker_registration_is_registered(control->registration))
        directory_failures_on_time(&control->directory_failures);
    if (now_ms >= control->next_lag_check_ms) {
        replica_manager_check_lag(control->replicas);
        control->next_lag_check_ms = now_ms + control->config->replica_lag_time_max_ms / 2;
    }
    replica_job_on_time(&control->retention, now_ms);
    replica_job_on_time(&control->producer_expiry, now_ms);
    if (now_ms >= control->next_log_work_ms) {
        log_manager_run_due(control->logs);
        control->next_log_work_ms = now_ms + 1000;
    }
    loop_timer_arm(&control->tick, TICK_MS);
}

/* ---- Joining the cluster ---- */

static enum error make_registration(struct control *control) {
    struct broker_registration_config config = {
        .zk = &control->zk_meter.zk,
        .broker_id = control->broker_id,
        .restarted_uncleanly = log_manager_may_have_lost_records(control->logs),
        .on_registered = on_registered,
        .on_refused = on_refused,
        .context = control,
    };
    struct arena arena;
    enum error error;

    arena_init(&arena, 1 << 20);
    config.data = own_znode(control->config, clock_wall_ms(clock_system()), &arena);
    error = broker_registration_new(&config, &control->registration);
    arena_done(&arena);
    return error;
}

static enum error make_replicas(struct control *control) {
    const struct config *config = control->config;
    struct replica_fetchers_config fetchers = {
        .broker_id = control->broker_id,
        .thread_count = config->num_replica_fetchers,
        .wait_ms_max = config->replica_fetch_wait_max_ms,
        .bytes_min = config->replica_fetch_min_bytes,
        .bytes_max = config->replica_fetch_max_bytes,
        .response_bytes_max = config->replica_fetch_response_max_bytes,
        .backoff_ms = config->replica_fetch_backoff_ms,
        .timeout_ms = config->replica_socket_timeout_ms,
        .frame_bytes_max = config->socket_request_max_bytes,
        .endpoint = endpoint_of,
        .broker_epoch = own_epoch,
        .context = control,
    };
    struct replica_manager_config manager = {
        .broker_id = control->broker_id,
        .replica_lag_ms_max = config->replica_lag_time_max_ms,
        .guard_bytes_max =
            config->retention_guard_groups[0] == '\0' ? 0 : config->retention_guard_bytes,
        .mover_threads = config->num_replica_alter_log_dirs_threads != CONFIG_UNSET_INT
                             ? config->num_replica_alter_log_dirs_threads
                             : (int32_t)config->log_dir_count,
        .clock = clock_system(),
        .logs = control->logs,
        .is_broker_alive = is_broker_alive,
        .propose_isr = propose_isr,
        .topic_settings = topic_settings,
        .context = control,
    };
    enum error error = replica_fetchers_start(&fetchers, &control->fetchers);

    if (error != ERR_NONE)
        return error;
    manager.source = (struct follower_source){replica_fetchers_follow, replica_fetchers_unfollow,
                                              control->fetchers};
    return replica_manager_new(&manager, &control->replicas);
}

static void on_ready_to_depart(void *context) {
    rendezvous_signal(&((struct control *)context)->departed, ERR_NONE);
}

static enum error make_departure(struct control *control) {
    const struct config *config = control->config;
    struct departure_config departure = {
        .loop = control->loop,
        .channel = control->channel,
        .metadata = &control->metadata,
        .listener = config->inter_broker_listener_name,
        .broker_id = control->broker_id,
        .broker_epoch = own_epoch,
        .tries_max =
            config->controlled_shutdown_enable ? config->controlled_shutdown_max_retries : 0,
        .backoff_ms = config->controlled_shutdown_retry_backoff_ms,
        .timeout_ms = config->controller_socket_timeout_ms,
        .on_ready = on_ready_to_depart,
        .context = control,
    };

    return departure_new(&departure, &control->departure);
}

static enum error make_controller(struct control *control) {
    struct controller_shell_config shell = {
        .zk = &control->zk_meter.zk,
        .timer = &control->shell_timer.timer,
        .clock = clock_system(),
        .broker_id = control->broker_id,
        .rng_seed = rng_next(&control->rng),
        .unclean_leader_election_enable = control->config->unclean_leader_election_enable,
        .delete_topic_enable = control->config->delete_topic_enable,
        .auto_leader_rebalance_enable = control->config->auto_leader_rebalance_enable,
        .leader_imbalance_check_interval_ms =
            control->config->leader_imbalance_check_interval_seconds * 1000,
        .leader_imbalance_per_broker_percentage =
            control->config->leader_imbalance_per_broker_percentage,
        .on_term = control_status_on_term,
        .on_done = control_status_on_done,
        .on_step = control_status_on_step,
        .context = &control->status,
    };
    struct controller_channel_config channel = {
        .loop = control->loop,
        .metadata = &control->metadata,
        .listener = control->config->inter_broker_listener_name,
        .broker_id = control->broker_id,
    };
    enum error error = controller_shell_new(&shell, &control->shell);

    if (error != ERR_NONE)
        return error;
    if ((error = controller_channel_new(&channel, &control->channel)) != ERR_NONE)
        return error;
    if ((error = isr_changes_new(control->loop, control->channel, control->broker_id,
                                 &control->isr_changes)) != ERR_NONE)
        return error;
    if ((error = make_departure(control)) != ERR_NONE)
        return error;
    return topic_requests_new(control->config, control->channel, control->producer_ids,
                              control->broker_id, &control->topic_requests);
}

static enum error make_broker_settings(struct control *control) {
    const struct broker_settings_config settings = {
        .zk = &control->zk_meter.zk,
        .live = control->live_config,
        .broker_id = control->broker_id,
        .on_changed = on_broker_settings,
        .context = control,
    };

    control->config_purge.zk = settings.zk;
    config_writes_init(&control->config_writes, settings.zk);
    return broker_settings_new(&settings, &control->broker_settings);
}

static void apply_retention(const struct replica_job *job) {
    replica_manager_apply_retention(job->replicas);
}

static void expire_producers(const struct replica_job *job) {
    replica_manager_expire_producers(job->replicas, atomic_load(&job->limit));
}

static void begin_jobs(struct control *control) {
    const struct config *config = control->config;
    struct worker_pool *pool = log_manager_pool(control->logs);
    int64_t expiry_ms = config->producer_id_expiration_check_interval_ms;

    replica_job_init(&control->retention, control->replicas, pool, apply_retention,
                     config->log_initial_task_delay_ms, config->log_retention_check_interval_ms);
    replica_job_init(&control->producer_expiry, control->replicas, pool, expire_producers,
                     expiry_ms, expiry_ms);
    atomic_store(&control->producer_expiry.limit, config->producer_id_expiration_ms);
}

static void join(struct control *control) {
    struct metadata_watcher_config watcher = {
        .zk = &control->zk_meter.zk,
        .cache = &control->metadata,
        .on_update = on_update,
        .on_config_change = on_config_change,
        .context = control,
    };
    enum error error;

    if ((error = make_replicas(control)) != ERR_NONE ||
        (error = make_controller(control)) != ERR_NONE ||
        (error = cleaner_job_start(&control->cleaner, control->config, control->replicas)) !=
            ERR_NONE ||
        (error = make_broker_settings(control)) != ERR_NONE ||
        (error = metadata_watcher_new(&watcher, &control->watcher)) != ERR_NONE ||
        (error = make_registration(control)) != ERR_NONE) {
        rendezvous_signal(&control->rendezvous, error);
        return;
    }
    begin_jobs(control);
    control->directory_failures = (struct directory_failures){
        .zk = watcher.zk,
        .broker_id = control->broker_id,
        .logs = control->logs,
        .replicas = control->replicas,
        .metadata = &control->metadata,
    };
    control->is_joining = true;
    loop_timer_arm(&control->tick, TICK_MS);
    if (control->has_session)
        broker_registration_start(control->registration);
}

enum error control_join_cluster(struct control *control, struct log_manager *logs) {
    control->logs = logs;
    post(control, join);
    return rendezvous_wait(&control->rendezvous, -1, PATIENCE_STARTING);
}

/* ---- Producer ids ---- */

static void ask_for_producer_ids(struct control *control) {
    topic_requests_allocate_producer_ids(control->topic_requests);
}

static void request_block(void *context) {
    post(context, ask_for_producer_ids);
}

/* ---- Life ---- */

enum error control_start(const struct config *config, struct control **started) {
    struct control *control = calloc(1, sizeof(*control));
    struct producer_ids_config producer_ids = {request_block, control};
    struct zk_client_config zk = {
        .connect = config->zookeeper_connect,
        .session_timeout_ms = config->zookeeper_session_timeout_ms,
        .digest_auth = config->zookeeper_digest,
    };
    enum error error = ERR_OUT_OF_MEMORY;

    if (control == NULL)
        return error;
    control->config = config;
    control->broker_id = -1;
    atomic_init(&control->broker_epoch, -1);
    control->listener = (struct zk_listener){on_session, on_watch};
    TAILQ_INIT(&control->metadata_waiters);
    rng_seed_from_kernel(&control->rng);
    metadata_cache_init(&control->metadata);
    rendezvous_init(&control->rendezvous);
    rendezvous_init(&control->departed);
    rendezvous_init(&control->resigned);
    if ((error = live_config_new(config, &control->live_config)) != ERR_NONE ||
        (error = producer_ids_new(&producer_ids, &control->producer_ids)) != ERR_NONE ||
        (error = loop_new(&control->loop)) != ERR_NONE)
        goto out;
    loop_timer_init(&control->tick, control->loop, on_tick);
    shell_timer_init(&control->shell_timer, control->loop);
    zk.executor = loop_executor(control->loop);
    zk.listener = &control->listener;
    if ((error = zk_client_open(&zk, &control->zk_client)) != ERR_NONE)
        goto out;
    zk_meter_init(&control->zk_meter, zk_client_zk(control->zk_client), clock_system());
    if ((error = loop_start(control->loop, "control")) != ERR_NONE)
        goto out;
    *started = control;
    return ERR_NONE;
out:
    control_free(control);
    return error;
}

void control_interrupt(struct control *control) {
    rendezvous_interrupt(&control->rendezvous);
    rendezvous_interrupt(&control->departed);
}

static void depart(struct control *control) {
    replica_manager_depart(control->replicas);
    departure_begin(control->departure);
}

enum error control_depart(struct control *control) {
    post(control, depart);
    return rendezvous_wait(&control->departed, -1, PATIENCE_DEPARTING);
}

static void resign(struct control *control) {
    control->has_resigned = true;
    departure_abandon(control->departure);
    replica_manager_retire_all(control->replicas);
    rendezvous_signal(&control->resigned, ERR_NONE);
}

void control_resign(struct control *control) {
    post(control, resign);
    CHECK(rendezvous_wait(&control->resigned, -1, 0) == ERR_NONE);
}

static void leave(struct control *control) {
    loop_timer_cancel(&control->tick);
    replica_job_stop(&control->retention);
    replica_job_stop(&control->producer_expiry);
    cleaner_job_stop(&control->cleaner);
    replica_manager_free(control->replicas);
    control->replicas = NULL;
    controller_shell_free(control->shell);
    control->shell = NULL;
    config_writes_cancel(&control->config_writes);
    zk_client_close(control->zk_client);
    control->zk_client = NULL;
    controller_channel_free(control->channel);
    control->channel = NULL;
    loop_stop(control->loop);
}

void control_stop(struct control *control) {
    /* Fetchers first: they use partitions. What they post afterwards is dropped with the loop. */
    post(control, leave);
    loop_join(control->loop);
    replica_fetchers_stop(control->fetchers);
    control->fetchers = NULL;
}

void control_free(struct control *control) {
    if (control == NULL)
        return;
    zk_client_close(control->zk_client);
    zk_meter_done(&control->zk_meter);
    metadata_watcher_free(control->watcher);
    broker_registration_free(control->registration);
    isr_changes_free(control->isr_changes);
    departure_free(control->departure);
    topic_requests_free(control->topic_requests);
    broker_settings_free(control->broker_settings);
    loop_timer_done(&control->tick);
    shell_timer_done(&control->shell_timer);
    loop_free(control->loop);
    producer_ids_free(control->producer_ids);
    if (control->applied != NULL)
        live_config_release(control->applied);
    live_config_free(control->live_config);
    metadata_cache_done(&control->metadata);
    rendezvous_done(&control->rendezvous);
    rendezvous_done(&control->departed);
    rendezvous_done(&control->resigned);
    free(control);
}
