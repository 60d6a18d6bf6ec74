/*
 * One replica of a partition on this broker: its role, its log, and who waits for it.
 *
 * As leader it takes appends, follows its followers' fetches, moves the high watermark and
 * proposes ISR changes; as follower it takes what its fetcher brings. The controller decides the
 * role; it arrives through the metadata (partition_apply).
 *
 * Locks: `append_lock` is held around appends, truncations and role changes; `lock` around the
 * state that fetches of followers touch (progress, ISR, waiters). Order: append_lock, then lock.
 * Never two partitions' locks at once; no wake-up, callback or network under either. The high
 * watermark, role and leader epoch are also atomics, so that consumers' fetches take no lock
 * that an append holds.
 *
 * Threads: any, unless it says otherwise. Times are monotonic ms, but for `wall_ms`.
 * Source: Kafka 3.9, Partition.scala, ReplicaManager.scala.
 */
#ifndef BROKER_REPLICA_PARTITION_H
#define BROKER_REPLICA_PARTITION_H

#include "broker/log/log.h"
#include "broker/log/log_compaction.h"
#include "broker/log/log_manager.h"
#include "broker/metadata/metadata.h"
#include "broker/metrics/counter.h"
#include "broker/metrics/traffic_meter.h"
#include "broker/replica/replica_progress.h"
#include "broker/replica/waiter.h"
#include "client/base/clock.h"
#include "client/base/uuid.h"

#define ANY_LEADER_EPOCH (-1) /* in requests: do not check */

struct partition;

enum partition_role { ROLE_NONE, ROLE_LEADER, ROLE_FOLLOWER };

/* Of all partitions of a broker. Written by the control thread, read by any. */
struct isr_counters {
    _Atomic uint64_t shrinks; /* within a leader epoch */
    _Atomic uint64_t expands;
    _Atomic uint64_t failed_updates; /* that the controller refused, or did not answer */
};

/* What the partitions of one broker share; fixed while any partition lives. */
struct partition_environment {
    int32_t broker_id;
    int64_t replica_lag_ms_max;
    int64_t guard_bytes_max; /* that named groups may hold back from retention; 0: none do */
    struct clock *clock;
    bool (*is_broker_alive)(void *context, int32_t broker_id); /* any thread */
    /* The partition wants its ISR changed: see partition_isr_proposal. Any thread, no lock held;
     * a repetition while one is pending does no harm. */
    void (*propose_isr)(void *context, struct partition *partition);
    void *context;
    struct isr_counters *isr_counters;                       /* NULL: they are not counted */
    struct replication_quota *leader_quota, *follower_quota; /* NULL: nothing is throttled */
};

/* One reference for the caller. The name is copied, the log referenced. */
struct partition *partition_new(const struct partition_environment *environment, const char *topic,
                                int32_t index, const struct uuid *topic_id, struct log *log,
                                int64_t high_watermark);
void partition_ref(struct partition *partition);
void partition_unref(struct partition *partition); /* accepts NULL */

/* Takes a reference of its topic's meter. Before anybody else knows the partition. */
void partition_set_traffic(struct partition *partition, struct traffic_meter *traffic);
void partition_count_traffic(struct partition *partition, enum traffic kind, uint64_t value);

const char *partition_topic(const struct partition *partition);
int32_t partition_index(const struct partition *partition);
const struct uuid *partition_topic_id(const struct partition *partition);
struct log *partition_log(const struct partition *partition);
enum partition_role partition_role(const struct partition *partition);
int32_t partition_leader_id(const struct partition *partition);
int32_t partition_leader_epoch(const struct partition *partition);
/* Whether this replica has led without a break since `leader_epoch`. INVARIANT: then the log was
 * not cut meanwhile, and what was appended in that epoch is still there; a new epoch for the same
 * leader, as when another replica dies, does not change that. */
bool partition_has_led_since(const struct partition *partition, int32_t leader_epoch);
int64_t partition_high_watermark(const struct partition *partition);
/* Follower: how many records below its leader's high watermark it did not have after the last
 * fetch; 0 for others. */
