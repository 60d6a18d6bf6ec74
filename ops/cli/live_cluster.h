/*
 * The cluster as the brokers tell of it now, in the form in which the controller's decisions are
 * asked what they would do (controller/core/impact.h). Settings of topics are asked for when they
 * are needed, once.
 */
#ifndef OPS_CLI_LIVE_CLUSTER_H
#define OPS_CLI_LIVE_CLUSTER_H

#include <barnabas/barnabas.h>

#include "controller/core/impact.h"
#include "ops/cli/broker_list.h"
#include "ops/cli/exit_status.h"

struct live_topic_settings;

struct live_cluster {
    struct barnabas_admin *admin; /* the caller's */
    int64_t timeout_ms;
    struct barnabas_cluster *brokers;
    struct barnabas_topics *topics;
    struct live_topic_settings *settings; /* parallel to the topics */
};

/* After a complaint a status other than OK; it is to be closed in any case. `name` NULL: all
 * topics. */
enum exit_status live_cluster_open(struct barnabas_admin *admin, const char *name,
                                   int64_t timeout_ms, struct live_cluster *live);
void live_cluster_close(struct live_cluster *live);

bool live_cluster_has_broker(const struct live_cluster *live, int32_t broker_id);

/* A partition of topics->items[topic_index]; `health` has room for its replicas, and both are
 * valid as long as the cluster is open. A status other than OK after a complaint. */
enum exit_status live_cluster_partition(struct live_cluster *live, size_t topic_index,
                                        const struct barnabas_partition_info *partition,
                                        enum replica_health *health, struct impact_partition *made);

#endif
