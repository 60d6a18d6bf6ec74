/*
 * What a leader has called committed, and who must still have it.
 *
 * Checked at every state that the controller writes:
 *   a new leader has all that was committed, unless the state says that the election was unclean,
 *   or no member of the ISR before was there with a log that had not been closed uncleanly since;
 *   who joins the ISR has all that was committed.
 * At every state, whenever a high watermark moves and whenever a log is cut: every member of the
 * ISR that is there, and has not been closed uncleanly since, has all that was committed.
 * Whenever a high watermark moves: it commits what was committed before, and more.
 * Whenever somebody begins to lead: nobody else has led in that leader epoch.
 * In the end: every member of an ISR has all that was committed, and every replica is a member.
 */
#ifndef TESTS_SIMULATION_COMMITTED_H
#define TESTS_SIMULATION_COMMITTED_H

#include "client/base/uuid.h"
#include "tests/simulation/model_log.h"
#include "tests/simulation/simulator.h"

struct checker;
struct committed;

/* How the check sees the brokers. */
struct committed_view {
    /* NULL if it never had one. */
    const struct model_log *(*log)(void *context, const struct uuid *topic_id, int32_t partition,
                                   int32_t broker_id);
    /* Its process stands in ZooKeeper. */
    bool (*is_registered)(void *context, int32_t broker_id);
    /* Its log may have lost records that a state of `zxid` counted on. */
    bool (*is_unclean_since)(void *context, int32_t broker_id, int64_t zxid);
    void *context;
};

struct committed *committed_new(struct simulator *simulator, struct checker *checker,
                                const struct committed_view *view);
void committed_free(struct committed *committed);

/* The leader `broker_id` of that epoch moved its high watermark. */
void committed_advance(struct committed *committed, const struct uuid *topic_id, int32_t partition,
                       int32_t leader_epoch, const struct model_log *log, int64_t high_watermark);

/* A follower has cut its log. */
void committed_on_truncated(struct committed *committed, const struct uuid *topic_id,
                            int32_t partition, int32_t broker_id);

/* The broker begins to lead. */
void committed_lead(struct committed *committed, const struct uuid *topic_id, int32_t partition,
                    int32_t leader, int32_t leader_epoch, const struct model_log *log);

/* A state as the check needs it. */
struct committed_state {
    int32_t leader, leader_epoch, recovery_state;
    const int32_t *isr;
    size_t isr_count;
    int64_t zxid; /* that wrote it */
};

void committed_on_state(struct committed *committed, const struct uuid *topic_id, int32_t partition,
                        const struct committed_state *before, const struct committed_state *now);

/* All is at rest, with every broker there. */
void committed_check_end(struct committed *committed, const struct uuid *topic_id,
                         int32_t partition, const struct committed_state *state);

int64_t committed_records(const struct committed *committed);
/* How many records were lost where nothing could be done. */
int64_t committed_lost(const struct committed *committed);

#endif
