/*
 * Assignors: which member of a group gets which partitions. The elected member runs one over all
 * subscriptions and gives the result to the coordinator, which hands it out.
 *
 *   range               each topic is cut into consecutive ranges
 *   roundrobin          all partitions are dealt out in turn
 *   sticky              as even as can be, and as much as can be stays where it was
 *   cooperative-sticky  likewise, but what changes its owner is first taken away, and given in
 *                       the next generation, so that everybody else goes on reading
 *
 * Members are taken in the order: those with an instance id, by it; then the others by member id.
 *
 * Pure: the same input gives the same result.
 * Source: Kafka 3.9, RangeAssignor, RoundRobinAssignor, AbstractStickyAssignor,
 * CooperativeStickyAssignor; KIP-881.
 *
 * Racks. Where members say in which rack they stand, and partitions have replicas in some racks
 * only, all but roundrobin give a partition to a member near to one of its replicas, as far as
 * loads stay as even as they would be without; range gives partitions of the same number in topics
 * that are alike to the same member.
 */
#ifndef CLIENT_GROUP_ASSIGNOR_H
#define CLIENT_GROUP_ASSIGNOR_H

#include "client/group/consumer_protocol.h"

struct assign_plan;

/* What an assignor adds to its members' subscriptions. */
enum assignor_memory {
    MEMORY_NONE,
    MEMORY_PARTITIONS, /* the last assignment and its generation */
    MEMORY_GENERATION  /* the generation; the partitions are in the subscription's `owned` */
};

struct assignor {
    const char *name; /* in JoinGroup */
    bool cooperative; /* members keep reading while they rejoin */
    enum assignor_memory memory;
    enum error (*assign)(struct assign_plan *plan);
};

/* NULL if there is none of this name. */
const struct assignor *assignor_find(struct bytes name);

struct assignor_member {
    struct bytes member_id;
    struct bytes instance_id; /* null: dynamic */
    struct subscription subscription;
};

/* Where the replicas of one partition stand, as far as that is known; a rack may stand there twice.
 */
struct assignor_racks {
    int32_t count;
    const struct bytes *racks; /* not empty */
};

struct assignor_topic {
    struct bytes name;
    int32_t partition_count;            /* 0: not known to exist, nobody gets anything of it */
    const struct assignor_racks *racks; /* by partition; NULL: not known of any */
};

/* `assignments[i]` becomes that of `members[i]`; its names are those of `topics`, its arrays lie in
 * the arena. Errors: OUT_OF_MEMORY (the arena's bound, or more partitions than can be counted). */
MUST_CHECK enum error assignor_assign(const struct assignor *assignor,
                                      const struct assignor_member *members, size_t member_count,
                                      const struct assignor_topic *topics, size_t topic_count,
                                      struct arena *arena, struct assignment *assignments);

/* The user data of a member's subscription: null if the assignor has none. `generation_id` NONE
 * and no partitions: a member that had no assignment yet. */
MUST_CHECK enum error assignor_user_data(const struct assignor *assignor,
                                         const struct partition_list *owned, int32_t generation_id,
                                         struct arena *arena, struct bytes *user_data);

#endif
