/*
 * What the replicas of a partition are while it is reassigned, and how its leadership and ISR
 * leave those that will be removed. Pure decisions; nothing is remembered.
 *
 * An assignment has all replicas, the target first; those that are being added, and those that
 * will be removed once every replica of the target is in the ISR. So
 *
 *   target = replicas - removing        origin = replicas - adding
 *
 * Source: KIP-455; Apache Kafka 3.9, ReplicaAssignment, KafkaController.onPartitionReassignment.
 */
#ifndef CONTROLLER_CORE_REASSIGNMENT_PLAN_H
#define CONTROLLER_CORE_REASSIGNMENT_PLAN_H

#include "controller/core/election_plan.h"
#include "controller/core/requests.h"

bool controller_ids_contain(const int32_t *ids, size_t count, int32_t id);

bool controller_assignment_is_equal(const struct controller_partition_assignment *a,
                                    const struct controller_partition_assignment *b);
bool controller_assignment_is_reassigning(const struct controller_partition_assignment *assignment);

/* A deep copy in one piece of memory, which the caller frees. */
struct controller_partition_assignment *
controller_assignment_copy(const struct controller_partition_assignment *source);

/* Not empty, no broker twice, none negative. */
bool controller_reassignment_target_is_valid(const int32_t *target, size_t count);

/* The assignment that leads from `now` to `target`; a NULL target leads back to the origin. It may
 * be the same as `now`. The caller frees the result. */
struct controller_partition_assignment *
controller_reassignment_plan_begin(const struct controller_partition_assignment *now,
                                   const int32_t *target, size_t target_count);

/* The assignment at the end: only the target. The caller frees the result. */
struct controller_partition_assignment *
controller_reassignment_plan_end(const struct controller_partition_assignment *now);

/* Whether every replica of the target is in the ISR. */
bool controller_reassignment_is_complete(const struct controller_partition_assignment *now,
                                         const int32_t *isr, size_t isr_count);

/* Whether nobody who will be removed leads or is in the ISR any more. */
bool controller_reassignment_has_left(const struct controller_partition_assignment *now,
                                      int32_t leader, const int32_t *isr, size_t isr_count);

/* Of a complete one: the leader, if it is not of the target, is replaced, and the ISR is reduced
 * to the target. Unchanged if nobody of the target can lead now, or nothing is to do. */
void controller_reassignment_plan_leave(const struct controller_partition_assignment *now,
                                        const struct election_input *input,
                                        struct election_plan *plan);

#endif
