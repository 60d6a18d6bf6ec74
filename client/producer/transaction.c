#include "client/producer/transaction.h"

#include <string.h>

void transaction_init(struct transaction *transaction) {
    memset(transaction, 0, sizeof(*transaction));
}

/* --- classes of errors --------------------------------------------------------------------- */

/*
 * As the Java client, but for:
 * - REBALANCE_IN_PROGRESS of TxnOffsetCommit, which is fatal there. A coordinator says so to a
 *   member that has joined and not synced, who need only abort and poll.
 * - TRANSACTION_ABORTABLE of InitProducerId, which there leads into a state without a way out.
 * - UNKNOWN_PRODUCER_ID of a batch, which is there sometimes sent again with new numbers. Brokers
 *   do not say it since they know KIP-360.
 */
static const struct {
    enum error error;
    enum transaction_remedy init;
    enum transaction_remedy add_partitions;
    enum transaction_remedy add_group;
    enum transaction_remedy commit_offsets;
    enum transaction_remedy end;
    enum transaction_remedy batch;
} remedies[] = {
#define AGAIN  TRANSACTION_INIT_AGAIN
#define ABORT  TRANSACTION_ABORT
#define BUMP   TRANSACTION_ABORT_AND_BUMP
#define GIVEUP TRANSACTION_GIVE_UP
    /* clang-format off */
    /*                                          init    add     group   offsets end     batch */
    {ERR_PRODUCER_FENCED,                       GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP},
    {ERR_INVALID_PRODUCER_EPOCH,                GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP, BUMP},
    {ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, AGAIN,  GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP},
    {ERR_CLUSTER_AUTHORIZATION_FAILED,          AGAIN,  ABORT,  GIVEUP, GIVEUP, GIVEUP, GIVEUP},
    {ERR_UNSUPPORTED_VERSION,                   GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP},
    {ERR_INVALID_TXN_STATE,                     GIVEUP, GIVEUP, GIVEUP, GIVEUP, GIVEUP, BUMP},
    {ERR_UNKNOWN_PRODUCER_ID,                   GIVEUP, BUMP,   BUMP,   GIVEUP, BUMP,   BUMP},
    {ERR_INVALID_PRODUCER_ID_MAPPING,           GIVEUP, BUMP,   BUMP,   GIVEUP, BUMP,   BUMP},
    {ERR_TRANSACTION_ABORTABLE,                 AGAIN,  ABORT,  ABORT,  ABORT,  ABORT,  BUMP},
    {ERR_GROUP_AUTHORIZATION_FAILED,            GIVEUP, ABORT,  ABORT,  ABORT,  GIVEUP, BUMP},
    {ERR_FENCED_INSTANCE_ID,                    GIVEUP, ABORT,  GIVEUP, ABORT,  GIVEUP, BUMP},
    {ERR_UNKNOWN_MEMBER_ID,                     GIVEUP, ABORT,  GIVEUP, ABORT,  GIVEUP, BUMP},
    {ERR_ILLEGAL_GENERATION,                    GIVEUP, ABORT,  GIVEUP, ABORT,  GIVEUP, BUMP},
    {ERR_REBALANCE_IN_PROGRESS,                 GIVEUP, ABORT,  GIVEUP, ABORT,  GIVEUP, BUMP},
    /* clang-format on */
};

/* What the table does not name and cannot be tried again. A partition that cannot be added, and
 * a batch that cannot be stored, fail this transaction only. */
static enum transaction_remedy default_remedy(enum transaction_request request) {
    switch (request) {
    case TRANSACTION_ADDS_PARTITIONS:
        return ABORT;
    case TRANSACTION_ASKS_NOTHING:
        return BUMP;
    case TRANSACTION_ASKS_IDENTITY:
    case TRANSACTION_ASKS_NEXT_EPOCH:
    case TRANSACTION_ADDS_GROUP:
    case TRANSACTION_COMMITS_OFFSETS:
    case TRANSACTION_ENDS:
        break;
    }
    return GIVEUP;
}

