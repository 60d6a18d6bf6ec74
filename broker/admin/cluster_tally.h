/*
 * How the partitions stand, by what this broker knows of the cluster. Pure.
 *
 * Source: Kafka 3.9, ReplicaManager's and KafkaController's gauges; Partition.isUnderReplicated,
 * isUnderMinIsr, isAtMinIsr, isReassigning; KafkaController.updateMetrics.
 */
#ifndef BROKER_ADMIN_CLUSTER_TALLY_H
#define BROKER_ADMIN_CLUSTER_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/metadata/metadata.h"

/* How one partition stands, if it has a leader. */
struct partition_standing {
    int32_t replica_count; /* those that it has without a reassignment's additions */
    int32_t isr_count;
    int32_t min_isr; /* min.insync.replicas, at most the number of replicas */
    bool is_offline; /* nobody leads it, or who does is not there */
};

/* `min_isr` is min.insync.replicas where the topic does not say. */
struct partition_standing partition_standing(const struct metadata *metadata,
                                             const struct metadata_topic *topic, int32_t index,
                                             int32_t min_isr);

struct cluster_tally {
    /* Of those whose replica is on this broker: */
    int32_t hosted;
    int32_t led; /* the rest of this group is about partitions that it leads */
    int32_t under_replicated;
    int32_t under_min_isr;
    int32_t at_min_isr;
    int32_t reassigning;
    /* Of all: */
    int32_t topics;
    int32_t partitions;
    int32_t offline;
    int32_t not_led_by_preferred;
    int32_t brokers;
};

struct cluster_tally cluster_tally(const struct metadata *metadata, int32_t broker_id,
                                   int32_t min_isr);

#endif
