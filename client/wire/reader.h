/*
 * Reads the protocol's primitive types from a buffer that came from outside.
 *
 * Every length is compared with what remains before it is believed; views point into the buffer.
 * The first failure is kept: later reads return zero values and move nothing, so that straight-
 * line decoders check once at the end. Flexible forms (compact strings and arrays, uvarint
 * lengths) have functions of their own.
 *
 * Threads: one at a time. Ownership: the buffer must outlive all views.
 * Source: Kafka protocol guide, "Protocol Primitive Types"; KIP-482.
 */
#ifndef CLIENT_WIRE_READER_H
#define CLIENT_WIRE_READER_H

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

struct wire_reader {
    const uint8_t *next; /* next <= end */
    const uint8_t *end;
    enum error error; /* NONE, MALFORMED (does not decode) or OUT_OF_MEMORY (arena bound) */
};

void wire_reader_init(struct wire_reader *reader, struct bytes buffer);

static inline size_t wire_reader_remaining(const struct wire_reader *reader) {
    return (size_t)(reader->end - reader->next);
}

/* Records the first error; NONE is ignored. */
void wire_fail(struct wire_reader *reader, enum error error);

bool wire_read_bool(struct wire_reader *reader);
int8_t wire_read_i8(struct wire_reader *reader);
int16_t wire_read_i16(struct wire_reader *reader);
uint16_t wire_read_u16(struct wire_reader *reader);
int32_t wire_read_i32(struct wire_reader *reader);
int64_t wire_read_i64(struct wire_reader *reader);
double wire_read_f64(struct wire_reader *reader);
struct uuid wire_read_uuid(struct wire_reader *reader);
uint32_t wire_read_uvarint(struct wire_reader *reader);

/* `size` bytes as a view. */
struct bytes wire_read_raw(struct wire_reader *reader, size_t size);

/* Null where it is not allowed is MALFORMED. `flexible` picks the compact form. */
struct bytes wire_read_string(struct wire_reader *reader, bool flexible, bool nullable);
struct bytes wire_read_bytes(struct wire_reader *reader, bool flexible, bool nullable);

/* The element count: -1 for null. A count that the remaining bytes cannot hold, at
 * `element_bytes_min` each, is MALFORMED. */
int32_t wire_read_array_count(struct wire_reader *reader, bool flexible, bool nullable,
                              size_t element_bytes_min);

/* Skips a tagged-field section whose tags are all unknown. */
void wire_skip_tagged_fields(struct wire_reader *reader);

#endif
