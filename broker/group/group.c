#include <stdlib.h>

#include "broker/group/consumer_subscription.h"
#include "broker/group/group_internal.h"

const char *group_state_name(enum group_state state) {
    switch (state) {
    case GROUP_EMPTY:
        return "Empty";
    case GROUP_PREPARING_REBALANCE:
        return "PreparingRebalance";
    case GROUP_COMPLETING_REBALANCE:
        return "CompletingRebalance";
    case GROUP_STABLE:
        return "Stable";
    case GROUP_DEAD:
        break;
    }
    return "Dead";
}

const char *group_rebalance_reason_name(enum group_rebalance_reason reason) {
    switch (reason) {
    case GROUP_REBALANCE_JOINED:
        return "joined";
    case GROUP_REBALANCE_LEFT:
        return "left";
    case GROUP_REBALANCE_EXPIRED:
        return "expired";
    case GROUP_REBALANCE_CHANGED:
        return "changed";
    case GROUP_REBALANCE_LEADER:
        return "leader";
    case GROUP_REBALANCE_RETURNED:
        return "returned";
    case GROUP_REBALANCE_SIZE:
        return "size";
    case GROUP_REBALANCE_STORE:
        break;
    }
    return "store";
}

/* ---- Making and ending ---- */

struct group *group_new(struct bytes id, const struct group_settings *settings,
                        const struct group_port *port) {
    struct group *group = calloc(1, sizeof(*group));

    CHECK(group != NULL);
    group->id = group_own(id);
    group->settings = settings;
    group->port = *port;
    group->state = GROUP_EMPTY;
    group->state_ms = -1;
    group->join_deadline_ms = GROUP_NO_DEADLINE;
    group->sync_deadline_ms = GROUP_NO_DEADLINE;
    LIST_INIT(&group->replacements);
    return group;
}

void group_move(struct group *group, enum group_state state) {
    enum group_state from = group->state;

    group->state = state;
    if (group->port.moved != NULL && from != state)
        group->port.moved(group->port.moved_context, from, state);
}

void group_unload(struct group *group, enum error error) {
    group_move(group, GROUP_DEAD);
    while (group->members != NULL) {
        struct group_member *member = group->members;
        group_fail_join(group, member, member->id, error);
        group_reply_sync(group, member, error);
        group_remove_member(group, member);
    }
    while (group->pending != NULL)
        group_remove_pending(group, group->pending);
    group_forget_replacements(group);
}

void group_free(struct group *group) {
    if (group == NULL)
        return;
    CHECK(group->joins_waiting == 0);
    group_unload(group, ERR_NOT_COORDINATOR);
    group_disown(&group->id);
    group_disown(&group->protocol_type);
    group_disown(&group->protocol);
    free(group);
}

/* ---- Heartbeat, LeaveGroup, commits ---- */

enum error group_heartbeat(struct group *group, struct bytes member_id, struct bytes instance_id,
                           int32_t generation, struct group_now now) {
    struct group_member *member;
    enum error error;

    if (group->state == GROUP_DEAD)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    if (group->state == GROUP_EMPTY)
        return ERR_UNKNOWN_MEMBER_ID;
    error = group_check_member(group, member_id, instance_id, &member);
    if (error != ERR_NONE)
        return error;
    if (generation != group->generation)
        return ERR_ILLEGAL_GENERATION;
    /* While the group prepares a rebalance, too: the member may be busy with its last records. */
    group_renew_session(member, now);
    return group->state == GROUP_PREPARING_REBALANCE ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}

enum error group_leave(struct group *group, struct bytes member_id, struct bytes instance_id,
                       struct group_now now) {
    struct group_pending *pending = group_find_pending(group, member_id);
    struct group_member *member;
    enum error error;

    if (group->state == GROUP_DEAD)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    if (member_id.size == 0 && !bytes_is_null(instance_id)) {
        /* An operator removes a static member. */
        member = group_find_instance(group, instance_id);
        if (member == NULL)
            return ERR_UNKNOWN_MEMBER_ID;
    } else if (pending != NULL) {
        group_remove_pending(group, pending);
        group_try_complete_join(group, now);
        return ERR_NONE;
    } else {
        error = group_check_member(group, member_id, instance_id, &member);
        if (error != ERR_NONE)
            return error;
    }
    group_lose_member(group, member, GROUP_REBALANCE_LEFT, now);
    return ERR_NONE;
}

enum error group_check_commit(struct group *group, struct bytes member_id, struct bytes instance_id,
                              int32_t generation, bool is_transactional, struct group_now now) {
    bool tells_member = generation >= 0 || member_id.size > 0 || !bytes_is_null(instance_id);
    struct group_member *member = NULL;
    enum error error;

    if (group->state == GROUP_DEAD)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    if (generation < 0 && group->state == GROUP_EMPTY)
        return ERR_NONE; /* only keeps its offsets here */
    if (tells_member) {
        error = group_check_member(group, member_id, instance_id, &member);
        if (error != ERR_NONE)
            return error;
        if (generation != group->generation)
            return ERR_ILLEGAL_GENERATION;
    } else if (!is_transactional && group->state != GROUP_EMPTY) {
        return ERR_UNKNOWN_MEMBER_ID;
    }
    if (is_transactional)
        return ERR_NONE;
    if (group->state == GROUP_COMPLETING_REBALANCE)
        return ERR_REBALANCE_IN_PROGRESS;
    if (member != NULL)
        group_renew_session(member, now);
    return ERR_NONE;
}

/* ---- Stores ---- */

