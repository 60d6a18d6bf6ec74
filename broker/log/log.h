/*
 * The log of one partition: record batches in segments, found again by offset and by time.
 *
 *   <dir>/<base offset>.log .index .timeindex .txnindex .snapshot   leader-epoch-checkpoint
 *         partition.metadata
 *
 * Threads. "Locked" functions (appends, truncation, epochs, configuration) need the partition's
 * lock, which the caller owns. The others may be called from any thread without it: offsets are
 * published by atomics, a read holds a reference of its segment's file. Neither waits for the
 * other's I/O.
 *
 * Offsets are absolute. log_start_offset and log_flushed_offset are at most
 * log_end_offset, which is the next to be written.
 *
 * A log whose disk failed takes its whole directory offline (log_dir.h): the error is DISK_FAILED
 * or DISK_FULL once, and KAFKA_STORAGE_ERROR from then on, for every log of the directory.
 *
 * Source: Apache Kafka 3.9, UnifiedLog, LocalLog, LogValidator, LogLoader.
 */
#ifndef BROKER_LOG_LOG_H
#define BROKER_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/log/leader_epochs.h"
#include "broker/log/log_config.h"
#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/uuid.h"
#include "client/wire/writer.h"

struct log;
struct retention_guard;
struct log_dir;
struct producer_view; /* producer_state.h */

/* ---- identity: any thread ---- */

/* Without a terminating zero in the view, but one stands behind it. Fixed. */
struct bytes log_topic(const struct log *log);
int32_t log_partition(const struct log *log);
/* Zero if unknown. Set once, at open or by log_set_topic_id. */
struct uuid log_topic_id(const struct log *log);
struct log_dir *log_directory(const struct log *log);

/* A log lives as long as anybody holds a reference; the manager holds one until it is deleted. */
void log_ref(struct log *log);
void log_unref(struct log *log); /* accepts NULL */

/* After a clean stop a log is not opened before it is needed; every function here does so by
 * itself. This does it now. Any thread. Errors: KAFKA_STORAGE_ERROR, the disk's, DISK_CORRUPT (it
 * is not as it was closed; its directory is offline then). */
MUST_CHECK enum error log_open(struct log *log);

/* ---- offsets: any thread ---- */

int64_t log_start_offset(const struct log *log);
int64_t log_end_offset(const struct log *log);
/* Everything below is on disk. Falls only by truncation. */
int64_t log_flushed_offset(const struct log *log);
/* Bytes of all segments. */
int64_t log_size(const struct log *log);

size_t log_segment_count(const struct log *log);
/* Producers whose sequence numbers are known. */
size_t log_producer_count(const struct log *log);

/* What log_manager_checkpoint_high_watermarks writes; after opening, what was read. The log itself
 * draws no conclusion from it. Clamped to [log_start_offset, log_end_offset] when read. */
int64_t log_high_watermark(const struct log *log);
void log_note_high_watermark(struct log *log, int64_t high_watermark);

/* The first offset of the transactions that are open, or whose end the noted high watermark has not
 * passed; INT64_MAX if there is none. Read the high watermark before it. */
int64_t log_first_unstable_offset(const struct log *log);
/* The timestamp of the newest batch of who has the oldest open transaction; -1: there is none. */
int64_t log_oldest_transaction_ms(const struct log *log);

/* ---- appending: locked ---- */

enum log_append_origin {
    LOG_APPEND_CLIENT,     /* a Produce request: all checks */
    LOG_APPEND_COORDINATOR /* this broker itself: control batches allowed, no sequence check */
};

#define LOG_NO_GUARD 0

struct log_append_options {
    enum log_append_origin origin;
    bool must_be_verified; /* before it may begin a transaction here */
    uint64_t guard;        /* of the verification; LOG_NO_GUARD */
};

struct log_record_error {
    int32_t record_index;
    const char *message; /* static */
};

/* Filled on success, on DUPLICATE_BATCH (with the original's offsets), and where said on errors. */
/* What Kafka counts apart of what it refuses. */
enum log_append_flaw {
    LOG_FLAW_NONE,
    LOG_FLAW_CRC,
    LOG_FLAW_MAGIC,
    LOG_FLAW_OFFSET_OR_SEQUENCE, /* they contradict the number of records, or are missing */
    LOG_FLAW_NO_KEY              /* and the topic is compacted */
};

struct log_append_result {
    int64_t base_offset;
    int64_t last_offset;
    int64_t log_append_time;  /* ms; -1 with CreateTime */
    int64_t log_start_offset; /* also on errors */
    int64_t log_end_offset;   /* after the append; also on errors */
    int64_t max_timestamp;    /* of the batch as stored */
    /* With flush.messages due: it may be acknowledged when log_flushed_offset is there; else -1. */
    int64_t flush_offset;
    const struct log_record_error *record_errors; /* in the arena; on INVALID_RECORD and */
    int32_t record_error_count;                   /* INVALID_TIMESTAMP, may be empty */
    const char *message;                          /* static, or NULL: why it was refused */
    enum log_append_flaw flaw;
    int32_t flaw_count; /* of records for NO_KEY, else of batches */
};

