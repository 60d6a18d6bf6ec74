/*
 * Carries out what transaction.h decides: asks coordinators on the background thread, and lets
 * callers wait for outcomes.
 *
 * Threads: what is marked `lock` is guarded by the producer's lock; the rest is the background
 * thread's.
 */
#ifndef CLIENT_PRODUCER_TRANSACTOR_H
#define CLIENT_PRODUCER_TRANSACTOR_H

#include <barnabas/producer.h>

#include "client/base/arena.h"
#include "client/cluster/call.h"
#include "client/producer/transaction.h"

struct partition_queue;
struct batch_list;

/* A copy of what barnabas_producer_send_offsets was given. */
struct transaction_offsets {
    struct arena arena; /* of all that is below */
    const char *group_id;
    int32_t generation_id;
    const char *member_id;
    const char *instance_id; /* NULL: none */
    size_t count;
    struct barnabas_offset *items; /* those of a topic stand together */
};

void transaction_offsets_free(struct transaction_offsets *offsets); /* accepts NULL */

struct transactor {
    struct transaction state;            /* lock */
    bool waited_for;                     /* lock; a thread waits for an outcome */
    struct transaction_offsets *offsets; /* lock; freed when no request can refer to it */

    /* The request under way. */
    enum transaction_request request;
    struct cluster_call call;
    struct arena arena;               /* of the request */
    struct partition_queue **joining; /* in `arena`: partitions that are being added */
    size_t joining_count;
    int64_t producer_id; /* of an answer */
    int16_t producer_epoch;
    bool can_bump;
    int64_t pause_until_ms; /* nothing is asked before */
};

void transactor_init(struct barnabas_producer *producer);

/* The background thread's turn: drops records that have no future into `out`, asks what is next.
 * `*at_ms` is lowered to when time alone makes another turn due. */
void transactor_run(struct barnabas_producer *producer, int64_t now_ms, int64_t *at_ms,
                    struct batch_list *out);

/* Whether batches of the queue may be sent, and whether they are not to linger: lock. */
bool transactor_allows(const struct barnabas_producer *producer,
                       const struct partition_queue *queue);
bool transactor_is_ending(const struct barnabas_producer *producer);

/* The background thread's, last. */
void transactor_shut(struct barnabas_producer *producer);
void transactor_done(struct barnabas_producer *producer);

/* Aborts what is open, waiting for up to `timeout_ms`. */
void transactor_close(struct barnabas_producer *producer, int64_t timeout_ms);

#endif
