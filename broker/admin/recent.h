/*
 * Quantiles of "just now": a minute or two. What was counted a while ago is kept, and subtracted
 * from what is counted now.
 *
 * Threads: the admin thread.
 */
#ifndef BROKER_ADMIN_RECENT_H
#define BROKER_ADMIN_RECENT_H

#include <stddef.h>

#include "broker/metrics/request_metrics.h"

struct log_manager;

#define RECENT_INTERVAL_MS 60000 /* between two notes */

struct recent_kind {
    struct histogram_snapshot times[REQUEST_TIME_COUNT];
};

/* What was counted at the last two notes; NULL of kinds that nobody had asked for then. */
struct recent {
    struct histogram_snapshot zk_last;
    struct histogram_snapshot zk_before;
    struct histogram_snapshot flushes_last;
    struct histogram_snapshot flushes_before;
    struct recent_busy {
        int64_t last_ns, before_ns;
    } * reactors; /* owned; each one's */
    size_t reactor_count;
    int64_t noted_ns_last; /* monotonic; 0: never */
    int64_t noted_ns_before;
    struct recent_kind *last[REQUEST_KINDS_MAX];
    struct recent_kind *before[REQUEST_KINDS_MAX];
};

void recent_done(struct recent *recent);

/* Once every RECENT_INTERVAL_MS. `logs` may be NULL. */
void recent_note(struct recent *recent, const struct request_metrics *metrics,
                 const struct histogram *zk_latency, struct log_manager *logs);

/* Beside the former. `busy_ns` is what each reactor has worked since its start. */
void recent_note_busy(struct recent *recent, const int64_t *busy_ns, size_t reactor_count,
                      int64_t now_ns);
/* Which share of its time a reactor worked, since the note before the last or the start. */
double recent_busy_share(const struct recent *recent, size_t reactor, int64_t busy_ns,
                         int64_t now_ns);

/* The flushes of all data directories, added up. */
void recent_read_flushes(struct log_manager *logs, struct histogram_snapshot *flushes);

/* What has come since the note before the last, that is for one to two intervals. */
void recent_since(const struct recent *recent, uint8_t kind, const struct request_totals *now,
                  enum request_time time, struct histogram_snapshot *difference);

#endif