/* Checks one batch from a producer in Kafka's order, stamps offsets and `leader_epoch` into
 * `records` (which is changed, also on failure), and appends it.
 *
 * Nothing is decompressed, unless the topic has another compression.type, is compacted, bounds
 * timestamps, or says validate_compressed_records.
 *
 * Errors, nothing appended: INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE,
 * RECORD_LIST_TOO_LARGE, INVALID_TIMESTAMP, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
 * INVALID_TXN_STATE (not part of an open transaction, and not verified; or outside of the one that
 * the producer has open),
 * DUPLICATE_BATCH (its producer sent it before: answer success with the result's offsets),
 * OUT_OF_MEMORY, and the disk's. */
MUST_CHECK enum error log_append_as_leader(struct log *log, uint8_t *records, size_t size,
                                           int32_t leader_epoch, int64_t now_ms,
                                           const struct log_append_options *options,
                                           struct arena *arena, struct log_append_result *result);

struct log_verification {
    uint64_t guard;
    int32_t coordinator_epoch; /* of the producer's last marker here; -1: none */
};

/* The producer's batch is to be appended. With a transaction open here it may be, and the guard is
 * LOG_NO_GUARD. Else the coordinator is to be asked first: if it knows that this partition is part
 * of an open transaction, the batch may be appended with the guard (broker/log/verifications.h).
 * A coordinator of an older epoch than that of the last marker is not to be believed: it has been
 * deposed, and may take for open what the newer one has ended.
 * Errors: KAFKA_STORAGE_ERROR, OUT_OF_MEMORY. */
MUST_CHECK enum error log_begin_verification(struct log *log, int64_t producer_id,
                                             int16_t producer_epoch, int32_t base_sequence,
                                             int64_t now_ms, struct log_verification *begun);

/* Appends what the leader of `leader_epoch` sent, byte for byte; a partial batch at the end is cut
 * off. Checks sizes, CRCs and that offsets ascend from the log end (gaps are allowed). An empty log
 * whose end lies inside the first batch restarts at that batch's base.
 * INVARIANT: no batch is of a later epoch than that leader's. It sends its file without a lock, and
 * may follow another leader meanwhile, cut the file and put that one's batches there, behind an end
 * that is not ours.
 * Of the result only base_offset, last_offset, flush_offset and the log's offsets are filled; with
 * nothing whole in `records`, base_offset is -1.
 * Errors: CORRUPT_MESSAGE, UNKNOWN_LEADER_EPOCH (a later one), OFFSET_OUT_OF_RANGE (begins below
 * the log end), OUT_OF_MEMORY, and the disk's. Whole batches before may have been appended then. */
MUST_CHECK enum error log_append_as_follower(struct log *log, const uint8_t *records, size_t size,
                                             int32_t leader_epoch, int64_t now_ms,
                                             struct log_append_result *result);

/* The epoch begins at the log end. A new leader calls this before its first append, which then
 * writes the epoch file before the batch. Waits for no disk, so that thousands of partitions get
 * their leader at once. */
MUST_CHECK enum error log_assign_leader_epoch(struct log *log, int32_t leader_epoch);

/* ---- reading: any thread ---- */

/* Finds whole batches from the one that holds `offset`, up to `offset_limit` (exclusive; the high
 * watermark, last stable offset or log end) and `bytes_max`. With `at_least_one_batch` the first
 * batch comes whole even if it is larger; later the range may end inside a batch. It never spans
 * segments, and is empty (size 0, no owner) if there is nothing to read.
 * `*range` holds a reference; give it back with log_range_release. What it shows stays readable
 * after deletion; a truncation may cut it short: sending it then meets the end of the file.
 * Errors: OFFSET_OUT_OF_RANGE (below the log start or above the log end), CORRUPT_MESSAGE (a
 * segment is damaged before the offset), and the disk's. */
MUST_CHECK enum error log_read(struct log *log, int64_t offset, int64_t offset_limit,
                               size_t bytes_max, bool at_least_one_batch, struct file_range *range);
/* The same, but a batch that is large and would not be whole is left out: who copies the log has to
 * ask for it again anyway, and its part would count against his throttle. */
MUST_CHECK enum error log_read_whole(struct log *log, int64_t offset, int64_t offset_limit,
                                     size_t bytes_max, bool at_least_one_batch,
                                     struct file_range *range);
void log_range_release(struct file_range *range); /* accepts an empty one */

/* Reads a range into memory: `*size` may come out smaller, see above. */
MUST_CHECK enum error log_range_copy(struct log *log, const struct file_range *range, uint8_t *data,
                                     size_t *size);

struct log_aborted {
    int64_t producer_id;
    int64_t first_offset;
};

struct log_aborted_list {
    struct log_aborted *all; /* in the arena; ascending by first_offset */
    int32_t count;
    int32_t capacity;
};

/* The aborted transactions that overlap what log_read found from `from` on below `limit`; perhaps
 * some that begin a little behind it. Errors: OUT_OF_MEMORY, and the disk's. */
