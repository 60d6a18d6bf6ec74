/*
 * The producer's background thread: one run looks at everything once. Runs are asked for by
 * sender_wake, answers, changes of the view, and a timer for what time alone brings.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cluster/backoff.h"
#include "client/producer/produce_call.h"

/* How long a record waits for its topic to become known. */
#define TOPIC_WAIT_MS 60000

#define RESPONSE_ARENA_BYTES ((size_t)16 << 20)

static void sender_run(struct task *task);

void sender_wake(struct barnabas_producer *producer) {
    if (!atomic_exchange_explicit(&producer->run_posted, true, memory_order_acq_rel))
        executor_post(loop_executor(producer->handle.loop), &producer->run);
}

static void sender_on_change(struct cluster_listener *listener) {
    struct barnabas_producer *producer = CONTAINER_OF(listener, struct barnabas_producer, listener);

    producer->view_changed = true;
    sender_wake(producer);
}

static void sender_on_timer(struct loop_timer *timer) {
    sender_wake(CONTAINER_OF(timer, struct barnabas_producer, timer));
}

void sender_init(struct barnabas_producer *producer) {
    producer->run.run = sender_run;
    atomic_init(&producer->run_posted, false);
    producer->listener.changed = sender_on_change;
    cluster_listen(producer->handle.cluster, &producer->listener);
    loop_timer_init(&producer->timer, producer->handle.loop, sender_on_timer);
}

/* --- the load of brokers ----------------------------------------------------------------- */

static struct produce_load *load_find(struct barnabas_producer *producer, int32_t broker_id) {
    for (size_t i = 0; i < producer->load_count; i++)
        if (producer->loads[i].broker_id == broker_id)
            return &producer->loads[i];
    return NULL;
}

static struct produce_load *load_get(struct barnabas_producer *producer, int32_t broker_id) {
    struct produce_load *load = load_find(producer, broker_id);
    struct produce_load *loads;

    if (load != NULL)
        return load;
    loads = reallocarray(producer->loads, producer->load_count + 1, sizeof(*loads));
    if (loads == NULL)
        return NULL;
    producer->loads = loads;
    loads[producer->load_count] = (struct produce_load){broker_id, 0};
    return &loads[producer->load_count++];
}

void sender_request_over(struct barnabas_producer *producer, int32_t broker_id) {
    load_find(producer, broker_id)->in_flight--;
    sender_wake(producer);
}

/* --- topics ------------------------------------------------------------------------------ */

/* Tells the cluster of topics it does not know to be wanted. */
static void want_topics(struct barnabas_producer *producer) {
    struct topic_queue *topic;

    mutex_lock(&producer->lock);
    TAILQ_FOREACH (topic, &producer->topic_list, next) {
        if (topic->wanted)
            continue;
        topic->wanted = true;
        mutex_unlock(&producer->lock);
        if (cluster_want_topic(producer->handle.cluster, topic->name) != ERR_NONE)
            topic->wanted = false; /* memory is out: the next run tries again */
        mutex_lock(&producer->lock);
    }
    mutex_unlock(&producer->lock);
}

static bool fail_waiting(struct topic_queue *topic, struct waiting_record *record, enum error error,
                         struct batch_list *failed) {
    struct batch *carrier = batch_of_failed(topic->name, record->partition, error,
                                            record->charged_bytes, record->report);

    if (carrier == NULL)
        return false;
    TAILQ_INSERT_TAIL(failed, carrier, next);
    return true;
}

static enum error enqueue_waiting(struct barnabas_producer *producer, struct topic_queue *topic,
                                  const struct waiting_record *record) REQUIRES(producer->lock) {
    struct new_record new_record = {
        .partition = record->partition,
        .timestamp = record->timestamp,
        .key = record->key,
        .value = record->value,
        .headers = record->headers,
        .header_count = record->header_count,
        .charged_bytes = record->charged_bytes,
        .report = record->report,
    };
    bool ignored;

    return producer_enqueue(producer, topic, &new_record, record->accepted_ms, &ignored);
}

