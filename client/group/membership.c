#include "client/group/membership.h"

void membership_init(struct membership *membership, const struct membership_options *options) {
    memset(membership, 0, sizeof(*membership));
    membership->options = *options;
    membership->state = MEMBERSHIP_OUT;
    membership->generation_id = GENERATION_NONE;
    membership->poll_by_ms = INT64_MAX;
}

static void enter(struct membership *membership, enum membership_state state) {
    membership->state = state;
    membership->under_way = false;
    membership->retry_at_ms = 0;
}

static void forget_generation(struct membership *membership) {
    membership->generation_id = GENERATION_NONE;
    membership->is_leader = false;
}

static void forget_place(struct membership *membership) {
    forget_generation(membership);
    membership->member_id_size = 0;
    membership->member_id[0] = '\0';
}

bool membership_has_place(const struct membership *membership) {
    return membership->generation_id != GENERATION_NONE;
}

/* --- what the application wants ----------------------------------------------------------- */

void membership_subscribe(struct membership *membership) {
    membership->wanted = true;
    switch (membership->state) {
    case MEMBERSHIP_OUT:
    case MEMBERSHIP_FAILED:
        membership->error = ERR_NONE;
        enter(membership, MEMBERSHIP_PREPARING);
        break;
    case MEMBERSHIP_STABLE:
    case MEMBERSHIP_ADOPTING:
    case MEMBERSHIP_JOINING:
    case MEMBERSHIP_SYNCING:
        membership_rejoin(membership);
        break;
    case MEMBERSHIP_PREPARING: /* the join to come tells it */
    case MEMBERSHIP_LEAVING:   /* comes back when it has left */
    case MEMBERSHIP_ASLEEP:
        break;
    }
}

void membership_unsubscribe(struct membership *membership) {
    membership->wanted = false;
    membership->rejoin = false;
    membership->lost = false;
    if (membership->state == MEMBERSHIP_LEAVING)
        return;
    /* Without an id there is nobody to be missed; a static member means to come back. */
    if (membership->member_id_size == 0 || membership->options.is_static ||
        membership->state == MEMBERSHIP_ASLEEP || membership->state == MEMBERSHIP_FAILED) {
        forget_place(membership);
        enter(membership, MEMBERSHIP_OUT);
    } else {
        enter(membership, MEMBERSHIP_LEAVING);
    }
}

void membership_poll_began(struct membership *membership) {
    membership->poll_by_ms = INT64_MAX;
    if (membership->state == MEMBERSHIP_ASLEEP)
        enter(membership, MEMBERSHIP_PREPARING);
}

void membership_poll_ended(struct membership *membership, int64_t now_ms) {
    membership->poll_by_ms = now_ms + membership->options.poll_interval_ms_max;
}

void membership_rejoin(struct membership *membership) {
    membership->rejoin = true;
}

void membership_prepared(struct membership *membership) {
    if (membership->state != MEMBERSHIP_PREPARING)
        return;
    membership->lost = false;
    membership->rejoin = false;
    enter(membership, MEMBERSHIP_JOINING);
}

void membership_adopted(struct membership *membership) {
    if (membership->state == MEMBERSHIP_ADOPTING)
        enter(membership, MEMBERSHIP_STABLE);
}

/* --- what to do next ---------------------------------------------------------------------- */

static void lower(int64_t *at_ms, int64_t to_ms) {
    if (to_ms < *at_ms)
        *at_ms = to_ms;
}

/* The application does not come for what it gets: others shall have it. */
static void fall_asleep(struct membership *membership) {
    bool leaves = !membership->options.is_static && membership->member_id_size > 0;

    membership->lost = true;
    membership->rejoin = false;
    if (!leaves)
        forget_generation(membership);
    enter(membership, leaves ? MEMBERSHIP_LEAVING : MEMBERSHIP_ASLEEP);
}

static bool is_patient(enum membership_state state) {
    return state == MEMBERSHIP_PREPARING || state == MEMBERSHIP_ADOPTING ||
           state == MEMBERSHIP_STABLE;
}

static enum membership_need next_heartbeat(struct membership *membership, int64_t now_ms,
                                           int64_t *at_ms, enum membership_need otherwise) {
    if (!membership_has_place(membership) || membership->beating)
        return otherwise;
    if (now_ms >= membership->heartbeat_at_ms)
        return MEMBERSHIP_NEEDS_HEARTBEAT;
    lower(at_ms, membership->heartbeat_at_ms);
    return otherwise;
}

static enum membership_need next_request(struct membership *membership, int64_t now_ms,
                                         int64_t *at_ms, enum membership_need need) {
    if (membership->under_way)
        return MEMBERSHIP_NEEDS_NOTHING;
    if (now_ms >= membership->retry_at_ms)
        return need;
    lower(at_ms, membership->retry_at_ms);
    return MEMBERSHIP_NEEDS_NOTHING;
}

enum membership_need membership_next(struct membership *membership, int64_t now_ms,
                                     int64_t *at_ms) {
    if (is_patient(membership->state)) {
        if (now_ms >= membership->poll_by_ms)
            fall_asleep(membership);
        else
            lower(at_ms, membership->poll_by_ms);
    }
    if (membership->state == MEMBERSHIP_STABLE && (membership->rejoin || membership->lost))
        enter(membership, MEMBERSHIP_PREPARING);
    switch (membership->state) {
    case MEMBERSHIP_OUT:
    case MEMBERSHIP_ASLEEP:
    case MEMBERSHIP_FAILED:
        break;
    case MEMBERSHIP_PREPARING:
        return next_heartbeat(membership, now_ms, at_ms, MEMBERSHIP_NEEDS_PREPARATION);
    case MEMBERSHIP_JOINING:
        return next_request(membership, now_ms, at_ms, MEMBERSHIP_NEEDS_JOIN);
    case MEMBERSHIP_SYNCING:
        return next_request(membership, now_ms, at_ms, MEMBERSHIP_NEEDS_SYNC);
    case MEMBERSHIP_ADOPTING:
        return next_heartbeat(membership, now_ms, at_ms, MEMBERSHIP_NEEDS_ADOPTION);
    case MEMBERSHIP_STABLE:
        return next_heartbeat(membership, now_ms, at_ms, MEMBERSHIP_NEEDS_NOTHING);
    case MEMBERSHIP_LEAVING:
        return next_request(membership, now_ms, at_ms, MEMBERSHIP_NEEDS_LEAVE);
    }
    return MEMBERSHIP_NEEDS_NOTHING;
}

