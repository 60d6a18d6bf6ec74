/* What a planned reassignment costs and endangers: bytes to copy to each broker, and partitions
 * that would have too few replicas, or would never be done. */
#ifndef OPS_CLI_REASSIGN_IMPACT_H
#define OPS_CLI_REASSIGN_IMPACT_H

#include "ops/cli/impact_report.h"
#include "ops/cli/log_sizes.h"
#include "ops/cli/reassign_plan.h"

struct reassign_impact {
    struct impact_report report;
    struct live_cluster live;
    struct log_sizes sizes;
    int64_t *copied; /* bytes, parallel to the live brokers */
    int64_t copied_sum;
};

/* After a complaint a status other than OK; it is to be freed in any case. Partitions whose
 * reassignment is taken back are left out. */
enum exit_status reassign_impact_read(struct barnabas_admin *admin,
                                      const struct reassign_plan *plan, int64_t timeout_ms,
                                      struct reassign_impact *impact);
void reassign_impact_print(const struct reassign_impact *impact);
enum exit_status reassign_impact_json(const struct reassign_impact *impact,
                                      const struct reassign_plan *plan);
void reassign_impact_free(struct reassign_impact *impact);

#endif
