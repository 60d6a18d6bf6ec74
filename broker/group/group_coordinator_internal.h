/*
 * The inside of the coordinator: for broker/group/group_coordinator*.c only.
 */
#ifndef BROKER_GROUP_GROUP_COORDINATOR_INTERNAL_H
#define BROKER_GROUP_GROUP_COORDINATOR_INTERNAL_H

#include <stdatomic.h>
#include <sys/queue.h>

#include <uthash.h>

#include "broker/group/group_census.h"
#include "broker/group/group_coordinator.h"
#include "broker/journal/journal.h"
#include "client/base/clock.h"
#include "client/base/rng.h"
#include "client/net/loop.h"

/* One group with its offsets. */
struct group_entry {
    UT_hash_handle by_id;
    struct group_coordinator *coordinator;
    int32_t partition;
    int32_t references; /* the table's, and one for each append under way */
    bool is_removed;    /* from the table */
    struct group *group;
    struct group_offsets *offsets;
    LIST_ENTRY(group_entry) with_pending; /* if is_listed */
    bool is_listed;
    struct loop_timer timer;
    int64_t armed_ms;    /* when the timer is due, monotonic; GROUP_NO_DEADLINE: not armed */
    struct bytes loaded; /* LOADING: the latest record of the group; owned */
};

/* Told of while its partition was LOADING, which will not find it. */
struct kept_marker {
    STAILQ_ENTRY(kept_marker) link;
    struct group_marker marker;
};

struct group_coordinator {
    struct group_coordinator_config config;
    struct loop *loop;
    struct journal *journal;
    struct group_entry *entries;
    /* INVARIANT: all that have offsets pending, so that the end of a transaction, of which there
     * may be thousands a second, does not look at all groups. */
    LIST_HEAD(, group_entry) with_pending;
    struct group_census census;
    struct rng rng;
    int64_t order;                           /* of the latest record that was loaded or appended */
    STAILQ_HEAD(, kept_marker) kept_markers; /* in the order in which they were told of */
    struct arena arena;
    struct loop_timer retention;
};

/* ---- group_coordinator.c ---- */

struct group_now group_coordinator_now(const struct group_coordinator *coordinator);
struct group_entry *group_entry_find(const struct group_coordinator *coordinator, struct bytes id);
struct group_entry *group_entry_add(struct group_coordinator *coordinator, struct bytes id,
                                    int32_t partition);
/* Takes it from the table; who waits gets the error. */
void group_entry_remove(struct group_entry *entry, enum error error);
void group_entry_unref(struct group_entry *entry);
/* After anything that may have brought a deadline nearer. */
void group_entry_rearm(struct group_entry *entry);

/* ---- group_coordinator_load.c ---- */

extern const struct journal_owner group_journal_owner; /* without its context */

/* ---- group_coordinator_markers.c ---- */

/* After an offset of the group became pending. */
void group_entry_list_pending(struct group_entry *entry);
/* Before it goes. */
void group_entry_unlist_pending(struct group_entry *entry);
/* In all groups of the partition. */
void group_coordinator_apply_marker(struct group_coordinator *coordinator,
                                    const struct group_marker *marker);
/* The partition is loaded. */
void group_coordinator_apply_kept_markers(struct group_coordinator *coordinator, int32_t partition);
/* What is known of the partition is void. */
void group_coordinator_drop_kept_markers(struct group_coordinator *coordinator, int32_t partition);

/* ---- group_coordinator_store.c ---- */

/* The port of the groups. */
void group_coordinator_store(void *context, struct group *group, int64_t ticket);

/* Begins to write tombstones for the offsets and, if so wanted, for the group; `removed` may be
 * NULL. Holds on to the entry. */
struct group_tombstones {
    const struct group_offset *offsets;
    size_t offset_count;
    bool is_of_group;
};

void group_coordinator_bury(struct group_entry *entry, const struct group_tombstones *tombstones,
                            group_removed *removed, void *context);

/* ---- group_coordinator_expiry.c ---- */

void group_coordinator_expire(struct loop_timer *timer);
/* The topic, which had partitions [0, partition_count), is gone: its offsets go, in all groups. */
void group_coordinator_forget_topic(struct group_coordinator *coordinator, struct bytes topic,
                                    int32_t partition_count);

#endif
