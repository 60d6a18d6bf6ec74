/*
 * The consumer's background thread: one run looks at all partitions and asks for what they need,
 * one request of a kind to each broker. Runs are asked for by fetcher_wake, answers, changes of
 * the view, and a timer for what time alone brings.
 */
#include <stdlib.h>
#include <string.h>

#include "client/consumer/ask.h"

#define RESPONSE_ARENA_BYTES ((size_t)64 << 20)

TAILQ_HEAD(ask_call_list, ask_call);

static void fetcher_run(struct task *task);

void fetcher_wake(struct barnabas_consumer *consumer) {
    if (!atomic_exchange_explicit(&consumer->run_posted, true, memory_order_acq_rel))
        executor_post(loop_executor(consumer->handle.loop), &consumer->run);
}

static void fetcher_on_change(struct cluster_listener *listener) {
    fetcher_wake(CONTAINER_OF(listener, struct barnabas_consumer, listener));
}

static void fetcher_on_timer(struct loop_timer *timer) {
    fetcher_wake(CONTAINER_OF(timer, struct barnabas_consumer, timer));
}

void fetcher_init(struct barnabas_consumer *consumer) {
    consumer->run.run = fetcher_run;
    atomic_init(&consumer->run_posted, false);
    consumer->listener.changed = fetcher_on_change;
    cluster_listen(consumer->handle.cluster, &consumer->listener);
    loop_timer_init(&consumer->timer, consumer->handle.loop, fetcher_on_timer);
}

void fetcher_shut(struct barnabas_consumer *consumer) {
    group_shut(consumer);
    loop_timer_done(&consumer->timer);
    cluster_unlisten(consumer->handle.cluster, &consumer->listener);
    cluster_free(consumer->handle.cluster);
    consumer->handle.cluster = NULL;
}

void fetcher_done(struct barnabas_consumer *consumer) {
    loop_timer_done(&consumer->timer);
    free(consumer->loads);
}

static struct fetch_load *load_get(struct barnabas_consumer *consumer, int32_t broker_id) {
    struct fetch_load *loads;

    for (size_t i = 0; i < consumer->load_count; i++)
        if (consumer->loads[i].broker_id == broker_id)
            return &consumer->loads[i];
    loads = reallocarray(consumer->loads, consumer->load_count + 1, sizeof(*loads));
    if (loads == NULL)
        return NULL;
    consumer->loads = loads;
    loads[consumer->load_count] = (struct fetch_load){broker_id, false};
    return &loads[consumer->load_count++];
}

static void call_free(struct ask_call *call) {
    free(call->items);
    free(call);
}

static void answer_rest(struct ask_call *call, enum error error) {
    for (size_t i = 0; i < call->count; i++)
        if (!call->items[i].answered)
            ask_fail(call, &call->items[i], error);
}

void ask_end(struct ask_call *call, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;

    if (call->kind == &ask_records)
        load_get(consumer, call->broker_id)->fetching = false;
    /* Asking again does no harm, so a lost or garbled answer is a passing error. */
    answer_rest(call, error == ERR_UNSUPPORTED_VERSION ? error : ERR_CONNECTION_LOST);
    call_free(call);
    fetcher_wake(consumer);
}

static void ask_on_response(void *context, enum error error, int16_t version,
                            struct wire_reader *body) {
    struct ask_call *call = context;
    struct arena arena;

    arena_init(&arena, RESPONSE_ARENA_BYTES);
    if (error == ERR_NONE)
        error = call->kind->answer(call, version, body, &arena);
    arena_done(&arena);
    ask_end(call, error);
}

void ask_send(struct ask_call *call, const struct wire_api *api, int16_t version_max,
              const void *message) {
    connection_send(call->connection, api, version_max, message,
                    call->consumer->settings->request_timeout_ms, true, ask_on_response, call);
}

/* --- requests ---------------------------------------------------------------------------- */

static int item_compare(const void *left, const void *right) {
    const struct asked_partition *a = left;
    const struct asked_partition *b = right;
    int order = strcmp(a->partition->topic->name, b->partition->topic->name);

    return order != 0 ? order : a->partition->index - b->partition->index;
}

