#include "client/producer/partition_queue.h"

#include <string.h>

void partition_queue_init(struct partition_queue *queue, const char *topic, int32_t partition) {
    memset(queue, 0, sizeof(*queue));
    queue->topic = topic;
    queue->partition = partition;
    queue->producer_id = RECORD_NO_PRODUCER_ID;
    TAILQ_INIT(&queue->batches);
}

void partition_queue_done(struct partition_queue *queue) {
    struct batch *batch;

    while ((batch = TAILQ_FIRST(&queue->batches)) != NULL) {
        TAILQ_REMOVE(&queue->batches, batch, next);
        batch_free(batch);
    }
}

bool partition_queue_is_empty(const struct partition_queue *queue) {
    return TAILQ_EMPTY(&queue->batches);
}

static struct batch *open_batch(const struct partition_queue *queue) {
    struct batch *last = TAILQ_LAST(&queue->batches, batch_list);

    return last != NULL && last->state == BATCH_OPEN ? last : NULL;
}

static bool is_full(const struct batch *batch, const struct send_policy *policy) {
    return (int64_t)batch_bytes(batch) >= policy->batch_bytes;
}

enum error partition_queue_append(struct partition_queue *queue, const struct send_policy *policy,
                                  int64_t now_ms, int64_t timestamp, struct bytes key,
                                  struct bytes value, const struct record_header *headers,
                                  int32_t header_count, size_t charged_bytes, struct report report,
                                  bool *wake) {
    struct batch *batch = open_batch(queue);
    struct batch *fresh = NULL;
    enum error error;

    *wake = false;
    if (batch != NULL && (int64_t)(batch_bytes(batch) + charged_bytes) > policy->batch_bytes) {
        batch->state = BATCH_CLOSED;
        batch = NULL;
    }
    if (batch == NULL) {
        *wake = true;
        error = batch_new(policy->codec, policy->transactional, queue->topic, queue->partition,
                          now_ms, &fresh);
        if (error != ERR_NONE)
            return error;
        batch = fresh;
    }
    error = batch_add(batch, timestamp, key, value, headers, header_count, report);
    if (error != ERR_NONE) {
        batch_free(fresh);
        return error;
    }
    batch->charged_bytes += charged_bytes;
    if (fresh != NULL)
        TAILQ_INSERT_TAIL(&queue->batches, fresh, next);
    if (is_full(batch, policy)) {
        batch->state = BATCH_CLOSED;
        *wake = true;
    }
    return ERR_NONE;
}

static void lower(int64_t *at_ms, int64_t to_ms) {
    if (to_ms < *at_ms)
        *at_ms = to_ms;
}

/* Whether a batch never sent may go now, by its own age and size. */
static bool is_ripe(const struct batch *batch, const struct send_policy *policy, int64_t now_ms,
                    bool flush, int64_t *at_ms) {
    int64_t ripe_at_ms = batch->created_ms + policy->linger_ms;

    if (batch->state == BATCH_CLOSED || flush || now_ms >= ripe_at_ms)
        return true;
    lower(at_ms, ripe_at_ms);
    return false;
}

struct batch *partition_queue_due(const struct partition_queue *queue,
                                  const struct send_policy *policy, int64_t now_ms, bool flush,
                                  int64_t *at_ms) {
    struct batch *first = TAILQ_FIRST(&queue->batches);
    struct batch *batch;

    if (queue->restart && queue->in_flight > 0)
        return NULL;
    TAILQ_FOREACH (batch, &queue->batches, next) {
        if (batch->state == BATCH_IN_FLIGHT)
            continue;
        if (batch->state == BATCH_RETRY) {
            if (batch != first)
                return NULL;
            if (now_ms >= batch->retry_at_ms)
                return batch;
            lower(at_ms, batch->retry_at_ms);
            return NULL;
        }
        /* What is numbered must be answered before a gap can be closed. */
        if (queue->gap && batch != first)
            return NULL;
        if (queue->in_flight >=
            (policy->idempotent && !queue->established ? 1 : policy->in_flight_max))
            return NULL;
        return is_ripe(batch, policy, now_ms, flush, at_ms) ? batch : NULL;
    }
    return NULL;
}

static void number(struct partition_queue *queue, struct batch *batch) {
    batch->producer_id = queue->producer_id;
    batch->producer_epoch = queue->producer_epoch;
    batch->base_sequence = queue->next_sequence;
    queue->next_sequence = record_sequence_add(queue->next_sequence, batch->record_count);
}

/* Rule 3. Nothing is in flight. The epoch cannot pass its largest value: after 32767 failures
 * the broker's refusals fail the batches instead. */
static void start_anew(struct partition_queue *queue) {
    struct batch *batch;

    queue->gap = false;
    queue->restart = false;
    queue->established = false;
    if (queue->producer_epoch < INT16_MAX)
        queue->producer_epoch++;
    queue->next_sequence = 0;
    TAILQ_FOREACH (batch, &queue->batches, next)
        if (batch->base_sequence >= 0)
            number(queue, batch);
}

