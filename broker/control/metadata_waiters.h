/*
 * Those who wait for the metadata to show something.
 *
 * Threads: the control thread.
 */
#ifndef BROKER_CONTROL_METADATA_WAITERS_H
#define BROKER_CONTROL_METADATA_WAITERS_H

#include <stdbool.h>
#include <sys/queue.h>

#include "broker/metadata/metadata.h"
#include "client/base/executor.h"

struct metadata_waiter {
    TAILQ_ENTRY(metadata_waiter) link;
    bool (*is_satisfied)(struct metadata_waiter *waiter, const struct metadata *metadata);
    struct executor *executor;
    struct task task; /* posted once, when it is satisfied */
};

TAILQ_HEAD(metadata_waiter_list, metadata_waiter);

/* Those who are satisfied leave the list, and their tasks are posted. */
void metadata_waiters_wake(struct metadata_waiter_list *waiters, const struct metadata *metadata);

/* False if the waiter is not in the list. */
bool metadata_waiters_remove(struct metadata_waiter_list *waiters, struct metadata_waiter *waiter);

#endif
