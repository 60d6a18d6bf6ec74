/*
 * The signed variable-length integers inside records: zigzag, then groups of seven bits, the
 * lowest first, the high bit set on all but the last byte.
 *
 * At most 5 bytes for 32 bits and 10 for 64; a longer form is malformed. Bits that do not fit
 * into the last byte are dropped, as Kafka drops them.
 * Source: Kafka 3.9, ByteUtils.
 */
#ifndef CLIENT_WIRE_VARINT_H
#define CLIENT_WIRE_VARINT_H

#include "client/base/bytes.h"

#define VARINT_BYTES_MAX  5
#define VARLONG_BYTES_MAX 10

static inline uint64_t varlong_zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t varlong_unzigzag(uint64_t zigzag) {
    return (int64_t)((zigzag >> 1) ^ -(zigzag & 1));
}

/* The bytes that the value takes; a varint takes as many as the varlong of the same value. */
static inline size_t varlong_size(int64_t value) {
    return (size_t)(70 - __builtin_clzll(varlong_zigzag(value) | 1)) / 7;
}

/* Returns the position behind what was written. */
static inline uint8_t *varlong_write(uint8_t *to, int64_t value) {
    uint64_t zigzag = varlong_zigzag(value);

    while (zigzag >= 0x80) {
        *to++ = (uint8_t)(zigzag | 0x80);
        zigzag >>= 7;
    }
    *to++ = (uint8_t)zigzag;
    return to;
}

/* Takes an unsigned group number of at most `bytes_max` bytes off the front of `*from`; false,
 * with nothing moved, if it is not whole. */
static inline bool varint_take_groups(struct bytes *from, size_t bytes_max, uint64_t *groups) {
    size_t limit = from->size < bytes_max ? from->size : bytes_max;
    uint64_t value = 0;

    for (size_t i = 0; i < limit; i++) {
        value |= (uint64_t)(from->data[i] & 0x7f) << (7 * i);
        if ((from->data[i] & 0x80) == 0) {
            from->data += i + 1;
            from->size -= i + 1;
            *groups = value;
            return true;
        }
    }
    return false;
}

static inline bool varint_take(struct bytes *from, int32_t *value) {
    uint64_t groups;

    if (!varint_take_groups(from, VARINT_BYTES_MAX, &groups))
        return false;
    *value = (int32_t)varlong_unzigzag((uint32_t)groups);
    return true;
}

static inline bool varlong_take(struct bytes *from, int64_t *value) {
    uint64_t groups;

    if (!varint_take_groups(from, VARLONG_BYTES_MAX, &groups))
        return false;
    *value = varlong_unzigzag(groups);
    return true;
}

#endif