int64_t partition_follower_lag(const struct partition *partition);
/* What a leader's follower lacks. */
struct follower_delay {
    int32_t broker_id;
    int64_t ms; /* see replica_delay_ms */
};
/* Leader: of its followers, REPLICAS_MAX at most; returns how many. 0 for others. */
size_t partition_follower_delays(struct partition *partition, struct follower_delay *delays);
/* What readers of committed records see ends here; at most the high watermark. */
int64_t partition_last_stable_offset(const struct partition *partition);

/* ---- Role: control thread ---- */

/* Takes the state that the controller decided. Returns true if the leader epoch rose: then a
 * follower must (re)start fetching, a leader must stop. All waiters are woken on a role or epoch
 * change. `min_isr` is the topic's min.insync.replicas. */
bool partition_apply(struct partition *partition, const struct metadata_partition *state,
                     int32_t min_isr);

void partition_set_log_config(struct partition *partition, const struct log_config *config);

/* See log_compaction_begin and log_compaction_run. Any thread; the second waits for the disk. */
MUST_CHECK enum error partition_begin_compaction(struct partition *partition,
                                                 struct log_compaction **begun);
MUST_CHECK enum error partition_compact(struct partition *partition,
                                        struct log_compaction *compaction,
                                        const struct compaction_means *means,
                                        struct compaction_result *result);

/* Whether the topic's lists of throttled replicas name this one. */
void partition_set_throttled(struct partition *partition, bool as_leader, bool as_follower);
/* Whether the follower must get no records now: it is not in the ISR, and throttled replicas have
 * taken too much from here. What was given to a follower is counted, and recorded for the
 * throttle. Any thread. */
bool partition_holds_back(struct partition *partition, int32_t follower_id);
void partition_record_given(struct partition *partition, int32_t follower_id, int64_t bytes);
/* The same for what this replica takes as a follower that lags. */
bool partition_must_pause(struct partition *partition);
void partition_record_taken(struct partition *partition, int64_t bytes);

enum retired_log { RETIRED_LOG_KEEP, RETIRED_LOG_DELETE, RETIRED_LOG_SET_ASIDE };

/* This broker hosts it no more: role NONE, waiters woken, and the log kept, deleted or set aside
 * as stray. The role changes whatever becomes of the log. Errors: the log manager's. */
MUST_CHECK enum error partition_retire(struct partition *partition, struct log_manager *manager,
                                       enum retired_log fate);

/* ---- Appending ---- */

struct partition_append {
    int16_t acks;
    int64_t wall_ms;
    struct arena *arena; /* for the result's record errors */
    enum log_append_origin origin;
    int32_t leader_epoch;  /* ANY_LEADER_EPOCH, or the only one in which to append */
    bool must_be_verified; /* see log_append_options */
    uint64_t guard;
};

/* Leader: see log_begin_verification. Errors besides its own: NOT_LEADER_OR_FOLLOWER. */
MUST_CHECK enum error partition_begin_verification(struct partition *partition, int64_t producer_id,
                                                   int16_t producer_epoch, int32_t base_sequence,
                                                   int64_t wall_ms, struct log_verification *begun);

/* Appends what a client or a coordinator here sent, in place. On success the leader's epoch is
 * given too, for partition_commit_status. Errors: NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, and
 * the log's. */
MUST_CHECK enum error partition_append_as_leader(struct partition *partition, uint8_t *records,
                                                 size_t size, const struct partition_append *append,
                                                 struct log_append_result *result,
                                                 int32_t *leader_epoch);

/* What an append has to reach before it may be acknowledged. */
struct commit {
    int32_t leader_epoch;
    int64_t required_offset; /* of the high watermark, for acks=all; -1: none */
    int64_t flush_offset;    /* of the flushed offset, for flush.messages; -1: none */
};