MUST_CHECK enum error log_aborted_transactions(struct log *log, int64_t from, int64_t limit,
                                               const struct file_range *range, struct arena *arena,
                                               struct log_aborted_list *list);

struct log_timestamp_offset {
    int64_t offset; /* -1: not found */
    int64_t timestamp;
    int32_t leader_epoch; /* of its batch; -1 if unknown */
};

/* The first record below `offset_limit` whose timestamp is at or above `timestamp`.
 * Reads and may decompress one batch. */
MUST_CHECK enum error log_offset_for_timestamp(struct log *log, int64_t timestamp,
                                               int64_t offset_limit,
                                               struct log_timestamp_offset *found);
/* The first record below `offset_limit` of those with the largest timestamp. */
MUST_CHECK enum error log_offset_of_max_timestamp(struct log *log, int64_t offset_limit,
                                                  struct log_timestamp_offset *found);

struct log_segment_start {
    int64_t offset;      /* where it begins, not below the log start */
    int64_t modified_ms; /* when its file was changed last; now if it has none */
};

/* The starts of all segments, ascending, and, unless the last one is empty, the end of the log as
 * if one began there, changed at `now_ms`. Times are only looked up `with_times`. In the arena.
 * Errors: OUT_OF_MEMORY, and the disk's. */
MUST_CHECK enum error log_segment_starts(struct log *log, bool with_times, int64_t now_ms,
                                         struct arena *arena, struct log_segment_start **starts,
                                         size_t *count);

/* ---- epochs: locked ---- */

/* See leader_epochs_end; the newest epoch ends at the log end. */
struct epoch_end log_epoch_end(const struct log *log, int32_t leader_epoch);
int32_t log_latest_leader_epoch(const struct log *log); /* -1: none */
/* -1: unknown */
int32_t log_leader_epoch_at(const struct log *log, int64_t offset);
const struct leader_epochs *log_leader_epochs(const struct log *log);

/* ---- changing its extent: locked ---- */

/* A loss of power may leave a later segment and take the end of an earlier one, which was not
 * flushed yet. Then this is the offset from which on records may be missing in the middle, as far
 * as the files tell (what a compaction removed looks the same); else -1. They stay, since they may
 * be the only copy; but whoever follows a leader should truncate to it, and copy again: it would
 * never ask for them otherwise. A truncation down to it forgets it. */
int64_t log_hole(const struct log *log);

/* Drops everything at and above `offset`. Batches are not split: the end comes out at the base of
 * the batch that holds `offset`; read log_end_offset afterwards. At or above the end only epochs
 * without data go. Waits for the disk. Errors: CORRUPT_MESSAGE (nothing changed), the disk's. */
MUST_CHECK enum error log_truncate(struct log *log, int64_t offset);

/* Drops everything; the log is empty and begins at `offset`. Waits for the disk. */
MUST_CHECK enum error log_truncate_fully_and_start_at(struct log *log, int64_t offset);

/* Raises log_start_offset, no further than the log end; lower is ignored. Whole segments below it
 * may be deleted later. */
void log_advance_start_offset(struct log *log, int64_t offset);

/* Begins a new segment unless the last one is empty. */
MUST_CHECK enum error log_roll(struct log *log, int64_t now_ms);

/* ---- settings: locked ---- */

void log_set_config(struct log *log, const struct log_config *config);
const struct log_config *log_get_config(const struct log *log);

/* Adopts an id where none was known, durably. INCONSISTENT_TOPIC_ID if another one is. */
MUST_CHECK enum error log_set_topic_id(struct log *log, const struct uuid *topic_id);

/* See producer_state_list. */
size_t log_list_producers(const struct log *log, struct producer_view *views, size_t capacity);

/* Forgets idle producers (producer.id.expiration.ms). */
void log_expire_producers(struct log *log, int64_t now_ms, int64_t expiration_ms);

/* Lets old segments go, by log start, retention.ms and retention.bytes, as far as the high
 * watermark has passed them. Afterwards log_start_offset is that of the first that stays. Locked.
 * Errors: the disk's, OUT_OF_MEMORY. */
MUST_CHECK enum error log_apply_retention(struct log *log, int64_t now_ms,
                                          const struct retention_guard *guard);

/* ---- flushing ---- */

/* Told on a pool thread, with no lock held, that log_flushed_offset has risen. */
struct log_listener {
    void (*on_flushed)(struct log_listener *listener, struct log *log, int64_t flushed_offset);
};

/* One listener per log, or NULL. When it returns, the old one is not called any more; so call it
 * without any lock that the listener takes. */
void log_set_listener(struct log *log, struct log_listener *listener);

/* Any thread. Asks that everything below `offset` be on disk soon, and returns at once; the
 * listener is told. Requests that arrive during a flush become the next one (group commit). Appends
 * ask by themselves every flush.messages. */
void log_request_flush(struct log *log, int64_t offset);

/* Any thread. The same, waiting for it. */
MUST_CHECK enum error log_flush(struct log *log);

#endif
