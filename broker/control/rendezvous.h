/*
 * A thread waits for something that the control thread does. One waits at a time.
 *
 * Threads: waiting and interrupting on any, signalling on the control thread.
 */
#ifndef BROKER_CONTROL_RENDEZVOUS_H
#define BROKER_CONTROL_RENDEZVOUS_H

#include "client/base/error.h"
#include "client/base/sync.h"

struct rendezvous {
    struct mutex lock;
    struct condition changed;
    bool done;         /* lock */
    enum error error;  /* lock */
    int interruptions; /* lock */
};

void rendezvous_init(struct rendezvous *rendezvous);
void rendezvous_done(struct rendezvous *rendezvous);

/* Ends the wait, or the next one. */
void rendezvous_signal(struct rendezvous *rendezvous, enum error error);

/* Somebody does not want to wait any longer. */
void rendezvous_interrupt(struct rendezvous *rendezvous);

/* The error that was signalled; CONNECTION_FAILED after `timeout_ms`; a negative one waits for
 * ever. CANCELLED once there have been `patience` interruptions since the rendezvous was made; with
 * 0 none ends the wait. */
MUST_CHECK enum error rendezvous_wait(struct rendezvous *rendezvous, int64_t timeout_ms,
                                      int patience);

#endif
