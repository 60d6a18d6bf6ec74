/*
 * The compaction of one log: of each key only the newest record stays, see compaction_filter.h.
 *
 * A pass reads the dirty part and notes the newest offset of each key, then writes the segments up
 * to there anew, several small ones as one, and exchanges each for its sources as soon as it is on
 * disk. The active segment is never touched, offsets never change.
 *
 *   <base>.log.cleaned  being written; a crash leaves it behind, the next start removes it
 *   <base>.log.swap     on disk, whole; the next start puts it in the place of its sources
 *
 * Readers who hold a segment that is exchanged read on in its files. A truncation meanwhile ends
 * the pass, segments that retention takes away meanwhile are left out.
 *
 * Threads: one pass per log at a time (the log refuses a second). Functions that are "locked" need
 * the partition's lock, the others must be called without it.
 * Source: Apache Kafka 3.9, LogCleaner, LocalLog.replaceSegments.
 */
#ifndef BROKER_LOG_LOG_COMPACTION_H
#define BROKER_LOG_LOG_COMPACTION_H

#include "broker/log/compaction_plan.h"
#include "broker/log/log.h"

struct log_compaction;

/* What a pass may use. */
struct compaction_means {
    size_t map_bytes;   /* memory for keys */
    double load_factor; /* how full that may become */
    size_t buffer_bytes;
    /* So many bytes were read or written. It may wait; no lock is held. CANCELLED ends the pass. */
    enum error (*pace)(void *context, size_t bytes);
    void *context;
};

/* The partition's lock. */
struct compaction_lock {
    void (*lock)(void *context);
    void (*unlock)(void *context);
    void *context;
};

struct compaction_result {
    int64_t compacted_offset; /* everything below is compacted now */
    int64_t bytes_before;     /* of the segments that were exchanged */
    int64_t bytes_after;
    int64_t records_read;
    int64_t records_kept;
    size_t segments_before;
    size_t segments_after;
};

/* A pass over it has begun and not ended, or is being considered. Any thread. */
bool log_is_being_compacted(const struct log *log);

/* Locked. Looks at the log; `*begun` is NULL if it is not compacted, has one under way, or failed
 * before (log_compaction_failed). Holds references of the log and its segments.
 * Errors: KAFKA_STORAGE_ERROR, OUT_OF_MEMORY. */
MUST_CHECK enum error log_compaction_begin(struct log *log, int64_t now_ms,
                                           struct log_compaction **begun);
void log_compaction_end(struct log_compaction *compaction); /* accepts NULL */

/* What is dirty, and whether it is due. May read a few headers. Errors: CORRUPT_MESSAGE, the
 * disk's. */
MUST_CHECK enum error log_compaction_examine(struct log_compaction *compaction,
                                             struct compaction_choice *choice);

/* The pass; after log_compaction_examine said that there is something to do.
 * Errors: CANCELLED (the log was cut, or `pace` said so), CORRUPT_MESSAGE or INVALID_RECORD or
 * DISK_CORRUPT (a segment is damaged; the log is as it was), OUT_OF_MEMORY, and the disk's. */
MUST_CHECK enum error log_compaction_run(struct log_compaction *compaction,
                                         const struct compaction_means *means,
                                         const struct compaction_lock *lock,
                                         struct compaction_result *result);

/* Any thread. The log is not compacted any more until the next start. */
void log_compaction_failed(struct log *log);
bool log_compaction_has_failed(const struct log *log);

#endif