/* Moves waiting records on, if the topic is known now, or out, if it cannot become known. */
static void settle_waiting(struct barnabas_producer *producer, struct topic_queue *topic,
                           int64_t now_ms, int64_t *at_ms, struct batch_list *failed)
    REQUIRES(producer->lock) {
    bool hopeless = topic->error != ERR_NONE && !error_is_retriable(topic->error);
    int64_t wait_ms = producer->policy.delivery_timeout_ms < TOPIC_WAIT_MS
                          ? producer->policy.delivery_timeout_ms
                          : TOPIC_WAIT_MS;
    struct waiting_record *record;

    while ((record = STAILQ_FIRST(&topic->waiting)) != NULL) {
        enum error error = topic->error;

        if (topic->partition_count > 0) {
            error = enqueue_waiting(producer, topic, record);
        } else if (!hopeless && now_ms < record->accepted_ms + wait_ms) {
            if (record->accepted_ms + wait_ms < *at_ms)
                *at_ms = record->accepted_ms + wait_ms;
            return;
        } else if (error == ERR_NONE) {
            error = producer->trouble != ERR_NONE ? producer->trouble : ERR_REQUEST_TIMED_OUT;
        }
        if (error != ERR_NONE && !fail_waiting(topic, record, error, failed))
            return;
        STAILQ_REMOVE_HEAD(&topic->waiting, next);
        free(record);
    }
}

static void update_topics(struct barnabas_producer *producer, int64_t now_ms, int64_t *at_ms,
                          struct batch_list *failed) {
    const struct view *view = cluster_view(producer->handle.cluster);
    struct topic_queue *topic;
    bool refresh;

    mutex_lock(&producer->lock);
    producer->trouble = cluster_trouble(producer->handle.cluster);
    refresh = producer->refresh_wanted;
    producer->refresh_wanted = false;
    TAILQ_FOREACH (topic, &producer->topic_list, next) {
        const struct view_topic *seen = view_topic(view, topic->name);

        if (producer->view_changed && seen != NULL && topic_queue_update(topic, seen) != ERR_NONE)
            continue; /* memory is out: waiting records stay */
        settle_waiting(producer, topic, now_ms, at_ms, failed);
    }
    if (producer->view_changed)
        condition_broadcast(&producer->changed);
    producer->view_changed = false;
    mutex_unlock(&producer->lock);
    if (refresh)
        cluster_refresh(producer->handle.cluster);
}

/* --- age --------------------------------------------------------------------------------- */

void sender_deactivate_if_empty(struct barnabas_producer *producer, struct partition_queue *queue) {
    if (!queue->active || !partition_queue_is_empty(queue))
        return;
    queue->active = false;
    TAILQ_REMOVE(&producer->active, queue, next_active);
}

static void expire_batches(struct barnabas_producer *producer, int64_t now_ms, int64_t *at_ms,
                           struct batch_list *failed) {
    struct partition_queue *queue;
    struct partition_queue *next;

    mutex_lock(&producer->lock);
    for (queue = TAILQ_FIRST(&producer->active); queue != NULL; queue = next) {
        struct batch *batch;

        next = TAILQ_NEXT(queue, next_active);
        while ((batch = partition_queue_expire(queue, &producer->policy, now_ms, at_ms)) != NULL)
            TAILQ_INSERT_TAIL(failed, batch, next);
        sender_deactivate_if_empty(producer, queue);
    }
    mutex_unlock(&producer->lock);
}

/* --- what has no future ------------------------------------------------------------------ */

static void drop_waiting(struct topic_queue *topic, enum error error, struct batch_list *out) {
    struct waiting_record *record;

    while ((record = STAILQ_FIRST(&topic->waiting)) != NULL &&
           fail_waiting(topic, record, error, out)) {
        STAILQ_REMOVE_HEAD(&topic->waiting, next);
        free(record);
    }
}

void sender_drop(struct barnabas_producer *producer, enum error error, bool unsent_only,
                 struct batch_list *out) {
    struct partition_queue *queue;
    struct partition_queue *next;
    struct topic_queue *topic;
    struct batch *batch;

    for (queue = TAILQ_FIRST(&producer->active); queue != NULL; queue = next) {
        next = TAILQ_NEXT(queue, next_active);
        while ((batch = partition_queue_drop(queue, error, unsent_only)) != NULL)
            TAILQ_INSERT_TAIL(out, batch, next);
        sender_deactivate_if_empty(producer, queue);
    }
    TAILQ_FOREACH (topic, &producer->topic_list, next)
        drop_waiting(topic, error, out);
}

/* --- identity ---------------------------------------------------------------------------- */

/* Everything that is not in flight fails. */
static void fail_all(struct barnabas_producer *producer, enum error error,
                     struct batch_list *failed) {
    struct partition_queue *queue;
    struct batch *batch;

    mutex_lock(&producer->lock);
    while ((queue = TAILQ_FIRST(&producer->active)) != NULL) {
        while ((batch = partition_queue_take(queue, error)) != NULL)
            TAILQ_INSERT_TAIL(failed, batch, next);
        sender_deactivate_if_empty(producer, queue);
    }
    mutex_unlock(&producer->lock);
}

