#include "client/producer/produce_call.h"

#include <stdlib.h>
#include <string.h>

#include "client/cluster/backoff.h"
#include "client/wire/message/produce.h"

/* Around the batches of a produce request, for its size. */
#define REQUEST_OVERHEAD_BYTES   128
#define PARTITION_OVERHEAD_BYTES 32

#define RESPONSE_ARENA_BYTES ((size_t)16 << 20)

struct produce_call *produce_call_new(struct barnabas_producer *producer, int32_t broker_id,
                                      struct connection *connection) {
    struct produce_call *call = calloc(1, sizeof(*call));

    if (call == NULL)
        return NULL;
    call->producer = producer;
    call->broker_id = broker_id;
    call->connection = connection;
    call->bytes = REQUEST_OVERHEAD_BYTES;
    return call;
}

void produce_call_free(struct produce_call *call) {
    if (call == NULL)
        return;
    free(call->items);
    free(call);
}

/* The answer for one batch; what left its queue is appended to `out`. */
static void answer_item(struct barnabas_producer *producer, struct produce_item *item,
                        enum error error, int64_t base_offset, int64_t log_append_time_ms,
                        struct batch_list *out) {
    const struct settings *s = producer->settings;
    int64_t now_ms = cluster_now_ms(producer->handle.cluster);
    int64_t retry_at_ms =
        now_ms + backoff_ms(cluster_rng(producer->handle.cluster), s->retry_backoff_ms,
                            s->retry_backoff_ms_max, (uint32_t)item->batch->sends);
    enum verdict verdict;

    item->answered = true;
    mutex_lock(&producer->lock);
    verdict = partition_queue_answer(item->queue, &producer->policy, item->batch, error,
                                     base_offset, log_append_time_ms, now_ms, retry_at_ms);
    if (verdict != VERDICT_AGAIN)
        TAILQ_INSERT_TAIL(out, item->batch, next);
    sender_deactivate_if_empty(producer, item->queue);
    mutex_unlock(&producer->lock);
    if (verdict == VERDICT_DELIVERED)
        return;
    cluster_log_write(producer->handle.cluster,
                      verdict == VERDICT_AGAIN ? BARNABAS_LOG_INFO : BARNABAS_LOG_WARN,
                      verdict == VERDICT_AGAIN ? "produce_retried" : "produce_failed",
                      "topic=%s partition=%d error=%s", item->queue->topic, item->queue->partition,
                      error_name(error));
    if (verdict == VERDICT_AGAIN)
        cluster_refresh(producer->handle.cluster);
}

static void answer_rest(struct produce_call *call, enum error error, struct batch_list *out) {
    for (size_t i = 0; i < call->count; i++)
        if (!call->items[i].answered)
            answer_item(call->producer, &call->items[i], error, -1, -1, out);
}

/* Answers usually come in the order of the request: `*hint` is where to look first. */
static struct produce_item *item_find(struct produce_call *call, struct bytes topic,
                                      int32_t partition, size_t *hint) {
    for (size_t i = 0; i < call->count; i++) {
        struct produce_item *item = &call->items[(*hint + i) % call->count];

        if (!item->answered && item->queue->partition == partition &&
            bytes_equal_text(topic, item->queue->topic)) {
            *hint = (size_t)(item - call->items) + 1;
            return item;
        }
    }
    return NULL;
}

static void answer_items(struct produce_call *call, const struct produce_response *response,
                         struct batch_list *out) {
    size_t hint = 0;

    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct produce_response_responses *topic = &response->responses[i];

        for (int32_t j = 0; j < topic->partition_responses_count; j++) {
            const struct produce_response_responses_partition_responses *answer =
                &topic->partition_responses[j];
            struct produce_item *item = item_find(call, topic->name, answer->index, &hint);

            if (item == NULL)
                continue;
            if (answer->current_leader.leader_id >= 0)
                cluster_learn_leader(call->producer->handle.cluster, item->queue->topic,
                                     answer->index, answer->current_leader.leader_id,
                                     answer->current_leader.leader_epoch);
            answer_item(call->producer, item, answer->error_code, answer->base_offset,
                        answer->log_append_time_ms, out);
        }
    }
}

static void produce_on_response(void *context, enum error error, int16_t version,
                                struct wire_reader *body) {
    struct produce_call *call = context;
    struct barnabas_producer *producer = call->producer;
    struct batch_list out = TAILQ_HEAD_INITIALIZER(out);
    int32_t broker_id = call->broker_id;
    struct produce_response response;
    struct arena arena;

    if (error == ERR_NONE && body == NULL) { /* acks=0: the kernel has it */
        answer_rest(call, ERR_NONE, &out);
    } else if (error == ERR_NONE) {
        arena_init(&arena, RESPONSE_ARENA_BYTES);
        error = produce_response_decode(body, version, &arena, &response);
        if (error == ERR_NONE)
            answer_items(call, &response, &out);
        arena_done(&arena);
        /* A batch that the answer passes over has an unknown fate. */
        answer_rest(call, ERR_CONNECTION_LOST, &out);
    } else {
        answer_rest(call, error == ERR_CANCELLED ? ERR_CONNECTION_LOST : error, &out);
    }
    produce_call_free(call);
    producer_report(producer, &out);
    sender_request_over(producer, broker_id);
}

