/*
 * The inside of the coordinator: for broker/transaction/transaction_*.c only.
 */
#ifndef BROKER_TRANSACTION_TRANSACTION_COORDINATOR_INTERNAL_H
#define BROKER_TRANSACTION_TRANSACTION_COORDINATOR_INTERNAL_H

#include <uthash.h>

#include "broker/journal/journal.h"
#include "broker/peer/peer_calls.h"
#include "broker/transaction/transaction_coordinator.h"
#include "broker/transaction/transaction_verifier.h"
#include "client/base/clock.h"
#include "client/net/loop.h"

struct marking;

/* One transactional id. */
struct transaction_entry {
    UT_hash_handle by_id;
    struct transaction_coordinator *coordinator;
    int32_t partition;
    int32_t references; /* the table's, and one for each append, marking and wait under way */
    bool is_removed;    /* from the table: another broker's, or dead */
    TAILQ_HEAD(, transaction_wait) waiting; /* until the transaction is not busy any more */
    struct transaction *transaction;
    struct marking *marking; /* NULL: no markers are being written */
};

struct transaction_coordinator {
    struct transaction_coordinator_config config;
    struct loop *loop;
    struct journal *journal;
    struct peer_calls *peers;
    struct transaction_verifier *verifier;
    struct transaction_entry *entries;
    struct loop_timer abort_timer;
    struct loop_timer expiration_timer;
};

/* ---- transaction_coordinator.c ---- */

struct transaction_entry *transaction_entry_find(const struct transaction_coordinator *coordinator,
                                                 struct bytes id);
/* The values are taken over. */
struct transaction_entry *transaction_entry_add(struct transaction_coordinator *coordinator,
                                                struct bytes id, int32_t partition,
                                                struct transaction_values *values);
void transaction_entry_remove(struct transaction_entry *entry);
void transaction_entry_unref(struct transaction_entry *entry);

/* ---- transaction_load.c ---- */

extern const struct journal_owner transaction_journal_owner; /* without its context */

/* ---- transaction_store.c ---- */

/* The error is one for clients. Called when the change has taken place, or never will. */
typedef void transaction_stored(void *context, struct transaction_entry *entry, enum error error);

/* Writes what is pending: `next`, or a tombstone if it is NULL, after which the entry is removed.
 * `stored` may be NULL. A transaction that is to end then gets its markers. */
void transaction_store(struct transaction_entry *entry, const struct transaction_values *next,
                       transaction_stored *stored, void *context);

/* ---- transaction_marking.c ---- */

/* In Prepare*: writes the markers into all partitions, again and again, and completes then. */
void transaction_marking_begin(struct transaction_entry *entry);
/* The entry was removed. */
void transaction_marking_stop(struct marking *marking);

/* ---- transaction_waiting.c ---- */

/* The transaction is busy: `again` is called when it is not, or with `may_wait` taken away when
 * that takes too long, or when the entry was removed. */
void transaction_waiting_add(struct transaction_entry *entry, struct transaction_wait *wait);
/* The request is over. */
void transaction_waiting_done(struct transaction_wait *wait);
/* The transaction may not be busy any more, or the entry was removed. */
void transaction_waiting_wake(struct transaction_entry *entry);

/* ---- transaction_expiry.c ---- */

void transaction_coordinator_abort_timed_out(struct loop_timer *timer);
void transaction_coordinator_expire(struct loop_timer *timer);

#endif
