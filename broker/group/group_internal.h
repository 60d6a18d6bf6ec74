/*
 * The inside of a group: for broker/group/group*.c only.
 */
#ifndef BROKER_GROUP_GROUP_INTERNAL_H
#define BROKER_GROUP_GROUP_INTERNAL_H

#include <sys/queue.h>

#include <uthash.h>

#include "broker/group/group.h"

struct group_member {
    UT_hash_handle by_id; /* iterates in the order of joining */
    /* Owned. */
    struct bytes id;
    struct bytes instance_id;
    struct bytes client_id;
    struct bytes client_host;
    struct group_protocol *protocols;
    struct bytes assignment;
    struct bytes proposed; /* by the leader, while it is being stored */

    int32_t protocol_count;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    int64_t session_deadline_ms; /* GROUP_NO_DEADLINE: not counted at the moment */
    bool is_new;                 /* its first join has not been answered yet */
    bool owes_sync;              /* has not sent SyncGroup in this generation */

    group_joined *joined; /* NULL: no join waits */
    void *join_request;
    group_synced *synced; /* NULL: no sync waits */
    void *sync_request;
};

/* An id that was given with MEMBER_ID_REQUIRED and has not joined yet. */
struct group_pending {
    UT_hash_handle by_id;
    struct bytes id;
    int64_t deadline_ms;
};

/* A static member that came back under a new id, until that is stored; with what it was before. */
struct group_replacement {
    LIST_ENTRY(group_replacement) link;
    int64_t ticket;
    struct bytes new_id;
    struct bytes old_id;
    struct bytes old_leader_id;
    struct group_protocol *old_protocols;
    int32_t old_protocol_count;
    int32_t old_rebalance_timeout_ms;
    int32_t old_session_timeout_ms;
    bool can_skip_assignment;
};

struct group {
    struct bytes id;
    const struct group_settings *settings;
    struct group_port port;

    enum group_state state;
    int64_t state_ms; /* wall; since when */
    int32_t generation;
    struct bytes protocol_type;
    struct bytes protocol;

    struct group_member *members;
    struct group_member *leader; /* one of the members, NULL only if there are none */
    int32_t joins_waiting;
    struct group_pending *pending;

    /* PREPARING_REBALANCE: */
    int64_t join_deadline_ms;
    bool is_initial;         /* the group was EMPTY: waits for more, whoever has joined */
    bool has_new_members;    /* since the initial delay was last prolonged */
    int64_t initial_left_ms; /* what it may still be prolonged by */
    /* COMPLETING_REBALANCE and STABLE: */
    int64_t sync_deadline_ms;

    uint64_t rebalances[GROUP_REBALANCE_REASONS]; /* begun */
    int64_t ticket;                               /* of the latest store */
    int64_t assignment_ticket;                    /* of the latest store of an assignment */
    LIST_HEAD(, group_replacement) replacements;
};

/* ---- group.c ---- */

/* Every change of the state goes through this. */
void group_move(struct group *group, enum group_state state);

/* ---- group_member.c: members and what belongs to them ---- */

struct bytes group_own(struct bytes source); /* a copy; null stays null */
void group_disown(struct bytes *owned);

struct group_member *group_find_member(const struct group *group, struct bytes id);
struct group_member *group_find_instance(const struct group *group, struct bytes instance_id);
/* UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, or NONE and the member. */
enum error group_check_member(const struct group *group, struct bytes id, struct bytes instance_id,
                              struct group_member **found);

struct group_protocol *group_own_protocols(const struct group_protocol *source, int32_t count);
void group_disown_protocols(struct group_protocol *protocols, int32_t count);

/* Adds a member that is not there; the first one leads. */
struct group_member *group_add_member(struct group *group, struct bytes id,
                                      const struct group_join *join);
/* Takes over timeouts and protocols. */
void group_update_member(struct group_member *member, const struct group_join *join);
/* No request of it waits. */
void group_remove_member(struct group *group, struct group_member *member);
/* Puts the member under another id. */
void group_rename_member(struct group *group, struct group_member *member, struct bytes id);

bool group_member_has_protocols(const struct group_member *member,
                                const struct group_protocol *protocols, int32_t count);
/* The bytes it sent for the protocol; empty if it did not. */
struct bytes group_member_metadata(const struct group_member *member, struct bytes protocol);

struct group_pending *group_find_pending(const struct group *group, struct bytes id);
void group_add_pending(struct group *group, struct bytes id, int64_t deadline_ms);
void group_remove_pending(struct group *group, struct group_pending *pending);

/* Whether all members have a protocol in common with these, and the type is theirs. */
bool group_supports(const struct group *group, struct bytes protocol_type,
                    const struct group_protocol *protocols, int32_t count);
/* The protocol that most members prefer among those that all know; there are members. */
struct bytes group_choose_protocol(const struct group *group);
int32_t group_longest_rebalance_timeout_ms(const struct group *group);

/* ---- group_reply.c: answers to who waits ---- */

void group_expect_join(struct group *group, struct group_member *member,
                       const struct group_join *join);
/* Answers the member's waiting join, if one waits. */
void group_reply_join(struct group *group, struct group_member *member,
                      const struct group_join_result *result);
void group_fail_join(struct group *group, struct group_member *member, struct bytes member_id,
                     enum error error);
/* Of the present generation, for that member. */
struct group_join_result group_present_join(const struct group *group,
                                            const struct group_member *member);
/* The members, as the leader is told of them; the caller frees. */
struct group_join_member *group_members_for_leader(const struct group *group);
/* Answers a request that was not kept. */
void group_refuse_join(const struct group_join *join, struct bytes member_id, enum error error);

void group_expect_sync(struct group_member *member, const struct group_sync *sync);
void group_reply_sync(const struct group *group, struct group_member *member, enum error error);

/* ---- group_rebalance.c: from one generation to the next ---- */

void group_set_state(struct group *group, enum group_state state, struct group_now now);
void group_renew_session(struct group_member *member, struct group_now now);
/* From any state but PREPARING_REBALANCE, in which one is under way, and DEAD. */
void group_rebalance(struct group *group, enum group_rebalance_reason reason, struct group_now now);
/* PREPARING_REBALANCE: completes the join if nobody is missing. */
void group_try_complete_join(struct group *group, struct group_now now);
/* The time of the join is over. */
void group_expire_join(struct group *group, struct group_now now);
/* Removes the member, whose join is answered with UNKNOWN_MEMBER_ID; the rest rebalances. */
void group_lose_member(struct group *group, struct group_member *member,
                       enum group_rebalance_reason reason, struct group_now now);

/* ---- Outcomes of stores ---- */

/* group_join.c */
void group_replacement_stored(struct group *group, struct group_replacement *replacement,
                              enum error error, struct group_now now);
void group_replacement_free(struct group_replacement *replacement);
/* Their outcomes do not matter any more. */
void group_forget_replacements(struct group *group);
/* group_sync.c */
void group_assignment_stored(struct group *group, enum error error, struct group_now now);

#endif
