/*
 * The inside of a partition: for the files broker/replica/partition*.c only.
 */
#ifndef BROKER_REPLICA_PARTITION_INTERNAL_H
#define BROKER_REPLICA_PARTITION_INTERNAL_H

#include <stdatomic.h>

#include "broker/replica/partition.h"
#include "broker/replica/watch.h"
#include "client/base/sync.h"

struct former_log {
    SLIST_ENTRY(former_log) next;
    struct log *log; /* a reference */
};

/* While it is pending, maximal_isr = isr + who joins. */
struct proposed_isr {
    int32_t count;
    int32_t isr[REPLICAS_MAX];
    int64_t epochs[REPLICAS_MAX]; /* parallel: broker epochs */
};

/* In an order without holes: a broker has tens of thousands. */
struct partition {
    const struct partition_environment *environment;
    struct uuid topic_id; /* fixed */
    int32_t index;        /* fixed */
    atomic_int references;
    _Atomic(struct log *) log; /* a reference; another one only once it was moved: append_lock */
    struct traffic_meter *traffic; /* fixed once others know the partition; a reference, or NULL */

    struct mutex append_lock; /* before `move_lock` */
    struct mutex move_lock;   /* before `lock` */
    struct mutex lock;

    struct log *future;     /* move_lock; a reference; NULL: it is not being moved */
    uint32_t cuts;          /* move_lock; truncations of the log, counted */
    uint32_t damaged_reads; /* the mover's thread: in a row */
    /* append_lock; what it was moved from. Readers may have come upon them without a lock, so they
     * stay as long as the partition; their files are closed. */
    SLIST_HEAD(, former_log) former_logs;

    atomic_bool leader_is_throttled, follower_is_throttled;
    bool is_retired;              /* append_lock */
    bool listens;                 /* append_lock: the log knows the listener */
    int8_t leader_recovery_state; /* lock */

    /* Whom a reassignment adds. Written under both locks, readable under either; that there are
     * none, also without. */
    int32_t *adding; /* owned */
    atomic_int adding_count;

    /* Written under both locks, readable under either, and by atomics without. */
    _Atomic(enum partition_role) role;
    atomic_int leader_epoch;
    atomic_int leads_since; /* the leader epoch with which it became leader */
    atomic_int leader_id;

    _Atomic int64_t guard_offset; /* see partition_set_guard_offset */

    /* lock; never falls within a leader epoch; <= log end */
    _Atomic int64_t high_watermark;

    _Atomic int64_t follower_lag; /* append_lock; readable without */

    /* lock */
    int64_t leader_epoch_start_offset;
    int32_t partition_epoch;
    int32_t min_isr; /* effective */
    int32_t replica_count;
    int32_t follower_count;
    /* Arrays are as long as this partition needs them: a broker has tens of thousands. */
    int32_t *isr; /* owned */
    int32_t isr_count, isr_capacity;
    struct proposed_isr *proposed;      /* owned; NULL: none is pending */
    struct replica_progress *followers; /* owned; of a leader */

    struct waiter_list waiters; /* lock */
    struct watch_list watches;  /* lock; a leader's: of followers that have everything */

    struct log_listener flush_listener;

    char topic[]; /* fixed */
};

/* partition_move.c. Under `append_lock`: the log was cut, so is its future one. */
void partition_cut_future(struct partition *partition);
/* Under `append_lock`. */
void partition_set_future_config(struct partition *partition, const struct log_config *config);
bool partition_is_moving(struct partition *partition);

/* partition_throttle.c. Copies it. Under both locks. */
void partition_set_adding(struct partition *partition, const int32_t *adding, int32_t count);
/* Whether a reassignment adds that replica. Under either lock. */
bool partition_is_adding(const struct partition *partition, int32_t broker_id);

/* Copies it. Under `lock`. */
void partition_set_isr(struct partition *partition, const int32_t *isr, int32_t isr_count);
/* What was proposed, if anything, is decided or void. Under `lock`. */
void partition_end_proposal(struct partition *partition);

/* This leader's ISR is to have `isr_count` members within its leader epoch. Under `lock`, on the
 * control thread, before it has. */
void partition_count_isr_change(const struct partition *partition, int32_t isr_count);

int64_t partition_now_ms(const struct partition *partition);

/* The view that decisions read; `maximal` has room for 2 * REPLICAS_MAX.
 * Under `lock`. */
struct leader_view partition_view(const struct partition *partition, int32_t *maximal);

/* Moves the high watermark as far as the followers allow. Under `lock`; true if it moved. */
bool partition_advance_high_watermark(struct partition *partition);

/* Takes the waiters that `log_end_offset` and the high watermark satisfy (all: every one) off
 * the list into `woken`. Under `lock`. */
void partition_collect_waiters(struct partition *partition, int64_t log_end_offset, bool all,
                               struct waiter_list *woken);

/* partition_watch.c. Fires all watches, and takes the sessions' fetches that wait into `woken`:
 * each of them waits for the partition itself from then on, if it is not answered. Under `lock`. */
void partition_fire_watches(struct partition *partition, struct waiter_list *woken);
/* The same for a log whose start moved, or whose directory failed. Under no lock. */
void partition_tell_watchers(struct partition *partition);
/* Brings the times of the followers that are watched for up to date: before anybody decides by
 * them. Under `lock`. */
void partition_note_rest(struct partition *partition);

/* Posts the tasks. Under no lock. */
void partition_post_waiters(struct waiter_list *woken);

/* A follower outside the ISR has reached what it takes: prepares a proposal. Under `lock`; true
 * if the environment's propose_isr must be called (under no lock). */
bool partition_consider_joining(struct partition *partition,
                                const struct replica_progress *replica);

#endif
