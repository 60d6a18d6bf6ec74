/*
 * Whether a replica may be one that nobody has written to yet.
 *
 * While a data directory is offline, a replica that is not found may lie there. A new one is made
 * in another directory; an empty log in the place of one that has been written would be taken for
 * it.
 *
 * Pure. Source: Apache Kafka 3.9, whose controllers say so (LeaderAndIsr's isNew).
 */
#ifndef BROKER_REPLICA_NEW_REPLICA_H
#define BROKER_REPLICA_NEW_REPLICA_H

#include "broker/metadata/metadata.h"

/* Of the broker's replica. `registered_since`: the transaction by which this process registered
 * first. */
bool replica_is_new(const struct metadata_partition *state, int32_t broker_id,
                    int64_t registered_since);

#endif
