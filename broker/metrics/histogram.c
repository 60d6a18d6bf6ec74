#include "broker/metrics/histogram.h"

#include <math.h>

/* The first octave counts single microseconds; each later one begins at a power of two. */
size_t histogram_bucket(uint64_t us) {
    int exponent;
    size_t bucket;

    if (us < HISTOGRAM_PARTS)
        return (size_t)us;
    exponent = 63 - __builtin_clzll(us);
    bucket = (size_t)(exponent - 2) * HISTOGRAM_PARTS + ((us >> (exponent - 3)) & 7);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_bucket_end_us(size_t bucket) {
    size_t octave = bucket / HISTOGRAM_PARTS;
    uint64_t part = bucket % HISTOGRAM_PARTS;

    if (octave == 0)
        return part;
    return ((HISTOGRAM_PARTS + part + 1) << (octave - 1)) - 1;
}

void histogram_record_ns(struct histogram *histogram, int64_t ns) {
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;

    counter_add(&histogram->buckets[histogram_bucket(us)], 1);
    counter_add(&histogram->sum_us, us);
}

void histogram_record_shared_ns(struct histogram *histogram, int64_t ns) {
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;

    atomic_fetch_add_explicit(&histogram->buckets[histogram_bucket(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, us, memory_order_relaxed);
}

void histogram_snapshot_add(struct histogram_snapshot *snapshot,
                            const struct histogram *histogram) {
    snapshot->sum_us += counter_read(&histogram->sum_us);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t count = counter_read(&histogram->buckets[i]);
        snapshot->buckets[i] += count;
        snapshot->count += count;
    }
}

void histogram_snapshot_since(const struct histogram_snapshot *now,
                              const struct histogram_snapshot *before,
                              struct histogram_snapshot *difference) {
    difference->count = now->count - before->count;
    difference->sum_us = now->sum_us - before->sum_us;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        difference->buckets[i] = now->buckets[i] - before->buckets[i];
}

double histogram_quantile_ms(const struct histogram_snapshot *snapshot, double share) {
    double wanted = ceil(share * (double)snapshot->count);
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted;
    uint64_t seen = 0;

    if (snapshot->count == 0)
        return NAN;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += snapshot->buckets[i];
        if (seen >= rank)
            return (double)histogram_bucket_end_us(i) / 1000;
    }
    return (double)histogram_bucket_end_us(HISTOGRAM_BUCKETS - 1) / 1000;
}
