/*
 * How long things took: counts in buckets that are 1/32 of their value wide, up to 2^40 ns.
 */
#ifndef TESTS_BENCH_LOAD_GENERATOR_HISTOGRAM_H
#define TESTS_BENCH_LOAD_GENERATOR_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS   32
#define HISTOGRAM_BUCKETS (40 * HISTOGRAM_PARTS)

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t ns);

/* The value that `share` of all do not exceed, in microseconds; 0 of none. */
double histogram_us(const struct histogram *histogram, double share);

#endif
