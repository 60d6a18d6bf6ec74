/*
 * Random content for every message and version: fill.c, made by generate_fill.py, has a
 * function per message that fills the fields which the version has, each with a value that it
 * can hold, and leaves the others at their defaults.
 */
#ifndef TESTS_UNIT_CLIENT_WIRE_FILL_H
#define TESTS_UNIT_CLIENT_WIRE_FILL_H

#include "client/base/arena.h"
#include "client/base/check.h"
#include "client/base/rng.h"
#include "client/base/uuid.h"

struct fill {
    struct rng rng;
    struct arena *arena; /* of arrays and strings */
};

/* In the order of wire_apis. */
struct fill_entry {
    void (*request)(struct fill *fill, int16_t version, void *out);
    void (*response)(struct fill *fill, int16_t version, void *out);
};

extern const struct fill_entry fill_entries[];
extern const size_t fill_entry_count;

static inline bool fill_bool(struct fill *fill) {
    return rng_below(&fill->rng, 2) == 1;
}

static inline int64_t fill_i64(struct fill *fill) {
    return (int64_t)rng_next(&fill->rng);
}

static inline int32_t fill_i32(struct fill *fill) {
    return (int32_t)rng_next(&fill->rng);
}

static inline int16_t fill_i16(struct fill *fill) {
    return (int16_t)rng_next(&fill->rng);
}

static inline int8_t fill_i8(struct fill *fill) {
    return (int8_t)rng_next(&fill->rng);
}

static inline uint16_t fill_u16(struct fill *fill) {
    return (uint16_t)rng_next(&fill->rng);
}

static inline double fill_f64(struct fill *fill) {
    return (double)fill_i64(fill) / 3;
}

static inline struct uuid fill_uuid(struct fill *fill) {
    return uuid_random(&fill->rng);
}

static inline void *fill_allocate(struct fill *fill, int32_t count, size_t size) {
    void *memory = arena_alloc(fill->arena, count < 0 ? 0 : (size_t)count, size);

    CHECK(memory != NULL);
    return memory;
}

/* Null once in four times; now and then longer than a length of one byte can say. */
static inline struct bytes fill_bytes(struct fill *fill, bool nullable) {
    const uint64_t size = rng_below(&fill->rng, rng_below(&fill->rng, 16) == 0 ? 300 : 6);
    uint8_t *data = fill_allocate(fill, (int32_t)size + 1, 1);

    if (nullable && rng_below(&fill->rng, 4) == 0)
        return BYTES_NULL;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)rng_next(&fill->rng);
    return bytes_of(data, size);
}

static inline int32_t fill_count(struct fill *fill, bool nullable) {
    if (nullable && rng_below(&fill->rng, 4) == 0)
        return -1;
    return (int32_t)rng_below(&fill->rng, 4);
}

#endif
