/*
 * How long things took, in microseconds: counts in buckets that are an eighth of their value wide,
 * up to some twelve hours. One thread records, without a lock; any thread takes snapshots.
 *
 * The counts only grow. Quantiles of "just now" come from the difference of two snapshots.
 */
#ifndef BROKER_METRICS_HISTOGRAM_H
#define BROKER_METRICS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/metrics/counter.h"

#define HISTOGRAM_PARTS   8 /* of a power of two */
#define HISTOGRAM_OCTAVES 33
#define HISTOGRAM_BUCKETS (HISTOGRAM_OCTAVES * HISTOGRAM_PARTS)

struct histogram {
    _Atomic uint64_t sum_us;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* The bucket of a time; those past the last bucket are counted in it. */
size_t histogram_bucket(uint64_t us);
/* The largest time that the bucket counts. */
uint64_t histogram_bucket_end_us(size_t bucket);

/* By the histogram's one writer; a negative time counts as none. */
void histogram_record_ns(struct histogram *histogram, int64_t ns);

/* By any of several writers at once, with a locked instruction: for what is rare. A histogram has
 * one writer, or all of its writers use this. */
void histogram_record_shared_ns(struct histogram *histogram, int64_t ns);

struct histogram_snapshot {
    uint64_t count;
    uint64_t sum_us;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Adds what the histogram holds. Zero the snapshot first. */
void histogram_snapshot_add(struct histogram_snapshot *snapshot, const struct histogram *histogram);

/* What came to `now` since `before`, both of the same histograms. */
void histogram_snapshot_since(const struct histogram_snapshot *now,
                              const struct histogram_snapshot *before,
                              struct histogram_snapshot *difference);

/* The time, in ms, that `share` (0 to 1) of all do not exceed; NaN of none. At most an eighth too
 * large, never too small, up to the last bucket. */
double histogram_quantile_ms(const struct histogram_snapshot *snapshot, double share);

#endif
