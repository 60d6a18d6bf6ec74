/*
 * A group of the classic protocol: who its members are, which generation they are in, what each is
 * assigned.
 *
 *      +------------------ nobody left ------------------+
 *      v                                                 |
 *    EMPTY --- join ---> PREPARING_REBALANCE --- all joined, or time is up ---+
 *                          ^         ^                                       v
 *                          |         +--- join, leave, expiry --- COMPLETING_REBALANCE
 *                          |                                                 |
 *                          +--- join, leave, expiry --- STABLE <--- leader's assignment is stored
 *
 *    any --- unloaded or removed ---> DEAD
 *
 * A pure state machine: events in (requests, time, the outcome of a store), replies and stores out
 * through the port. It reads no clock: `now` is given; and it is told the time when
 * group_next_deadline has come.
 *
 * INVARIANT: an assignment is answered to a member only after the record that has it was stored, so
 * that the next coordinator knows the generation as its members do.
 *
 * Ownership: the group copies what it keeps. Results and their views are valid during the callback.
 * Threads: one at a time.
 * Source: Apache Kafka 3.9, GroupCoordinator.scala, GroupMetadata.scala; KIP-62, 134, 345, 394,
 * 814.
 */
#ifndef BROKER_GROUP_GROUP_H
#define BROKER_GROUP_GROUP_H

#include "broker/group/group_record.h"

#define GROUP_NO_DEADLINE INT64_MAX

enum group_state {
    GROUP_EMPTY,
    GROUP_PREPARING_REBALANCE,
    GROUP_COMPLETING_REBALANCE,
    GROUP_STABLE,
    GROUP_DEAD
};
#define GROUP_STATE_COUNT (GROUP_DEAD + 1)

/* As Kafka's tools print it: "PreparingRebalance". */
const char *group_state_name(enum group_state state);

/* Why a group began to rebalance. */
enum group_rebalance_reason {
    GROUP_REBALANCE_JOINED,   /* a member came */
    GROUP_REBALANCE_LEFT,     /* a member said that it goes, or was removed by an operator */
    GROUP_REBALANCE_EXPIRED,  /* a member was silent for too long, or never asked for its share */
    GROUP_REBALANCE_CHANGED,  /* a member wants something else than before: other topics */
    GROUP_REBALANCE_LEADER,   /* the leader wants to assign anew: topics have grown */
    GROUP_REBALANCE_RETURNED, /* a static member came back while the group could not go on as is */
    GROUP_REBALANCE_SIZE,     /* there are more members than are allowed by now */
    GROUP_REBALANCE_STORE     /* the assignment could not be stored */
};
#define GROUP_REBALANCE_REASONS (GROUP_REBALANCE_STORE + 1)

/* As metrics tell it: "joined". */
const char *group_rebalance_reason_name(enum group_rebalance_reason reason);

struct group;

struct group_now {
    int64_t ms;      /* monotonic: deadlines */
    int64_t wall_ms; /* since 1970: stored */
};

struct group_settings {
    int32_t session_timeout_ms_min;
    int32_t session_timeout_ms_max;
    int32_t initial_rebalance_delay_ms;
    int32_t size_max;
};

/* Begins to write the group's record, which is to be encoded before this returns
 * (group_record_of). The outcome comes by group_stored, with the same ticket, and never from inside
 * of this call. */
struct group_port {
    void (*store)(void *context, struct group *group, int64_t ticket);
    void *context;
    /* It is in another state now; a new group was EMPTY. Short, calls nothing of the group. May be
     * NULL. */
    void (*moved)(void *moved_context, enum group_state from, enum group_state to);
    void *moved_context;
};

/* Copies the id. All outlive the group. */
struct group *group_new(struct bytes id, const struct group_settings *settings,
                        const struct group_port *port);
/* Nobody waits any more: group_unload came first, or the group has no members. Accepts NULL. */
void group_free(struct group *group);

/* ---- Requests ---- */

struct group_protocol {
    struct bytes name;
    struct bytes metadata;
};

struct group_join_member {
    struct bytes id;
    struct bytes instance_id;
    struct bytes metadata; /* for the protocol that was chosen */
};

struct group_join_result {
    enum error error;
    int32_t generation;         /* -1 with an error */
    struct bytes protocol_type; /* null: unknown */
    struct bytes protocol;      /* null: none */
    struct bytes leader;
    struct bytes member_id;
    bool skip_assignment;
    const struct group_join_member *members; /* for the leader only */
    int32_t member_count;
};

