/*
 * Which replica a consumer reads from: one that stands in its rack, if there is any.
 *
 * Pure. Source: Kafka 3.9, RackAwareReplicaSelector, ReplicaManager.findPreferredReadReplica;
 * KIP-392.
 */
#ifndef BROKER_REPLICA_NEAR_REPLICA_H
#define BROKER_REPLICA_NEAR_REPLICA_H

#include "client/base/bytes.h"

struct near_replica {
    int32_t broker_id;
    const char *rack; /* NULL: none */
    int64_t log_end_offset;
    int64_t caught_up_ms; /* when it last had all that the leader had */
};

/* The index of the replica, the first of which is the leader: it, unless another is in the rack and
 * it is not. Of several the one that is furthest. The others are those that may be read. */
int32_t near_replica_choose(const struct near_replica *replicas, int32_t count, struct bytes rack);

#endif
