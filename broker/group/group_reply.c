#include <stdlib.h>

#include "broker/group/group_internal.h"

/* ---- Joins ---- */

static void call_joined(group_joined *joined, void *request, struct bytes member_id,
                        enum error error) {
    const struct group_join_result result = {
        .error = error,
        .generation = -1,
        .leader = bytes_of_text(""),
        .member_id = member_id,
    };

    joined(request, &result);
}

void group_refuse_join(const struct group_join *join, struct bytes member_id, enum error error) {
    call_joined(join->joined, join->request, member_id, error);
}

void group_fail_join(struct group *group, struct group_member *member, struct bytes member_id,
                     enum error error) {
    group_joined *joined = member->joined;

    if (joined == NULL)
        return;
    member->joined = NULL;
    group->joins_waiting--;
    call_joined(joined, member->join_request, member_id, error);
}

void group_expect_join(struct group *group, struct group_member *member,
                       const struct group_join *join) {
    /* The member asked anew, on another connection most likely: nobody reads the old answer. */
    group_fail_join(group, member, member->id, ERR_REBALANCE_IN_PROGRESS);
    member->joined = join->joined;
    member->join_request = join->request;
    group->joins_waiting++;
}

void group_reply_join(struct group *group, struct group_member *member,
                      const struct group_join_result *result) {
    group_joined *joined = member->joined;

    if (joined == NULL)
        return;
    member->joined = NULL;
    group->joins_waiting--;
    joined(member->join_request, result);
}

struct group_join_result group_present_join(const struct group *group,
                                            const struct group_member *member) {
    return (struct group_join_result){
        .error = ERR_NONE,
        .generation = group->generation,
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        .leader = group->leader->id,
        .member_id = member->id,
    };
}

struct group_join_member *group_members_for_leader(const struct group *group) {
    struct group_join_member *members =
        calloc((size_t)HASH_CNT(by_id, group->members) + 1, sizeof(*members));
    int32_t count = 0;

    CHECK(members != NULL);
    for (struct group_member *member = group->members; member != NULL; member = member->by_id.next)
        members[count++] = (struct group_join_member){
            member->id, member->instance_id, group_member_metadata(member, group->protocol)};
    return members;
}

/* ---- Syncs ---- */

void group_reply_sync(const struct group *group, struct group_member *member, enum error error) {
    struct group_sync_result result = {.error = error, .assignment = bytes_of_text("")};
    group_synced *synced = member->synced;

    if (synced == NULL)
        return;
    member->synced = NULL;
    if (error == ERR_NONE) {
        result.protocol_type = group->protocol_type;
        result.protocol = group->protocol;
        result.assignment = member->assignment;
    }
    synced(member->sync_request, &result);
}

void group_expect_sync(struct group_member *member, const struct group_sync *sync) {
    static const struct group_sync_result superseded = {.error = ERR_REBALANCE_IN_PROGRESS,
                                                        .assignment = {(const uint8_t *)"", 0}};

    if (member->synced != NULL)
        member->synced(member->sync_request, &superseded);
    member->synced = sync->synced;
    member->sync_request = sync->request;
}
