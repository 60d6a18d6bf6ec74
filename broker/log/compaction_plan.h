/*
 * Which part of a log is to be compacted, whether it is worth it, and which segments become one.
 *
 *   |---- clean ----|---- cleanable ----|---- not yet ----|
 *   log start    first_dirty    first_uncleanable      log end
 *
 * Pure. Threads: any. Source: Apache Kafka 3.9, LogCleanerManager.cleanableOffsets,
 * grabFilthiestCompactedLog, Cleaner.groupSegmentsBySize.
 */
#ifndef BROKER_LOG_COMPACTION_PLAN_H
#define BROKER_LOG_COMPACTION_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compaction_segment {
    int64_t base_offset;
    int64_t next_base; /* of the segment behind it; of the last one, the log end */
    int64_t size;
    int64_t index_bytes;
    int64_t time_index_bytes;
    int64_t max_timestamp;   /* of its records; of the file's change where none has one */
    int64_t first_timestamp; /* the largest of its first batch; -1: unknown */
};

struct compaction_log {
    const struct compaction_segment *segments; /* ascending, at least one; the last is active */
    size_t segment_count;
    int64_t log_start_offset;
    int64_t log_end_offset;
    int64_t last_stable_offset;  /* what lies behind it may still change its meaning */
    int64_t checkpointed_offset; /* everything below was compacted already */
    int64_t now_ms;
    int64_t min_lag_ms;
    int64_t max_lag_ms;
    double dirty_ratio_min; /* min.cleanable.dirty.ratio */
};

struct compaction_choice {
    int64_t first_dirty;
    int64_t first_uncleanable; /* the base of a segment */
    int64_t cleanable_bytes;
    double dirty_ratio;
    bool is_due;
    bool checkpoint_is_wrong; /* it lies outside of the log: compaction begins anew */
};

struct compaction_choice compaction_choose(const struct compaction_log *log);

/* How many of the segments, from the first on, become one; at least 1. */
size_t compaction_group(const struct compaction_segment *segments, size_t count,
                        int64_t segment_bytes, int64_t segment_index_bytes);

#endif