/* --- the request ------------------------------------------------------------------------- */

static int item_compare(const void *left, const void *right) {
    const struct produce_item *a = left;
    const struct produce_item *b = right;
    int order = strcmp(a->queue->topic, b->queue->topic);

    if (order != 0)
        return order;
    return (a->queue->partition > b->queue->partition) -
           (a->queue->partition < b->queue->partition);
}

static size_t topic_count(const struct produce_call *call) {
    size_t count = 0;

    for (size_t i = 0; i < call->count; i++)
        count += i == 0 || call->items[i].queue->topic != call->items[i - 1].queue->topic;
    return count;
}

/* Fills the request's arrays, which hold call->count elements each. */
static void request_fill(const struct produce_call *call, struct produce_request *request,
                         struct produce_request_topic_data_partition_data *partitions) {
    struct produce_request_topic_data *topic = NULL;

    for (size_t i = 0; i < call->count; i++) {
        const struct produce_item *item = &call->items[i];

        if (i == 0 || item->queue->topic != call->items[i - 1].queue->topic) {
            topic = &request->topic_data[request->topic_data_count++];
            produce_request_topic_data_init(topic);
            topic->name = bytes_of_text(item->queue->topic);
            topic->partition_data = &partitions[i];
            topic->partition_data_count = 0;
        }
        topic->partition_data_count++;
        produce_request_topic_data_partition_data_init(&partitions[i]);
        partitions[i].index = item->queue->partition;
        partitions[i].records.data = bytes_of(item->batch->bytes, item->batch->size);
    }
}

void produce_call_send(struct produce_call *call) {
    struct barnabas_producer *producer = call->producer;
    const struct settings *s = producer->settings;
    struct produce_request_topic_data_partition_data *partitions;
    struct produce_request request;
    struct produce_request_topic_data *topics;

    qsort(call->items, call->count, sizeof(*call->items), item_compare);
    topics = calloc(topic_count(call), sizeof(*topics));
    partitions = calloc(call->count, sizeof(*partitions));
    if (topics == NULL || partitions == NULL) {
        free(topics);
        free(partitions);
        produce_on_response(call, ERR_OUT_OF_MEMORY, 0, NULL);
        return;
    }
    produce_request_init(&request);
    request.acks = (int16_t)s->acks;
    if (producer->policy.transactional)
        request.transactional_id = bytes_of_text(s->transactional_id);
    request.timeout_ms = (int32_t)s->request_timeout_ms;
    request.topic_data = topics;
    request.topic_data_count = 0;
    request_fill(call, &request, partitions);
    connection_send(call->connection, &produce_api, produce_api.version_max, &request,
                    s->request_timeout_ms, s->acks != ACKS_NONE, produce_on_response, call);
    free(topics);
    free(partitions);
}

void produce_call_finish_batches(struct produce_call *call) {
    struct batch_list out = TAILQ_HEAD_INITIALIZER(out);
    size_t kept = 0;

    for (size_t i = 0; i < call->count; i++) {
        enum error error = batch_finish(call->items[i].batch);

        if (error == ERR_NONE)
            call->items[kept++] = call->items[i];
        else
            answer_item(call->producer, &call->items[i], error, -1, -1, &out);
    }
    call->count = kept;
    producer_report(call->producer, &out);
}

static bool call_reserve(struct produce_call *call) {
    size_t capacity = call->capacity == 0 ? 8 : call->capacity * 2;
    struct produce_item *items;

    if (call->count < call->capacity)
        return true;
    items = reallocarray(call->items, capacity, sizeof(*items));
    if (items == NULL)
        return false;
    call->items = items;
    call->capacity = capacity;
    return true;
}

void produce_call_take(struct produce_call *call, struct partition_queue *queue, int64_t now_ms,
                       bool flush, int64_t *at_ms) {
    struct barnabas_producer *producer = call->producer;
    struct batch *batch;
    size_t bytes;

    if (!call_reserve(call))
        return;
    mutex_lock(&producer->lock);
    batch = partition_queue_due(queue, &producer->policy, now_ms, flush, at_ms);
    if (batch != NULL) {
        bytes = batch_bytes(batch) + PARTITION_OVERHEAD_BYTES + strlen(queue->topic);
        if (call->count == 0 ||
            (int64_t)(call->bytes + bytes) <= producer->settings->request_bytes_max) {
            partition_queue_send(queue, &producer->policy, batch, producer->producer_id,
                                 producer->producer_epoch);
            producer->statistics.batches += batch->sends == 1;
            producer->statistics.retries += batch->sends > 1;
            call->items[call->count++] = (struct produce_item){queue, batch, false};
            call->bytes += bytes;
        }
    }
    mutex_unlock(&producer->lock);
}
