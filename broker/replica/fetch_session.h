/*
 * Incremental fetch sessions, as the fetched broker keeps them (KIP-227): what a client fetches is
 * said once, and afterwards only changes travel, in both directions.
 *
 * A fetch begins by resolving its session into the list of all partitions that it asks for; the
 * caller reads them, and ends by asking, partition by partition, what the response must contain.
 *
 * What a follower has all of, and knows all about, is not listed: it rests in its session with a
 * watch on it (watch.h), so that a fetch costs what has something to tell, not what is followed.
 * Sessions by name, of old followers, and those of consumers list everything each time.
 *
 * Threads: any. The cache has a lock; each session has one, held only inside these functions; a
 * partition's locks come after it.
 * Source: Kafka 3.9, FetchSession.scala.
 */
#ifndef BROKER_REPLICA_FETCH_SESSION_H
#define BROKER_REPLICA_FETCH_SESSION_H

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

struct partition;
struct waiter;

struct fetch_sessions;
struct fetch_session;

struct fetch_item {
    struct bytes topic;   /* name; null where only the id is given */
    struct uuid topic_id; /* zero where only the name is given */
    int32_t index;
    int32_t current_leader_epoch;
    int64_t fetch_offset;
    int32_t last_fetched_epoch;
    int64_t log_start_offset; /* a follower's */
    int32_t bytes_max;
};

struct fetch_session_request {
    int32_t session_id;
    int32_t session_epoch;
    bool uses_topic_ids; /* Fetch 13 and later */
    bool is_follower;
    int32_t replica_id; /* the follower's, and its broker epoch */
    int64_t replica_epoch;
    const struct fetch_item *items; /* listed in the request */
    int32_t item_count;
    const struct fetch_item *forgotten; /* only topic and index count */
    int32_t forgotten_count;
    int64_t now_ms; /* monotonic */
};

/* One fetch's hold on its session; sessionless if `session` is NULL. */
struct fetch_context {
    struct fetch_session *session; /* a reference */
    int32_t session_id;            /* for the response; 0: none */
    bool is_incremental;
    struct fetch_item *items; /* all that is fetched, in the order to be served; in the arena */
    int32_t item_count;
    int32_t resting_count; /* of the session's partitions, besides */
};

MUST_CHECK enum error fetch_sessions_new(int32_t slots, struct fetch_sessions **created);
void fetch_sessions_free(struct fetch_sessions *sessions); /* accepts NULL */

/* Names in the context's items are copied into the arena. Errors, for the response's top level:
 * FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR; and
 * OUT_OF_MEMORY. */
MUST_CHECK enum error fetch_context_begin(struct fetch_sessions *sessions,
                                          const struct fetch_session_request *request,
                                          struct arena *arena, struct fetch_context *context);

struct fetch_answer {
    int64_t high_watermark;
    int64_t log_start_offset;
    bool has_records;
    bool has_error;
    bool must_send; /* diverging epoch, preferred replica */
    struct partition
        *partition; /* that may rest from now on, if it was a follower's fetch; or NULL */
};

/* What has come to have something to tell since the fetch began, or since the last call: `*items`
 * are to be served, too. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error fetch_context_take_roused(struct fetch_context *context, struct arena *arena,
                                                struct fetch_item **items, int32_t *count);
/* Waits for what rests: as watcher_wait and watcher_stop_waiting. */
MUST_CHECK bool fetch_context_wait(struct fetch_context *context, struct waiter *waiter);
bool fetch_context_stop_waiting(struct fetch_context *context, struct waiter *waiter);

/* Whether the response lists this item; remembers what was sent. Call it once per item. */
bool fetch_context_includes(struct fetch_context *context, const struct fetch_item *item,
                            const struct fetch_answer *answer);

void fetch_context_done(struct fetch_context *context);

int32_t fetch_sessions_count(struct fetch_sessions *sessions);

#endif
