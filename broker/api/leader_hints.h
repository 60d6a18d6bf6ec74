/*
 * Who leads a partition that was asked for in vain, and where that broker is: told to clients whose
 * version has room for it, so that they need not ask for the metadata first (KIP-951).
 *
 * Threads: any. Source: Kafka 3.9, KafkaApis.handleProduceRequest, handleFetchRequest.
 */
#ifndef BROKER_API_LEADER_HINTS_H
#define BROKER_API_LEADER_HINTS_H

#include "broker/api/api.h"
#include "broker/metadata/metadata.h"

struct leader_node {
    int32_t id;
    struct bytes host; /* in the call's arena, as the rack, which may be null */
    int32_t port;
    struct bytes rack;
};

struct leader_hints {
    struct api_call *call;
    const struct metadata *metadata; /* a reference while hints are collected */
    struct leader_node *nodes;       /* in the call's arena, each broker once */
    int32_t node_count;
};

/* Room for one node per partition of the answer. False if memory is out. */
MUST_CHECK bool leader_hints_begin(struct leader_hints *hints, struct api_call *call,
                                   int32_t partition_count);
void leader_hints_end(struct leader_hints *hints);

/* The leader of a partition, whose node is then among the nodes. False if it is not known, or not
 * to be reached by the listener of the request. `topic` may be NULL: unknown. */
bool leader_hints_find(struct leader_hints *hints, const struct metadata_topic *topic,
                       int32_t index, int32_t *leader_id, int32_t *leader_epoch);

#endif
