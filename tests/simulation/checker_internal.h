/*
 * The inside of the checker: for the files tests/simulation/checker*.c only.
 */
#ifndef TESTS_SIMULATION_CHECKER_INTERNAL_H
#define TESTS_SIMULATION_CHECKER_INTERNAL_H

#include <uthash.h>

#include "broker/replica/replica_progress.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/committed.h"
#include "zk-schema/paths.h"
#include "zk-schema/topic_znode.h"

#define ISR_MAX     16
#define BROKERS_MAX 16
#define TOLD_MAX    4

struct seen_state {
    bool exists;
    int32_t version;
    int32_t leader, leader_epoch, controller_epoch, recovery_state;
    int32_t isr[ISR_MAX];
    size_t isr_count;
    int64_t zxid; /* of the znode that was seen */
};

struct partition_key {
    struct uuid topic_id;
    int32_t partition;
};

/* That a controller has got, and that may still become a state. */
struct seen_proposal {
    int32_t leader_epoch, partition_epoch;
    int32_t isr[ISR_MAX];
    size_t isr_count;
};

/* A partition of one topic id, for ever. */
struct seen_partition {
    struct partition_key key;
    struct seen_state truth;          /* as last written to its znode */
    struct seen_state told[TOLD_MAX]; /* as the change log says, the newest first */
    struct seen_proposal *proposals;  /* owned */
    size_t proposal_count, proposal_capacity;
    UT_hash_handle hh;
};

/* A topic that is there according to the change log. */
struct told_topic {
    struct uuid id;
    char *name;
    int32_t **replicas;
    size_t *replica_counts;
    size_t partition_count;
    UT_hash_handle hh;
};

struct seen_broker {
    int64_t session_id;    /* of its registration; 0: none */
    int64_t epoch;         /* of its registration */
    int64_t leaving_epoch; /* of the last registration whose process asked to shut down */
    int64_t unclean_zxid;
};

struct checker {
    struct simulator *simulator;
    struct model_zookeeper *zookeeper;
    struct committed *committed; /* may be NULL */
    struct seen_partition *partitions;
    struct told_topic *topics;
    struct seen_broker brokers[BROKERS_MAX + 1]; /* by id */
    int32_t controller_epoch;
    bool count_only;
    size_t broken;
    bool is_probing;
    size_t probe_broken;
    char probe_text[512]; /* the first */
    struct arena arena;
    /* The topic last looked up, since states come in hundreds of the same one. */
    struct znode_path last_path;
    int64_t last_mzxid;
    struct uuid last_id;
};

/* Made if it is not there. */
struct seen_partition *checker_seen(struct checker *checker, const struct uuid *topic_id,
                                    int32_t partition);
bool checker_in_isr(const struct seen_state *state, int32_t broker);
bool checker_same_isr(const struct seen_state *a, const struct seen_state *b);
bool checker_same_state(const struct seen_state *a, const struct seen_state *b);
struct committed_state checker_committed_state(const struct seen_state *state);
/* How many members of the ISR are no replicas. */
size_t checker_strangers(const struct seen_state *state,
                         const struct topic_znode_partition *assigned);

/* checker_isr.c */
void checker_on_broker(struct checker *checker, const struct model_change *change);
/* A partition's state was written over another. */
void checker_check_isr_step(struct checker *checker, const char *path, struct seen_partition *p,
                            const struct seen_state *now);
/* Who registered anew since the state was written, though others of the ISR did not; -1 if nobody
 * did. */
int32_t checker_stale_member(const struct checker *checker, const struct seen_state *now,
                             const struct seen_state *before);

#endif
