/*
 * Whether the ISR that a leader proposes (AlterPartition) becomes the partition's state.
 *
 * The order of the checks matters: a leader that is behind must hear so before anything else is
 * said about its proposal, and a repeated request whose first answer was lost is not an error.
 *
 * Source: Apache Kafka 3.9, KafkaController.tryProcessAlterPartition.
 */
#ifndef CONTROLLER_CORE_ISR_PLAN_H
#define CONTROLLER_CORE_ISR_PLAN_H

#include "controller/core/controller.h"

struct isr_proposal {
    int32_t broker_id; /* who proposes */
    int32_t leader_epoch;
    int32_t partition_epoch;
    const int32_t *isr;
    size_t isr_count;
    enum controller_leader_recovery_state leader_recovery_state;
    bool all_replicas; /* every member is in the assignment, none twice */
    bool all_eligible; /* every member is live, not shutting down, and the one the leader saw */
};

enum isr_verdict {
    ISR_REFUSED,   /* with an error for the leader */
    ISR_UNCHANGED, /* the state is that already: answer it */
    ISR_ACCEPTED   /* write it, with the same leader epoch */
};

/* `version` is the dataVersion of `state`. *error is NONE unless refused. */
enum isr_verdict controller_isr_plan_judge(const struct controller_partition_state *state,
                                           int32_t version, const struct isr_proposal *proposal,
                                           enum error *error);

#endif
