/* What is under way of a plan, and how far it is; waiting until it is over. */
#ifndef OPS_CLI_REASSIGN_WATCH_H
#define OPS_CLI_REASSIGN_WATCH_H

#include "ops/cli/log_sizes.h"
#include "ops/cli/reassign_plan.h"

/* All that is under way, with what is missing of it. */
enum exit_status reassign_list(struct barnabas_admin *admin, int64_t timeout_ms);

/* Tells of the progress as it goes; TIMED_OUT if it is not over then. */
enum exit_status reassign_wait(struct barnabas_admin *admin, const struct reassign_plan *plan,
                               int64_t timeout_ms, int64_t wait_ms);

/* Says of each partition of the plan whether it is as wanted, under way, or neither. `*is_done` if
 * all are as wanted. */
enum exit_status reassign_verify(struct barnabas_admin *admin, const struct reassign_plan *plan,
                                 int64_t timeout_ms, bool *is_done);

#endif
