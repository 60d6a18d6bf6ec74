/*
 * Consumer groups that are behind:
 *
 *   group-lagging      the first unread record is older than wanted
 *   group-loses-soon   retention may delete it within the hour
 */
#ifndef OPS_CLI_HEALTH_GROUPS_H
#define OPS_CLI_HEALTH_GROUPS_H

#include <barnabas/barnabas.h>

#include "ops/cli/health_report.h"

/* Gives an error of the library if groups cannot be listed; one that cannot be looked at is a
 * finding. `config` is for the consumer that looks at single records. */
int health_groups_judge(struct health_report *report, struct barnabas_admin *admin,
                        struct barnabas_config *config, int64_t lag_seconds_max,
                        int64_t timeout_ms);

#endif
