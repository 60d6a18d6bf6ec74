/*
 * How far a group is behind on a partition, and what becomes of that: numbers from a few facts.
 *
 * Pure.
 */
#ifndef BROKER_LAG_LAG_ESTIMATE_H
#define BROKER_LAG_LAG_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#define LAG_UNKNOWN    (-1)
#define LAG_UNKNOWN_MS INT64_MIN /* of a point in time */

/* Where a group was when last looked at, and how fast both ends move since: each look counts for
 * half. Zeroed at first. */
struct lag_progress {
    bool is_begun;
    bool has_rates;
    int64_t at_ms; /* monotonic */
    int64_t committed;
    int64_t log_end;
    double consumed_per_second;
    double produced_per_second;
};

void lag_progress_update(struct lag_progress *progress, int64_t at_ms, int64_t committed,
                         int64_t log_end);

/* The topic's retention. */
struct lag_retention {
    bool deletes;     /* cleanup.policy contains delete */
    int64_t age_ms;   /* -1: any age */
    int64_t size_max; /* of a partition, in bytes; -1: any size */
};

struct lag_facts {
    int64_t now_ms;          /* wall */
    int64_t first_unread_ms; /* wall: the timestamp of the first record not read; LAG_UNKNOWN_MS */
    double record_bytes;     /* on average; 0: unknown */
    struct lag_retention retention;
    struct lag_progress progress;
};

struct lag_estimate {
    int64_t records;            /* not read yet */
    double seconds_behind;      /* the age of the first of them; 0 if there are none; LAG_UNKNOWN */
    double seconds_to_catch_up; /* at the present rates; LAG_UNKNOWN: never, or not known */
    double seconds_to_loss; /* not before that retention deletes the first; LAG_UNKNOWN: never */
};

struct lag_estimate lag_estimate_of(const struct lag_facts *facts);

/* Records that a group will never read. */
struct lag_loss {
    int64_t first_offset;
    int64_t last_offset; /* inclusive */
};

/* Whether the log begins behind what the group has committed, past what was told before;
 * `*told_end`, 0 at first, is moved. */
bool lag_find_loss(int64_t committed, int64_t log_start_offset, int64_t *told_end,
                   struct lag_loss *loss);

#endif
