/*
 * How long to wait before the next try: doubles with each failure up to a bound, give or take a
 * fifth by chance, so that clients that failed together do not return together.
 *
 * Pure. Source: KIP-580.
 */
#ifndef CLIENT_CLUSTER_BACKOFF_H
#define CLIENT_CLUSTER_BACKOFF_H

#include "client/base/rng.h"

/* `failures` in a row, at least 1. */
static inline int64_t backoff_ms(struct rng *rng, int64_t first_ms, int64_t max_ms,
                                 uint32_t failures) {
    int64_t ms = first_ms < max_ms ? first_ms : max_ms;

    for (uint32_t i = 1; i < failures && ms < max_ms; i++)
        ms = ms * 2 < max_ms ? ms * 2 : max_ms;
    return ms - ms / 5 + (int64_t)rng_below(rng, (uint64_t)(ms / 5 * 2 + 1));
}

#endif
