#include "broker/replica/partition_internal.h"

/* ---- The watcher ---- */

void watcher_init(struct watcher *watcher, int32_t replica_id, int64_t replica_epoch,
                  int64_t now_ms) {
    mutex_init(&watcher->lock);
    LIST_INIT(&watcher->fired);
    TAILQ_INIT(&watcher->waiters);
    watcher->fetched_ms = now_ms;
    watcher->replica_id = replica_id;
    watcher->replica_epoch = replica_epoch;
}

void watcher_done(struct watcher *watcher) {
    CHECK(LIST_EMPTY(&watcher->fired) && TAILQ_EMPTY(&watcher->waiters));
    mutex_done(&watcher->lock);
}

bool watcher_is(struct watcher *watcher, int32_t replica_id, int64_t replica_epoch) {
    bool is_same;

    mutex_lock(&watcher->lock);
    is_same = watcher->replica_id == replica_id && watcher->replica_epoch == replica_epoch;
    mutex_unlock(&watcher->lock);
    return is_same;
}

void watcher_set(struct watcher *watcher, int32_t replica_id, int64_t replica_epoch) {
    mutex_lock(&watcher->lock);
    watcher->replica_id = replica_id;
    watcher->replica_epoch = replica_epoch;
    mutex_unlock(&watcher->lock);
}

void watcher_note_fetch(struct watcher *watcher, int64_t now_ms) {
    mutex_lock(&watcher->lock);
    watcher->fetched_ms = now_ms;
    mutex_unlock(&watcher->lock);
}

struct watch *watcher_take_fired(struct watcher *watcher) {
    struct watch *watch;

    mutex_lock(&watcher->lock);
    watch = LIST_FIRST(&watcher->fired);
    if (watch != NULL) {
        LIST_REMOVE(watch, link);
        watch->is_fired = false;
    }
    mutex_unlock(&watcher->lock);
    return watch;
}

bool watcher_wait(struct watcher *watcher, struct waiter *waiter) {
    bool listed;

    mutex_lock(&watcher->lock);
    listed = LIST_EMPTY(&watcher->fired);
    if (listed)
        TAILQ_INSERT_TAIL(&watcher->waiters, waiter, link);
    waiter->listed = listed;
    mutex_unlock(&watcher->lock);
    return listed;
}

bool watcher_stop_waiting(struct watcher *watcher, struct waiter *waiter) {
    bool was_listed;

    mutex_lock(&watcher->lock);
    was_listed = waiter->listed;
    if (was_listed)
        TAILQ_REMOVE(&watcher->waiters, waiter, link);
    waiter->listed = false;
    mutex_unlock(&watcher->lock);
    return was_listed;
}

/* ---- The partition ---- */

static struct replica_progress *find_follower(struct partition *partition, int32_t broker_id) {
    for (int32_t i = 0; i < partition->follower_count; i++) {
        if (partition->followers[i].broker_id == broker_id)
            return &partition->followers[i];
    }
    return NULL;
}

/* What its fetches would have said, had they named this partition: it had everything at the last
 * of them. Under both locks. */
static void note_rest(struct partition *partition, const struct watch *watch) {
    const struct watcher *watcher = watch->watcher;
    struct replica_progress *replica = find_follower(partition, watcher->replica_id);

    if (replica != NULL && replica->log_end_offset == watch->offset)
        replica_progress_on_rest(replica, watcher->fetched_ms);
}

void partition_note_rest(struct partition *partition) {
    struct watch *watch;

    LIST_FOREACH (watch, &partition->watches, link) {
        mutex_lock(&watch->watcher->lock);
        note_rest(partition, watch);
        mutex_unlock(&watch->watcher->lock);
    }
}

/* Under `lock`. Whoever calls it has a reference of the partition, too: this one is not the last.
 */
