/*
 * Which partition a record goes to when its sender does not say.
 *
 * With a key: by its hash, the same as the Java client's, so that all clients put a key in the
 * same place. Without: one partition takes all records until a batch's worth of bytes has gone
 * there, then another one is drawn among those that have a leader (KIP-480, KIP-794): fuller
 * batches than taking turns, and over time just as even.
 *
 * Pure: chance comes from the given rng.
 * Source: Kafka 3.9, Utils.murmur2, BuiltInPartitioner.
 */
#ifndef CLIENT_PRODUCER_PARTITIONER_H
#define CLIENT_PRODUCER_PARTITIONER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/bytes.h"
#include "client/base/rng.h"

int32_t murmur2(struct bytes data);

/* `partition_count` > 0. */
int32_t partition_of_key(struct bytes key, int32_t partition_count);

struct sticky_partition {
    int32_t partition; /* -1: none is drawn yet */
    int64_t bytes;     /* gone there since */
};

void sticky_partition_init(struct sticky_partition *sticky);

/* The partition for the next record without a key. `available` says which have a leader, NULL
 * if all have; if none has, one is drawn among all. */
int32_t sticky_partition_next(struct sticky_partition *sticky, struct rng *rng,
                              int32_t partition_count, const bool *available, int64_t batch_bytes);

/* So much has gone to the partition that was given last. */
void sticky_partition_add(struct sticky_partition *sticky, int64_t bytes);

#endif