typedef void group_joined(void *request, const struct group_join_result *result);

struct group_join {
    struct bytes member_id;     /* empty: a new member */
    struct bytes instance_id;   /* null: dynamic */
    struct bytes new_member_id; /* to be given, if one is */
    struct bytes client_id;
    struct bytes client_host;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    struct bytes protocol_type;
    const struct group_protocol *protocols; /* by preference */
    int32_t protocol_count;
    bool is_member_id_required; /* a new dynamic member is to join again with its id (KIP-394) */
    bool can_skip_assignment;   /* knows skip_assignment (KIP-814) */
    group_joined *joined;       /* called once, perhaps from inside of group_join */
    void *request;
};

/* The session timeout is in bounds, the group exists (the caller makes it for a new member). */
void group_join(struct group *group, const struct group_join *join, struct group_now now);

struct group_sync_result {
    enum error error;
    struct bytes protocol_type; /* null with an error */
    struct bytes protocol;
    struct bytes assignment;
};

typedef void group_synced(void *request, const struct group_sync_result *result);

struct group_assignment {
    struct bytes member_id;
    struct bytes assignment;
};

struct group_sync {
    struct bytes member_id;
    struct bytes instance_id;
    int32_t generation;
    struct bytes protocol_type; /* null: not told */
    struct bytes protocol;
    const struct group_assignment *assignments; /* of the leader */
    int32_t assignment_count;
    group_synced *synced; /* called once, perhaps from inside of group_sync */
    void *request;
};

void group_sync(struct group *group, const struct group_sync *sync, struct group_now now);

MUST_CHECK enum error group_heartbeat(struct group *group, struct bytes member_id,
                                      struct bytes instance_id, int32_t generation,
                                      struct group_now now);

/* One member of a LeaveGroup. COORDINATOR_NOT_AVAILABLE if the group is dead. */
MUST_CHECK enum error group_leave(struct group *group, struct bytes member_id,
                                  struct bytes instance_id, struct group_now now);

/* Whether a commit may be made; of a transaction there are fewer demands. Counts as a sign of life
 * of the member. */
MUST_CHECK enum error group_check_commit(struct group *group, struct bytes member_id,
                                         struct bytes instance_id, int32_t generation,
                                         bool is_transactional, struct group_now now);

/* ---- Time, stores ---- */

/* When group_expire has something to do, at the earliest; in the clock of now.ms. */
int64_t group_next_deadline(const struct group *group);
void group_expire(struct group *group, struct group_now now);

void group_stored(struct group *group, int64_t ticket, enum error error, struct group_now now);

/* The record as it is to be stored now; members come from the arena. OUT_OF_MEMORY. */
MUST_CHECK enum error group_record_of(const struct group *group, struct arena *arena,
                                      struct group_record *record);

/* ---- Coming and going of the coordinator ---- */

/* Takes over what the journal says; the group was new. */
void group_load(struct group *group, const struct group_record *record);
/* Loaded: sessions begin. */
void group_start(struct group *group, struct group_now now);
/* Answers all who wait with the error; the group is DEAD. */
void group_unload(struct group *group, enum error error);

/* ---- To look at ---- */

struct bytes group_id(const struct group *group);
enum group_state group_state(const struct group *group);
int32_t group_generation(const struct group *group);
struct bytes group_protocol_type(const struct group *group); /* null: none was ever told */
struct bytes group_protocol_name(const struct group *group); /* null: none */
int64_t group_state_ms(const struct group *group);           /* wall; -1: unknown */
int32_t group_member_count(const struct group *group);
/* How often it began to rebalance since it is coordinated here. */
uint64_t group_rebalance_count(const struct group *group, enum group_rebalance_reason reason);
/* Nobody is or is about to become a member. */
bool group_is_unused(const struct group *group);

/* Whether a member subscribes to the topic, or may, because what it sent cannot be read; false if
 * the group is not of consumers. */
bool group_is_subscribed(const struct group *group, struct bytes topic);
/* All that members of type "consumer" sent can be read. */
bool group_has_known_subscriptions(const struct group *group);

struct group_member_view {
    struct bytes id;
    struct bytes instance_id;
    struct bytes client_id;
    struct bytes client_host;
    struct bytes metadata; /* for the protocol that is chosen; empty if none is */
    struct bytes assignment;
};

/* In the order of their joining. Views are valid until the group changes. */
void group_each_member(const struct group *group,
                       void (*visit)(void *context, const struct group_member_view *member),
                       void *context);

#endif