/* Hands a filled call to its connection; the answer frees it. */
static void call_send(struct ask_call *call) {
    struct arena arena;
    enum error error;

    qsort(call->items, call->count, sizeof(*call->items), item_compare);
    if (call->kind == &ask_records)
        load_get(call->consumer, call->broker_id)->fetching = true;
    arena_init(&arena, RESPONSE_ARENA_BYTES);
    error = call->kind->send(call, &arena);
    arena_done(&arena);
    if (error != ERR_NONE)
        ask_end(call, error);
}

static struct ask_call *call_for(struct barnabas_consumer *consumer, struct ask_call_list *calls,
                                 const struct ask_kind *kind, int32_t broker_id,
                                 struct connection *connection) {
    struct fetch_load *load = load_get(consumer, broker_id);
    struct ask_call *call;

    if (load == NULL || (kind == &ask_records && load->fetching))
        return NULL;
    TAILQ_FOREACH (call, calls, next)
        if (call->broker_id == broker_id && call->kind == kind)
            return call;
    call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->consumer = consumer;
    call->kind = kind;
    call->broker_id = broker_id;
    call->connection = connection;
    TAILQ_INSERT_TAIL(calls, call, next);
    return call;
}

static struct asked_partition *call_add(struct ask_call *call) {
    size_t capacity = call->capacity == 0 ? 8 : call->capacity * 2;
    struct asked_partition *items;

    if (call->count == call->capacity) {
        items = reallocarray(call->items, capacity, sizeof(*items));
        if (items == NULL)
            return NULL;
        call->items = items;
        call->capacity = capacity;
    }
    return &call->items[call->count++];
}

/* Whether there is room to read ahead. A partition with nothing queued always may: others, say
 * paused ones, must not starve it. */
static bool has_room(const struct barnabas_consumer *consumer,
                     const struct consumed_partition *partition) REQUIRES(consumer->lock) {
    const struct settings *s = consumer->settings;

    return partition->buffered_bytes == 0 ||
           ((int64_t)partition->buffered_bytes < s->partition_fetch_bytes_max &&
            (int64_t)consumer->buffered_bytes < s->fetch_bytes_max);
}

/* Who is asked for records. A replica may fall behind, out of the ISR, without saying so: after a
 * while the leader is asked again. */
static int32_t fetched_from(const struct barnabas_consumer *consumer,
                            struct consumed_partition *partition, int32_t leader_id,
                            int64_t now_ms) {
    if (partition->near_replica_id != partition->near_known_id)
        partition->near_until_ms = now_ms + consumer->settings->metadata_age_ms_max;
    else if (now_ms >= partition->near_until_ms)
        partition->near_replica_id = -1;
    partition->near_known_id = partition->near_replica_id;
    return partition->near_replica_id >= 0 ? partition->near_replica_id : leader_id;
}

/* Back to the leader, which may not have heard yet and sends us here again: not too often. */
static void leave_near(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                       int64_t now_ms, int64_t *at_ms) {
    int64_t again_ms = now_ms + consumer->settings->retry_backoff_ms;

    partition->near_replica_id = -1;
    mutex_lock(&consumer->lock);
    partition->reader.retry_at_ms = again_ms;
    mutex_unlock(&consumer->lock);
    if (again_ms < *at_ms)
        *at_ms = again_ms;
}

