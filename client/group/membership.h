/*
 * One member's life in a group: when it joins, syncs, beats, leaves, and what it believes of its
 * place there.
 *
 *   OUT ──subscribe──▶ PREPARING ──prepared──▶ JOINING ──▶ SYNCING ──▶ ADOPTING ──adopted──▶ STABLE
 *    ▲                     ▲                                                                   │
 *    └──left── LEAVING     └───────────── the group rebalances, or threw us out ───────────────┘
 *
 * PREPARING lasts until whoever reads has given up what it must before joining: everything under
 * an eager protocol, everything too if the place was lost, nothing under a cooperative one.
 * ADOPTING lasts until it has taken over the new assignment. In both, and in STABLE, the member
 * beats: the application may take its time, up to max.poll.interval.ms between two polls; beyond
 * that the member leaves (a static one falls silent) and comes back with the next poll.
 *
 * Pure: it is given the time and the answers. membership_next tells what to do next; each thing is
 * told until its answer has come, marked as under way by membership_begin.
 *
 * Threads: one at a time.
 * Source: Kafka 3.9, AbstractCoordinator, ConsumerCoordinator, Heartbeat.
 */
#ifndef CLIENT_GROUP_MEMBERSHIP_H
#define CLIENT_GROUP_MEMBERSHIP_H

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/group/consumer_protocol.h"

/* A coordinator makes ids of the client's id and a UUID; longer ones are refused. */
#define MEMBER_ID_MAX 512

enum membership_state {
    MEMBERSHIP_OUT,
    MEMBERSHIP_PREPARING,
    MEMBERSHIP_JOINING,
    MEMBERSHIP_SYNCING,
    MEMBERSHIP_ADOPTING,
    MEMBERSHIP_STABLE,
    MEMBERSHIP_LEAVING,
    MEMBERSHIP_ASLEEP, /* polled too late: out until the next poll */
    MEMBERSHIP_FAILED  /* with an error that stays until a new subscription */
};

enum membership_need {
    MEMBERSHIP_NEEDS_NOTHING,
    MEMBERSHIP_NEEDS_PREPARATION, /* of whoever reads; see `lost` */
    MEMBERSHIP_NEEDS_JOIN,
    MEMBERSHIP_NEEDS_SYNC,
    MEMBERSHIP_NEEDS_ADOPTION, /* of whoever reads */
    MEMBERSHIP_NEEDS_HEARTBEAT,
    MEMBERSHIP_NEEDS_LEAVE
};

struct membership_options {
    bool is_static; /* it has an instance id */
    int64_t heartbeat_interval_ms;
    int64_t poll_interval_ms_max;
    int64_t retry_ms;
};

struct membership {
    struct membership_options options;
    enum membership_state state;
    enum error error;        /* in FAILED */
    bool under_way;          /* the request of the state: join, sync or leave */
    bool beating;            /* a heartbeat is under way */
    bool rejoin;             /* the group rebalances; noted while it cannot be followed */
    bool lost;               /* what was owned may be somebody else's by now */
    bool wanted;             /* there is a subscription */
    bool is_leader;          /* of the generation */
    int32_t generation_id;   /* NONE: no place in the group */
    int64_t heartbeat_at_ms; /* not before */
    int64_t retry_at_ms;     /* nothing else is asked before */
    int64_t poll_by_ms;      /* the application must poll by then */
    size_t member_id_size;
    char member_id[MEMBER_ID_MAX + 1]; /* "": none yet */
};

void membership_init(struct membership *membership, const struct membership_options *options);

/* There is a subscription, or it has changed: join, or join again. */
void membership_subscribe(struct membership *membership);

/* There is none any more. What was owned must have been given up. */
void membership_unsubscribe(struct membership *membership);

/* The application waits in a poll, or left it at this time. */
void membership_poll_began(struct membership *membership);
void membership_poll_ended(struct membership *membership, int64_t now_ms);

/* What to do now; `*at_ms` is lowered to when time alone changes the answer. */
enum membership_need membership_next(struct membership *membership, int64_t now_ms, int64_t *at_ms);

/* It is being done: requests only. */
void membership_begin(struct membership *membership, enum membership_need need);

/* Whoever reads has given up what it must. */
void membership_prepared(struct membership *membership);

/* Answers. `member_id` is read for NONE and MEMBER_ID_REQUIRED. */
void membership_on_join(struct membership *membership, enum error error, struct bytes member_id,
                        int32_t generation_id, bool is_leader, int64_t now_ms);
void membership_on_sync(struct membership *membership, enum error error, int64_t now_ms);
void membership_on_heartbeat(struct membership *membership, enum error error, int64_t now_ms);
void membership_on_leave(struct membership *membership);

/* Another request of the generation was refused: a commit. */
void membership_on_refusal(struct membership *membership, enum error error, int32_t generation_id);

/* Something that it cannot do without is refused for good. */
void membership_fail(struct membership *membership, enum error error);

/* The assignment is taken over. */
void membership_adopted(struct membership *membership);

/* Topics changed, or partitions were given up for others: a new generation is needed. */
void membership_rejoin(struct membership *membership);

/* Whether requests of the generation make sense. */
bool membership_has_place(const struct membership *membership);

static inline struct bytes membership_id(const struct membership *membership) {
    return bytes_of(membership->member_id, membership->member_id_size);
}

#endif
