/*
 * What must always hold, checked at every transaction, and what must hold in the end.
 *
 * Always, for writes of brokers:
 *   a controller epoch follows its predecessor by one;
 *   a state carries the controller epoch that is in ZooKeeper at that moment;
 *   an ISR is not empty, its members are replicas, each once; the leader is one of them or nobody;
 *   within a topic id a leader epoch never falls, and grows with every change of leader;
 *   a new leader comes from the ISR before, unless the state says that it is recovering;
 *   what the change log says of a partition after a transaction is what its state znode holds.
 * In the end, with every broker there: one controller is active; every partition whose ISR has a
 * live member is led by one; the change log, replayed, gives the topics and states that a full
 * read gives.
 */
#ifndef TESTS_SIMULATION_CHECKER_H
#define TESTS_SIMULATION_CHECKER_H

#include "client/base/uuid.h"
#include "tests/simulation/model_zookeeper.h"

struct checker;

struct checker *checker_new(struct simulator *simulator);
void checker_set_zookeeper(struct checker *checker, struct model_zookeeper *zookeeper);
void checker_free(struct checker *checker);

/* Instead of failing the simulation, count what was broken: for tests that break rules. */
void checker_count_only(struct checker *checker);
size_t checker_broken_count(const struct checker *checker);

/* A rule was seen broken. */
void checker_broken(struct checker *checker, const char *format, ...) PRINTF_LIKE(2, 3);

/* Who else looks at states; may be NULL. Set before anything happens. */
struct committed;
void checker_set_committed(struct checker *checker, struct committed *committed);

void checker_on_commit(void *checker, const struct model_change *changes, size_t count);

/* `is_live` tells which brokers are registered. */
void checker_check_end(struct checker *checker, bool (*is_live)(void *context, int32_t broker_id),
                       void *context);

/* The partitions as the change log tells them, for those who play brokers. */
struct checked_partition {
    struct bytes topic;
    struct uuid topic_id;
    int32_t partition;
    int32_t version;
    int32_t leader;
    int32_t leader_epoch;
    int32_t controller_epoch;
    int32_t recovery_state;
    const int32_t *replicas;
    size_t replica_count;
    int32_t isr[16];
    size_t isr_count;
};

size_t checker_partition_count(const struct checker *checker);
/* In an order that only depends on what happened. */
struct checked_partition checker_partition(const struct checker *checker, size_t index);
bool checker_find_partition(const struct checker *checker, const char *topic, int32_t partition,
                            struct checked_partition *found);
size_t checker_topic_count(const struct checker *checker);
/* Name and id; false if there is no topic `index`. */
bool checker_topic(const struct checker *checker, size_t index, struct bytes *name,
                   struct uuid *id);
bool checker_has_topic_id(const struct checker *checker, const struct uuid *id);

#endif