static enum error identity_on_answer(struct cluster_call *call, int16_t version,
                                     struct wire_reader *body) {
    struct barnabas_producer *producer =
        CONTAINER_OF(call, struct barnabas_producer, identity_call);
    struct init_producer_id_response response;
    struct arena arena;
    enum error error;

    arena_init(&arena, RESPONSE_ARENA_BYTES);
    error = init_producer_id_response_decode(body, version, &arena, &response);
    arena_done(&arena);
    if (error == ERR_NONE)
        error = response.error_code;
    if (error == ERR_NONE) {
        producer->producer_id = response.producer_id;
        producer->producer_epoch = response.producer_epoch;
    }
    return error;
}

/* Brokers that number no producers exist: unless idempotence was asked for in so many words, we
 * go on without it. */
static bool can_do_without(struct barnabas_producer *producer, enum error error) {
    if (error != ERR_UNSUPPORTED_VERSION ||
        settings_was_set(producer->settings, "enable.idempotence"))
        return false;
    cluster_log_write(producer->handle.cluster, BARNABAS_LOG_WARN, "idempotence_off",
                      "reason=\"the broker does not speak InitProducerId\"");
    mutex_lock(&producer->lock);
    producer->policy.idempotent = false;
    mutex_unlock(&producer->lock);
    return true;
}

static void identity_on_finished(struct cluster_call *call, enum error error) {
    struct barnabas_producer *producer =
        CONTAINER_OF(call, struct barnabas_producer, identity_call);
    struct batch_list failed = TAILQ_HEAD_INITIALIZER(failed);

    if (error == ERR_NONE || can_do_without(producer, error)) {
        producer->identity = IDENTITY_KNOWN;
    } else {
        producer->identity = IDENTITY_NONE;
        if (!error_is_retriable(error))
            fail_all(producer, error, &failed);
    }
    producer_report(producer, &failed);
    sender_wake(producer);
}

/* Whether batches can be numbered; if not yet, that is under way. A transaction gets its partitions
 * only after its identity. */
static bool identity_is_known(struct barnabas_producer *producer, int64_t now_ms) {
    struct cluster_call *call = &producer->identity_call;

    if (producer->policy.transactional)
        return true;
    if (!producer->settings->idempotence || producer->identity == IDENTITY_KNOWN)
        return true;
    if (producer->identity == IDENTITY_ASKED)
        return false;
    init_producer_id_request_init(&producer->identity_request);
    producer->identity_request.transactional_id = BYTES_NULL;
    producer->identity_request.transaction_timeout_ms = INT32_MAX;
    *call = (struct cluster_call){
        .target = CALL_ANY_BROKER,
        .api = &init_producer_id_api,
        .version_max = init_producer_id_api.version_max,
        .request = &producer->identity_request,
        .deadline_ms = now_ms + producer->settings->delivery_timeout_ms,
        .answered = identity_on_answer,
        .finished = identity_on_finished,
    };
    producer->identity = IDENTITY_ASKED;
    cluster_call_start(producer->handle.cluster, call);
    return producer->identity == IDENTITY_KNOWN;
}

/* --- rounds ------------------------------------------------------------------------------ */

static struct produce_call *call_for(struct barnabas_producer *producer,
                                     struct produce_call_list *calls, int32_t broker_id,
                                     struct connection *connection) {
    struct produce_load *load = load_get(producer, broker_id);
    struct produce_call *call;

    TAILQ_FOREACH (call, calls, next)
        if (call->broker_id == broker_id)
            return call;
    if (load == NULL || load->in_flight >= producer->settings->in_flight_max)
        return NULL;
    call = produce_call_new(producer, broker_id, connection);
    if (call != NULL)
        TAILQ_INSERT_TAIL(calls, call, next);
    return call;
}

/* The queues that have something due. Those looked at first go last the next time. */
static size_t find_candidates(struct barnabas_producer *producer, int64_t now_ms, bool *flush,
                              int64_t *at_ms) {
    struct partition_queue *queue;
    size_t count = 0;

    mutex_lock(&producer->lock);
    *flush = producer->flushing > 0 || producer->closing || transactor_is_ending(producer);
    TAILQ_FOREACH (queue, &producer->active, next_active) {
        if (!transactor_allows(producer, queue) ||
            partition_queue_due(queue, &producer->policy, now_ms, *flush, at_ms) == NULL)
            continue;
        if (count == producer->candidate_capacity) {
            size_t capacity = count == 0 ? 16 : count * 2;
            struct partition_queue **more =
                reallocarray(producer->candidates, capacity, sizeof(struct partition_queue *));

            if (more == NULL)
                break;
            producer->candidates = more;
            producer->candidate_capacity = capacity;
        }
        producer->candidates[count++] = queue;
    }
    for (size_t i = 0; i < count; i++) {
        TAILQ_REMOVE(&producer->active, producer->candidates[i], next_active);
        TAILQ_INSERT_TAIL(&producer->active, producer->candidates[i], next_active);
    }
    mutex_unlock(&producer->lock);
    return count;
}

