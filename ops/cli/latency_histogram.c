#include "ops/cli/latency_histogram.h"

#define PARTS (UINT64_C(1) << LATENCY_PARTS_BITS)

/* The first PARTS buckets are one wide; then each power of two has PARTS of them. */
static unsigned bucket_of(uint64_t ns) {
    unsigned exponent;

    if (ns < PARTS)
        return (unsigned)ns;
    if (ns >> LATENCY_VALUE_BITS != 0)
        return LATENCY_BUCKETS - 1;
    exponent = 63 - (unsigned)__builtin_clzll(ns);
    return ((exponent - LATENCY_PARTS_BITS + 1) << LATENCY_PARTS_BITS) +
           (unsigned)((ns >> (exponent - LATENCY_PARTS_BITS)) & (PARTS - 1));
}

/* The largest that counts in it. */
static int64_t bucket_end(unsigned bucket) {
    unsigned shift = bucket >> LATENCY_PARTS_BITS;
    uint64_t part = bucket & (PARTS - 1);

    if (shift == 0)
        return (int64_t)part;
    return (int64_t)(((PARTS + part + 1) << (shift - 1)) - 1);
}

void latency_histogram_add(struct latency_histogram *histogram, int64_t ns) {
    int64_t counted = ns < 0 ? 0 : ns;

    histogram->count++;
    histogram->sum_ns += (double)counted;
    if (counted > histogram->max_ns)
        histogram->max_ns = counted;
    histogram->buckets[bucket_of((uint64_t)counted)]++;
}

int64_t latency_histogram_ns(const struct latency_histogram *histogram, double percent) {
    double wanted = percent / 100 * (double)histogram->count;
    uint64_t seen = 0;

    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted)
            return bucket_end(i) < histogram->max_ns ? bucket_end(i) : histogram->max_ns;
    }
    return histogram->max_ns;
}

double latency_histogram_mean_ns(const struct latency_histogram *histogram) {
    return histogram->count == 0 ? 0 : histogram->sum_ns / (double)histogram->count;
}
