/*
 * What lets a follower's fetch session pass over the partitions in which nothing happens: a
 * partition that the follower has all of, and knows all about, rests with a watch on it, and the
 * watch fires when there may be something to tell again.
 *
 * INVARIANT: as long as a partition lists a watch, a read for that follower would give no records,
 * no error and no divergence, and only the high watermark and log start that it was told; and it
 * would change nothing but the times of the follower's progress, which follow from the watcher's
 * last fetch. Whoever changes what such a read gives fires the watches, under the hold of the
 * partition's lock in which it changes, or, for what changes under `append_lock` (the log's end and
 * start), under one that begins afterwards.
 *
 * Locks: a partition's `lock`, then the watcher's. Calls for one watch come one at a time: its
 * owner sees to that (a session's lock).
 */
#ifndef BROKER_REPLICA_WATCH_H
#define BROKER_REPLICA_WATCH_H

#include <sys/queue.h>

#include "broker/replica/waiter.h"
#include "client/base/check.h"
#include "client/base/sync.h"

struct partition;
struct watch;

LIST_HEAD(watch_list, watch);

/* Who watches: one follower, in one fetch session. */
struct watcher {
    struct mutex lock;
    struct watch_list fired;    /* lock */
    struct waiter_list waiters; /* lock; fetches of the session that wait */
    int64_t fetched_ms;         /* lock; monotonic: when the follower fetched last */
    int32_t replica_id;         /* lock; these two change while nothing is watched */
    int64_t replica_epoch;      /* lock */
};

struct watch {
    struct watcher *watcher;     /* fixed */
    LIST_ENTRY(watch) link;      /* the partition's or the watcher's lock */
    struct partition *partition; /* both locks; a reference while it is listed there, else NULL */
    bool is_fired;               /* watcher's lock: on its list */
    int64_t offset;              /* fixed while it is listed: where the log ends */
};

void watcher_init(struct watcher *watcher, int32_t replica_id, int64_t replica_epoch,
                  int64_t now_ms);
void watcher_done(struct watcher *watcher); /* nothing is watched, nobody waits */

/* Whether it is that registration of a broker; another one takes its place only while nothing is
 * watched. */
bool watcher_is(struct watcher *watcher, int32_t replica_id, int64_t replica_epoch);
void watcher_set(struct watcher *watcher, int32_t replica_id, int64_t replica_epoch);
/* The follower fetches: it still has all of what is watched. */
void watcher_note_fetch(struct watcher *watcher, int64_t now_ms);

/* One that fired, which then is off; NULL: none. */
struct watch *watcher_take_fired(struct watcher *watcher);

/* Lists the waiter, unless a watch has fired already: then false. Its task is posted when one
 * fires: the partition has no watch any more, so that from then on the fetch has to wait for it by
 * itself. */
MUST_CHECK bool watcher_wait(struct watcher *watcher, struct waiter *waiter);
bool watcher_stop_waiting(struct watcher *watcher, struct waiter *waiter); /* as a partition's */

/* What the follower has and was told. */
struct watch_terms {
    int32_t leader_epoch;
    int64_t fetch_offset;
    int64_t follower_log_start_offset;
    int64_t high_watermark;   /* told */
    int64_t log_start_offset; /* told */
};

/* Watches the partition if the invariant holds under these terms; else false. The watch is off. */
MUST_CHECK bool partition_watch(struct partition *partition, struct watch *watch,
                                const struct watch_terms *terms);
/* The watch is off afterwards, whether it was listed, had fired, or was off. */
void partition_unwatch(struct watch *watch);

#endif
