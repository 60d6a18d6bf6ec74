/*
 * What a reassignment would change, one row per partition; made from the cluster as it is.
 */
#ifndef OPS_CLI_REASSIGN_PLAN_H
#define OPS_CLI_REASSIGN_PLAN_H

#include <barnabas/barnabas.h>
#include <jansson.h>

#include "ops/cli/broker_list.h"
#include "ops/cli/exit_status.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/reassign_file.h"

struct reassign_wish {
    const struct partition_name *name; /* NULL: every topic */
    bool cancels;
    const struct broker_list *to;     /* NULL: not given */
    const struct reassign_file *file; /* likewise: the partitions that it names */
    bool keeps_same;                  /* also those that would not change */
    const struct broker_list *leave;  /* brokers to be emptied; NULL: none */
    size_t replication_factor;        /* 0: as it is */
};

struct reassign_row {
    const struct barnabas_partition_info *now;
    int32_t ids[BROKER_LIST_MAX];
};

struct reassign_plan {
    struct barnabas_topics *topics;
    struct barnabas_cluster *cluster;
    struct barnabas_new_replicas *wanted;
    struct reassign_row *rows; /* parallel */
    size_t count;
};

/* Partitions that would not change are left out, unless they are wanted. After a complaint a status
 * other than OK; the plan is to be freed in any case. */
enum exit_status reassign_plan_make(struct barnabas_admin *admin, const struct reassign_wish *wish,
                                    int64_t timeout_ms, struct reassign_plan *plan);
/* Tells of each row. */
void reassign_plan_print(const struct reassign_plan *plan);
json_t *reassign_row_json(const struct barnabas_new_replicas *wanted,
                          const struct barnabas_partition_info *now);
void reassign_plan_free(struct reassign_plan *plan);

#endif
