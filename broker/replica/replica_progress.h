/*
 * How far the followers of a partition are, as its leader sees it, and what follows from that:
 * who is in sync, who may join the ISR, who must leave it, and where the high watermark is.
 *
 * Pure decisions; the partition holds the state under its lock and passes the time in
 * (monotonic milliseconds).
 * Source: Kafka 3.9, Replica.updateFetchStateOrThrow, Partition.maybeIncrementLeaderHW,
 * isFollowerInSync, getOutOfSyncReplicas; KIP-966's gate of the high watermark (3.7).
 */
#ifndef BROKER_REPLICA_REPLICA_PROGRESS_H
#define BROKER_REPLICA_REPLICA_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define REPLICAS_MAX         64 /* of one partition */
#define PROGRESS_UNKNOWN     (-1)
#define BROKER_EPOCH_UNKNOWN (-1)

struct replica_progress {
    int32_t broker_id;
    int64_t broker_epoch;     /* with which it fetched last; BROKER_EPOCH_UNKNOWN */
    int64_t log_end_offset;   /* PROGRESS_UNKNOWN until its first fetch in this leader epoch */
    int64_t log_start_offset; /* likewise */
    int64_t caught_up_ms;     /* when it last had all that the leader had */
    int64_t last_fetch_ms;
    int64_t epoch_began_ms; /* the leader's, when this was reset */
    int64_t leader_end_offset_at_last_fetch;
    int64_t refused_until_ms; /* the controller will not have it in the ISR before; 0: it may */
};

/* How long a replica that the controller refused is not proposed again, nor waited for. */
#define REPLICA_REFUSED_MS 1000

/* A replica at the start of a leader epoch: members of the ISR count as caught up now. */
void replica_progress_reset(struct replica_progress *replica, int32_t broker_id, bool in_isr,
                            int64_t now_ms);

/* It fetches as this registration of its broker; a new one is not refused any more. */
void replica_progress_on_epoch(struct replica_progress *replica, int64_t broker_epoch);

/* The controller refused to have it in the ISR: its broker is about to stop, as a rule. It goes on
 * fetching until it does, and would keep the high watermark waiting between its last fetch and the
 * end of its registration. */
void replica_progress_on_refused(struct replica_progress *replica, int64_t now_ms);

/* The replica asked for `fetch_offset`, so it has all before it. */
void replica_progress_on_fetch(struct replica_progress *replica, int64_t fetch_offset,
                               int64_t log_start_offset, int64_t leader_log_end_offset,
                               int64_t now_ms);

/* It fetched, and had all that the leader had; that was at that time still where both are now. */
void replica_progress_on_rest(struct replica_progress *replica, int64_t fetched_ms);

bool replica_is_caught_up(const struct replica_progress *replica, int64_t leader_log_end_offset,
                          int64_t now_ms, int64_t lag_ms_max);

/* Since it last had all that the leader had, but at most since the leader's epoch began; 0: it has
 * it now. */
int64_t replica_delay_ms(const struct replica_progress *replica, int64_t leader_log_end_offset,
                         int64_t now_ms);

/* What decisions about one led partition read. */
struct leader_view {
    int32_t broker_id; /* the leader */
    int64_t log_end_offset;
    int64_t high_watermark;
    int64_t leader_epoch_start_offset;
    const struct replica_progress *followers;
    int32_t follower_count;
    const int32_t *isr; /* committed */
    int32_t isr_count;
    const int32_t *maximal_isr; /* committed, and what a pending change adds */
    int32_t maximal_isr_count;
    int32_t min_isr; /* effective: at most the number of replicas */
    int64_t now_ms;
    int64_t lag_ms_max;
};

/* The high watermark that this view allows: never below the present one.
 * INVARIANT: every member of the maximal ISR, and every live replica that is caught up and about
 * to join, has all records below it. Only the first is needed for safety; the second lets a replica
 * join that would otherwise run after the high watermark for ever. */
int64_t leader_view_high_watermark(const struct leader_view *view,
                                   bool (*is_alive)(void *context, int32_t broker_id),
                                   void *context);

/* Whether a follower outside the ISR has earned its place. */
bool leader_view_may_join(const struct leader_view *view, const struct replica_progress *replica);

/* The members that must leave; returns their number. `lagging` has room for REPLICAS_MAX. */
int32_t leader_view_lagging(const struct leader_view *view, int32_t *lagging);

bool broker_ids_contain(const int32_t *ids, int32_t count, int32_t id);

#endif
