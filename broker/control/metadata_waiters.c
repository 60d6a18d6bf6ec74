#include "broker/control/metadata_waiters.h"

void metadata_waiters_wake(struct metadata_waiter_list *waiters, const struct metadata *metadata) {
    struct metadata_waiter *waiter = TAILQ_FIRST(waiters);

    while (waiter != NULL) {
        struct metadata_waiter *next = TAILQ_NEXT(waiter, link);
        if (waiter->is_satisfied(waiter, metadata)) {
            TAILQ_REMOVE(waiters, waiter, link);
            executor_post(waiter->executor, &waiter->task);
        }
        waiter = next;
    }
}

bool metadata_waiters_remove(struct metadata_waiter_list *waiters, struct metadata_waiter *waiter) {
    struct metadata_waiter *listed;

    TAILQ_FOREACH (listed, waiters, link) {
        if (listed == waiter) {
            TAILQ_REMOVE(waiters, waiter, link);
            return true;
        }
    }
    return false;
}
