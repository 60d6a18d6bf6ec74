/*
 * What unclean elections would lose: for each partition without a leader, who would lead it, where
 * his log ends, and how far the log is known to have reached. The dead leader cannot be asked: the
 * ends of the other replicas and what groups have committed are all there is, so more may be lost
 * than is known.
 */
#ifndef OPS_CLI_UNCLEAN_LOSS_H
#define OPS_CLI_UNCLEAN_LOSS_H

#include <barnabas/barnabas.h>

#include "ops/cli/exit_status.h"
#include "ops/cli/partition_name.h"

/* Shows it, as a table or JSON; `name` NULL: of all topics. After a complaint a status other than
 * OK. */
enum exit_status unclean_loss_show(struct barnabas_admin *admin, const struct partition_name *name,
                                   bool json, int64_t timeout_ms);

#endif
