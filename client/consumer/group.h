/*
 * The consumer as a member of a group: what stands between the decisions (client/group), the
 * coordinator, and the readers of partitions.
 *
 * Two threads work on it. The background thread joins, syncs, beats and commits. The polling
 * thread calls the application back and thereby paces a rebalance: it gives up partitions before a
 * join (if it must) and takes over each new assignment. What is between them lies under the
 * consumer's lock.
 *
 *   group.c          what the background thread does next; topics of the subscription
 *   group_call.c     one request to the coordinator
 *   group_join.c     JoinGroup, SyncGroup, Heartbeat, LeaveGroup
 *   group_offsets.c  OffsetCommit, OffsetFetch
 *   group_poll.c     the polling thread's part
 *   subscribe.c      the public functions
 */
#ifndef CLIENT_CONSUMER_GROUP_H
#define CLIENT_CONSUMER_GROUP_H

#include <barnabas/consumer.h>
#include <regex.h>
#include <sys/queue.h>

#include "client/base/arena.h"
#include "client/cluster/call.h"
#include "client/group/assignor.h"
#include "client/group/membership.h"

#define GROUP_ASSIGNORS_MAX 4

struct barnabas_consumer;
struct consumed_partition;

/* --- one request to the coordinator (group_call.c) ---------------------------------------- */

struct group_call {
    struct cluster_call call;
    struct barnabas_consumer *consumer;
    bool running;
    struct arena arena; /* what the request refers to, until it is over */
    enum error error;   /* what the answer said of the whole */
    /* Takes an answer, valid during the call. Gives what it says of the whole: what only the
     * coordinator's state stands against is tried again, else it is passed to `done`. */
    enum error (*read)(struct group_call *call, const void *response);
    void (*done)(struct group_call *call, enum error error);
};

/* The request must lie in call->arena, which group_call_init makes. */
void group_call_init(struct barnabas_consumer *consumer, struct group_call *call);
void group_call_start(struct group_call *call, const struct wire_api *api, int16_t version_max,
                      const void *request, int64_t deadline_ms);
void group_call_cancel(struct group_call *call); /* without `done`; also if it does not run */

/* --- commits and fetches of offsets (group_offsets.c) ------------------------------------- */

/* Lines to be committed or asked for; each in memory of its own until it is over. */
struct group_offsets {
    TAILQ_ENTRY(group_offsets) next;
    struct group_call call;
    size_t count;
    struct barnabas_offset *items; /* in `memory`, as are their texts */
    struct arena memory;
    int32_t generation_id; /* under which it was given; NONE: no member's */
    char member_id[MEMBER_ID_MAX + 1];
    int64_t deadline_ms;
    bool automatic;
    bool waited_for; /* lock; a thread waits for `over`, and frees it */
    bool over;       /* lock */
    enum error error;
    barnabas_committed *committed;
    void *context;
};

TAILQ_HEAD(group_offsets_list, group_offsets);

/* Copies the lines. NULL if memory is out. */
struct group_offsets *group_offsets_new(struct barnabas_consumer *consumer,
                                        const struct barnabas_offset *items, size_t count);
void group_offsets_free(struct group_offsets *offsets); /* accepts NULL */

/* The background thread's: begins the oldest commit if none is under way. */
void group_commit_next(struct barnabas_consumer *consumer);

/* The background thread's; `call.done` and `call.consumer` are set by the caller. The call reads
 * into `items`. */
void group_fetch_start(struct group_offsets *offsets);

/* Puts a commit in the queue. */
void group_commit_add(struct barnabas_consumer *consumer, struct group_offsets *offsets);

/* --- a generation on its way ------------------------------------------------------------- */

enum adoption_step {
    ADOPTION_NONE,
    ADOPTION_FETCHING, /* the offsets from which to read are being asked for */
    ADOPTION_READY,    /* for the polling thread to take over */
    ADOPTION_TAKEN     /* it is at it */
};

/* What the last JoinGroup and SyncGroup brought. Written by the background thread, and read by the
 * polling thread in READY and TAKEN, while the other leaves it alone. */
struct group_round {
    struct arena arena;
    const struct assignor *assignor;
    bool skip_assignment;
    size_t member_count; /* of a leader */
    struct assignor_member *members;
    struct assignment assignment;
    struct group_offsets *fetched; /* for what is new to us; NULL: nothing is */
    enum adoption_step step;       /* lock */
};

