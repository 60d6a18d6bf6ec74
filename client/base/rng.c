#include "client/base/rng.h"

#include <sys/random.h>

#include "client/base/check.h"

static uint64_t rotate_left(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

void rng_seed(struct rng *rng, uint64_t seed) {
    /* splitmix64 spreads the seed, so that near seeds give unlike states. */
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        rng->state[i] = z ^ z >> 31;
    }
}

void rng_seed_from_kernel(struct rng *rng) {
    uint64_t seed;
    ssize_t got = getrandom(&seed, sizeof(seed), 0);

    CHECK(got == (ssize_t)sizeof(seed));
    rng_seed(rng, seed);
}

uint64_t rng_next(struct rng *rng) {
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound) {
    uint64_t unfair = -bound % bound; /* the first values would make small results likelier */
    uint64_t x;

    CHECK(bound > 0);
    do
        x = rng_next(rng);
    while (x < unfair);
    return x % bound;
}
