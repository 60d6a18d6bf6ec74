#include <stdlib.h>

#include "broker/group/group_internal.h"

/* What a new member may take to come through its first join: nobody waits for more than the
 * others' rebalance timeouts, but those may be long. Kafka's NewMemberJoinTimeoutMs. */
#define NEW_MEMBER_JOIN_MS 300000

/* ---- New members ---- */

static void add_and_rebalance(struct group *group, struct bytes id, const struct group_join *join,
                              struct group_now now) {
    struct group_member *member = group_add_member(group, id, join);

    member->is_new = true;
    member->session_deadline_ms = now.ms + NEW_MEMBER_JOIN_MS;
    group_expect_join(group, member, join);
    if (group->state == GROUP_PREPARING_REBALANCE && group->generation == 0)
        group->has_new_members = true;
    group_rebalance(group, GROUP_REBALANCE_JOINED, now);
}

/* Answers at once with what the member has missed or lost. */
static void reply_present(struct group *group, struct group_member *member) {
    struct group_join_result result = group_present_join(group, member);
    struct group_join_member *members = NULL;

    if (member == group->leader) {
        members = group_members_for_leader(group);
        result.members = members;
        result.member_count = group_member_count(group);
    }
    group_reply_join(group, member, &result);
    free(members);
}

/* ---- Static members that come back under a new id (KIP-345) ---- */

void group_replacement_free(struct group_replacement *replacement) {
    group_disown(&replacement->new_id);
    group_disown(&replacement->old_id);
    group_disown(&replacement->old_leader_id);
    group_disown_protocols(replacement->old_protocols, replacement->old_protocol_count);
    free(replacement);
}

void group_forget_replacements(struct group *group) {
    struct group_replacement *replacement;

    while ((replacement = LIST_FIRST(&group->replacements)) != NULL) {
        LIST_REMOVE(replacement, link);
        group_replacement_free(replacement);
    }
}

static struct group_replacement *remember(const struct group *group,
                                          const struct group_member *member,
                                          const struct group_join *join) {
    struct group_replacement *replacement = calloc(1, sizeof(*replacement));

    CHECK(replacement != NULL);
    replacement->new_id = group_own(join->new_member_id);
    replacement->old_id = group_own(member->id);
    replacement->old_leader_id = group_own(group->leader->id);
    replacement->old_protocols = group_own_protocols(member->protocols, member->protocol_count);
    replacement->old_protocol_count = member->protocol_count;
    replacement->old_rebalance_timeout_ms = member->rebalance_timeout_ms;
    replacement->old_session_timeout_ms = member->session_timeout_ms;
    replacement->can_skip_assignment = join->can_skip_assignment;
    return replacement;
}

static void replace(struct group *group, struct group_member *member, const struct group_join *join,
                    struct group_now now) {
    struct group_replacement *replacement = remember(group, member, join);

    group_fail_join(group, member, member->id, ERR_FENCED_INSTANCE_ID);
    group_reply_sync(group, member, ERR_FENCED_INSTANCE_ID);
    group_rename_member(group, member, join->new_member_id);
    group_update_member(member, join);
    if (member->is_new)
        member->session_deadline_ms = now.ms + NEW_MEMBER_JOIN_MS;
    else
        group_renew_session(member, now);
    group_expect_join(group, member, join);
    if (group->state == GROUP_STABLE &&
        bytes_equal(group_choose_protocol(group), group->protocol)) {
        replacement->ticket = ++group->ticket;
        LIST_INSERT_HEAD(&group->replacements, replacement, link);
        group->port.store(group->port.context, group, replacement->ticket);
        return;
    }
    group_replacement_free(replacement);
    group_rebalance(group, GROUP_REBALANCE_RETURNED, now);
}

/* The member is as it was, if nothing else has happened to it. */
static void undo(struct group *group, struct group_member *member,
                 struct group_replacement *replacement, enum error error, struct group_now now) {
    const struct group_join_result result = {
        .error = error,
        .generation = group->generation,
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        .leader = replacement->old_leader_id,
        .member_id = bytes_of_text(""),
    };

    group_reply_join(group, member, &result);
    group_rename_member(group, member, replacement->old_id);
    group_disown_protocols(member->protocols, member->protocol_count);
    member->protocols = replacement->old_protocols;
    member->protocol_count = replacement->old_protocol_count;
    replacement->old_protocols = NULL;
    replacement->old_protocol_count = 0;
    member->rebalance_timeout_ms = replacement->old_rebalance_timeout_ms;
    member->session_timeout_ms = replacement->old_session_timeout_ms;
    group_renew_session(member, now);
}

