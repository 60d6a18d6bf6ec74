/*
 * One request's wait for one offset of a partition to move: the high watermark for a producer
 * with acks=all and for consumers, the log end for followers.
 *
 * Whoever moves the offset takes the satisfied waiters off the partition's list and posts the
 * task of each to its executor, holding no lock. A waiter is thus in one of three places: with
 * its request, on the partition's list (partition's lock), or on its way to the executor.
 *
 * Threads: embedded in the request's memory, which must live until `task` has run or
 * partition_stop_waiting() returned true.
 */
#ifndef BROKER_REPLICA_WAITER_H
#define BROKER_REPLICA_WAITER_H

#include <sys/queue.h>

#include "client/base/executor.h"

enum waiter_kind {
    WAIT_HIGH_WATERMARK, /* until high watermark >= offset */
    WAIT_CONSUMER_DATA,  /* until high watermark > offset */
    WAIT_COMMITTED_DATA, /* until last stable offset > offset */
    WAIT_FOLLOWER_DATA,  /* until log end > offset */
    WAIT_LOW_WATERMARK,  /* until the log start of the leader and all live followers >= offset */
    WAIT_FLUSHED         /* until the flushed offset >= offset */
};

struct waiter {
    TAILQ_ENTRY(waiter) link; /* partition's lock, while listed */
    bool listed;              /* partition's lock */
    enum waiter_kind kind;
    int64_t offset;
    struct executor *executor;
    struct task task; /* posted once when satisfied, or when the partition's role changes */
};

TAILQ_HEAD(waiter_list, waiter);

#endif
