/*
 * What the files of the replica fetchers share; nobody else includes this.
 *
 * All of it belongs to one fetcher's thread.
 */
#ifndef BROKER_REPLICA_REPLICA_FETCHER_INTERNAL_H
#define BROKER_REPLICA_REPLICA_FETCHER_INTERNAL_H

#include <uthash.h>

#include "broker/replica/replica_fetcher.h"
#include "client/base/arena.h"
#include "client/net/loop.h"
#include "client/wire/message/fetch.h"

#define REPLICA_THROTTLE_LOOK_MS 50

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

enum followed_state {
    FOLLOWED_FETCHING,
    FOLLOWED_ASKING_OFFSETS, /* out of range: asks the leader where its log begins and ends */
    FOLLOWED_DELAYED,        /* until delayed_until_ms */
    FOLLOWED_FAILED          /* until it is followed anew */
};

/* One partition that a fetcher follows. */
struct followed {
    struct partition_key key;
    struct partition *partition; /* a reference */
    int32_t leader_epoch;
    struct link *link;
    enum followed_state state;
    struct fetch_position position; /* what the next request says */
    bool in_session;                /* the leader's session has it */
    bool listed;                    /* on the link's `changed` list */
    bool is_throttled;              /* DELAYED: because of the replication throttle */
    int64_t delayed_until_ms;
    int32_t failures;           /* in a row */
    int64_t asked_start_offset; /* ASKING_OFFSETS: the leader's log start, -1 until known */
    TAILQ_ENTRY(followed) changed;
    UT_hash_handle hh;
};

TAILQ_HEAD(followed_list, followed);

/* What one thread has with one leader. */
struct link {
    struct fetcher *fetcher;
    int32_t leader_id;
    struct connection *connection; /* NULL: closed */
    bool ready;
    bool request_under_way;
    bool is_hastened; /* the leader has been told not to let the request under way wait */
    int32_t session_id;
    int32_t session_epoch;           /* of the next request; 0: make a session */
    struct followed_list changed;    /* partitions that the session does not know as they are */
    struct partition_key *forgotten; /* to be taken out of the session */
    size_t forgotten_count;
    size_t forgotten_capacity;
    size_t partition_count;
    size_t in_session_count; /* of these */
    int32_t failures;        /* connections in a row that gave no response to a fetch */
    int64_t retry_at_ms;     /* when `retry` expires; 0: it is not armed */
    struct loop_timer retry; /* of the connection, and of delayed partitions */
    UT_hash_handle hh;
};

/* One thread. */
struct fetcher {
    struct replica_fetchers *fetchers;
    struct loop *loop;
    struct followed *followed;
    struct link *links;
    struct arena arena; /* of one request or response */
};

struct replica_fetchers {
    struct replica_fetchers_config config;
    struct fetcher *threads;
    int32_t thread_count;
};

/* followed.c */
struct followed *followed_find(struct fetcher *fetcher, const struct uuid *topic_id, int32_t index);
void followed_mark_changed(struct followed *followed);
void followed_unmark_changed(struct followed *followed);
/* The leader's session must not serve it any more. */
void followed_leave_session(struct followed *followed);
/* Asks again after a pause, which grows with each failure in a row. */
void followed_delay(struct followed *followed);
void followed_pause_throttled(struct followed *followed);
void followed_fetch_on(struct followed *followed);
/* After what our own log answered. */
void followed_handle_own_error(struct followed *followed, enum error error);
int64_t fetcher_pause_ms(const struct fetcher *fetcher, int32_t failures);

/* replica_link.c */
struct link *link_find_or_make(struct fetcher *fetcher, int32_t leader_id);
void link_free(struct link *link);
void link_connect(struct link *link);
void link_on_closed(void *context, enum error error);
/* Everything is said anew after a lost connection or session. */
void link_forget_session(struct link *link);
void link_retry_in(struct link *link, int64_t pause);

/* replica_link_request.c: sends the next fetch, unless one is under way or there is nothing to say.
 */
void link_send(struct link *link);
/* Whoever has been added since the request under way was sent is not to wait for its answer. */
void link_hasten(struct link *link);

/* replica_link_response.c */
void link_on_fetched(void *context, enum error error, int16_t version, struct wire_reader *body);

#endif