void membership_begin(struct membership *membership, enum membership_need need) {
    if (need == MEMBERSHIP_NEEDS_HEARTBEAT)
        membership->beating = true;
    else
        membership->under_way = true;
}

/* --- answers ------------------------------------------------------------------------------ */

void membership_fail(struct membership *membership, enum error error) {
    forget_place(membership);
    membership->lost = true;
    membership->error = error;
    enter(membership, MEMBERSHIP_FAILED);
}

/* The group has gone on without us: what we had may be another's. */
static void lose_place(struct membership *membership, enum error error) {
    if (error == ERR_UNKNOWN_MEMBER_ID)
        forget_place(membership);
    else
        forget_generation(membership);
    membership->lost = true;
    enter(membership, MEMBERSHIP_PREPARING);
}

static void try_again(struct membership *membership, int64_t now_ms) {
    membership->under_way = false;
    membership->retry_at_ms = now_ms + membership->options.retry_ms;
}

static bool take_member_id(struct membership *membership, struct bytes member_id) {
    if (member_id.size > MEMBER_ID_MAX)
        return false;
    if (member_id.size > 0)
        memcpy(membership->member_id, member_id.data, member_id.size);
    membership->member_id[member_id.size] = '\0';
    membership->member_id_size = member_id.size;
    return true;
}

void membership_on_join(struct membership *membership, enum error error, struct bytes member_id,
                        int32_t generation_id, bool is_leader, int64_t now_ms) {
    if (membership->state != MEMBERSHIP_JOINING)
        return;
    if ((error == ERR_NONE || error == ERR_MEMBER_ID_REQUIRED) &&
        !take_member_id(membership, member_id)) {
        membership_fail(membership, ERR_MALFORMED);
    } else if (error == ERR_NONE) {
        membership->generation_id = generation_id;
        membership->is_leader = is_leader;
        membership->heartbeat_at_ms = now_ms + membership->options.heartbeat_interval_ms;
        enter(membership, MEMBERSHIP_SYNCING);
    } else if (error == ERR_MEMBER_ID_REQUIRED) {
        enter(membership, MEMBERSHIP_JOINING);
    } else if (error == ERR_UNKNOWN_MEMBER_ID || error == ERR_ILLEGAL_GENERATION) {
        lose_place(membership, error);
    } else if (error == ERR_REBALANCE_IN_PROGRESS || error_is_retriable(error)) {
        try_again(membership, now_ms);
    } else {
        membership_fail(membership, error);
    }
}

void membership_on_sync(struct membership *membership, enum error error, int64_t now_ms) {
    if (membership->state != MEMBERSHIP_SYNCING)
        return;
    if (error == ERR_NONE) {
        enter(membership, MEMBERSHIP_ADOPTING);
    } else if (error == ERR_REBALANCE_IN_PROGRESS) {
        enter(membership, MEMBERSHIP_JOINING);
    } else if (error == ERR_UNKNOWN_MEMBER_ID || error == ERR_ILLEGAL_GENERATION) {
        lose_place(membership, error);
    } else if (error_is_retriable(error)) {
        /* Whether it was taken cannot be known: a new generation will tell. */
        enter(membership, MEMBERSHIP_JOINING);
        try_again(membership, now_ms);
    } else {
        membership_fail(membership, error);
    }
}

void membership_on_heartbeat(struct membership *membership, enum error error, int64_t now_ms) {
    membership->beating = false;
    if (!is_patient(membership->state) || !membership_has_place(membership))
        return;
    membership->heartbeat_at_ms = now_ms + (error == ERR_NONE || error == ERR_REBALANCE_IN_PROGRESS
                                                ? membership->options.heartbeat_interval_ms
                                                : membership->options.retry_ms);
    if (error != ERR_NONE && !error_is_retriable(error))
        membership_on_refusal(membership, error, membership->generation_id);
}

void membership_on_refusal(struct membership *membership, enum error error, int32_t generation_id) {
    if (!membership_has_place(membership) || generation_id != membership->generation_id)
        return; /* an answer to an older question */
    if (error == ERR_REBALANCE_IN_PROGRESS) {
        membership_rejoin(membership);
    } else if (!is_patient(membership->state)) {
        return; /* the request under way will be refused as well */
    } else if (error == ERR_UNKNOWN_MEMBER_ID || error == ERR_ILLEGAL_GENERATION) {
        lose_place(membership, error);
    } else if (error == ERR_FENCED_INSTANCE_ID || error == ERR_GROUP_AUTHORIZATION_FAILED) {
        membership_fail(membership, error);
    }
}

void membership_on_leave(struct membership *membership) {
    bool was_asleep = membership->lost;

    if (membership->state != MEMBERSHIP_LEAVING)
        return;
    forget_place(membership);
    if (!membership->wanted)
        enter(membership, MEMBERSHIP_OUT);
    else if (was_asleep && membership->poll_by_ms != INT64_MAX)
        enter(membership, MEMBERSHIP_ASLEEP);
    else
        enter(membership, MEMBERSHIP_PREPARING);
}
