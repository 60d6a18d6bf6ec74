/*
 * Where the reading of one partition stands, and what it needs next: the consumer's state
 * machine. Pure: it is given the time and what the view says.
 *
 *   LOOKUP ──offset──▶ READING ──epoch of a newer leader──▶ VALIDATING ──log is ours──▶ READING
 *      ▲                  │  │                                   │
 *      └──out of range────┘  └──error that stays──▶ FAILED       └──log was cut──▶ READING, reset
 *
 *   READING ──as far as the leader gives──▶ CONFIRMING ──its end is there──▶ READING, END_REACHED
 *                                                └──further on, or not known yet──▶ READING
 *
 * In every state one request at most is under way. `generation` tells answers to questions that
 * are no longer asked from those that are: it grows with every assignment.
 *
 * Threads: the consumer's lock.
 * Source: Kafka 3.9, SubscriptionState, OffsetsForLeaderEpochUtils; KIP-320.
 */
#ifndef CLIENT_CONSUMER_READER_H
#define CLIENT_CONSUMER_READER_H

#include <barnabas/consumer.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/cluster/settings.h"
#include "client/cluster/view.h"

/* ListOffsets' names for the ends of a log. */
#define TIMESTAMP_LATEST   (-1)
#define TIMESTAMP_EARLIEST (-2)

/* No leader epoch: -1 is that of leaders that do not tell theirs. */
#define NO_END_EPOCH (-2)

enum reader_state {
    READER_IDLE,
    READER_LOOKUP,
    READER_READING,
    READER_VALIDATING,
    READER_CONFIRMING,
    READER_FAILED,
};

struct reader {
    enum reader_state state; /* IDLE: not assigned */
    bool paused;
    bool asking; /* a request is under way */
    uint64_t generation;
    int64_t retry_at_ms;     /* nothing is asked before */
    uint32_t failures;       /* in a row */
    int64_t known_by_ms;     /* the partition must be known by then */
    int64_t timestamp;       /* in LOOKUP and CONFIRMING: what to look for */
    enum error reset_reason; /* in LOOKUP: why, if not because of an assignment */
    int64_t fetch_offset;    /* in READING and VALIDATING: the next one to fetch */
    int32_t fetch_epoch;     /* leader epoch of the record before it; -1: unknown */
    int32_t leader_epoch;    /* of the leader under which the position was last known good */
    int64_t end_reported_at; /* the end was reported at this offset; -1: at none */
    /* Where the leader of `end_epoch` said that the log ends: in that epoch it cannot end before.
     */
    int64_t end_offset;
    int32_t end_epoch; /* NO_END_EPOCH: none was asked */
    /* What the last answer said; -1: none yet. */
    int64_t log_start_offset;
    int64_t high_watermark;
    int64_t last_stable_offset;
};

/* What a reader needs to go on. */
enum reader_need { NEED_NOTHING, NEED_LEADER, NEED_OFFSET, NEED_VALIDATION, NEED_RECORDS };

/* What its owner has to do after an answer: tell the user, ask for metadata. */
struct reader_outcome {
    bool tell;
    enum barnabas_event_kind kind;
    int64_t offset;
    enum error error;
    bool refresh;
};

void reader_init(struct reader *reader);

/* `known_by_ms`: a partition still unknown then fails. */
void reader_assign(struct reader *reader, struct barnabas_position position, int64_t known_by_ms);
void reader_unassign(struct reader *reader);

/* `partition` and `topic_error` are what the view says of it; `partition` NULL if unknown.
 * `*at_ms` is lowered to when time alone changes the answer. NEED_NOTHING with `outcome->tell`
 * means that it has failed just now. */
enum reader_need reader_next(struct reader *reader, const struct view_partition *partition,
                             enum error topic_error, int64_t now_ms, int64_t *at_ms,
                             struct reader_outcome *outcome);

/* Answers to what was asked under the current generation; `retry_at_ms` is for those that are to
 * be asked again. A broker may give offset -1 for a time behind the last record. `leader_epoch`
 * is the leader's: of the record there, as it says, where an offset was looked up; the one that
 * was asked, where an end was to be confirmed. */
void reader_on_offset(struct reader *reader, enum error error, int64_t offset, int32_t leader_epoch,
                      int64_t retry_at_ms, struct reader_outcome *outcome);
void reader_on_epoch_end(struct reader *reader, enum error error, int32_t epoch, int64_t end_offset,
                         int32_t current_epoch, enum offset_reset policy, int64_t retry_at_ms,
                         struct reader_outcome *outcome);
void reader_on_fetch_error(struct reader *reader, enum error error, enum offset_reset policy,
                           int64_t retry_at_ms, struct reader_outcome *outcome);

/* Records up to `next_offset` have come, the last of them under `epoch` (-1: none or unknown),
 * from the leader of `current_epoch`. `outcome` says END_REACHED if `end_offset`, up to which may
 * be read, is reached and not reported yet; -1: the end is of no interest.
 *
 * INVARIANT: END_REACHED is not told before everything that was acknowledged when the partition
 * was asked for has been read. A leader's high watermark, and with it the end that a fetch tells,
 * starts where the leader knew it as a follower, which may be far behind; only ListOffsets refuses
 * to answer until it has caught up (KIP-207). So each leader epoch's end is asked for once. */
void reader_on_records(struct reader *reader, int64_t next_offset, int32_t epoch,
                       int32_t current_epoch, int64_t end_offset, struct reader_outcome *outcome);

/* What was read cannot be understood. */
void reader_fail(struct reader *reader, enum error error, struct reader_outcome *outcome);

#endif
