#include "broker/group/group_internal.h"

static void refuse(const struct group_sync *sync, enum error error) {
    const struct group_sync_result result = {.error = error, .assignment = bytes_of_text("")};

    sync->synced(sync->request, &result);
}

/* What the leader assigns; nothing to those whom it does not name. */
static void take_proposal(struct group *group, const struct group_sync *sync) {
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        group_disown(&member->proposed);
        member->proposed = group_own(bytes_of_text(""));
    }
    for (int32_t i = 0; i < sync->assignment_count; i++) {
        struct group_member *member = group_find_member(group, sync->assignments[i].member_id);
        if (member == NULL)
            continue;
        group_disown(&member->proposed);
        member->proposed = group_own(sync->assignments[i].assignment);
    }
}

static void sync_completing(struct group *group, struct group_member *member,
                            const struct group_sync *sync) {
    member->owes_sync = false;
    group_expect_sync(member, sync);
    /* One store at a time: the leader's second request waits for the outcome of the first. */
    if (member != group->leader || group->assignment_ticket != 0)
        return;
    take_proposal(group, sync);
    group->assignment_ticket = ++group->ticket;
    group->port.store(group->port.context, group, group->ticket);
}

void group_assignment_stored(struct group *group, enum error error, struct group_now now) {
    CHECK(group->state == GROUP_COMPLETING_REBALANCE);
    group->assignment_ticket = 0;
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        group_disown(&member->assignment);
        member->assignment = error == ERR_NONE ? member->proposed : group_own(bytes_of_text(""));
        if (error != ERR_NONE)
            group_disown(&member->proposed);
        member->proposed = BYTES_NULL;
        if (member->synced != NULL)
            group_renew_session(member, now);
        group_reply_sync(group, member, error);
    }
    if (error == ERR_NONE)
        group_set_state(group, GROUP_STABLE, now);
    else
        group_rebalance(group, GROUP_REBALANCE_STORE, now);
}

static enum error check(const struct group *group, const struct group_sync *sync,
                        struct group_member **member) {
    enum error error;

    if (group->state == GROUP_DEAD)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    error = group_check_member(group, sync->member_id, sync->instance_id, member);
    if (error != ERR_NONE)
        return error;
    if (sync->generation != group->generation)
        return ERR_ILLEGAL_GENERATION;
    if ((!bytes_is_null(sync->protocol_type) &&
         !bytes_equal(sync->protocol_type, group->protocol_type)) ||
        (!bytes_is_null(sync->protocol) && !bytes_equal(sync->protocol, group->protocol)))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    return ERR_NONE;
}

void group_sync(struct group *group, const struct group_sync *sync, struct group_now now) {
    struct group_member *member;
    enum error error = check(group, sync, &member);

    if (error != ERR_NONE) {
        refuse(sync, error);
        return;
    }
    switch (group->state) {
    case GROUP_EMPTY:
    case GROUP_DEAD:
        refuse(sync, ERR_UNKNOWN_MEMBER_ID);
        break;
    case GROUP_PREPARING_REBALANCE:
        refuse(sync, ERR_REBALANCE_IN_PROGRESS);
        break;
    case GROUP_COMPLETING_REBALANCE:
        sync_completing(group, member, sync);
        break;
    case GROUP_STABLE:
        member->owes_sync = false;
        group_renew_session(member, now);
        group_expect_sync(member, sync);
        group_reply_sync(group, member, ERR_NONE);
        break;
    }
}