enum transaction_remedy transaction_remedy(enum transaction_request request, enum error error) {
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (remedies[i].error != error)
            continue;
        switch (request) {
        case TRANSACTION_ASKS_IDENTITY:
            return remedies[i].init;
        case TRANSACTION_ASKS_NEXT_EPOCH:
            /* Within an abort there is no way back to the beginning. */
            return GIVEUP;
        case TRANSACTION_ADDS_PARTITIONS:
            return remedies[i].add_partitions;
        case TRANSACTION_ADDS_GROUP:
            return remedies[i].add_group;
        case TRANSACTION_COMMITS_OFFSETS:
            return remedies[i].commit_offsets;
        case TRANSACTION_ENDS:
            return remedies[i].end;
        case TRANSACTION_ASKS_NOTHING:
            return remedies[i].batch;
        }
    }
    if (request != TRANSACTION_ASKS_NOTHING && error_is_retriable(error))
        return TRANSACTION_TRY_AGAIN;
    return default_remedy(request);
}

#undef AGAIN
#undef ABORT
#undef BUMP
#undef GIVEUP

/* --- transitions --------------------------------------------------------------------------- */

static void finish_call(struct transaction *transaction, enum error error) {
    if (transaction->call == TRANSACTION_CALL_NONE || transaction->over)
        return;
    transaction->over = true;
    transaction->outcome = error;
}

static void drop_offsets(struct transaction *transaction, enum error error) {
    if (!transaction->has_offsets)
        return;
    transaction->has_offsets = false;
    transaction->group_added = false;
    transaction->offsets_error = error;
}

static void give_up(struct transaction *transaction, enum error error) {
    if (transaction->state == TRANSACTION_FAILED)
        return;
    transaction->state = TRANSACTION_FAILED;
    transaction->error = error;
    drop_offsets(transaction, error);
    finish_call(transaction, error);
}

static void require_abort(struct transaction *transaction, enum error error) {
    if (transaction->state != TRANSACTION_OPEN && transaction->state != TRANSACTION_COMMITTING)
        return; /* it is being aborted anyway; the first cause is the one to tell */
    transaction->state = TRANSACTION_MUST_ABORT;
    transaction->error = error;
    drop_offsets(transaction, error);
    finish_call(transaction, error);
}

static void become_ready(struct transaction *transaction) {
    transaction->state = TRANSACTION_READY;
    transaction->error = ERR_NONE;
    transaction->begun = false;
    transaction->bump = false;
    transaction->forgotten = false;
    finish_call(transaction, ERR_NONE);
}

/* --- calls ------------------------------------------------------------------------------- */

static enum error standing_error(const struct transaction *transaction) {
    return transaction->state == TRANSACTION_FAILED || transaction->state == TRANSACTION_MUST_ABORT
               ? transaction->error
               : ERR_NONE;
}

/* The call that was begun is another one. One that failed is past; of one that succeeded, or may
 * yet, its caller must hear first. */
static bool is_pending(struct transaction *transaction) {
    if (transaction->over && transaction->outcome != ERR_NONE)
        transaction->call = TRANSACTION_CALL_NONE;
    return transaction->call != TRANSACTION_CALL_NONE;
}

static enum error enter_by(struct transaction *transaction, enum transaction_call call) {
    switch (call) {
    case TRANSACTION_CALL_INIT:
        if (transaction->state != TRANSACTION_UNINITIALIZED)
            return ERR_CALL_OUT_OF_TURN;
        transaction->state = TRANSACTION_INITIALIZING;
        return ERR_NONE;
    case TRANSACTION_CALL_COMMIT:
        if (transaction->state != TRANSACTION_OPEN)
            return ERR_CALL_OUT_OF_TURN;
        transaction->state = TRANSACTION_COMMITTING;
        return ERR_NONE;
    case TRANSACTION_CALL_ABORT:
        if (transaction->state != TRANSACTION_OPEN && transaction->state != TRANSACTION_MUST_ABORT)
            return ERR_CALL_OUT_OF_TURN;
        transaction->state = TRANSACTION_ABORTING;
        drop_offsets(transaction, ERR_CANCELLED);
        return ERR_NONE;
    case TRANSACTION_CALL_NONE:
        break;
    }
    return ERR_CALL_OUT_OF_TURN;
}

enum error transaction_start(struct transaction *transaction, enum transaction_call call) {
    enum error error = ERR_NONE;

