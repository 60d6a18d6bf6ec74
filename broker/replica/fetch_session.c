#include "broker/replica/fetch_session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "broker/replica/watch.h"
#include "client/base/rng.h"
#include "client/base/sync.h"

#define EVICTION_MS         120000 /* a session used within this time may stay */
#define NEVER_SENT          (-1)
#define TOPIC_NAME_SIZE_MAX 249

struct session_key {
    struct uuid topic_id;
    int32_t index;
    char name[TOPIC_NAME_SIZE_MAX + 1]; /* zero padded; empty in sessions by id */
};

struct session_partition {
    struct session_key key;
    struct fetch_item item; /* topic points into key.name */
    int64_t sent_high_watermark;
    int64_t sent_log_start_offset;
    bool rests; /* not in the order; `watch` is on, or has fired */
    struct watch watch;
    TAILQ_ENTRY(session_partition) order;
    UT_hash_handle hh;
};

TAILQ_HEAD(session_order, session_partition);

struct fetch_session {
    int32_t id;          /* fixed */
    bool uses_topic_ids; /* fixed */
    bool is_follower;    /* fixed */
    atomic_int references;
    struct mutex lock;
    int32_t next_epoch;                   /* lock */
    struct session_partition *partitions; /* lock */
    struct session_order order;           /* lock; those that returned data go to the end */
    int32_t resting_count;                /* lock; of the partitions */
    struct watcher watcher;
    int64_t created_ms; /* cache's lock */
    int64_t used_ms;    /* cache's lock */
    atomic_int partition_count;
    UT_hash_handle hh; /* cache's lock */
};

struct fetch_sessions {
    struct mutex lock;
    struct fetch_session *by_id; /* lock; each a reference */
    struct rng rng;              /* lock */
    int32_t slots;
};

enum error fetch_sessions_new(int32_t slots, struct fetch_sessions **created) {
    struct fetch_sessions *sessions = calloc(1, sizeof(*sessions));

    if (sessions == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_init(&sessions->lock);
    rng_seed_from_kernel(&sessions->rng);
    sessions->slots = slots;
    *created = sessions;
    return ERR_NONE;
}

/* ---- Partitions of a session ---- */

static void make_key(struct session_key *key, const struct fetch_session *session,
                     const struct fetch_item *item) {
    memset(key, 0, sizeof(*key)); /* compared as bytes */
    key->index = item->index;
    if (session->uses_topic_ids)
        key->topic_id = item->topic_id;
    else
        memcpy(key->name, item->topic.data, item->topic.size);
}

static struct session_partition *find_partition(struct fetch_session *session,
                                                const struct fetch_item *item) {
    struct session_key key;
    struct session_partition *partition;

    if (item->topic.size > TOPIC_NAME_SIZE_MAX)
        return NULL;
    make_key(&key, session, item);
    HASH_FIND(hh, session->partitions, &key, sizeof(key), partition);
    return partition;
}

/* Under the session's lock. It goes to the end: whoever waits there already is served first. */
static void put_in_order(struct fetch_session *session, struct session_partition *partition) {
    partition->rests = false;
    session->resting_count--;
    TAILQ_INSERT_TAIL(&session->order, partition, order);
}

/* Under the session's lock. */
static void rouse(struct fetch_session *session, struct session_partition *partition) {
    if (!partition->rests)
        return;
    partition_unwatch(&partition->watch);
    put_in_order(session, partition);
}

static void drop_partition(struct fetch_session *session, struct session_partition *partition) {
    rouse(session, partition);
    HASH_DEL(session->partitions, partition);
    TAILQ_REMOVE(&session->order, partition, order);
    atomic_fetch_sub(&session->partition_count, 1);
    free(partition);
}

static enum error put_partition(struct fetch_session *session, const struct fetch_item *item) {
    struct session_partition *partition = find_partition(session, item);

