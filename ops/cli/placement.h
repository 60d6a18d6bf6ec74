/*
 * Where replicas go when brokers are to be emptied or the replication factor changes: as few moves
 * as possible, replicas of one partition in different racks where that can be, and new ones where
 * there are fewest. Pure.
 */
#ifndef OPS_CLI_PLACEMENT_H
#define OPS_CLI_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct placement_broker {
    int32_t id;
    const char *rack; /* "" if none */
    bool leaves;      /* it shall have no replicas */
    size_t replica_count;
};

/* The replicas that a partition shall have: `wanted` of them, in `then`, which has room for so
 * many and for `now_count`. Who stays keeps its place, so that the preferred leader does; who
 * leaves is replaced in its place. The brokers' counts follow. False if there are too few
 * brokers; then nothing has changed. */
bool placement_fit(struct placement_broker *brokers, size_t broker_count, const int32_t *now,
                   size_t now_count, size_t wanted, int32_t *then);

#endif
