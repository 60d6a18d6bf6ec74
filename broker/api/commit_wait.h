/*
 * A call's wait for what it appended: until the high watermark has passed it, and with
 * flush.messages until it is on disk; without a thread, until a deadline.
 *
 * All of it lives in the call's arena. It is over only when no waiter's task is on its way, so that
 * the call may end then.
 *
 * Threads: the call's reactor.
 */
#ifndef BROKER_API_COMMIT_WAIT_H
#define BROKER_API_COMMIT_WAIT_H

#include <sys/queue.h>

#include "broker/api/api.h"
#include "broker/replica/partition.h"

struct commit_wait;

/* One append; embedded. */
struct commit_item {
    SLIST_ENTRY(commit_item) link;
    struct commit_wait *wait;
    struct partition *partition; /* the owner's reference */
    struct commit commit;
    bool is_listed; /* the waiter is listed, or its task is on its way */
    struct waiter waiter;
};

struct commit_wait {
    struct request *request;
    /* Each item is told once: see partition_commit_status. */
    void (*on_item)(struct commit_item *item, enum error error);
    /* Then, once: the call may end. */
    void (*on_over)(struct commit_wait *wait);
    SLIST_HEAD(, commit_item) items;
    int32_t undecided;
    int32_t on_the_way; /* waiters listed or posted */
    bool is_timed_out;
};

/* `partition` and `commit` of the item are set. */
void commit_wait_add(struct commit_wait *wait, struct commit_item *item);

/* Uses the request's deadline and `user`. The end may come at once. */
void commit_wait_begin(struct commit_wait *wait, int64_t timeout_ms);

#endif
