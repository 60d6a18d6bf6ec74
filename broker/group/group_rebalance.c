#include <stdlib.h>

#include "broker/group/group_internal.h"

/* Rebalance timeouts are what clients say: with 0 the coordinator would do nothing but wait for
 * static members that are away. */
#define STATIC_WAIT_MS_MIN 1000

void group_set_state(struct group *group, enum group_state state, struct group_now now) {
    group_move(group, state);
    group->state_ms = now.wall_ms;
}

void group_renew_session(struct group_member *member, struct group_now now) {
    member->session_deadline_ms = now.ms + member->session_timeout_ms;
}

/* ---- A generation ends ---- */

/* Nobody is assigned anything any more; who waits for its assignment is to join again. */
static void drop_assignments(struct group *group, struct group_now now) {
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (group->state == GROUP_COMPLETING_REBALANCE) {
            group_disown(&member->assignment);
            member->assignment = group_own(bytes_of_text(""));
        }
        if (member->synced != NULL)
            group_renew_session(member, now);
        group_reply_sync(group, member, ERR_REBALANCE_IN_PROGRESS);
        member->owes_sync = false;
        group_disown(&member->proposed);
    }
    group->assignment_ticket = 0;
    group->sync_deadline_ms = GROUP_NO_DEADLINE;
}

void group_rebalance(struct group *group, enum group_rebalance_reason reason,
                     struct group_now now) {
    int64_t delay_ms = group_longest_rebalance_timeout_ms(group);

    CHECK(group->state != GROUP_DEAD);
    if (group->state == GROUP_PREPARING_REBALANCE) {
        group_try_complete_join(group, now);
        return;
    }
    group->rebalances[reason]++;
    drop_assignments(group, now);
    /* From now on this rebalance answers their joins, and stores the group again. */
    group_forget_replacements(group);
    group->is_initial = group->state == GROUP_EMPTY;
    if (group->is_initial) {
        int64_t initial_ms = group->settings->initial_rebalance_delay_ms;
        group->has_new_members = false;
        group->initial_left_ms = delay_ms > initial_ms ? delay_ms - initial_ms : 0;
        delay_ms = initial_ms;
    }
    group->join_deadline_ms = now.ms + delay_ms;
    group_set_state(group, GROUP_PREPARING_REBALANCE, now);
    group_try_complete_join(group, now);
}

/* ---- The next one begins ---- */

static void remove_dynamic_laggards(struct group *group) {
    struct group_member *member, *next;

    HASH_ITER (by_id, group->members, member, next) {
        if (member->joined == NULL && bytes_is_null(member->instance_id)) {
            group_reply_sync(group, member, ERR_UNKNOWN_MEMBER_ID);
            group_remove_member(group, member);
        }
    }
}

/* False if there are members, but none of them has joined. */
static bool elect_leader(struct group *group) {
    if (group->leader == NULL || group->leader->joined != NULL)
        return true;
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (member->joined != NULL) {
            group->leader = member;
            return true;
        }
    }
    return false;
}

static void reply_joins(struct group *group, struct group_now now) {
    struct group_join_member *members = group_members_for_leader(group);

    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        struct group_join_result result = group_present_join(group, member);
        if (member == group->leader) {
            result.members = members;
            result.member_count = group_member_count(group);
        }
        group_reply_join(group, member, &result);
        group_renew_session(member, now);
        member->is_new = false;
        member->owes_sync = true;
    }
    free(members);
}

static void begin_generation(struct group *group, struct group_now now) {
    struct bytes protocol =
        group->members == NULL ? BYTES_NULL : group_own(group_choose_protocol(group));

    group->generation++;
    group->join_deadline_ms = GROUP_NO_DEADLINE;
    group_disown(&group->protocol);
    group->protocol = protocol;
    if (group->members == NULL) {
        group_set_state(group, GROUP_EMPTY, now);
        group->port.store(group->port.context, group, ++group->ticket);
        return;
    }
    group_set_state(group, GROUP_COMPLETING_REBALANCE, now);
    group->sync_deadline_ms = now.ms + group_longest_rebalance_timeout_ms(group);
    reply_joins(group, now);
}

