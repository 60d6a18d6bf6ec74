/*
 * What must always hold, checked at every transaction, and what must hold in the end.
 *
 * Always, for writes of brokers:
 *   a controller epoch follows its predecessor by one;
 *   a state carries the controller epoch that is in ZooKeeper at that moment;
 *   an ISR is not empty, its members are replicas, each once; the leader is one of them or nobody;
 *   within a topic id a leader epoch never falls, and grows with every change of leader;
 *   a new leader comes from the ISR before, unless the state says that it is recovering;
 *   what is written over a version in the same leader epoch was proposed knowing that version;
 *   who registered anew since the state before leaves the ISR, if somebody who did not is in it;
 *   who may have lost records since the state before leaves it, too, whether it is there or not;
 *   a leader of an older epoch is told so, not that its ISR is right;
 *   what the change log says of a partition after a transaction is what its state znode holds;
 *   a broker that may leave leads nothing that another could have taken;
 *   what committed.h says.
 * In the end, with every broker there: one controller is active; every partition whose ISR has a
 * live member is led by one; nobody in an ISR registered anew since; no deletion and no
 * reassignment that could be over is under way; the change log, replayed, gives the topics and
 * states that a full read gives.
 */
#ifndef TESTS_SIMULATION_CHECKER_H
#define TESTS_SIMULATION_CHECKER_H

#include "client/base/uuid.h"
#include "controller/shell/controller_shell.h"
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

/* What `check`, which calls the above and checker_broken, would find; NULL if nothing. */
typedef void checker_check(void *context);
const char *checker_probe_end(struct checker *checker, checker_check *check, void *context);

/* The session of a broker's registration, 0 if there is none; its czxid in *epoch (may be NULL). */
int64_t checker_registration(const struct checker *checker, int32_t broker_id, int64_t *epoch);
/* When it last registered on logs that may have lost records; 0: never. */
int64_t checker_unclean_zxid(const struct checker *checker, int32_t broker_id);

/* ---- The partitions as the change log tells them, for those who play brokers. */

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

/* `age` states before the newest, or the oldest that is remembered. */
bool checker_find_partition(struct checker *checker, const struct uuid *topic_id, int32_t partition,
                            size_t age, struct checked_partition *found);
/* Whether the broker is assigned to the partition. */
bool checker_is_replica(const struct checker *checker, const struct uuid *topic_id,
                        int32_t partition, int32_t broker_id);
int32_t checker_partition_count(const struct checker *checker, const struct uuid *topic_id);
size_t checker_topic_count(const struct checker *checker);
/* Name and id, in an order that only depends on what happened; false if there is no topic
 * `index`. */
bool checker_topic(const struct checker *checker, size_t index, struct bytes *name,
                   struct uuid *id);
bool checker_topic_of_name(const struct checker *checker, struct bytes name, struct uuid *id);
bool checker_has_topic_id(const struct checker *checker, const struct uuid *id);

/* ---- AlterPartition: every proposal goes to a controller through here. */

struct checked_proposal {
    struct uuid topic_id;
    int32_t partition, leader_epoch, partition_epoch;
    int32_t leader;
    int64_t broker_epoch; /* the leader's */
    const int32_t *isr;   /* only while it is sent, as are the epochs */
    const int64_t *epochs;
    size_t isr_count;
    void *context; /* the sender's */
    /* The checker's. */
    bool is_fenced;
    int32_t controller_epoch;
};

/* `done` gets the proposal as its context and must pass it, with the answer, to the other. */
void checker_send_proposal(struct checker *checker, struct controller_shell *shell,
                           struct checked_proposal *proposal,
                           controller_alter_partition_done *done);
void checker_on_proposal_answered(struct checker *checker, const struct checked_proposal *proposal,
                                  const struct controller_alter_partition_response *response);

/* ---- ControlledShutdown: who asks leaves, and leads nothing more from then on that others could.
 */

void checker_on_shutdown_asked(struct checker *checker, int32_t broker_id);
/* A controller of that epoch told the process of that broker epoch, without an error, what remains.
 * `is_at_rest` says of which topics the making was acknowledged and the deletion not asked for;
 * others are not looked at. */
void checker_on_shutdown_answered(struct checker *checker, int32_t broker_id, int64_t broker_epoch,
                                  int32_t controller_epoch,
                                  bool (*is_at_rest)(void *context, const struct uuid *topic_id),
                                  void *context);

#endif