/* Sets what the partition needs going, if it can be done now. */
static void serve(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                  int64_t now_ms, int64_t *at_ms, struct ask_call_list *calls) {
    static const struct ask_kind *const kinds[] = {[NEED_OFFSET] = &ask_offsets,
                                                   [NEED_VALIDATION] = &ask_epochs,
                                                   [NEED_RECORDS] = &ask_records};
    struct cluster *cluster = consumer->handle.cluster;
    const struct view *view = cluster_view(cluster);
    const struct view_topic *topic = view_topic(view, partition->topic->name);
    const struct view_partition *seen =
        view_partition(view, partition->topic->name, partition->index);
    struct reader_outcome outcome;
    enum reader_need need;
    struct connection *connection;
    struct asked_partition *added;
    struct asked_partition item;
    struct ask_call *call;
    int32_t broker_id;

    mutex_lock(&consumer->lock);
    need = reader_next(&partition->reader, seen, topic == NULL ? ERR_NONE : topic->error, now_ms,
                       at_ms, &outcome);
    if (need == NEED_RECORDS && !has_room(consumer, partition))
        need = NEED_NOTHING;
    outcome_queue(consumer, partition, &outcome);
    item = (struct asked_partition){
        .partition = partition,
        .generation = partition->reader.generation,
        .timestamp = partition->reader.timestamp,
        .fetch_offset = partition->reader.fetch_offset,
        .fetch_epoch = partition->reader.fetch_epoch,
    };
    mutex_unlock(&consumer->lock);
    if (need == NEED_LEADER)
        cluster_refresh(cluster);
    if (need == NEED_NOTHING || need == NEED_LEADER)
        return;
    broker_id = need == NEED_RECORDS ? fetched_from(consumer, partition, seen->leader_id, now_ms)
                                     : seen->leader_id;
    connection = cluster_connection(cluster, broker_id);
    if (connection == NULL) {
        if (broker_id == partition->near_replica_id && cluster_broker_failed(cluster, broker_id))
            leave_near(consumer, partition, now_ms, at_ms);
        return;
    }
    call = call_for(consumer, calls, kinds[need], broker_id, connection);
    item.topic_id = topic->id;
    item.leader_epoch = seen->leader_epoch;
    if (call == NULL || (added = call_add(call)) == NULL)
        return;
    mutex_lock(&consumer->lock);
    if (ask_is_current(&item)) {
        *added = item;
        partition->reader.asking = true;
    } else {
        call->count--; /* assigned anew meanwhile; whoever did it has woken us */
    }
    mutex_unlock(&consumer->lock);
}

/* Tells the cluster of new topics, and the waiting threads what the view says of all. */
static void update_topics(struct barnabas_consumer *consumer) {
    struct cluster *cluster = consumer->handle.cluster;
    struct consumed_topic *topic;
    bool changed = false;

    mutex_lock(&consumer->lock);
    consumer->trouble = cluster_trouble(cluster);
    TAILQ_FOREACH (topic, &consumer->topics, next) {
        const struct view_topic *seen;

        if (!topic->wanted) {
            mutex_unlock(&consumer->lock);
            topic->wanted = cluster_want_topic(cluster, topic->name) == ERR_NONE;
            mutex_lock(&consumer->lock);
        }
        seen = view_topic(cluster_view(cluster), topic->name);
        if (seen == NULL ||
            (topic->error == seen->error && topic->partition_count == seen->partition_count))
            continue;
        topic->error = seen->error;
        topic->partition_count = seen->partition_count;
        changed = true;
    }
    if (changed)
        condition_broadcast(&consumer->changed);
    mutex_unlock(&consumer->lock);
}

static void fetcher_run(struct task *task) {
    struct barnabas_consumer *consumer = CONTAINER_OF(task, struct barnabas_consumer, run);
    struct ask_call_list calls = TAILQ_HEAD_INITIALIZER(calls);
    struct consumed_partition *partition;
    struct ask_call *call;
    int64_t at_ms = INT64_MAX;
    int64_t now_ms;

    atomic_store_explicit(&consumer->run_posted, false, memory_order_release);
    if (consumer->handle.cluster == NULL)
        return; /* shut */
    now_ms = cluster_now_ms(consumer->handle.cluster);
    update_topics(consumer);
    group_run(consumer, now_ms, &at_ms);
    /* The list only grows, at its end. */
    mutex_lock(&consumer->lock);
    TAILQ_FOREACH (partition, &consumer->partitions, next) {
        mutex_unlock(&consumer->lock);
        serve(consumer, partition, now_ms, &at_ms, &calls);
        mutex_lock(&consumer->lock);
    }
    mutex_unlock(&consumer->lock);
    while ((call = TAILQ_FIRST(&calls)) != NULL) {
        TAILQ_REMOVE(&calls, call, next);
        if (call->count > 0)
            call_send(call);
        else
            call_free(call);
    }
    if (at_ms == INT64_MAX)
        loop_timer_cancel(&consumer->timer);
    else
        loop_timer_arm(&consumer->timer, at_ms > now_ms ? at_ms - now_ms : 1);
}