    /* No topic has such a name; the session needs not remember that. */
    if (item->topic.size > TOPIC_NAME_SIZE_MAX)
        return ERR_NONE;
    if (partition == NULL) {
        partition = calloc(1, sizeof(*partition));
        if (partition == NULL)
            return ERR_OUT_OF_MEMORY;
        make_key(&partition->key, session, item);
        partition->watch.watcher = &session->watcher;
        partition->sent_high_watermark = NEVER_SENT;
        partition->sent_log_start_offset = NEVER_SENT;
        HASH_ADD(hh, session->partitions, key, sizeof(partition->key), partition);
        TAILQ_INSERT_TAIL(&session->order, partition, order);
        atomic_fetch_add(&session->partition_count, 1);
    }
    rouse(session, partition);
    partition->item = *item;
    partition->item.topic =
        session->uses_topic_ids ? BYTES_NULL : bytes_of_text(partition->key.name);
    return ERR_NONE;
}

static void session_unref(struct fetch_session *session) {
    struct session_partition *partition;
    struct session_partition *next;

    if (session == NULL || atomic_fetch_sub(&session->references, 1) != 1)
        return;
    HASH_ITER (hh, session->partitions, partition, next)
        drop_partition(session, partition);
    watcher_done(&session->watcher);
    mutex_done(&session->lock);
    free(session);
}

void fetch_sessions_free(struct fetch_sessions *sessions) {
    struct fetch_session *session;
    struct fetch_session *next;

    if (sessions == NULL)
        return;
    HASH_ITER (hh, sessions->by_id, session, next) {
        HASH_DEL(sessions->by_id, session);
        session_unref(session);
    }
    mutex_done(&sessions->lock);
    free(sessions);
}

int32_t fetch_sessions_count(struct fetch_sessions *sessions) {
    int32_t count;

    mutex_lock(&sessions->lock);
    count = (int32_t)HASH_COUNT(sessions->by_id);
    mutex_unlock(&sessions->lock);
    return count;
}

/* ---- The cache ---- */

/* Under the cache's lock. */
static void remove_session(struct fetch_sessions *sessions, int32_t id) {
    struct fetch_session *session;

    HASH_FIND_INT(sessions->by_id, &id, session);
    if (session == NULL)
        return;
    HASH_DEL(sessions->by_id, session);
    session_unref(session);
}

/* A session may go for a newcomer if it has been idle for long; else a session that is not young,
 * and worth less: a consumer's for a follower's, a smaller for a larger. Under the cache's lock. */
static bool make_room(struct fetch_sessions *sessions,
                      const struct fetch_session_request *request) {
    struct fetch_session *idle = NULL;
    struct fetch_session *cheap = NULL;
    struct fetch_session *session;
    struct fetch_session *next;

    if ((int32_t)HASH_COUNT(sessions->by_id) < sessions->slots)
        return true;
    HASH_ITER (hh, sessions->by_id, session, next) {
        bool worth_less = session->is_follower != request->is_follower
                              ? request->is_follower
                              : atomic_load(&session->partition_count) <= request->item_count;
        if (idle == NULL || session->used_ms < idle->used_ms)
            idle = session;
        if ((request->now_ms - session->created_ms > EVICTION_MS ||
             (request->is_follower && !session->is_follower)) &&
            worth_less &&
            (cheap == NULL ||
             atomic_load(&session->partition_count) < atomic_load(&cheap->partition_count)))
            cheap = session;
    }
    if (idle != NULL && request->now_ms - idle->used_ms > EVICTION_MS)
        cheap = idle;
    if (cheap == NULL)
        return false;
    remove_session(sessions, cheap->id);
    return true;
}

/* NULL if there is no room: then the fetch is sessionless, which is always correct. */
static struct fetch_session *make_session(struct fetch_sessions *sessions,
                                          const struct fetch_session_request *request) {
    struct fetch_session *session = NULL;
    struct fetch_session *taken;

    mutex_lock(&sessions->lock);
    if (request->item_count == 0 || !make_room(sessions, request))
        goto out;
    session = calloc(1, sizeof(*session));
    if (session == NULL)
        goto out;
    do {
        session->id = (int32_t)(1 + rng_below(&sessions->rng, INT32_MAX - 1));
        HASH_FIND_INT(sessions->by_id, &session->id, taken);
    } while (taken != NULL);
    mutex_init(&session->lock);
    TAILQ_INIT(&session->order);
    session->uses_topic_ids = request->uses_topic_ids;
    session->is_follower = request->is_follower;
    session->next_epoch = 1;
    watcher_init(&session->watcher, request->replica_id, request->replica_epoch, request->now_ms);
    session->created_ms = session->used_ms = request->now_ms;
    atomic_init(&session->references, 2); /* the cache's and the caller's */
    HASH_ADD_INT(sessions->by_id, id, session);
out:
    mutex_unlock(&sessions->lock);
    return session;
}

/* ---- One fetch ---- */

/* Of what has an order: all that does not rest. */
static enum error list_session(struct fetch_session *session, struct arena *arena,
                               struct fetch_context *context) {
    int32_t capacity = atomic_load(&session->partition_count) - session->resting_count;
    struct session_partition *partition;

