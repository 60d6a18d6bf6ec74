/*
 * The batches of one partition, in order, and the rules by which they are sent, sent again, and
 * numbered: the producer's state machine. Pure: it is given the time.
 *
 * A batch stays in the queue until its fate is known; the order of the queue is the order of the
 * log. Rules:
 * 1. A batch that must be sent again goes only when it is the first of the queue: whatever was
 *    sent behind it is answered first. So a partition has at most one batch in flight again, and
 *    order cannot be turned round.
 * 2. With idempotence each batch keeps the sequence number that it was first sent with, however
 *    often it is sent: the broker recognises what it has already. At most `in_flight_max` (5)
 *    are unanswered, which is as many as a broker remembers.
 * 3. When a numbered batch fails for good there may be a gap in the numbers, and the broker would
 *    refuse all that follows with OUT_OF_ORDER_SEQUENCE_NUMBER. What follows is nevertheless
 *    sent as it was numbered, as it may be in the log already: only when the first in the queue
 *    is refused as out of order, which proves that it is not, does the partition start anew at
 *    sequence 0 with the next producer epoch (KIP-360, per partition). A gap with nothing
 *    numbered behind it starts anew at once.
 * 4. OUT_OF_ORDER_SEQUENCE_NUMBER for the first batch without such a gap means that the broker
 *    lost what it had acknowledged: the batch fails, so that its sender learns of it, and rule 3
 *    applies to the rest.
 * 5. A broker takes any number from a producer it does not know, so until the first batch of an
 *    epoch has been acknowledged nothing is sent behind it: else the second could be stored when
 *    the first was refused for a passing reason, and the first never.
 *
 * 6. In transactions the numbers of all partitions stand and fall together: instead of rules 3 and
 *    4 a batch that is refused for its number fails, and with it the transaction. The queue begins
 *    anew, empty, in the epoch that the producer has then (transaction.h).
 *
 * Threads: the producer's lock.
 * Source: Kafka 3.9, Sender, RecordAccumulator, TransactionManager, ProducerAppendInfo. Rules 3 and
 * 5 go beyond them: there a batch of unknown outcome is numbered anew, and can be stored twice.
 */
#ifndef CLIENT_PRODUCER_PARTITION_QUEUE_H
#define CLIENT_PRODUCER_PARTITION_QUEUE_H

#include "client/producer/batch.h"

struct send_policy {
    enum compression codec;
    bool idempotent;
    bool transactional; /* and idempotent */
    int64_t batch_bytes;
    int64_t linger_ms;
    int64_t retries;
    int64_t in_flight_max;
    int64_t delivery_timeout_ms;
};

struct partition_queue {
    const char *topic; /* lives as long as the producer */
    int32_t partition;
    struct batch_list batches;
    int32_t in_flight;
    /* Numbering; used if the policy is idempotent. */
    int64_t producer_id; /* -1 until the first batch is sent */
    int16_t producer_epoch;
    int32_t next_sequence;
    bool established;    /* rule 5: the broker has stored a batch of this epoch */
    bool gap;            /* rule 3: a numbered batch failed */
    bool restart;        /* rule 3: proven; number anew once nothing is in flight */
    int64_t transaction; /* the newest of which the partition is part; 0: none */
    /* The producer's: on the list of queues that hold something. */
    bool active;
    TAILQ_ENTRY(partition_queue) next_active;
};

void partition_queue_init(struct partition_queue *queue, const char *topic, int32_t partition);
void partition_queue_done(struct partition_queue *queue); /* frees what it holds */

bool partition_queue_is_empty(const struct partition_queue *queue);

/* Adds a record to the open batch, or to a new one if it does not fit. `*wake` tells whether the
 * sending thread must look at the queue: there is a batch it does not know of, or one is full.
 * OUT_OF_MEMORY: nothing was added. */
MUST_CHECK enum error
partition_queue_append(struct partition_queue *queue, const struct send_policy *policy,
                       int64_t now_ms, int64_t timestamp, struct bytes key, struct bytes value,
                       const struct record_header *headers, int32_t header_count,
                       size_t charged_bytes, struct report report, bool *wake);

/* The batch to send now, or NULL; then `*at_ms` is lowered to when there may be one, if time
 * alone will tell. `flush`: do not linger. */
struct batch *partition_queue_due(const struct partition_queue *queue,
                                  const struct send_policy *policy, int64_t now_ms, bool flush,
                                  int64_t *at_ms);

/* The batch that partition_queue_due gave is going to be sent: closes and numbers it, after
 * numbering anew what rule 3 says. `producer_id` and `producer_epoch` are for a queue that has
 * none yet, or others in an earlier transaction. */
void partition_queue_send(struct partition_queue *queue, const struct send_policy *policy,
                          struct batch *batch, int64_t producer_id, int16_t producer_epoch);

enum verdict { VERDICT_DELIVERED, VERDICT_FAILED, VERDICT_AGAIN };

/* The fate of a batch in flight, by its answer; `retry_at_ms` is when to try again if so.
 * A batch that is delivered or failed has left the queue and belongs to the caller, with its
 * error and offset set. */
enum verdict partition_queue_answer(struct partition_queue *queue, const struct send_policy *policy,
                                    struct batch *batch, enum error error, int64_t base_offset,
                                    int64_t log_append_time_ms, int64_t now_ms,
                                    int64_t retry_at_ms);

/* Takes the first batch that is not in flight and older than the delivery timeout, with its error
 * set; NULL if there is none. `*at_ms` is lowered to when the next one gets too old. */
struct batch *partition_queue_expire(struct partition_queue *queue,
                                     const struct send_policy *policy, int64_t now_ms,
                                     int64_t *at_ms);

/* Takes the first batch, whatever its state, failed with `error`; NULL if there is none. */
struct batch *partition_queue_take(struct partition_queue *queue, enum error error);

/* Takes the first batch that is not in flight, failed with `error`; NULL if there is none. With
 * `unsent_only`, one that was sent before stays. */
struct batch *partition_queue_drop(struct partition_queue *queue, enum error error,
                                   bool unsent_only);

#endif