static void fire(struct partition *partition, struct watch *watch, struct waiter_list *woken) {
    struct watcher *watcher = watch->watcher;
    struct waiter *waiter;

    LIST_REMOVE(watch, link);
    mutex_lock(&watcher->lock);
    note_rest(partition, watch);
    watch->partition = NULL;
    watch->is_fired = true;
    LIST_INSERT_HEAD(&watcher->fired, watch, link);
    while ((waiter = TAILQ_FIRST(&watcher->waiters)) != NULL) {
        TAILQ_REMOVE(&watcher->waiters, waiter, link);
        waiter->listed = false;
        TAILQ_INSERT_TAIL(woken, waiter, link);
    }
    mutex_unlock(&watcher->lock);
    CHECK(atomic_fetch_sub(&partition->references, 1) > 1);
}

void partition_fire_watches(struct partition *partition, struct waiter_list *woken) {
    struct watch *watch;

    while ((watch = LIST_FIRST(&partition->watches)) != NULL)
        fire(partition, watch, woken);
}

void partition_tell_watchers(struct partition *partition) {
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);

    mutex_lock(&partition->lock);
    partition_fire_watches(partition, &woken);
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
}

/* Under `lock`; the watcher's id and epoch do not change now. */
static bool is_at_rest(struct partition *partition, const struct watcher *watcher,
                       const struct watch_terms *terms) {
    const struct replica_progress *replica = find_follower(partition, watcher->replica_id);
    int64_t end = log_end_offset(partition->log);

    return replica != NULL && atomic_load(&partition->role) == ROLE_LEADER &&
           atomic_load(&partition->leader_epoch) == terms->leader_epoch &&
           partition->proposed == NULL &&
           broker_ids_contain(partition->isr, partition->isr_count, watcher->replica_id) &&
           replica->broker_epoch == watcher->replica_epoch && replica->log_end_offset == end &&
           replica->log_start_offset == terms->follower_log_start_offset &&
           terms->fetch_offset == end && terms->high_watermark == end &&
           atomic_load(&partition->high_watermark) == end &&
           terms->log_start_offset == log_start_offset(partition->log);
}

bool partition_watch(struct partition *partition, struct watch *watch,
                     const struct watch_terms *terms) {
    bool rests;

    mutex_lock(&partition->lock);
    mutex_lock(&watch->watcher->lock);
    CHECK(watch->partition == NULL && !watch->is_fired);
    rests = is_at_rest(partition, watch->watcher, terms);
    if (rests) {
        watch->offset = terms->fetch_offset;
        watch->partition = partition;
        partition_ref(partition);
        LIST_INSERT_HEAD(&partition->watches, watch, link);
    }
    mutex_unlock(&watch->watcher->lock);
    mutex_unlock(&partition->lock);
    return rests;
}

/* A reference for the caller; NULL: it is not listed by a partition (any more). */
static struct partition *watched_by(struct watch *watch) {
    struct partition *partition;

    mutex_lock(&watch->watcher->lock);
    partition = watch->partition;
    if (partition != NULL)
        partition_ref(partition);
    mutex_unlock(&watch->watcher->lock);
    return partition;
}

/* Unless it has fired meanwhile. */
static void unlist(struct partition *partition, struct watch *watch) {
    bool was_listed;

    mutex_lock(&partition->lock);
    mutex_lock(&watch->watcher->lock);
    was_listed = watch->partition != NULL;
    if (was_listed) {
        note_rest(partition, watch);
        LIST_REMOVE(watch, link);
        watch->partition = NULL;
    }
    mutex_unlock(&watch->watcher->lock);
    mutex_unlock(&partition->lock);
    if (was_listed)
        partition_unref(partition);
}

void partition_unwatch(struct watch *watch) {
    struct partition *partition = watched_by(watch);

    if (partition != NULL)
        unlist(partition, watch);
    partition_unref(partition);
    mutex_lock(&watch->watcher->lock);
    if (watch->is_fired)
        LIST_REMOVE(watch, link);
    watch->is_fired = false;
    mutex_unlock(&watch->watcher->lock);
}
