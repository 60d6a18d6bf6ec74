#include "client/producer/partitioner.h"

static uint32_t mix(uint32_t k) {
    k *= UINT32_C(0x5bd1e995);
    k ^= k >> 24;
    return k * UINT32_C(0x5bd1e995);
}

int32_t murmur2(struct bytes data) {
    size_t rest = data.size & 3;
    const uint8_t *tail = data.data + (data.size - rest);
    uint32_t hash = UINT32_C(0x9747b28c) ^ (uint32_t)data.size;

    for (const uint8_t *at = data.data; at < tail; at += 4) {
        uint32_t k =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

        hash = (hash * UINT32_C(0x5bd1e995)) ^ mix(k);
    }
    for (size_t i = rest; i > 0; i--)
        hash ^= (uint32_t)tail[i - 1] << (8 * (i - 1));
    if (rest > 0)
        hash *= UINT32_C(0x5bd1e995);
    hash ^= hash >> 13;
    hash *= UINT32_C(0x5bd1e995);
    hash ^= hash >> 15;
    return (int32_t)hash;
}

int32_t partition_of_key(struct bytes key, int32_t partition_count) {
    return (int32_t)((uint32_t)murmur2(key) & INT32_MAX) % partition_count;
}

void sticky_partition_init(struct sticky_partition *sticky) {
    sticky->partition = -1;
    sticky->bytes = 0;
}

/* The `index`-th partition that is available. */
static int32_t nth_available(const bool *available, int32_t partition_count, int32_t index) {
    for (int32_t i = 0; i < partition_count; i++)
        if (available[i] && index-- == 0)
            return i;
    return 0;
}

static int32_t draw(struct rng *rng, int32_t partition_count, const bool *available) {
    int32_t count = 0;

    for (int32_t i = 0; available != NULL && i < partition_count; i++)
        count += available[i];
    if (count == 0)
        return (int32_t)rng_below(rng, (uint64_t)partition_count);
    return nth_available(available, partition_count, (int32_t)rng_below(rng, (uint64_t)count));
}

int32_t sticky_partition_next(struct sticky_partition *sticky, struct rng *rng,
                              int32_t partition_count, const bool *available, int64_t batch_bytes) {
    bool lost = sticky->partition >= partition_count ||
                (sticky->partition >= 0 && available != NULL && !available[sticky->partition]);

    if (sticky->partition < 0 || lost || sticky->bytes >= batch_bytes) {
        sticky->partition = draw(rng, partition_count, available);
        sticky->bytes = 0;
    }
    return sticky->partition;
}

void sticky_partition_add(struct sticky_partition *sticky, int64_t bytes) {
    sticky->bytes += bytes;
}