void group_replacement_stored(struct group *group, struct group_replacement *replacement,
                              enum error error, struct group_now now) {
    struct group_member *member = group_find_member(group, replacement->new_id);
    struct group_join_result result;
    struct group_join_member *members = NULL;

    /* Gone, or back again under yet another id. */
    if (member == NULL)
        return;
    CHECK(group->state == GROUP_STABLE);
    if (error != ERR_NONE) {
        undo(group, member, replacement, error, now);
        return;
    }
    result = group_present_join(group, member);
    if (!replacement->can_skip_assignment) {
        /* So that a leader that comes back does not take itself for it, and assigns. */
        result.leader = replacement->old_leader_id;
    } else if (member == group->leader) {
        result.skip_assignment = true;
        members = group_members_for_leader(group);
        result.members = members;
        result.member_count = group_member_count(group);
    }
    group_reply_join(group, member, &result);
    free(members);
}

/* ---- Members as they are known ---- */

static void update_and_rebalance(struct group *group, struct group_member *member,
                                 const struct group_join *join, bool is_unchanged,
                                 struct group_now now) {
    group_update_member(member, join);
    group_expect_join(group, member, join);
    group_rebalance(group, is_unchanged ? GROUP_REBALANCE_LEADER : GROUP_REBALANCE_CHANGED, now);
}

static void rejoin(struct group *group, struct group_member *member, const struct group_join *join,
                   struct group_now now) {
    bool is_unchanged = group_member_has_protocols(member, join->protocols, join->protocol_count);

    switch (group->state) {
    case GROUP_PREPARING_REBALANCE:
        update_and_rebalance(group, member, join, is_unchanged, now);
        break;
    case GROUP_COMPLETING_REBALANCE:
    case GROUP_STABLE:
        /* In a stable group a leader asks anew because it wants to assign anew. */
        if (!is_unchanged || (group->state == GROUP_STABLE && member == group->leader)) {
            update_and_rebalance(group, member, join, is_unchanged, now);
        } else {
            group_expect_join(group, member, join);
            reply_present(group, member);
        }
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        group_refuse_join(join, join->member_id, ERR_UNKNOWN_MEMBER_ID);
        break;
    }
}

/* ---- The request ---- */

static bool has_room(const struct group *group, const struct group_member *member) {
    int32_t size_max = group->settings->size_max;

    switch (group->state) {
    case GROUP_PREPARING_REBALANCE:
        return (member != NULL && member->joined != NULL) || group->joins_waiting < size_max;
    case GROUP_COMPLETING_REBALANCE:
    case GROUP_STABLE:
        return member != NULL || group_member_count(group) < size_max;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        break;
    }
    return true;
}

static void join_unknown(struct group *group, const struct group_join *join, struct group_now now) {
    struct group_member *known = group_find_instance(group, join->instance_id);

    if (known != NULL) {
        replace(group, known, join, now);
    } else if (join->is_member_id_required && bytes_is_null(join->instance_id)) {
        group_add_pending(group, join->new_member_id, now.ms + join->session_timeout_ms);
        group_refuse_join(join, join->new_member_id, ERR_MEMBER_ID_REQUIRED);
    } else {
        add_and_rebalance(group, join->new_member_id, join, now);
    }
}

static void join_known(struct group *group, const struct group_join *join, struct group_now now) {
    struct group_member *member;
    enum error error;

    if (bytes_is_null(join->instance_id) && group_find_pending(group, join->member_id) != NULL) {
        add_and_rebalance(group, join->member_id, join, now);
        return;
    }
    error = group_check_member(group, join->member_id, join->instance_id, &member);
    if (error != ERR_NONE)
        group_refuse_join(join, join->member_id, error);
    else
        rejoin(group, member, join, now);
}

/* Nobody waits any longer for who is refused, be it a member or one that was only given its id. */
static void refuse_for_size(struct group *group, struct group_member *member,
                            const struct group_join *join, struct group_now now) {
    struct group_pending *pending = group_find_pending(group, join->member_id);

    group_refuse_join(join, bytes_of_text(""), ERR_GROUP_MAX_SIZE_REACHED);
    if (member != NULL)
        group_lose_member(group, member, GROUP_REBALANCE_SIZE, now);
    if (pending != NULL) {
        group_remove_pending(group, pending);
        group_try_complete_join(group, now);
    }
}

void group_join(struct group *group, const struct group_join *join, struct group_now now) {
    struct group_member *member = group_find_member(group, join->member_id);

    if (group->state == GROUP_DEAD)
        group_refuse_join(join, join->member_id, ERR_COORDINATOR_NOT_AVAILABLE);
    else if (!has_room(group, member))
        refuse_for_size(group, member, join, now);
    else if (!group_supports(group, join->protocol_type, join->protocols, join->protocol_count))
        group_refuse_join(join, join->member_id, ERR_INCONSISTENT_GROUP_PROTOCOL);
    else if (join->member_id.size == 0)
        join_unknown(group, join, now);
    else
        join_known(group, join, now);
}