static void adopt(struct partition_queue *queue, int64_t producer_id, int16_t producer_epoch) {
    if (queue->producer_id == producer_id && queue->producer_epoch == producer_epoch)
        return;
    CHECK(queue->in_flight == 0);
    queue->producer_id = producer_id;
    queue->producer_epoch = producer_epoch;
    queue->next_sequence = 0;
    queue->established = false;
    queue->gap = false;
    queue->restart = false;
}

void partition_queue_send(struct partition_queue *queue, const struct send_policy *policy,
                          struct batch *batch, int64_t producer_id, int16_t producer_epoch) {
    CHECK(batch->state != BATCH_IN_FLIGHT);
    if (policy->idempotent) {
        if (queue->producer_id == RECORD_NO_PRODUCER_ID || policy->transactional)
            adopt(queue, producer_id, producer_epoch);
        if (queue->restart || (queue->gap && batch->base_sequence < 0))
            start_anew(queue);
        if (batch->base_sequence < 0)
            number(queue, batch);
    }
    batch->state = BATCH_IN_FLIGHT;
    batch->sends++;
    queue->in_flight++;
}

static void leave(struct partition_queue *queue, struct batch *batch, enum error error) {
    TAILQ_REMOVE(&queue->batches, batch, next);
    if (batch->state == BATCH_IN_FLIGHT)
        queue->in_flight--;
    if (error != ERR_NONE && batch->base_sequence >= 0)
        queue->gap = true;
    batch->error = error;
}

/* The broker refuses the number. Says whether the batch is to be sent again. */
static bool refused_number(struct partition_queue *queue, const struct send_policy *policy,
                           const struct batch *batch, enum error error) {
    if (policy->transactional && error != ERR_OUT_OF_ORDER_SEQUENCE_NUMBER)
        return false; /* rule 6 */
    if (batch != TAILQ_FIRST(&queue->batches))
        return true; /* because of one before it, whose fate decides */
    if (policy->transactional)
        return false;
    if (error == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && !queue->gap)
        return false; /* rule 4 */
    if (queue->producer_epoch == INT16_MAX)
        return false;
    queue->restart = true;
    return true;
}

static bool may_retry(struct partition_queue *queue, const struct send_policy *policy,
                      const struct batch *batch, enum error error, int64_t now_ms) {
    if (batch->sends > policy->retries)
        return false;
    if (now_ms - batch->created_ms >= policy->delivery_timeout_ms)
        return false;
    if (policy->idempotent &&
        (error == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER || error == ERR_INVALID_PRODUCER_EPOCH ||
         error == ERR_UNKNOWN_PRODUCER_ID))
        return refused_number(queue, policy, batch, error);
    return error_is_retriable(error);
}

enum verdict partition_queue_answer(struct partition_queue *queue, const struct send_policy *policy,
                                    struct batch *batch, enum error error, int64_t base_offset,
                                    int64_t log_append_time_ms, int64_t now_ms,
                                    int64_t retry_at_ms) {
    CHECK(batch->state == BATCH_IN_FLIGHT);
    if (error == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        /* The broker has it but no longer knows where. */
        error = ERR_NONE;
        base_offset = -1;
    }
    if (error == ERR_NONE) {
        leave(queue, batch, ERR_NONE);
        queue->established |= batch->producer_epoch == queue->producer_epoch;
        batch->base_offset = base_offset;
        batch->log_append_time_ms = log_append_time_ms;
        return VERDICT_DELIVERED;
    }
    if (may_retry(queue, policy, batch, error, now_ms)) {
        batch->state = BATCH_RETRY;
        batch->retry_at_ms = retry_at_ms;
        queue->in_flight--;
        return VERDICT_AGAIN;
    }
    leave(queue, batch, error);
    return VERDICT_FAILED;
}

struct batch *partition_queue_expire(struct partition_queue *queue,
                                     const struct send_policy *policy, int64_t now_ms,
                                     int64_t *at_ms) {
    struct batch *batch;

    TAILQ_FOREACH (batch, &queue->batches, next) {
        int64_t expires_ms = batch->created_ms + policy->delivery_timeout_ms;

        if (now_ms < expires_ms) {
            lower(at_ms, expires_ms);
            return NULL;
        }
        if (batch->state != BATCH_IN_FLIGHT) {
            leave(queue, batch, ERR_REQUEST_TIMED_OUT);
            return batch;
        }
    }
    return NULL;
}

struct batch *partition_queue_take(struct partition_queue *queue, enum error error) {
    struct batch *batch = TAILQ_FIRST(&queue->batches);

    if (batch != NULL)
        leave(queue, batch, error);
    return batch;
}

struct batch *partition_queue_drop(struct partition_queue *queue, enum error error,
                                   bool unsent_only) {
    struct batch *batch;

    TAILQ_FOREACH (batch, &queue->batches, next) {
        if (batch->state == BATCH_IN_FLIGHT || (unsent_only && batch->sends > 0))
            continue;
        leave(queue, batch, error);
        return batch;
    }
    return NULL;
}
