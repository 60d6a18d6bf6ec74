/*
 * Random numbers from a seed (xoshiro256**). The same seed gives the same numbers, so that what
 * is decided by chance can be repeated in a test. Not for secrets.
 *
 * Threads: one at a time.
 */
#ifndef CLIENT_BASE_RNG_H
#define CLIENT_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *rng, uint64_t seed);

/* Seeds from the kernel's entropy. */
void rng_seed_from_kernel(struct rng *rng);

uint64_t rng_next(struct rng *rng);

/* Uniform in [0, bound); bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

#endif
