/*
 * What assignors work on: members and topics in order, the partitions of all topics under running
 * numbers, and for each of them who had it and who gets it.
 *
 * Inside of assignor.h. All arrays lie in the arena.
 */
#ifndef CLIENT_GROUP_ASSIGN_PLAN_H
#define CLIENT_GROUP_ASSIGN_PLAN_H

#include "client/group/assignor.h"

#define NOBODY  (-1)
#define SEVERAL (-2)

#define RACK_NONE      (-1) /* the member does not say */
#define RACK_ELSEWHERE (-2) /* no replica stands there */

struct planned_topic {
    struct bytes name;
    int32_t partition_count;
    int32_t first;                      /* number of its partition 0 */
    const struct assignor_racks *racks; /* by partition; NULL: not known of any */
};

struct planned_member {
    const struct assignor_member *member;
    size_t input; /* its place in the caller's array */
};

struct assign_plan {
    struct arena *arena;
    int32_t member_count;
    struct planned_member *members; /* in the order of assignor.h */
    int32_t topic_count;
    struct planned_topic *topics; /* by name; those with partitions */
    int32_t partition_count;
    bool *subscribed; /* member * topic_count + topic */
    int32_t *load;    /* by member: how many partitions it has so far */
    /* By partition number: */
    int32_t *topic_of;
    int32_t *previous;   /* the subscriber that owned it last; NOBODY if two say so */
    int32_t *claimed_in; /* the generation of that claim */
    int32_t *holder;     /* who says it has it, of whatever generation; SEVERAL if many do */
    int32_t *owner;      /* the result; NOBODY at first */
    /* Racks in which replicas stand have numbers. */
    int32_t rack_count;
    struct bytes *racks;
    int32_t *rack_of;     /* by member: a number, RACK_NONE, RACK_ELSEWHERE */
    bool *has_replica_in; /* partition * rack_count + rack */
};

static inline bool plan_subscribes(const struct assign_plan *plan, int32_t member, int32_t topic) {
    return plan->subscribed[(size_t)member * (size_t)plan->topic_count + (size_t)topic];
}

static inline bool plan_has_replica_in(const struct assign_plan *plan, int32_t partition,
                                       int32_t rack) {
    return plan->has_replica_in[(size_t)partition * (size_t)plan->rack_count + (size_t)rack];
}

/* Whether a replica stands where the member does; true of members that do not say where. */
static inline bool plan_is_near(const struct assign_plan *plan, int32_t member, int32_t partition) {
    int32_t rack = plan->rack_of[member];

    return rack == RACK_NONE ||
           (rack != RACK_ELSEWHERE && plan_has_replica_in(plan, partition, rack));
}

/* Gives a partition to a member, taking it from whoever has it. */
static inline void plan_give(struct assign_plan *plan, int32_t partition, int32_t member) {
    if (plan->owner[partition] != NOBODY)
        plan->load[plan->owner[partition]]--;
    plan->owner[partition] = member;
    plan->load[member]++;
}

/* assign_racks.c. After members and partitions are planned. */
MUST_CHECK enum error plan_racks(struct assign_plan *plan);
/* Whether it matters who gets which of the partitions `first` to `end` - 1: somebody who may have
 * them is near to some, but not all have replicas in the same racks. `topic` is who subscribes to
 * it, NOBODY for all members. */
MUST_CHECK enum error plan_racks_matter(const struct assign_plan *plan, int32_t first, int32_t end,
                                        int32_t topic, bool *matter);

/* A partition and how many may have it, or are near to it: the fewest first, then by number. */
struct ranked_partition {
    int32_t choices;
    int32_t partition;
};
int ranked_compare(const void *left, const void *right); /* assign_sticky.c */

MUST_CHECK enum error assign_range(struct assign_plan *plan);
MUST_CHECK enum error assign_round_robin(struct assign_plan *plan);
MUST_CHECK enum error assign_sticky(struct assign_plan *plan);
/* sticky where not all subscribe to the same. */
MUST_CHECK enum error assign_mixed(struct assign_plan *plan, bool use_racks);

#endif
