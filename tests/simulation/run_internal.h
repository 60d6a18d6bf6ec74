/*
 * The inside of a run: for the files tests/simulation/run*.c only.
 */
#ifndef TESTS_SIMULATION_RUN_INTERNAL_H
#define TESTS_SIMULATION_RUN_INTERNAL_H

#include "tests/simulation/run.h"
#include "tests/simulation/simulated_cluster.h"

#define RUN_TOPICS     6
#define RUN_BLOCKS_MAX 4096
#define PRODUCER_BLOCK 1000

/* A topic whose creation was acknowledged, or whose deletion was asked for. */
struct known_topic {
    struct uuid id;
    int64_t name; /* the number in it */
    bool created, deletion_asked, deletion_acked;
};

struct run {
    struct simulated_cluster cluster;
    const struct schedule *schedule;
    size_t next; /* event of the schedule */
    uint64_t asked, answered;
    bool block_given[RUN_BLOCKS_MAX];
    struct known_topic *known; /* owned */
    size_t known_count;
    bool name_marked[RUN_TOPICS]; /* by an operator, some time */
};

/* The number of the schedule's broker. */
int32_t run_broker_id(const struct run *run, int32_t number);
/* It, or the next that runs or, if not `running`, does not; NULL if there is none. */
struct simulated_broker *run_broker(struct run *run, int32_t number, bool running);
/* The topic of that number, or, if it is not there, another; false if there is none. */
bool run_topic(struct run *run, int32_t number, struct bytes *name, struct uuid *id);
int64_t run_topic_number(struct bytes name);
struct znode_path run_topic_path(int32_t number);

/* One thing that is done: run_requests.c asks controllers, run_faults.c does the rest. */
typedef void run_action(struct run *run, const int32_t *values);
run_action run_create_topic, run_create_partitions, run_delete_topic, run_elect,
    run_alter_partition, run_reassign, run_cancel, run_producer_ids, run_shutdown;
run_action run_operator_creates, run_operator_marks, run_operator_elects, run_operator_reassigns,
    run_operator_deposes, run_crash, run_halt, run_bounce, run_blackout, run_restart,
    run_disconnect, run_expire, run_delay;

#endif
