#include "tests/bench/load_generator/histogram.h"

#define PARTS_BITS 5 /* log2 of HISTOGRAM_PARTS */

static unsigned bucket_of(uint64_t ns) {
    unsigned exponent;
    unsigned bucket;

    if (ns < HISTOGRAM_PARTS)
        return (unsigned)ns;
    exponent = 63 - (unsigned)__builtin_clzll(ns);
    bucket = (exponent - PARTS_BITS + 1) * HISTOGRAM_PARTS +
             (unsigned)((ns >> (exponent - PARTS_BITS)) & (HISTOGRAM_PARTS - 1));
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t value_of(unsigned bucket) {
    unsigned exponent = bucket / HISTOGRAM_PARTS + PARTS_BITS - 1;

    if (bucket < HISTOGRAM_PARTS)
        return bucket;
    return ((uint64_t)1 << exponent) +
           ((uint64_t)(bucket % HISTOGRAM_PARTS) << (exponent - PARTS_BITS));
}

void histogram_add(struct histogram *histogram, int64_t ns) {
    histogram->count++;
    histogram->buckets[bucket_of(ns < 0 ? 0 : (uint64_t)ns)]++;
}

double histogram_us(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted)
            return (double)value_of(i) / 1000;
    }
    return 0;
}
