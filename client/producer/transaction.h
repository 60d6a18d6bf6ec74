/*
 * The transactions of one producer, as decisions: what a caller may do, what a coordinator is
 * asked next, what answers and failed batches mean. Pure.
 *
 *   UNINITIALIZED --init--> INITIALIZING --> READY --begin--> OPEN --commit--> COMMITTING --> READY
 *                                                              |                    |
 *                                                            abort   a failure that the abort
 *                                                              |     of this transaction mends
 *                                                              v                    v
 *                                              READY <-- ABORTING <--abort-- MUST_ABORT
 *
 *   and from anywhere to FAILED, where nothing more is possible.
 *
 * Rules:
 * 1. A partition is part of the transaction before the first of its batches is sent, and stays so
 *    until the end: `serial` names the transaction in which that is true.
 * 2. The end is asked for when every record has its fate. One that failed forbids the commit.
 * 3. A batch that had a number and failed leaves a gap in the numbers. Before the next
 *    transaction the coordinator is asked for the next epoch (KIP-360), in which numbers begin
 *    anew; a coordinator that cannot do so makes the failure fatal.
 * 4. What has been sent and is unanswered when a transaction is aborted is sent on until it is
 *    answered or too old: a batch that arrived behind the abort would open a transaction that
 *    nobody ends. What has not been sent is dropped.
 * 5. What is to be added to a transaction that will be aborted is not asked for any longer, unless
 * it may have been added: that is found out, so that it is ended.
 * 6. A call whose time is up goes on; its outcome stays here until the same call takes it.
 *
 * Threads: the producer's lock.
 * Source: Kafka 3.9, TransactionManager. It differs where noted in transaction.c.
 */
#ifndef CLIENT_PRODUCER_TRANSACTION_H
#define CLIENT_PRODUCER_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

enum transaction_state {
    TRANSACTION_UNINITIALIZED,
    TRANSACTION_INITIALIZING,
    TRANSACTION_READY,
    TRANSACTION_OPEN,
    TRANSACTION_COMMITTING,
    TRANSACTION_ABORTING,
    TRANSACTION_MUST_ABORT,
    TRANSACTION_FAILED
};

/* Calls that last. */
enum transaction_call {
    TRANSACTION_CALL_NONE,
    TRANSACTION_CALL_INIT,
    TRANSACTION_CALL_COMMIT,
    TRANSACTION_CALL_ABORT
};

/* Requests, one at a time. */
enum transaction_request {
    TRANSACTION_ASKS_NOTHING,
    TRANSACTION_ASKS_IDENTITY,   /* InitProducerId: fences what had the id before us */
    TRANSACTION_ASKS_NEXT_EPOCH, /* InitProducerId with the identity that we have */
    TRANSACTION_ADDS_PARTITIONS, /* AddPartitionsToTxn */
    TRANSACTION_ADDS_GROUP,      /* AddOffsetsToTxn */
    TRANSACTION_COMMITS_OFFSETS, /* TxnOffsetCommit */
    TRANSACTION_ENDS             /* EndTxn */
};

/* What an error asks for. */
enum transaction_remedy {
    TRANSACTION_TRY_AGAIN,
    TRANSACTION_ABORT,
    TRANSACTION_ABORT_AND_BUMP, /* fatal if the coordinator cannot bump */
    TRANSACTION_INIT_AGAIN,
    TRANSACTION_GIVE_UP
};

/* What of the queues has no future. */
enum transaction_drop {
    TRANSACTION_DROPS_NOTHING,
    TRANSACTION_DROPS_UNSENT,
    TRANSACTION_DROPS_ALL
};

struct transaction {
    enum transaction_state state;
    enum error error;               /* why, in MUST_ABORT, FAILED and the ABORTING that follows */
    enum transaction_request asked; /* under way */
    int64_t serial;                 /* of the newest transaction; the first is 1 */
    bool begun;                     /* something was added: the coordinator has it open */
    bool can_bump;                  /* the coordinator speaks KIP-360 */
    bool bump;                      /* rule 3: before the next transaction */
    bool forgotten;   /* the coordinator does not know our identity: there is nothing to end */
    bool has_offsets; /* given, and neither committed nor given up yet */
    bool group_added; /* of these offsets */
    enum error offsets_error;   /* how the last of them ended */
    enum transaction_call call; /* begun, and its outcome not taken yet */
    bool over;                  /* the outcome is there */
    enum error outcome;
};

void transaction_init(struct transaction *transaction);

/* --- calls ------------------------------------------------------------------------------- */

/* Begins a call that lasts, or joins the one that was begun and not taken. Errors:
 * CALL_OUT_OF_TURN; why the transaction must be aborted, or nothing is possible any more. */
MUST_CHECK enum error transaction_start(struct transaction *transaction,
                                        enum transaction_call call);

/* The outcome of the call that is over. */
enum error transaction_take(struct transaction *transaction);

/* Errors as above. */
MUST_CHECK enum error transaction_begin(struct transaction *transaction);
MUST_CHECK enum error transaction_may_send(const struct transaction *transaction);
MUST_CHECK enum error transaction_give_offsets(struct transaction *transaction);

/* --- the background thread ----------------------------------------------------------------- */

/* What to ask now, marked as under way. `new_partitions`: there are batches of partitions that are
 * not part of the transaction. `records`: some have no fate yet. An end for which nobody needs to
 * be asked happens here. */
enum transaction_request transaction_next(struct transaction *transaction, bool new_partitions,
                                          bool records);

/* The request under way is over. For an identity, `can_bump` tells whether the coordinator knows
 * KIP-360. An error for which it is to be tried again changes nothing. */
void transaction_answered(struct transaction *transaction, enum error error, bool can_bump);

/* Whether the request under way is of no use any more (rule 5), and that it was called off before
 * anybody can have carried it out. */
bool transaction_is_pointless(const struct transaction *transaction);
void transaction_called_off(struct transaction *transaction);

/* A batch, or a record that never got into one, failed for good. */
void transaction_on_failure(struct transaction *transaction, enum error error, bool numbered);

/* `*error` is what is dropped for. */
enum transaction_drop transaction_drops(const struct transaction *transaction, enum error *error);

/* --- classes of errors --------------------------------------------------------------------- */

/* Of the answer to a request; of a batch with ASKS_NOTHING. */
enum transaction_remedy transaction_remedy(enum transaction_request request, enum error error);

#endif