    if (transaction->call == call)
        return ERR_NONE;
    if (is_pending(transaction))
        return ERR_CALL_OUT_OF_TURN;
    if (transaction->state == TRANSACTION_FAILED || call != TRANSACTION_CALL_ABORT)
        error = standing_error(transaction);
    if (error == ERR_NONE)
        error = enter_by(transaction, call);
    if (error != ERR_NONE)
        return error;
    transaction->call = call;
    transaction->over = false;
    return ERR_NONE;
}

enum error transaction_take(struct transaction *transaction) {
    CHECK(transaction->over);
    transaction->call = TRANSACTION_CALL_NONE;
    transaction->over = false;
    return transaction->outcome;
}

enum error transaction_begin(struct transaction *transaction) {
    enum error error;

    if (is_pending(transaction))
        return ERR_CALL_OUT_OF_TURN;
    if ((error = standing_error(transaction)) != ERR_NONE)
        return error;
    if (transaction->state != TRANSACTION_READY)
        return ERR_CALL_OUT_OF_TURN;
    transaction->state = TRANSACTION_OPEN;
    transaction->serial++;
    return ERR_NONE;
}

enum error transaction_may_send(const struct transaction *transaction) {
    enum error error = standing_error(transaction);

    if (error != ERR_NONE)
        return error;
    return transaction->state == TRANSACTION_OPEN ? ERR_NONE : ERR_CALL_OUT_OF_TURN;
}

enum error transaction_give_offsets(struct transaction *transaction) {
    enum error error = transaction_may_send(transaction);

    if (error != ERR_NONE)
        return error;
    CHECK(!transaction->has_offsets);
    transaction->has_offsets = true;
    transaction->group_added = false;
    return ERR_NONE;
}

/* --- the background thread ----------------------------------------------------------------- */

static enum transaction_request next_of_open(const struct transaction *transaction,
                                             bool new_partitions) {
    if (new_partitions)
        return TRANSACTION_ADDS_PARTITIONS;
    if (!transaction->has_offsets)
        return TRANSACTION_ASKS_NOTHING;
    return transaction->group_added ? TRANSACTION_COMMITS_OFFSETS : TRANSACTION_ADDS_GROUP;
}

static enum transaction_request next_of_end(struct transaction *transaction) {
    if (transaction->begun && !transaction->forgotten)
        return TRANSACTION_ENDS;
    if (transaction->bump)
        return TRANSACTION_ASKS_NEXT_EPOCH;
    become_ready(transaction);
    return TRANSACTION_ASKS_NOTHING;
}

enum transaction_request transaction_next(struct transaction *transaction, bool new_partitions,
                                          bool records) {
    enum transaction_request next = TRANSACTION_ASKS_NOTHING;

    if (transaction->asked != TRANSACTION_ASKS_NOTHING)
        return TRANSACTION_ASKS_NOTHING;
    switch (transaction->state) {
    case TRANSACTION_INITIALIZING:
        next = TRANSACTION_ASKS_IDENTITY;
        break;
    case TRANSACTION_OPEN:
    case TRANSACTION_COMMITTING:
        next = next_of_open(transaction, new_partitions);
        if (next == TRANSACTION_ASKS_NOTHING && transaction->state == TRANSACTION_COMMITTING &&
            !records)
            next = next_of_end(transaction);
        break;
    case TRANSACTION_ABORTING:
        if (!records)
            next = next_of_end(transaction);
        break;
    case TRANSACTION_UNINITIALIZED:
    case TRANSACTION_READY:
    case TRANSACTION_MUST_ABORT:
    case TRANSACTION_FAILED:
        break;
    }
    transaction->asked = next;
    return next;
}

static void on_success(struct transaction *transaction, enum transaction_request request,
                       bool can_bump) {
    switch (request) {
    case TRANSACTION_ASKS_IDENTITY:
    case TRANSACTION_ASKS_NEXT_EPOCH:
        transaction->can_bump = can_bump;
        become_ready(transaction);
        break;
    case TRANSACTION_ADDS_PARTITIONS:
        transaction->begun = true;
        break;
    case TRANSACTION_ADDS_GROUP:
        transaction->begun = true;
        transaction->group_added = transaction->has_offsets;
        break;
    case TRANSACTION_COMMITS_OFFSETS:
        drop_offsets(transaction, ERR_NONE);
        break;
    case TRANSACTION_ENDS:
        transaction->begun = false;
        if (!transaction->bump)
            become_ready(transaction);
        break; /* else the next epoch is asked for */
    case TRANSACTION_ASKS_NOTHING:
        break;
    }
}

