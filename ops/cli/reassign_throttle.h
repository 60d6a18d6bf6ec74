/*
 * The throttle of a reassignment: the rate that all brokers of the cluster get, and which replicas
 * of the topics obey it; as Kafka's own tool sets them.
 * Source: Kafka 3.9, ReassignPartitionsCommand.
 */
#ifndef OPS_CLI_REASSIGN_THROTTLE_H
#define OPS_CLI_REASSIGN_THROTTLE_H

#include "ops/cli/reassign_plan.h"

/* Before the plan is carried out. Complains of what fails. */
enum exit_status reassign_throttle_set(struct barnabas_admin *admin,
                                       const struct reassign_plan *plan, int64_t bytes_per_second,
                                       int64_t timeout_ms);
/* Whether a topic of the plan has throttled replicas; false too if nobody says. */
bool reassign_throttle_is_set(struct barnabas_admin *admin, const struct reassign_plan *plan,
                              int64_t timeout_ms);
/* For the topics of the plan, and all brokers. */
enum exit_status reassign_throttle_remove(struct barnabas_admin *admin,
                                          const struct reassign_plan *plan, int64_t timeout_ms);

#endif
