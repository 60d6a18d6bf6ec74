/*
 * Where a follower cuts its log when it learns how far the leader's log goes in an epoch.
 *
 * Leader epochs decide, never the high watermark alone.
 * Source: Kafka 3.9, AbstractFetcherThread.getOffsetTruncationState; KIP-101, KIP-279, KIP-595.
 */
#ifndef BROKER_REPLICA_TRUNCATION_PLAN_H
#define BROKER_REPLICA_TRUNCATION_PLAN_H

#include <stdbool.h>
#include <stdint.h>

struct truncation_input {
    int32_t leader_epoch;      /* the leader's answer: its largest epoch not above ours, -1: none */
    int64_t leader_end_offset; /* where that epoch ends on the leader, -1: not known */
    int32_t own_epoch;         /* our largest epoch not above leader_epoch, -1: none */
    int64_t own_end_offset;    /* where it ends here */
    int64_t log_end_offset;    /* ours */
    int64_t high_watermark;    /* ours */
};

struct truncation {
    int64_t offset; /* the log must end here, at most */
    bool complete;  /* false: ask again with the epoch that is then the latest */
};

struct truncation truncation_plan(const struct truncation_input *input);

#endif
