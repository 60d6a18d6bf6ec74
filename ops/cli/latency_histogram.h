/*
 * How long things took: counts in buckets less than 1 % wide, as HDR histograms have them, from
 * 1 ns to over an hour. Pure.
 *
 * Threads: one at a time.
 */
#ifndef OPS_CLI_LATENCY_HISTOGRAM_H
#define OPS_CLI_LATENCY_HISTOGRAM_H

#include <stdint.h>

#define LATENCY_PARTS_BITS                                                \
    7 /* each power of two is divided into so many bits' worth of buckets \
       */
#define LATENCY_VALUE_BITS 42
#define LATENCY_BUCKETS    ((LATENCY_VALUE_BITS - LATENCY_PARTS_BITS + 1) << LATENCY_PARTS_BITS)

struct latency_histogram {
    uint64_t count;
    int64_t max_ns;
    double sum_ns;
    uint64_t buckets[LATENCY_BUCKETS];
};

/* Negative counts as 0; what is beyond the last bucket is counted there. */
void latency_histogram_add(struct latency_histogram *histogram, int64_t ns);

/* What `percent` of all did not exceed, to 1 %; 0 of none. */
int64_t latency_histogram_ns(const struct latency_histogram *histogram, double percent);

double latency_histogram_mean_ns(const struct latency_histogram *histogram);

#endif
