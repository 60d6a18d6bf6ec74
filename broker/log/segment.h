/*
 * One segment of a log: a file of batches, its two indexes, and its aborted transactions.
 *
 *   <base offset, 20 digits>.log .index .timeindex .txnindex
 *
 * The base offset is a lower bound: the first record may come later. Files are made when there is
 * something to write into them; the .log may have blocks reserved behind its end, which are given
 * back when the segment is finished.
 *
 * Index entries are written by the same rule when batches are appended and when the index is
 * rebuilt, so both give the same .index: an entry (last offset, position) of a batch that begins
 * more than index.interval.bytes behind the batch of the entry before (or the start of the file).
 *
 * Threads: one writer, who holds the partition's lock; readers take what they need under the
 * state lock of the log and read files without it.
 * Source: Apache Kafka 3.9, LogSegment.
 */
#ifndef BROKER_LOG_SEGMENT_H
#define BROKER_LOG_SEGMENT_H

#include "broker/log/batch_walk.h"
#include "broker/log/file_cache.h"
#include "broker/log/index_file.h"
#include "broker/log/log_config.h"
#include "broker/log/txn_index.h"
#include "client/base/sync.h"

#define SEGMENT_SUFFIX_LOG        ".log"
#define SEGMENT_SUFFIX_INDEX      ".index"
#define SEGMENT_SUFFIX_TIME_INDEX ".timeindex"
#define SEGMENT_SUFFIX_TXN_INDEX  ".txnindex"
#define SEGMENT_SUFFIX_SNAPSHOT   ".snapshot"

#define SEGMENT_NAME_DIGITS 20

/* The digits that the name of a segment's file begins with, in front of a dot. */
bool segment_parse_base_offset(const char *name, int64_t *base_offset);

/* What all segments of a log share. Must outlive them. */
struct segment_home {
    struct disk *disk;
    struct file_cache *cache;
    struct mutex *state_lock;
    const char *dir; /* atomic: replaced when the directory is renamed; old names stay allocated */
    const struct log_config *config;
    const char *name_suffix; /* behind all names of files: of a segment in the making; NULL: none */
};

struct segment {
    int64_t base_offset; /* fixed */
    int refs;            /* atomic */
    bool has_file;       /* writer; the .log exists */

    int64_t size;                    /* state lock; of the .log */
    int64_t next_offset;             /* state lock; behind the last batch */
    int64_t max_timestamp;           /* state lock; -1: none */
    int64_t offset_of_max_timestamp; /* state lock; last offset of its batch */

    int64_t last_index_position; /* writer; of the batch of the last entry, or 0 */
    int64_t first_timestamp;     /* writer; the first batch's largest; -1: unknown */
    int64_t created_ms;          /* writer; wall clock */
    int64_t jitter_ms;           /* writer; drawn once, subtracted from segment.ms */
    int64_t allocated;           /* writer; blocks are reserved up to here; INT64_MAX: don't */
    int64_t writeback_position;  /* writer; writeback was started up to here */

    struct cached_file log_file;
    struct index_file offset_index;
    struct index_file time_index;
    struct txn_index txn_index;
};

/* "<dir>/<20 digits><suffix>", and the home's suffix, into `path`. */
#define SEGMENT_PATH_MAX 4096
void segment_path(const struct segment_home *home, int64_t base_offset, const char *suffix,
                  char path[SEGMENT_PATH_MAX]);

/* An empty segment without files. */
MUST_CHECK enum error segment_new(int64_t base_offset, int64_t now_ms, struct segment **created);
void segment_ref(struct segment *segment);
/* Closes files with the last reference, removes none. */
void segment_unref(struct segment *segment, struct file_cache *cache);

/* The next use opens them again. */
void segment_close_files(struct segment *segment, struct file_cache *cache);

/* Of the files of a segment, in bytes; -1: missing. */
struct segment_sizes {
    int64_t log;
    int64_t offset_index;
    int64_t time_index;
    int64_t txn_index;
};

/* Takes over the existing files. `next_offset` is that of the segment's end, or an upper bound (the
 * next segment's base).
 * Errors: DISK_CORRUPT (an index is missing or can't be right: rebuild it), the disk's. */
MUST_CHECK enum error segment_load(const struct segment_home *home, struct segment *segment,
                                   const struct segment_sizes *sizes, int64_t next_offset_max);

/* Takes over the transaction index alone. Errors: as above. */
MUST_CHECK enum error segment_load_aborted(const struct segment_home *home, struct segment *segment,
                                           int64_t bytes);

/* Reads the batches behind the last index entry: sets next_offset and the largest timestamp.
 * DISK_CORRUPT if the file does not end with a whole batch, or contradicts the index. */