/* The call that can carry the queue's batch now, or NULL; then what it waits for is under way. */
static struct produce_call *call_for_queue(struct barnabas_producer *producer,
                                           struct produce_call_list *calls,
                                           const struct partition_queue *queue) {
    struct cluster *cluster = producer->handle.cluster;
    const struct view_partition *partition =
        view_partition(cluster_view(cluster), queue->topic, queue->partition);
    struct connection *connection;

    if (partition == NULL || partition->leader_id == VIEW_NO_LEADER) {
        cluster_refresh(cluster);
        return NULL;
    }
    connection = cluster_connection(cluster, partition->leader_id);
    if (connection == NULL)
        return NULL;
    return call_for(producer, calls, partition->leader_id, connection);
}

/* Sends at most one request to each broker; true if any was sent. */
static bool send_round(struct barnabas_producer *producer, int64_t now_ms, int64_t *at_ms) {
    struct produce_call_list calls = TAILQ_HEAD_INITIALIZER(calls);
    struct produce_call *call;
    bool sent = false;
    bool flush;
    size_t count = find_candidates(producer, now_ms, &flush, at_ms);

    if (count == 0 || !identity_is_known(producer, now_ms))
        return false;
    for (size_t i = 0; i < count; i++) {
        call = call_for_queue(producer, &calls, producer->candidates[i]);
        if (call != NULL)
            produce_call_take(call, producer->candidates[i], now_ms, flush, at_ms);
    }
    while ((call = TAILQ_FIRST(&calls)) != NULL) {
        TAILQ_REMOVE(&calls, call, next);
        produce_call_finish_batches(call);
        if (call->count == 0) {
            produce_call_free(call);
            continue;
        }
        load_find(producer, call->broker_id)->in_flight++;
        produce_call_send(call);
        sent = true;
    }
    return sent;
}

static void sender_run(struct task *task) {
    struct barnabas_producer *producer = CONTAINER_OF(task, struct barnabas_producer, run);
    struct batch_list failed = TAILQ_HEAD_INITIALIZER(failed);
    int64_t at_ms = INT64_MAX;
    int64_t now_ms;

    atomic_store_explicit(&producer->run_posted, false, memory_order_release);
    if (producer->handle.cluster == NULL)
        return; /* shut */
    now_ms = cluster_now_ms(producer->handle.cluster);
    want_topics(producer);
    update_topics(producer, now_ms, &at_ms, &failed);
    expire_batches(producer, now_ms, &at_ms, &failed);
    producer_report(producer, &failed);
    transactor_run(producer, now_ms, &at_ms, &failed);
    while (send_round(producer, now_ms, &at_ms))
        continue;
    if (at_ms == INT64_MAX)
        loop_timer_cancel(&producer->timer);
    else
        loop_timer_arm(&producer->timer, at_ms > now_ms ? at_ms - now_ms : 1);
}

void sender_shut(struct barnabas_producer *producer) {
    struct batch_list failed = TAILQ_HEAD_INITIALIZER(failed);
    struct topic_queue *topic;

    if (producer->identity == IDENTITY_ASKED)
        cluster_call_cancel(&producer->identity_call);
    transactor_shut(producer);
    loop_timer_done(&producer->timer);
    cluster_unlisten(producer->handle.cluster, &producer->listener);
    /* Requests under way are answered now, CANCELLED, while their batches are still there. */
    cluster_free(producer->handle.cluster);
    producer->handle.cluster = NULL;
    fail_all(producer, ERR_CANCELLED, &failed);
    mutex_lock(&producer->lock);
    TAILQ_FOREACH (topic, &producer->topic_list, next)
        drop_waiting(topic, ERR_CANCELLED, &failed);
    mutex_unlock(&producer->lock);
    producer_report(producer, &failed);
}

void sender_done(struct barnabas_producer *producer) {
    loop_timer_done(&producer->timer);
    free(producer->candidates);
    free(producer->loads);
}
