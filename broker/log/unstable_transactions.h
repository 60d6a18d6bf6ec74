/*
 * The transactions of a partition that hold back its last stable offset: those that are open, and
 * those whose end the high watermark has not passed yet. A reader of committed records sees nothing
 * from the first offset of the first of them on.
 *
 * Pure. Threads: callers hold the log's state lock. Offsets are absolute.
 * Source: Apache Kafka 3.9, ProducerStateManager: ongoingTxns, unreplicatedTxns.
 */
#ifndef BROKER_LOG_UNSTABLE_TRANSACTIONS_H
#define BROKER_LOG_UNSTABLE_TRANSACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

#define NO_UNSTABLE_OFFSET INT64_MAX

struct unstable_transaction {
    int64_t producer_id;
    int64_t first_offset;
    int64_t marker_offset; /* of what ended it; -1: it is open */
};

/* Zeroed: empty. */
struct unstable_transactions {
    struct unstable_transaction *all; /* ascending by first_offset */
    size_t count;
    size_t capacity;
    size_t ended; /* of them */
};

void unstable_transactions_done(struct unstable_transactions *list);
void unstable_transactions_clear(struct unstable_transactions *list);

/* Room for `count` more, so that beginning them can't fail. */
MUST_CHECK enum error unstable_transactions_reserve(struct unstable_transactions *list,
                                                    size_t count);

/* Room must be reserved; the producer has none open. */
void unstable_transactions_begin(struct unstable_transactions *list, int64_t producer_id,
                                 int64_t first_offset);

/* The producer's open transaction has its marker now. It must have one. */
struct unstable_transaction unstable_transactions_end(struct unstable_transactions *list,
                                                      int64_t producer_id, int64_t marker_offset);

/* Forgets those whose marker lies below the high watermark. */
void unstable_transactions_forget_replicated(struct unstable_transactions *list,
                                             int64_t high_watermark);

/* NO_UNSTABLE_OFFSET: all are stable. */
int64_t unstable_transactions_first_offset(const struct unstable_transactions *list);
/* The first of those that are open; NULL: none is. */
const struct unstable_transaction *
unstable_transactions_first_open(const struct unstable_transactions *list);

#endif
