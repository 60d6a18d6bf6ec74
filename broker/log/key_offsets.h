/*
 * The newest offset of each key that a compaction has seen, in a bounded table.
 *
 * A slot is 24 bytes: a hash of the key of 128 bits and the offset. Keys themselves are not kept,
 * so two keys with the same hash would be one; the hash is SipHash-2-4 under a secret of this
 * table, so that it takes 2^64 keys to find such a pair, and nobody can look for one beforehand.
 *
 * Threads: one at a time; looking up from several, while nobody puts.
 * Source: Apache Kafka 3.9, SkimpyOffsetMap, which hashes with MD5.
 */
#ifndef BROKER_LOG_KEY_OFFSETS_H
#define BROKER_LOG_KEY_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define KEY_OFFSETS_SLOT_BYTES 24

struct key_offsets;

/* `slot_count` of at least 1, of which `load_factor` (above 0, at most 1) may be in use; one slot
 * always stays free. Pages are touched as they are used. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error key_offsets_new(size_t slot_count, double load_factor,
                                      const uint64_t secret[2], struct key_offsets **created);
void key_offsets_free(struct key_offsets *map); /* accepts NULL */

/* The key's offset is `offset` (>= 0) now. False if it is a new key and the table is full. */
bool key_offsets_put(struct key_offsets *map, struct bytes key, int64_t offset);

/* -1: not in the table. */
int64_t key_offsets_get(const struct key_offsets *map, struct bytes key);

size_t key_offsets_count(const struct key_offsets *map);
/* How many keys it takes. */
size_t key_offsets_capacity(const struct key_offsets *map);

/* For the test: the hash itself. */
void key_offsets_hash(const uint64_t secret[2], struct bytes key, uint64_t hash[2]);

#endif
