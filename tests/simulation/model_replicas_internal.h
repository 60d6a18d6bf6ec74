/*
 * The inside of the modelled replicas: for the files tests/simulation/model_replicas.c and
 * model_proposals.c only.
 */
#ifndef TESTS_SIMULATION_MODEL_REPLICAS_INTERNAL_H
#define TESTS_SIMULATION_MODEL_REPLICAS_INTERNAL_H

#include <sys/queue.h>
#include <uthash.h>

#include "broker/replica/replica_progress.h"
#include "tests/simulation/model_log.h"
#include "tests/simulation/model_replicas.h"
#include "tests/simulation/simulated_cluster.h"

#define MEMBERS_MAX 16

enum role { NONE, LEADER, FOLLOWER };

struct replica_key {
    struct uuid topic_id;
    int32_t partition;
    int32_t broker_id;
};

struct replica {
    struct replica_key key;
    struct model_log log;
    int64_t checkpoint; /* of the high watermark */
    /* Of the process. */
    enum role role;
    int32_t leader, leader_epoch, partition_epoch;
    int64_t high_watermark, epoch_start;
    int32_t isr[MEMBERS_MAX];
    int32_t isr_count;
    bool is_proposing, is_sent;
    int32_t proposed[MEMBERS_MAX];
    int64_t proposed_epochs[MEMBERS_MAX];
    int32_t proposed_count;
    struct replica_progress followers[MEMBERS_MAX];
    int32_t follower_count;
    bool is_fetching;
    uint64_t fetch_number; /* of the fetch under way, and of the proposal: others are history */
    uint64_t proposal_number;
    TAILQ_ENTRY(replica) of_broker;
    UT_hash_handle hh;
};

struct model_replicas {
    struct simulated_cluster *cluster;
    struct committed *committed;
    struct replica *all;
    TAILQ_HEAD(, replica) of_broker[SIMULATED_BROKERS_MAX + 1];
    int32_t unreliable; /* once in so many messages a connection breaks; 0: never */
    uint64_t last_number;
    bool is_quiet;
};

/* A message on its way to another broker. */
struct travel {
    int64_t delay_ms;  /* until it is there; -1: never */
    int64_t broken_ms; /* until the sender hears that the connection broke; -1: it did not */
};

/* A connection that breaks after a message was sent does not keep it from arriving, some time: the
 * sender has long sent another by then. */
struct travel model_replicas_travel(struct model_replicas *replicas, int32_t broker_id);

/* NULL if it never was. */
struct replica *model_replica_find(struct model_replicas *replicas, const struct uuid *topic_id,
                                   int32_t partition, int32_t broker_id);
/* What the broker knows; the caller has a reference. */
const struct metadata *model_replica_metadata(struct model_replicas *replicas, int32_t broker_id);
void model_replica_advance(struct model_replicas *replicas, struct replica *replica,
                           const struct metadata *metadata);
/* The proposed isr goes to the controller; the answer is taken when it comes. */
void model_replica_send_proposal(struct model_replicas *replicas, struct replica *replica,
                                 const struct metadata *metadata);

#endif