/* Whether it is there: NONE (yes; for acks=all, also enough are in sync), REQUEST_TIMED_OUT (not
 * yet: `waiter`'s kind and offset are set to what is missing), NOT_ENOUGH_REPLICAS_AFTER_APPEND,
 * NOT_LEADER_OR_FOLLOWER (it has not led without a break: nobody knows). */
enum error partition_commit_status(struct partition *partition, const struct commit *commit,
                                   struct waiter *waiter);

/* Appends what the leader of `leader_epoch` sent, for a fetch at `fetch_offset`, and follows its
 * high watermark and log start. Errors: NOT_LEADER_OR_FOLLOWER if the role or epoch changed
 * meanwhile, OFFSET_OUT_OF_RANGE if the log does not end at `fetch_offset`, and the log's. With
 * flush.messages what was appended is on disk, also after an error. */
MUST_CHECK enum error partition_append_as_follower(struct partition *partition,
                                                   int32_t leader_epoch, int64_t fetch_offset,
                                                   struct bytes records,
                                                   int64_t leader_high_watermark,
                                                   int64_t leader_log_start_offset);

/* Where a follower goes on fetching. */
struct fetch_position {
    int64_t fetch_offset;       /* its log end */
    int32_t last_fetched_epoch; /* of its last batch; -1: none known */
    int64_t log_start_offset;
};

/* Follower: prepares for a new leader. A log without any epoch is cut to the high watermark, since
 * nothing else tells what the leader shares. With flush.messages all of it is on disk afterwards.
 * Errors as for truncation, and the disk's. */
MUST_CHECK enum error partition_begin_following(struct partition *partition, int32_t leader_epoch,
                                                struct fetch_position *position);
struct fetch_position partition_fetch_position(struct partition *partition);

/* Follower: cuts the log by the leader's diverging epoch. `*complete` as truncation_plan's. */
MUST_CHECK enum error partition_truncate_by_epoch(struct partition *partition, int32_t leader_epoch,
                                                  int32_t diverging_epoch,
                                                  int64_t diverging_end_offset, bool *complete);

/* Follower whose fetch offset the leader does not have: starts anew at the leader's log start,
 * or cuts to the leader's end (reference: 5.8 "offset out of range on a follower"). */
MUST_CHECK enum error partition_recover_out_of_range(struct partition *partition,
                                                     int32_t leader_epoch,
                                                     int64_t leader_log_start_offset,
                                                     int64_t leader_log_end_offset);

#define DELETE_ALL_RECORDS (-1) /* up to the high watermark */

/* Leader: the log starts at `offset` from now on; `*required_offset` is what the log starts of all
 * replicas have to reach. Errors: NOT_LEADER_OR_FOLLOWER, OFFSET_OUT_OF_RANGE. */
MUST_CHECK enum error partition_delete_records(struct partition *partition, int64_t offset,
                                               int64_t *required_offset, int32_t *leader_epoch);
/* The lowest log start of the leader and the followers that live. */
int64_t partition_low_watermark(struct partition *partition);

/* Leader, if groups guard what they have not read (environment): they have all read up to `offset`,
 * INT64_MAX where none of them reads the partition. Until it is told, and on followers, which begin
 * where the leader's log begins, nothing goes by age or size but past the budget. */
void partition_set_guard_offset(struct partition *partition, int64_t offset);

/* Lets the log's old segments go, by its settings. */
void partition_apply_retention(struct partition *partition);

/* Forgets producers that have not written for so long, unless they have a transaction open. */
void partition_expire_producers(struct partition *partition, int64_t expiration_ms);

/* ---- Reading ---- */

enum read_isolation { READ_UNCOMMITTED, READ_COMMITTED, READ_LOG_END };

