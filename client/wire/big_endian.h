/*
 * Big-endian numbers at any address: the byte order of everything in the protocol.
 */
#ifndef CLIENT_WIRE_BIG_ENDIAN_H
#define CLIENT_WIRE_BIG_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t big_endian_load_u16(const uint8_t *at) {
    uint16_t raw;

    memcpy(&raw, at, sizeof(raw));
    return be16toh(raw);
}

static inline uint32_t big_endian_load_u32(const uint8_t *at) {
    uint32_t raw;

    memcpy(&raw, at, sizeof(raw));
    return be32toh(raw);
}

static inline uint64_t big_endian_load_u64(const uint8_t *at) {
    uint64_t raw;

    memcpy(&raw, at, sizeof(raw));
    return be64toh(raw);
}

static inline void big_endian_store_u16(uint8_t *at, uint16_t value) {
    const uint16_t raw = htobe16(value);

    memcpy(at, &raw, sizeof(raw));
}

static inline void big_endian_store_u32(uint8_t *at, uint32_t value) {
    const uint32_t raw = htobe32(value);

    memcpy(at, &raw, sizeof(raw));
}

static inline void big_endian_store_u64(uint8_t *at, uint64_t value) {
    const uint64_t raw = htobe64(value);

    memcpy(at, &raw, sizeof(raw));
}

#endif