/* An abort that the coordinator refuses because it has no such transaction has nothing to end. */
static bool is_ended_by(const struct transaction *transaction, enum transaction_request request,
                        enum transaction_remedy remedy) {
    return transaction->state == TRANSACTION_ABORTING && request == TRANSACTION_ENDS &&
           remedy == TRANSACTION_ABORT_AND_BUMP && transaction->can_bump;
}

void transaction_answered(struct transaction *transaction, enum error error, bool can_bump) {
    enum transaction_request request = transaction->asked;
    enum transaction_remedy remedy;

    transaction->asked = TRANSACTION_ASKS_NOTHING;
    if (transaction->state == TRANSACTION_FAILED)
        return;
    if (error == ERR_NONE) {
        on_success(transaction, request, can_bump);
        return;
    }
    remedy = transaction_remedy(request, error);
    switch (remedy) {
    case TRANSACTION_TRY_AGAIN:
        return;
    case TRANSACTION_INIT_AGAIN:
        transaction->state = TRANSACTION_UNINITIALIZED;
        finish_call(transaction, error);
        return;
    case TRANSACTION_ABORT_AND_BUMP:
        transaction->forgotten |=
            error == ERR_INVALID_PRODUCER_ID_MAPPING || is_ended_by(transaction, request, remedy);
        transaction->bump = true;
        if (!transaction->can_bump)
            give_up(transaction, error);
        break;
    case TRANSACTION_ABORT:
        if (request == TRANSACTION_ENDS && transaction->state == TRANSACTION_ABORTING)
            give_up(transaction, error);
        break;
    case TRANSACTION_GIVE_UP:
        give_up(transaction, error);
        break;
    }
    require_abort(transaction, error);
}

bool transaction_is_pointless(const struct transaction *transaction) {
    bool adds = transaction->asked == TRANSACTION_ADDS_PARTITIONS ||
                transaction->asked == TRANSACTION_ADDS_GROUP ||
                transaction->asked == TRANSACTION_COMMITS_OFFSETS;

    return adds && transaction->state != TRANSACTION_OPEN &&
           transaction->state != TRANSACTION_COMMITTING;
}

void transaction_called_off(struct transaction *transaction) {
    CHECK(transaction_is_pointless(transaction));
    transaction->asked = TRANSACTION_ASKS_NOTHING;
}

void transaction_on_failure(struct transaction *transaction, enum error error, bool numbered) {
    enum transaction_remedy remedy = transaction_remedy(TRANSACTION_ASKS_NOTHING, error);
    bool open =
        transaction->state == TRANSACTION_OPEN || transaction->state == TRANSACTION_COMMITTING;
    bool aborted =
        transaction->state == TRANSACTION_MUST_ABORT || transaction->state == TRANSACTION_ABORTING;

    /* What was dropped because of the abort tells nothing new. */
    if (!open && !(aborted && numbered))
        return;
    if (remedy == TRANSACTION_GIVE_UP || (numbered && !transaction->can_bump)) {
        give_up(transaction, error);
        return;
    }
    transaction->bump |= numbered;
    transaction->forgotten |= error == ERR_INVALID_PRODUCER_ID_MAPPING;
    require_abort(transaction, error);
}

enum transaction_drop transaction_drops(const struct transaction *transaction, enum error *error) {
    *error = transaction->error != ERR_NONE ? transaction->error : ERR_CANCELLED;
    switch (transaction->state) {
    case TRANSACTION_FAILED:
        return TRANSACTION_DROPS_ALL;
    case TRANSACTION_MUST_ABORT:
    case TRANSACTION_ABORTING:
        return TRANSACTION_DROPS_UNSENT;
    case TRANSACTION_UNINITIALIZED:
    case TRANSACTION_INITIALIZING:
    case TRANSACTION_READY:
    case TRANSACTION_OPEN:
    case TRANSACTION_COMMITTING:
        break;
    }
    return TRANSACTION_DROPS_NOTHING;
}