struct partition_read {
    int64_t replica_epoch; /* of a follower: its broker epoch; BROKER_EPOCH_UNKNOWN */
    int32_t replica_id;    /* -1 consumer, -2 debugging consumer, else a follower */
    int32_t current_leader_epoch;
    int64_t fetch_offset;
    int32_t last_fetched_epoch; /* -1: do not look for divergence */
    int64_t follower_log_start_offset;
    size_t bytes_max;
    bool at_least_one_batch;
    bool leader_only; /* old consumers must not read followers */
    enum read_isolation isolation;
    bool update_progress; /* the first look of a follower's fetch, not one after waiting */
    struct arena *arena;  /* for the aborted transactions, with READ_COMMITTED; else NULL */
};

struct partition_read_result {
    int64_t high_watermark;
    int64_t last_stable_offset;
    int64_t log_start_offset;
    struct file_range records;       /* size 0: none; else the caller releases its owner */
    struct log_aborted_list aborted; /* with READ_COMMITTED: those that the records may be of */
    bool diverged;                   /* then these two, and no records */
    int32_t diverging_epoch;
    int64_t diverging_end_offset;
};

/* The broker from which a consumer in that rack reads at the offset, if that is another than this
 * one, the leader: in sync, with an endpoint on the listener, and with the offset. -1: this one. */
int32_t partition_choose_near(struct partition *partition, const struct metadata *metadata,
                              const char *listener, struct bytes rack, int64_t fetch_offset);

/* Errors: NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH,
 * OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR and the log's. */
MUST_CHECK enum error partition_read(struct partition *partition, const struct partition_read *read,
                                     struct partition_read_result *result);

/* Lists the waiter, unless it is satisfied already or this replica has not led since `leader_epoch`
 * (ANY_LEADER_EPOCH: has no role): then false, and nothing will be posted. */
MUST_CHECK bool partition_wait(struct partition *partition, struct waiter *waiter,
                               int32_t leader_epoch);

/* True if the waiter was listed and is not any more: its task will not be posted. False: it has
 * been or will be. */
bool partition_stop_waiting(struct partition *partition, struct waiter *waiter);

/* Checks the epoch and leadership for a request that only the leader may answer. */
MUST_CHECK enum error partition_check_leader(struct partition *partition,
                                             int32_t current_leader_epoch);

/* Whether consumers must wait before they may see the end (OFFSET_NOT_AVAILABLE): the high
 * watermark has not reached the start of the leader's epoch. */
bool partition_end_is_uncertain(const struct partition *partition);

/* What readers of that isolation see: offsets below it. */
int64_t partition_visible_end(struct partition *partition, enum read_isolation isolation);

/* See log_epoch_end and log_leader_epoch_at. They wait for an append that is under way. */
struct epoch_end partition_epoch_end(struct partition *partition, int32_t leader_epoch);
int32_t partition_leader_epoch_at(struct partition *partition, int64_t offset);

/* Who writes here, ascending by id: `*views` is in the arena. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error partition_list_producers(struct partition *partition, struct arena *arena,
                                               struct producer_view **views, size_t *count);

/* ---- ISR ---- */

struct isr_proposal {
    int32_t leader_epoch;
    int32_t partition_epoch;
    int8_t leader_recovery_state;
    int32_t isr[REPLICAS_MAX];
    /* The registration with which each was seen to have what it takes (KIP-903): one that has
     * registered anew since may have lost it. BROKER_EPOCH_UNKNOWN: none. */
    int64_t broker_epochs[REPLICAS_MAX];
    int32_t isr_count;
};

/* The change that waits to be sent to the controller; false if there is none. Control thread. */
bool partition_isr_proposal(struct partition *partition, struct isr_proposal *proposal);

/* The controller's answer to that proposal. `state` is the new state on NONE, else NULL.
 * Returns true if the same proposal should be sent again. Control thread. */
bool partition_isr_answer(struct partition *partition, const struct isr_proposal *proposal,
                          enum error error, const struct metadata_partition *state);

/* Looks for members of the ISR that lag; called every half of replica.lag.time.max.ms. */
void partition_check_lag(struct partition *partition);

struct partition_counts {
    int32_t replicas;
    int32_t isr;
    int32_t min_isr;
};
struct partition_counts partition_counts(struct partition *partition);

#endif