void group_stored(struct group *group, int64_t ticket, enum error error, struct group_now now) {
    struct group_replacement *replacement;

    LIST_FOREACH (replacement, &group->replacements, link) {
        if (replacement->ticket != ticket)
            continue;
        LIST_REMOVE(replacement, link);
        group_replacement_stored(group, replacement, error, now);
        group_replacement_free(replacement);
        return;
    }
    if (ticket == group->assignment_ticket && group->state == GROUP_COMPLETING_REBALANCE)
        group_assignment_stored(group, error, now);
}

enum error group_record_of(const struct group *group, struct arena *arena,
                           struct group_record *record) {
    int32_t count = group_member_count(group);
    int32_t at = 0;

    *record = (struct group_record){
        .protocol_type =
            bytes_is_null(group->protocol_type) ? bytes_of_text("") : group->protocol_type,
        .generation = group->generation,
        .protocol = group->protocol,
        .leader = group->leader == NULL ? BYTES_NULL : group->leader->id,
        .state_ms = group->state_ms,
        .members = arena_alloc(arena, (size_t)count + 1, sizeof(*record->members)),
        .member_count = count,
    };
    if (record->members == NULL)
        return ERR_OUT_OF_MEMORY;
    for (struct group_member *member = group->members; member != NULL; member = member->by_id.next)
        record->members[at++] = (struct group_record_member){
            .id = member->id,
            .instance_id = member->instance_id,
            .client_id = member->client_id,
            .client_host = member->client_host,
            .rebalance_timeout_ms = member->rebalance_timeout_ms,
            .session_timeout_ms = member->session_timeout_ms,
            .subscription = group_member_metadata(member, group->protocol),
            .assignment = bytes_is_null(member->proposed) ? member->assignment : member->proposed,
        };
    return ERR_NONE;
}

/* ---- Coming of the coordinator ---- */

static void load_member(struct group *group, const struct group_record *record,
                        const struct group_record_member *from) {
    const struct group_protocol protocol = {record->protocol, from->subscription};
    const struct group_join join = {
        .instance_id = from->instance_id,
        .client_id = from->client_id,
        .client_host = from->client_host,
        .rebalance_timeout_ms = from->rebalance_timeout_ms,
        .session_timeout_ms = from->session_timeout_ms,
        .protocol_type = record->protocol_type,
        .protocols = &protocol,
        .protocol_count = bytes_is_null(record->protocol) ? 0 : 1,
    };
    struct group_member *member = group_add_member(group, from->id, &join);

    group_disown(&member->assignment);
    member->assignment = group_own(from->assignment);
}

void group_load(struct group *group, const struct group_record *record) {
    struct group_member *leader;

    CHECK(group->members == NULL && group->state == GROUP_EMPTY);
    group->generation = record->generation;
    group->state_ms = record->state_ms;
    if (record->protocol_type.size > 0)
        group->protocol_type = group_own(record->protocol_type);
    group->protocol = group_own(record->protocol);
    for (int32_t i = 0; i < record->member_count; i++) {
        if (group_find_member(group, record->members[i].id) == NULL)
            load_member(group, record, &record->members[i]);
    }
    leader = group_find_member(group, record->leader);
    if (leader != NULL)
        group->leader = leader;
    if (group->members != NULL)
        group_move(group, GROUP_STABLE);
}

void group_start(struct group *group, struct group_now now) {
    for (struct group_member *member = group->members; member != NULL; member = member->by_id.next)
        group_renew_session(member, now);
    /* The setting is a lower one now: all join anew, and those past it are refused. */
    if (group_member_count(group) > group->settings->size_max)
        group_rebalance(group, GROUP_REBALANCE_SIZE, now);
}

/* ---- To look at ---- */

struct bytes group_id(const struct group *group) {
    return group->id;
}

enum group_state group_state(const struct group *group) {
    return group->state;
}

uint64_t group_rebalance_count(const struct group *group, enum group_rebalance_reason reason) {
    return group->rebalances[reason];
}

int32_t group_generation(const struct group *group) {
    return group->generation;
}

struct bytes group_protocol_type(const struct group *group) {
    return group->protocol_type;
}

struct bytes group_protocol_name(const struct group *group) {
    return group->protocol;
}

int64_t group_state_ms(const struct group *group) {
    return group->state_ms;
}

int32_t group_member_count(const struct group *group) {
    return (int32_t)HASH_CNT(by_id, group->members);
}

bool group_is_unused(const struct group *group) {
    return group->state == GROUP_EMPTY && group->pending == NULL;
}

static bool is_of_consumers(const struct group *group) {
    return bytes_equal_text(group->protocol_type, "consumer");
}

bool group_is_subscribed(const struct group *group, struct bytes topic) {
    bool is_known;

    if (!is_of_consumers(group))
        return false;
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (consumer_subscription_has(group_member_metadata(member, group->protocol), topic,
                                      &is_known))
            return true;
    }
    return false;
}

bool group_has_known_subscriptions(const struct group *group) {
    bool is_known;

    if (!is_of_consumers(group))
        return false;
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        (void)consumer_subscription_has(group_member_metadata(member, group->protocol),
                                        bytes_of_text(""), &is_known);
        if (!is_known)
            return false;
    }
    return true;
}

void group_each_member(const struct group *group,
                       void (*visit)(void *context, const struct group_member_view *member),
                       void *context) {
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        const struct group_member_view view = {
            .id = member->id,
            .instance_id = member->instance_id,
            .client_id = member->client_id,
            .client_host = member->client_host,
            .metadata = group_member_metadata(member, group->protocol),
            .assignment = member->assignment,
        };
        visit(context, &view);
    }
}
