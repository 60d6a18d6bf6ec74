/*
 * Which partition of an internal topic a group or a transactional id belongs to: its leader is the
 * coordinator.
 *
 * Pure. Source: Kafka 3.9, GroupCoordinator.partitionFor: Utils.abs(String.hashCode) % partitions.
 */
#ifndef BROKER_JOURNAL_COORDINATOR_KEY_H
#define BROKER_JOURNAL_COORDINATOR_KEY_H

#include "client/base/bytes.h"

/* `partition_count` is that of the topic as it is, above 0. */
int32_t coordinator_partition(struct bytes key, int32_t partition_count);

#endif