    context->items = arena_alloc(arena, (size_t)capacity, sizeof(*context->items));
    if (context->items == NULL)
        return ERR_OUT_OF_MEMORY;
    TAILQ_FOREACH (partition, &session->order, order) {
        struct fetch_item *item = &context->items[context->item_count++];
        *item = partition->item;
        if (!session->uses_topic_ids) {
            item->topic = arena_copy(arena, partition->item.topic);
            if (bytes_is_null(item->topic))
                return ERR_OUT_OF_MEMORY;
        }
    }
    return ERR_NONE;
}

static enum error list_request(const struct fetch_session_request *request, struct arena *arena,
                               struct fetch_context *context) {
    context->items = arena_alloc(arena, (size_t)request->item_count, sizeof(*context->items));
    if (context->items == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < request->item_count; i++) {
        context->items[i] = request->items[i];
        if (request->uses_topic_ids)
            continue;
        context->items[i].topic = arena_copy(arena, request->items[i].topic);
        if (bytes_is_null(context->items[i].topic))
            return ERR_OUT_OF_MEMORY;
    }
    context->item_count = request->item_count;
    return ERR_NONE;
}

static enum error begin_full(struct fetch_sessions *sessions,
                             const struct fetch_session_request *request, struct arena *arena,
                             struct fetch_context *context) {
    enum error error = ERR_NONE;

    if (request->session_id != 0) {
        mutex_lock(&sessions->lock);
        remove_session(sessions, request->session_id);
        mutex_unlock(&sessions->lock);
    }
    if (request->session_epoch == 0)
        context->session = make_session(sessions, request);
    if (context->session != NULL) {
        context->session_id = context->session->id;
        mutex_lock(&context->session->lock);
        for (int32_t i = 0; i < request->item_count && error == ERR_NONE; i++)
            error = put_partition(context->session, &request->items[i]);
        mutex_unlock(&context->session->lock);
    }
    return error != ERR_NONE ? error : list_request(request, arena, context);
}

/* Under the session's lock. */
static void take_fired(struct fetch_session *session) {
    struct watch *watch;

    while ((watch = watcher_take_fired(&session->watcher)) != NULL)
        put_in_order(session, CONTAINER_OF(watch, struct session_partition, watch));
}

/* Under the session's lock. A broker that registered anew says so for each of its replicas. */
static void note_replica(struct fetch_session *session,
                         const struct fetch_session_request *request) {
    struct session_partition *partition;
    struct session_partition *next;

    if (!watcher_is(&session->watcher, request->replica_id, request->replica_epoch)) {
        HASH_ITER (hh, session->partitions, partition, next)
            rouse(session, partition);
        watcher_set(&session->watcher, request->replica_id, request->replica_epoch);
    }
    watcher_note_fetch(&session->watcher, request->now_ms);
}

/* Under the session's lock. */
static enum error update_session(struct fetch_session *session,
                                 const struct fetch_session_request *request) {
    enum error error = ERR_NONE;

    if (request->session_epoch != session->next_epoch)
        return ERR_INVALID_FETCH_SESSION_EPOCH;
    if (session->uses_topic_ids != request->uses_topic_ids)
        return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    session->next_epoch = session->next_epoch == INT32_MAX ? 1 : session->next_epoch + 1;
    note_replica(session, request);
    for (int32_t i = 0; i < request->item_count && error == ERR_NONE; i++)
        error = put_partition(session, &request->items[i]);
    for (int32_t i = 0; i < request->forgotten_count; i++) {
        struct session_partition *partition = find_partition(session, &request->forgotten[i]);
        if (partition != NULL)
            drop_partition(session, partition);
    }
    take_fired(session);
    return error;
}

static enum error begin_incremental(struct fetch_sessions *sessions,
                                    const struct fetch_session_request *request,
                                    struct arena *arena, struct fetch_context *context) {
    struct fetch_session *session;
    enum error error;

    mutex_lock(&sessions->lock);
    HASH_FIND_INT(sessions->by_id, &request->session_id, session);
    if (session != NULL) {
        atomic_fetch_add(&session->references, 1);
        session->used_ms = request->now_ms;
    }
    mutex_unlock(&sessions->lock);
    if (session == NULL)
        return ERR_FETCH_SESSION_ID_NOT_FOUND;
    context->session = session;
    context->session_id = session->id;
    context->is_incremental = true;
    mutex_lock(&session->lock);
    error = update_session(session, request);
    if (error == ERR_NONE)
        error = list_session(session, arena, context);
    context->resting_count = session->resting_count;
    mutex_unlock(&session->lock);
    if (error == ERR_NONE && context->item_count == 0 && context->resting_count == 0) {
        mutex_lock(&sessions->lock);
        remove_session(sessions, session->id);
        mutex_unlock(&sessions->lock);
        context->session_id = 0;
    }
    return error;
}

enum error fetch_context_begin(struct fetch_sessions *sessions,
                               const struct fetch_session_request *request, struct arena *arena,
                               struct fetch_context *context) {
    enum error error;

