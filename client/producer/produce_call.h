/*
 * One produce request: filled with batches of partitions that one broker leads, sent, and its
 * answer told to the queues (partition_queue.h).
 *
 * Threads: the background thread.
 */
#ifndef CLIENT_PRODUCER_PRODUCE_CALL_H
#define CLIENT_PRODUCER_PRODUCE_CALL_H

#include "client/producer/producer.h"

struct produce_item {
    struct partition_queue *queue;
    struct batch *batch;
    bool answered;
};

/* One produce request, from being filled until it is answered. */
struct produce_call {
    struct barnabas_producer *producer;
    TAILQ_ENTRY(produce_call) next;
    int32_t broker_id;
    struct connection *connection; /* valid until it is sent */
    size_t bytes;
    size_t count;
    size_t capacity;
    struct produce_item *items;
};

TAILQ_HEAD(produce_call_list, produce_call);

/* NULL if memory is out. */
struct produce_call *produce_call_new(struct barnabas_producer *producer, int32_t broker_id,
                                      struct connection *connection);
void produce_call_free(struct produce_call *call); /* accepts NULL */

/* Takes the queue's due batch into the call if it fits. */
void produce_call_take(struct produce_call *call, struct partition_queue *queue, int64_t now_ms,
                       bool flush, int64_t *at_ms);

/* Compresses what is sent for the first time; what cannot be is answered and taken out. */
void produce_call_finish_batches(struct produce_call *call);

/* Hands a filled call to its connection; the answer frees it. */
void produce_call_send(struct produce_call *call);

#endif
