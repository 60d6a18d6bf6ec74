/*
 * What a broker settles with ZooKeeper before it opens its logs: Kafka's persistent paths and
 * ours, the cluster's id (made by the first broker ever), and, if none is configured, a broker id.
 *
 * Threads: the session's executor. Source: Kafka 3.9, KafkaServer.startup, KafkaZkClient.
 */
#ifndef BROKER_CONTROL_BOOTSTRAP_H
#define BROKER_CONTROL_BOOTSTRAP_H

#include "client/base/error.h"
#include "client/base/rng.h"
#include "zk-schema/zk.h"

struct bootstrap_result {
    char cluster_id[64];
    int32_t broker_id;
};

struct bootstrap {
    struct zk *zk;
    struct rng *rng;
    int32_t broker_id;       /* >= 0: configured or known; -1: to be generated */
    int32_t reserved_max_id; /* generated ids begin above it */
    void (*done)(void *context, enum error error, const struct bootstrap_result *result);
    void *context;
    /* Its own state. */
    size_t outstanding;
    enum error error;
    struct bootstrap_result result;
};

/* The fields above the line are filled. `done` is called once; ZK_OUTCOME_UNKNOWN and
 * ZK_SESSION_EXPIRED mean: start it again when there is a session. */
void bootstrap_start(struct bootstrap *bootstrap);

#endif
