/*
 * Whether this broker may stop now without taking anything away from producers and consumers: every
 * partition that it is in sync for keeps enough other replicas in sync, as the controller's own
 * decisions say (controller/core/impact.h). Pure.
 *
 * It tells of this moment, and of this broker alone: two that are asked at once may both hear yes,
 * so whoever stops brokers stops them one by one.
 */
#ifndef BROKER_ADMIN_STOP_CHECK_H
#define BROKER_ADMIN_STOP_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/metadata/metadata.h"

enum stop_obstacle {
    STOP_SINGLE_REPLICA,       /* it has the partition's only replica */
    STOP_ONLY_IN_SYNC_REPLICA, /* nobody who lives could become the leader without loss */
    STOP_BELOW_MIN_ISR,        /* producers with acks=all would be refused */
    STOP_WITHOUT_MARGIN,       /* fewer would be left than was asked for */
    STOP_OBSTACLE_COUNT
};

/* "single_replica" ... */
const char *stop_obstacle_name(enum stop_obstacle obstacle);

struct stop_question {
    int32_t broker_id;
    int32_t min_isr; /* min.insync.replicas where the topic does not say */
    int32_t margin;  /* how many more than that are to be in sync */
    /* What cannot be kept up whenever this broker stops does not count. */
    bool allow_single_replica;
};

/* A partition that speaks against it. */
typedef void stop_check_tell(void *context, enum stop_obstacle obstacle,
                             const struct metadata_topic *topic, int32_t partition,
                             int32_t min_isr);

struct stop_check {
    int32_t in_sync; /* partitions that this broker is in sync for */
    int32_t obstacles[STOP_OBSTACLE_COUNT];
    int32_t obstacle_count; /* of all sorts; 0: it may stop */
};

/* `tell` may be NULL. */
struct stop_check stop_check(const struct metadata *metadata, const struct stop_question *question,
                             stop_check_tell *tell, void *context);

#endif
