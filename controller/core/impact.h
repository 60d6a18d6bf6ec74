/*
 * What an operation would do to one partition, answered by the very decisions that the controller
 * takes when it is done: nothing here knows how a leader is chosen. Pure; nothing is remembered.
 *
 * It tells of the state it is given. Whoever asks knows less than the controller: that a broker
 * registered anew since a state was written, or is just shutting down, is not in the metadata.
 *
 * Threads: any. An allocation that fails stops the process.
 */
#ifndef CONTROLLER_CORE_IMPACT_H
#define CONTROLLER_CORE_IMPACT_H

#include "controller/core/election_plan.h"

/* A partition as it is. */
struct impact_partition {
    struct election_input election;
    int32_t min_isr; /* min.insync.replicas; of more than there are replicas, all count */
};

/* A partition as it would be. */
struct impact {
    int32_t leader;      /* -1: none; it can be neither written nor read */
    int32_t in_sync;     /* members of the ISR that are there; 0 without a leader */
    int32_t in_sync_now; /* before it */
    int32_t min_isr;     /* that counts */
    bool leader_moves;   /* to another broker, or away */
    bool no_successor;   /* a leader that is stopped leads until it goes: nobody could take over */
    bool goes_offline;   /* it has a leader now and would have none */
    bool is_unclean;     /* the leader would be one that was not in the ISR: records may be lost */
    bool below_min_isr;  /* producers with acks=all would be refused, or are already */
    bool at_min_isr;     /* the next failure would bring that about */
};

enum impact_departure {
    IMPACT_KILLED, /* all at once, without a word */
    IMPACT_STOPPED /* in a controlled way: leaderships move first, then they go */
};

/* `ids` go. False if none of them has a replica of it; *impact is untouched. */
bool controller_impact_of_departure(const struct impact_partition *partition, const int32_t *ids,
                                    size_t id_count, enum impact_departure departure,
                                    struct impact *impact);

/* Its replicas become `target`, at the end, once all who are new have copied everything. `adding`
 * has room for target_count: who has to copy it. */
struct impact_move {
    struct impact then;
    int32_t *adding;
    size_t adding_count;
    size_t removing_count;
    bool cannot_end; /* somebody of the target is not there: it would wait for him */
};

/* `target` is valid: not empty, none twice. `health` of those that hold no replica yet is asked of
 * `is_live`. */
void controller_impact_of_move(const struct impact_partition *partition, const int32_t *target,
                               size_t target_count,
                               bool (*is_live)(const void *context, int32_t broker_id),
                               const void *context, struct impact_move *move);

/* An unclean election. False if there would be none: somebody leads, or nobody is there. */
bool controller_impact_of_unclean_election(const struct impact_partition *partition,
                                           struct impact *impact);

/* How many records would be lost for sure when the log goes on from `candidate_end`, if some are
 * known to have been before `known_end`; -1 for ends that are not known gives -1. */
int64_t controller_impact_records_lost(int64_t known_end, int64_t candidate_end);

#endif
