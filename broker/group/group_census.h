/*
 * How many groups are in which state, and how many offsets are committed in them.
 *
 * Threads: the coordinator's counts, any reads.
 */
#ifndef BROKER_GROUP_GROUP_CENSUS_H
#define BROKER_GROUP_GROUP_CENSUS_H

#include "broker/group/group.h"
#include "broker/metrics/counter.h"

struct group_census {
    _Atomic uint64_t groups[GROUP_STATE_COUNT]; /* by state */
    _Atomic uint64_t offsets;
};

/* As group_port.moved; `context` is the census. */
static inline void group_census_move(void *context, enum group_state from, enum group_state to) {
    struct group_census *census = context;

    counter_add(&census->groups[from], UINT64_MAX);
    counter_add(&census->groups[to], 1);
}

#endif
