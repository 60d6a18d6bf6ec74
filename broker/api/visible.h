/*
 * A request that the controller carries out, and whose answer waits until this broker's metadata
 * shows what was done, or the request's time is up. What becomes visible first decides; the call
 * ends on its reactor, when no task of either is on its way any more.
 *
 *   visible_go(v, run, respond, timeout_ms)     reactor: `run` follows on the control thread
 *   visible_wait(v, is_satisfied)               control thread, once: `respond` follows
 *   visible_finish(v)                           control thread, instead of it: nothing to wait for
 *
 * `respond` runs on the reactor and ends the call; `is_timed_out` says which it was.
 *
 * Threads: as noted. Ownership: embedded, as the first member, in memory of the call's arena.
 */
#ifndef BROKER_API_VISIBLE_H
#define BROKER_API_VISIBLE_H

#include "broker/api/hop.h"

struct visible {
    struct hop hop; /* first; hop.call is set by the handler */
    struct metadata_waiter waiter;
    struct task deadline;             /* to the control thread */
    struct task deadline_back;        /* and back */
    bool is_deadline_away;            /* reactor */
    bool has_returned;                /* reactor */
    bool is_expired;                  /* control thread */
    bool is_timed_out;                /* written before the return */
    void (*respond)(struct hop *hop); /* on the reactor */
};

void visible_go(struct visible *visible, void (*run)(struct hop *hop),
                void (*respond)(struct hop *hop), int32_t timeout_ms);

void visible_wait(struct visible *visible, bool (*is_satisfied)(struct metadata_waiter *waiter,
                                                                const struct metadata *metadata));
void visible_finish(struct visible *visible);

/* For `is_satisfied`. */
struct visible *visible_of_waiter(struct metadata_waiter *waiter);

#endif
