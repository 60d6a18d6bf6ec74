/*
 * Requests that came while their transaction was changing or ending. Kafka answers them with
 * CONCURRENT_TRANSACTIONS at once, and clients come again 20 to 100 ms later, where what they wait
 * for mostly takes one: so they wait here instead, and get that answer only if it takes too long.
 *
 * What a client sees could have happened without this, had its request arrived a little later.
 * Those that wait go on in the order in which they came, one at a time, each with the whole check
 * of its epoch and of the transaction's state as it is then.
 *
 * INVARIANT: somebody waits only while a change is pending or markers are being written; either
 * ends with transaction_waiting_wake, or with the removal of the entry.
 */
#include "broker/transaction/transaction_coordinator_internal.h"

/* The answers to later requests of its connection wait for this one: so not for long. */
#define WAIT_MS_MAX 100

static void go_on(struct transaction_wait *wait) {
    struct transaction_entry *entry = wait->entry;

    TAILQ_REMOVE(&entry->waiting, wait, link);
    wait->entry = NULL;
    transaction_entry_unref(entry);
    wait->again(wait);
}

static void on_expired(struct loop_timer *timer) {
    struct transaction_wait *wait = CONTAINER_OF(timer, struct transaction_wait, deadline);

    wait->may_wait = false;
    if (wait->entry != NULL)
        go_on(wait);
}

void transaction_waiting_add(struct transaction_entry *entry, struct transaction_wait *wait) {
    CHECK(wait->may_wait && wait->entry == NULL);
    entry->references++;
    wait->entry = entry;
    TAILQ_INSERT_TAIL(&entry->waiting, wait, link);
    if (wait->deadline.loop != NULL)
        return; /* it has waited before, and goes on waiting until then */
    loop_timer_init(&wait->deadline, entry->coordinator->loop, on_expired);
    loop_timer_arm(&wait->deadline, WAIT_MS_MAX);
}

void transaction_waiting_done(struct transaction_wait *wait) {
    CHECK(wait->entry == NULL);
    if (wait->deadline.loop != NULL)
        loop_timer_done(&wait->deadline);
}

void transaction_waiting_wake(struct transaction_entry *entry) {
    struct transaction_wait *wait;

    entry->references++;
    while ((wait = TAILQ_FIRST(&entry->waiting)) != NULL &&
           (entry->is_removed || !transaction_is_busy(entry->transaction)))
        go_on(wait);
    transaction_entry_unref(entry);
}