    *context = (struct fetch_context){0};
    /* 0 begins a session, -1 ends one; another negative epoch is none that a session has. */
    if (request->session_epoch == 0 || request->session_epoch == -1)
        error = begin_full(sessions, request, arena, context);
    else
        error = begin_incremental(sessions, request, arena, context);
    if (error != ERR_NONE)
        fetch_context_done(context);
    return error;
}

enum error fetch_context_take_roused(struct fetch_context *context, struct arena *arena,
                                     struct fetch_item **items, int32_t *count) {
    struct fetch_session *session = context->session;
    struct session_partition *partition;
    enum error error = ERR_NONE;
    int32_t resting_count;

    *count = 0;
    if (session == NULL || context->resting_count == 0)
        return ERR_NONE;
    mutex_lock(&session->lock);
    resting_count = session->resting_count;
    take_fired(session);
    *items = arena_alloc(arena, (size_t)(resting_count - session->resting_count), sizeof(**items));
    if (*items == NULL)
        error = ERR_OUT_OF_MEMORY;
    /* They are the last ones. */
    partition = TAILQ_LAST(&session->order, session_order);
    for (; error == ERR_NONE && *count < resting_count - session->resting_count; (*count)++) {
        (*items)[*count] = partition->item;
        partition = TAILQ_PREV(partition, session_order, order);
    }
    mutex_unlock(&session->lock);
    return error;
}

bool fetch_context_wait(struct fetch_context *context, struct waiter *waiter) {
    return watcher_wait(&context->session->watcher, waiter);
}

bool fetch_context_stop_waiting(struct fetch_context *context, struct waiter *waiter) {
    return watcher_stop_waiting(&context->session->watcher, waiter);
}

static bool is_same_position(const struct fetch_item *a, const struct fetch_item *b) {
    return a->current_leader_epoch == b->current_leader_epoch &&
           a->fetch_offset == b->fetch_offset && a->last_fetched_epoch == b->last_fetched_epoch &&
           a->log_start_offset == b->log_start_offset;
}

/* After an answer that says that there is nothing: no fetch needs to look at it, until there is.
 * Under the session's lock. */
static void lay_to_rest(struct fetch_session *session, struct session_partition *partition,
                        const struct fetch_item *item, const struct fetch_answer *answer) {
    const struct watch_terms terms = {
        .leader_epoch = item->current_leader_epoch,
        .fetch_offset = item->fetch_offset,
        .follower_log_start_offset = item->log_start_offset,
        .high_watermark = answer->high_watermark,
        .log_start_offset = answer->log_start_offset,
    };

    if (answer->partition == NULL || !session->uses_topic_ids || answer->has_records ||
        answer->has_error || answer->must_send || !is_same_position(&partition->item, item) ||
        !partition_watch(answer->partition, &partition->watch, &terms))
        return;
    TAILQ_REMOVE(&session->order, partition, order);
    partition->rests = true;
    session->resting_count++;
}

bool fetch_context_includes(struct fetch_context *context, const struct fetch_item *item,
                            const struct fetch_answer *answer) {
    struct fetch_session *session = context->session;
    struct session_partition *partition;
    bool includes = true;

    if (session == NULL)
        return true;
    mutex_lock(&session->lock);
    partition = find_partition(session, item);
    if (partition != NULL) {
        rouse(session, partition);
        if (context->is_incremental)
            includes = answer->has_records || answer->has_error || answer->must_send ||
                       partition->sent_high_watermark != answer->high_watermark ||
                       partition->sent_log_start_offset != answer->log_start_offset;
        /* After an error it is reported again, whatever its offsets are then. */
        partition->sent_high_watermark = answer->has_error ? NEVER_SENT : answer->high_watermark;
        partition->sent_log_start_offset = answer->log_start_offset;
        if (answer->has_records) {
            TAILQ_REMOVE(&session->order, partition, order);
            TAILQ_INSERT_TAIL(&session->order, partition, order);
        }
        lay_to_rest(session, partition, item, answer);
    }
    mutex_unlock(&session->lock);
    return includes;
}

void fetch_context_done(struct fetch_context *context) {
    session_unref(context->session);
    context->session = NULL;
}
