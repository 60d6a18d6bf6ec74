/*
 * One transactional id: its producer, and the transaction that is open or ending.
 *
 *   Empty --> Ongoing --> PrepareCommit --> CompleteCommit --.
 *     ^          |                                           |
 *     |          '------> PrepareAbort ---> CompleteAbort ---+--> Ongoing, or Empty with
 * InitProducerId
 *
 * A change is prepared, written into __transaction_state, and takes place when that is durable;
 * meanwhile it is pending, and no other can begin. PrepareCommit and PrepareAbort are the points of
 * no return: from there on markers are written until all partitions have theirs.
 *
 * Pure: no clock, no I/O. Threads: one at a time.
 * Source: Apache Kafka 3.9, TransactionMetadata, TransactionCoordinator; KIP-98, KIP-360, KIP-588.
 */
#ifndef BROKER_TRANSACTION_TRANSACTION_H
#define BROKER_TRANSACTION_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define NO_PRODUCER_ID       (-1)
#define NO_PRODUCER_EPOCH    (-1)
#define PRODUCER_EPOCH_LAST  32766 /* that a producer gets; one more can fence it */
#define NO_TRANSACTION_START (-1)

/* As in records. */
enum transaction_state {
    TRANSACTION_EMPTY = 0,
    TRANSACTION_ONGOING = 1,
    TRANSACTION_PREPARE_COMMIT = 2,
    TRANSACTION_PREPARE_ABORT = 3,
    TRANSACTION_COMPLETE_COMMIT = 4,
    TRANSACTION_COMPLETE_ABORT = 5,
    TRANSACTION_DEAD = 6,               /* its tombstone is being written */
    TRANSACTION_PREPARE_EPOCH_FENCE = 7 /* never seen here: fencing goes straight to PrepareAbort */
};
#define TRANSACTION_STATE_COUNT 8

/* "PrepareCommit", as tools show it. */
const char *transaction_state_name(enum transaction_state state);
/* False if there is no such state. */
bool transaction_state_parse(struct bytes name, enum transaction_state *state);

struct transaction_partition {
    struct bytes topic;
    int32_t index;
};

/* What a record says, and a little that it does not. Owned: `partitions` and the names in it. */
struct transaction_values {
    int64_t producer_id;
    int64_t last_producer_id;    /* before the epochs of that were used up; not in the record */
    int16_t producer_epoch;      /* -1: none was given yet */
    int16_t last_producer_epoch; /* before the producer raised it itself; not in the record */
    int32_t timeout_ms;
    enum transaction_state state;
    struct transaction_partition *partitions; /* ascending */
    int32_t partition_count;
    int64_t update_ms; /* wall clock */
    int64_t start_ms;  /* wall clock; NO_TRANSACTION_START */
};

void transaction_values_done(struct transaction_values *values);

struct transaction;

/* The values are taken over. */
struct transaction *transaction_new(struct bytes id, struct transaction_values *values);
void transaction_free(struct transaction *transaction); /* accepts NULL */

struct bytes transaction_id(const struct transaction *transaction);
const struct transaction_values *transaction_values(const struct transaction *transaction);
bool transaction_is_pending(const struct transaction *transaction);
/* A change is pending, or markers are being written: no other change can begin. */
bool transaction_is_busy(const struct transaction *transaction);
bool transaction_has_partition(const struct transaction *transaction, struct bytes topic,
                               int32_t index);
/* While loading: what the next record says. The values are taken over. */
void transaction_replace(struct transaction *transaction, struct transaction_values *values);

/* ---- Changes ----
 *
 * They return NONE with what is to be written, which is pending then until transaction_written or
 * transaction_not_written; or NONE without, if there is nothing to write; or the error to answer.
 */

struct transaction_init {
    int32_t timeout_ms;
    int64_t expected_producer_id;    /* NO_PRODUCER_ID: none expected */
    int16_t expected_producer_epoch; /* as above */
    int64_t new_producer_id;         /* if transaction_needs_producer_id */
    int64_t now_ms;
};

/* Whether the next InitProducerId that succeeds takes a new producer id. */
bool transaction_needs_producer_id(const struct transaction *transaction,
                                   const struct transaction_init *init);
/* Of an open transaction: CONCURRENT_TRANSACTIONS with `*is_open` set: fence it, and answer that.
 * Errors: CONCURRENT_TRANSACTIONS, PRODUCER_FENCED. */
MUST_CHECK enum error transaction_init_producer(struct transaction *transaction,
                                                const struct transaction_init *init,
                                                const struct transaction_values **next,
                                                bool *is_open);

/* Whoever has an older epoch is shut out, and what is open is aborted. Only in Ongoing, with
 * nothing pending. */
const struct transaction_values *transaction_fence(struct transaction *transaction, int64_t now_ms);

/* Errors: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS. */
MUST_CHECK enum error transaction_add_partitions(struct transaction *transaction,
                                                 int64_t producer_id, int16_t producer_epoch,
                                                 const struct transaction_partition *partitions,
                                                 int32_t count, int64_t now_ms,
                                                 const struct transaction_values **next);
/* Whether the producer may go on in its partitions. Errors: as above. */
MUST_CHECK enum error transaction_verify(const struct transaction *transaction, int64_t producer_id,
                                         int16_t producer_epoch);

/* Errors: as above, and INVALID_TXN_STATE. */
MUST_CHECK enum error transaction_end(struct transaction *transaction, int64_t producer_id,
                                      int16_t producer_epoch, bool commit, int64_t now_ms,
                                      const struct transaction_values **next);

/* All markers are written. Only in Prepare*, with nothing pending. */
const struct transaction_values *transaction_complete(struct transaction *transaction,
                                                      int64_t now_ms);

bool transaction_is_timed_out(const struct transaction *transaction, int64_t now_ms);
/* Long unused: it may be forgotten. */
bool transaction_is_expired(const struct transaction *transaction, int64_t now_ms,
                            int64_t expiration_ms);
/* Its tombstone is to be written; transaction_not_written if it was not. */
void transaction_bury(struct transaction *transaction);

void transaction_written(struct transaction *transaction);
/* It may have been written all the same. An epoch that was raised to fence somebody stays. */
void transaction_not_written(struct transaction *transaction);

#endif
