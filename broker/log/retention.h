/*
 * Which of a log's oldest segments may go.
 *
 * Pure. Threads: any. Source: Apache Kafka 3.9, UnifiedLog.deleteOldSegments.
 */
#ifndef BROKER_LOG_RETENTION_H
#define BROKER_LOG_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retention_segment {
    int64_t next_offset; /* behind its last record */
    int64_t size;
    int64_t timestamp; /* the largest of its records; of the file's change where none has one */
};

/* Named consumer groups hold back what they have not read yet, up to a budget: past it, the oldest
 * goes all the same. */
struct retention_guard {
    int64_t offset;    /* all of them have read up to here */
    int64_t bytes_max; /* that may be held back */
};

struct retention_rules {
    int64_t log_start_offset; /* what lies before it may always go, but for the active segment */
    int64_t high_watermark;   /* what lies behind it never */
    bool by_age_and_size;     /* cleanup.policy contains delete */
    int64_t retention_ms;     /* -1: any age */
    int64_t retention_bytes;  /* -1: any size */
    int64_t now_ms;
    const struct retention_guard *guard; /* NULL: none */
};

/* What lies before the log start goes, guarded or not. How many of `segments`, ascending, the last
 * one active, may go: from the oldest on, until one has to stay. An empty active segment stays. */
size_t retention_count(const struct retention_segment *segments, size_t count,
                       const struct retention_rules *rules);

#endif
