/*
 * Who should lead one partition and who belongs in its ISR, from the health of its replicas.
 * Pure decisions; nothing is remembered.
 *
 * Rules: a leader comes from the ISR, in the order of the assignment, unless an unclean election
 * is allowed and nobody of the ISR can lead. The ISR is never empty: when its last member goes
 * the partition has no leader and the ISR stays, since those replicas hold all that was
 * committed. A replica whose broker registered anew since the state was written (STALE, UNCLEAN)
 * leaves the ISR until it has caught up, unless nobody else of the ISR is there: one that
 * restarted uncleanly may have lost the end of its log. Such a one is the last choice: it leads,
 * and counts, only where no other member of the ISR is there, and then alone.
 *
 * Source: Apache Kafka 3.9, PartitionLeaderElectionAlgorithms, ReplicaStateMachine.
 */
#ifndef CONTROLLER_CORE_ELECTION_PLAN_H
#define CONTROLLER_CORE_ELECTION_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum replica_health {
    REPLICA_OFFLINE_UNCLEAN, /* not registered, and was on logs not closed since the state */
    REPLICA_OFFLINE,         /* its broker is not registered */
    REPLICA_UNCLEAN, /* registered, and restarted on logs not closed since the state was written */
    REPLICA_STALE,   /* registered anew since the state was written, its logs whole */
    REPLICA_LEAVING, /* registered, shutting down in a controlled way */
    REPLICA_ONLINE
};

struct election_input {
    const int32_t *replicas;           /* the assignment, preferred first */
    const enum replica_health *health; /* parallel to replicas */
    size_t replica_count;
    int32_t leader; /* -1: none */
    const int32_t *isr;
    size_t isr_count;
    bool recovering;
    bool unclean_allowed;
};

struct election_plan {
    bool changed; /* if not, the rest is not set */
    int32_t leader;
    bool recovering;
    size_t isr_count;
    int32_t *isr; /* the caller's, room for max(isr_count, 1) of the input */
};

/* The first leader of a new partition: all online replicas are its ISR, the first leads.
 * Unchanged if none is online. `isr` needs room for all replicas. */
void controller_election_plan_first(const struct election_input *input, struct election_plan *plan);

/* What must change for the partition to be led, and to count only replicas that are there. */
void controller_election_plan_repair(const struct election_input *input,
                                     struct election_plan *plan);

/* Leadership for the first replica, if it is online and in the ISR. */
void controller_election_plan_preferred(const struct election_input *input,
                                        struct election_plan *plan);

/* Any replica that is there, at an operator's wish, if nobody leads: what it has not copied is lost
 * unless it is of the ISR. Unchanged if somebody leads, or nobody is there. */
void controller_election_plan_unclean(const struct election_input *input,
                                      struct election_plan *plan);

bool controller_election_is_offline(enum replica_health health);

/* Whether nobody leads, or somebody who is not there. */
bool controller_election_is_leaderless(const struct election_input *input);

/* REPLICA_OFFLINE for a broker that is no replica. */
enum replica_health controller_election_health_of(const struct election_input *input,
                                                  int32_t broker_id);

bool controller_election_in_isr(const struct election_input *input, int32_t broker_id);

#endif