static void complete_join(struct group *group, struct group_now now) {
    int64_t wait_ms;

    remove_dynamic_laggards(group);
    if (elect_leader(group)) {
        begin_generation(group, now);
        return;
    }
    /* Only static members, and none has come back: until one does, or their sessions end. */
    group->is_initial = false;
    wait_ms = group_longest_rebalance_timeout_ms(group);
    group->join_deadline_ms =
        now.ms + (wait_ms > STATIC_WAIT_MS_MIN ? wait_ms : STATIC_WAIT_MS_MIN);
}

void group_try_complete_join(struct group *group, struct group_now now) {
    if (group->state == GROUP_PREPARING_REBALANCE && !group->is_initial && group->pending == NULL &&
        group->joins_waiting == group_member_count(group))
        complete_join(group, now);
}

void group_expire_join(struct group *group, struct group_now now) {
    int64_t more_ms = group->settings->initial_rebalance_delay_ms;

    if (!group->is_initial || !group->has_new_members || group->initial_left_ms == 0) {
        complete_join(group, now);
        return;
    }
    if (more_ms > group->initial_left_ms)
        more_ms = group->initial_left_ms;
    group->has_new_members = false;
    group->initial_left_ms -= more_ms;
    group->join_deadline_ms = now.ms + more_ms;
}

/* ---- Members that go ---- */

void group_lose_member(struct group *group, struct group_member *member,
                       enum group_rebalance_reason reason, struct group_now now) {
    group_fail_join(group, member, bytes_of_text(""), ERR_UNKNOWN_MEMBER_ID);
    group_reply_sync(group, member, ERR_UNKNOWN_MEMBER_ID);
    group_remove_member(group, member);
    if (group->state != GROUP_EMPTY && group->state != GROUP_DEAD)
        group_rebalance(group, reason, now);
}

/* The first whose session is over. Who has a request waiting is alive. */
static struct group_member *find_expired(struct group *group, struct group_now now) {
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (member->session_deadline_ms > now.ms)
            continue;
        if (member->is_new || (member->joined == NULL && member->synced == NULL))
            return member;
        member->session_deadline_ms = GROUP_NO_DEADLINE;
    }
    return NULL;
}

static void expire_pending(struct group *group, struct group_now now) {
    struct group_pending *pending, *next;

    HASH_ITER (by_id, group->pending, pending, next) {
        if (pending->deadline_ms <= now.ms)
            group_remove_pending(group, pending);
    }
    group_try_complete_join(group, now);
}

static void expire_syncs(struct group *group, struct group_now now) {
    struct group_member *member, *next;
    bool is_any_gone = false;

    group->sync_deadline_ms = GROUP_NO_DEADLINE;
    HASH_ITER (by_id, group->members, member, next) {
        if (!member->owes_sync)
            continue;
        group_fail_join(group, member, bytes_of_text(""), ERR_UNKNOWN_MEMBER_ID);
        group_remove_member(group, member);
        is_any_gone = true;
    }
    if (is_any_gone)
        group_rebalance(group, GROUP_REBALANCE_EXPIRED, now);
}

void group_expire(struct group *group, struct group_now now) {
    struct group_member *expired;

    if (group->state == GROUP_DEAD)
        return;
    expire_pending(group, now);
    while ((expired = find_expired(group, now)) != NULL)
        group_lose_member(group, expired, GROUP_REBALANCE_EXPIRED, now);
    if (group->state == GROUP_PREPARING_REBALANCE && group->join_deadline_ms <= now.ms)
        group_expire_join(group, now);
    if (group->sync_deadline_ms <= now.ms)
        expire_syncs(group, now);
}

int64_t group_next_deadline(const struct group *group) {
    int64_t next = group->sync_deadline_ms;

    if (group->state == GROUP_DEAD)
        return GROUP_NO_DEADLINE;
    if (group->state == GROUP_PREPARING_REBALANCE && group->join_deadline_ms < next)
        next = group->join_deadline_ms;
    for (struct group_pending *pending = group->pending; pending != NULL;
         pending = pending->by_id.next) {
        if (pending->deadline_ms < next)
            next = pending->deadline_ms;
    }
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (member->session_deadline_ms < next)
            next = member->session_deadline_ms;
    }
    return next;
}