/* A topic whose number of partitions the leader's assignment rests on. */
struct watched_topic {
    char *name;
    int32_t partition_count;
};

struct consumer_group {
    /* Fixed. */
    bool enabled; /* group.id is set */
    bool cooperative;
    size_t assignor_count;
    const struct assignor *assignors[GROUP_ASSIGNORS_MAX];

    /* lock */
    struct membership membership;
    bool polling;
    bool subscribed;
    char **topics; /* of a list, or what the pattern matched last; in order */
    size_t topic_count;
    bool has_pattern;
    regex_t pattern;
    barnabas_rebalanced *rebalanced;
    void *rebalanced_context;
    struct group_offsets_list commits;   /* given, and not begun */
    struct group_offsets *committing;    /* under way */
    bool commits_are_seen;               /* fixed; by an interceptor */
    struct group_offsets_list committed; /* their callbacks are due */
    struct group_offsets *told;          /* the last answer of barnabas_consumer_committed */
    bool auto_committing;                /* one of them is automatic */

    /* The polling thread's. */
    int64_t auto_commit_at_ms;

    /* The background thread's. */
    struct group_call join;
    struct group_call sync;
    struct group_call heartbeat;
    struct group_call leave;
    struct group_round round;
    struct watched_topic *watched;
    size_t watched_count;
    /* What the sticky assignor remembers: the last assignment. */
    struct arena memory;
    struct partition_list last_assignment;
    int32_t last_generation_id;
};

/* Reads the settings. CONFIG_INVALID with a reason. */
MUST_CHECK enum error group_init(struct barnabas_consumer *consumer, char *reason,
                                 size_t reason_size);
void group_shut(struct barnabas_consumer *consumer); /* on the background thread */
void group_done(struct barnabas_consumer *consumer);
void group_forget_topics(struct consumer_group *group); /* of the subscription */

/* The background thread's turn; `*at_ms` is lowered to when time alone makes another one due. */
void group_run(struct barnabas_consumer *consumer, int64_t now_ms, int64_t *at_ms);

/* --- requests (group_join.c) -------------------------------------------------------------- */

void group_join(struct barnabas_consumer *consumer);
void group_sync(struct barnabas_consumer *consumer); /* waits for metadata if it leads */
void group_heartbeat(struct barnabas_consumer *consumer);
void group_leave(struct barnabas_consumer *consumer);
void group_cancel_requests(struct barnabas_consumer *consumer);

/* What the member says of itself, but for what its assignors add: topics, what it owns, since when.
 * Under the consumer's lock (group.c). */
MUST_CHECK enum error group_describe(struct barnabas_consumer *consumer, struct arena *arena,
                                     struct subscription *subscription);

/* Remembers what an assignment rests on, and tells whether that has changed since (group.c). */
MUST_CHECK enum error group_watch(struct barnabas_consumer *consumer,
                                  const struct assignor_topic *topics, size_t count);

/* --- the polling thread (group_poll.c) ---------------------------------------------------- */

/* Around a poll: the application is with us. */
void group_poll_begin(struct barnabas_consumer *consumer);
void group_poll_end(struct barnabas_consumer *consumer);

/* Before the background thread ends: gives up, leaves, runs the last callbacks. */
void group_close(struct barnabas_consumer *consumer);

/* Whether a poll has something to do for the group. */
bool group_needs_poll(const struct barnabas_consumer *consumer);

/* Does it: callbacks, giving up and taking over partitions, automatic commits. The error is one
 * with which the group refuses us. */
MUST_CHECK enum error group_poll(struct barnabas_consumer *consumer);

/* Commits if that is automatic, calls back, and gives up all that the group gave. */
void group_give_up(struct barnabas_consumer *consumer, enum barnabas_rebalance_kind kind);

/* Runs the callbacks of commits that are over. */
void group_run_callbacks(struct barnabas_consumer *consumer);

/* Tells interceptors, and who gave the commit, what became of it. Without the lock. */
void group_tell_committed(const struct barnabas_consumer *consumer,
                          const struct group_offsets *offsets, enum error error);

/* Behind what was polled of each of the group's partitions; NULL if memory is out. */
struct group_offsets *group_offsets_polled(struct barnabas_consumer *consumer);

/* Commits and waits (subscribe.c). Frees the commit. */
enum error group_commit_wait(struct barnabas_consumer *consumer, struct group_offsets *offsets,
                             int64_t deadline_ms);

#endif
