/*
 * Since when partitions are as they are. Kafka's protocol does not tell, but brokers do at their
 * admin listener, whose address stands in their settings: the first that can be reached is asked.
 */
#ifndef OPS_CLI_HEALTH_SINCE_H
#define OPS_CLI_HEALTH_SINCE_H

#include <barnabas/barnabas.h>
#include <jansson.h>

struct health_since {
    json_t *partitions; /* by "TOPIC:PARTITION"; NULL: nobody told */
};

void health_since_read(struct health_since *since, struct barnabas_admin *admin,
                       const struct barnabas_cluster *cluster, int64_t timeout_ms);
void health_since_done(struct health_since *since);

/* In ms since 1970; 0: not known. `where` is "TOPIC:PARTITION". */
int64_t health_since_partition(const struct health_since *since, const char *where);
/* When the first of the replicas on that broker fell out of sync, of those that still are. */
int64_t health_since_broker(const struct health_since *since, int32_t broker_id);

#endif