MUST_CHECK enum error segment_load_tail(const struct segment_home *home, struct segment *segment);

/* A reference to the open .log, which is made if missing. */
MUST_CHECK enum error segment_open_file(const struct segment_home *home, struct segment *segment,
                                        enum disk_open_mode mode, struct open_file **file);

/* ---- writing ---- */

/* True if a set of `size` bytes that ends at `last_offset` must go into a new segment. */
bool segment_must_roll(const struct segment *segment, const struct log_config *config, size_t size,
                       int64_t last_offset, int64_t max_timestamp, int64_t now_ms);

/* Writes behind the end; what is written shows only after segment_publish. A failed write is cut
 * off again as well as possible. Makes room in the indexes for `batch_count` batches. */
MUST_CHECK enum error segment_write(const struct segment_home *home, struct segment *segment,
                                    const void *data, size_t size, uint32_t batch_count);

/* State lock. Counts in the next batch that was written, at the segment's end; can't fail. */
void segment_publish(const struct segment_home *home, struct segment *segment,
                     const struct stored_batch *batch);

/* Writer. Moves index entries to the files if many wait in memory. */
MUST_CHECK enum error segment_spill_indexes(const struct segment_home *home,
                                            struct segment *segment);

/* At roll and close: the closing time index entry, both index files complete, reserved blocks
 * given back. Appends may go on afterwards. A segment without a file stays so. */
MUST_CHECK enum error segment_finish(const struct segment_home *home, struct segment *segment);

/* Puts the .log, or what was written of the indexes, on disk. Any thread; files that a truncation
 * removed meanwhile are no error. */
MUST_CHECK enum error segment_sync(const struct segment_home *home, struct segment *segment);
MUST_CHECK enum error segment_sync_indexes(const struct segment_home *home,
                                           struct segment *segment);

/* Ends the segment before the batch at `position`; `next_offset` is then its end. */
MUST_CHECK enum error segment_truncate(const struct segment_home *home, struct segment *segment,
                                       int64_t position, int64_t next_offset);

/* Empties all indexes, for segment_publish to fill them anew from position 0, and for
 * log_rebuild_producers to find the aborted transactions. With `in_place` the files stay as they
 * are until segment_finish, and are written only where that changes them: see index_file_restart.
 */
MUST_CHECK enum error segment_reset_indexes(const struct segment_home *home,
                                            struct segment *segment, bool in_place);

/* Writer. The marker of an aborted transaction is about to be published. */
MUST_CHECK enum error segment_note_aborted(const struct segment_home *home, struct segment *segment,
                                           const struct aborted_transaction *aborted);

/* Removes the .log and its companions, but not the snapshot. */
MUST_CHECK enum error segment_remove_files(const struct segment_home *home,
                                           struct segment *segment);

/* Keeps the segment's files open until it goes, so that who still reads it never meets another
 * segment's files under its names. */
MUST_CHECK enum error segment_pin_files(const struct segment_home *home, struct segment *segment);

/* ---- finding: any thread, without the state lock ---- */

/* The first batch that ends at or behind `offset` and begins below position `end`.
 * CORRUPT_MESSAGE: on the way to it lies something that is no batch. */
MUST_CHECK enum error segment_find(const struct segment_home *home, struct segment *segment,
                                   int64_t offset, int64_t end, struct stored_batch *batch,
                                   bool *found);

/* The last position up to `position` at which a batch begins by the index, a hint; 0 if it does not
 * tell. */
MUST_CHECK enum error segment_indexed_start(const struct segment_home *home,
                                            struct segment *segment, int64_t position,
                                            int64_t *start);

/* An offset at or above the end of all batches that begin below `position`; INT64_MAX if the index
 * does not tell. */
MUST_CHECK enum error segment_bound_offset(const struct segment_home *home, struct segment *segment,
                                           int64_t position, int64_t *bound);

/* Of `count` aborted transactions, the first whose marker lies at or behind `offset`; and reading
 * them: see txn_index_read. */
MUST_CHECK enum error segment_find_aborted(const struct segment_home *home, struct segment *segment,
                                           uint32_t count, int64_t offset, uint32_t *found);
MUST_CHECK enum error segment_read_aborted(const struct segment_home *home, struct segment *segment,
                                           uint32_t at, struct aborted_transaction *entries,
                                           uint32_t capacity, uint32_t *read_count);

/* An offset in the segment before which no batch reaches `timestamp`. */
MUST_CHECK enum error segment_find_timestamp(const struct segment_home *home,
                                             struct segment *segment, int64_t timestamp,
                                             int64_t *offset);

#endif
