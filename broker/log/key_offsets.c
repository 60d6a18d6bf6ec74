#include "broker/log/key_offsets.h"

#include <sys/mman.h>

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

struct slot {
    uint64_t hash[2];
    int64_t offset_plus_one; /* 0: free */
};

static_assert(sizeof(struct slot) == KEY_OFFSETS_SLOT_BYTES, "a slot is what its size says");

struct key_offsets {
    uint64_t secret[2];
    size_t slot_count;
    size_t count_max;
    size_t count;
    struct slot *slots;
};

/* ---- SipHash-2-4 with 128 bits of output ---- */

static uint64_t rotate(uint64_t value, int bits) {
    return value << bits | value >> (64 - bits);
}

static void scramble(uint64_t v[4], int rounds) {
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void absorb(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    scramble(v, 2);
    v[0] ^= word;
}

void key_offsets_hash(const uint64_t secret[2], struct bytes key, uint64_t hash[2]) {
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575, secret[1] ^ 0x646f72616e646f6d ^ 0xee,
                     secret[0] ^ 0x6c7967656e657261, secret[1] ^ 0x7465646279746573};
    const uint8_t *at = key.data;
    size_t left = key.size;
    uint64_t word;

    for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        absorb(v, le64toh(word));
    }
    word = 0;
    if (left > 0)
        memcpy(&word, at, left);
    absorb(v, le64toh(word) | (uint64_t)key.size << 56);
    v[2] ^= 0xee;
    scramble(v, 4);
    hash[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    scramble(v, 4);
    hash[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- the table ---- */

/* Every look-up goes somewhere else, so that with small pages each costs a miss of the TLB besides
 * that of the cache. Zeroed. */
static struct slot *slots_new(size_t count) {
    void *slots = mmap(NULL, count * sizeof(struct slot), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (slots == MAP_FAILED)
        return NULL;
    (void)madvise(slots, count * sizeof(struct slot), MADV_HUGEPAGE); /* only faster */
    return slots;
}

enum error key_offsets_new(size_t slot_count, double load_factor, const uint64_t secret[2],
                           struct key_offsets **created) {
    struct key_offsets *map = calloc(1, sizeof(*map));

    CHECK(slot_count > 0 && load_factor > 0 && load_factor <= 1);
    if (map == NULL)
        return ERR_OUT_OF_MEMORY;
    slot_count++; /* an unsuccessful search ends at a free slot */
    map->secret[0] = secret[0];
    map->secret[1] = secret[1];
    map->slot_count = slot_count;
    map->count_max = (size_t)((double)(slot_count - 1) * load_factor);
    if (map->count_max == 0)
        map->count_max = 1;
    if (slot_count > SIZE_MAX / sizeof(struct slot) ||
        (map->slots = slots_new(slot_count)) == NULL) {
        free(map);
        return ERR_OUT_OF_MEMORY;
    }
    *created = map;
    return ERR_NONE;
}

void key_offsets_free(struct key_offsets *map) {
    if (map == NULL)
        return;
    CHECK(munmap(map->slots, map->slot_count * sizeof(struct slot)) == 0);
    free(map);
}

/* The key's slot, or the free one where it would go. */
static struct slot *find(const struct key_offsets *map, const uint64_t hash[2]) {
    size_t at = hash[0] % map->slot_count;

    while (map->slots[at].offset_plus_one != 0 &&
           (map->slots[at].hash[0] != hash[0] || map->slots[at].hash[1] != hash[1]))
        at = at + 1 == map->slot_count ? 0 : at + 1;
    return &map->slots[at];
}

bool key_offsets_put(struct key_offsets *map, struct bytes key, int64_t offset) {
    uint64_t hash[2];
    struct slot *slot;

    CHECK(offset >= 0 && offset < INT64_MAX);
    key_offsets_hash(map->secret, key, hash);
    slot = find(map, hash);
    if (slot->offset_plus_one == 0) {
        if (map->count == map->count_max)
            return false;
        map->count++;
        slot->hash[0] = hash[0];
        slot->hash[1] = hash[1];
    }
    slot->offset_plus_one = offset + 1;
    return true;
}

int64_t key_offsets_get(const struct key_offsets *map, struct bytes key) {
    uint64_t hash[2];

    key_offsets_hash(map->secret, key, hash);
    return find(map, hash)->offset_plus_one - 1;
}

size_t key_offsets_count(const struct key_offsets *map) {
    return map->count;
}

size_t key_offsets_capacity(const struct key_offsets *map) {
    return map->count_max;
}
