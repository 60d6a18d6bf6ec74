/*
 * Reads the protocol's primitive types from a buffer that came from outside.
 *
 * Every length is compared with what remains before it is believed; views point into the buffer.
 * The first failure is kept and nothing remains after it: later reads return zero values and
 * move nothing, so that straight-line decoders check once at the end. Flexible forms (compact
 * strings and arrays, uvarint lengths) are picked by an argument.
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
#include "client/wire/big_endian.h"

/* Longest string that Kafka's decoder accepts, in either form. */
#define WIRE_STRING_BYTES_MAX 32767

struct wire_reader {
    const uint8_t *next; /* next <= end; next == end after a failure */
    const uint8_t *end;
    enum error error; /* NONE, MALFORMED (does not decode), OUT_OF_MEMORY (arena bound) or
                         UNSUPPORTED_VERSION (a decoder does not know the version) */
};

void wire_reader_init(struct wire_reader *reader, struct bytes buffer);

static inline size_t wire_reader_remaining(const struct wire_reader *reader) {
    return (size_t)(reader->end - reader->next);
}

/* Records the first error; NONE is ignored. */
void wire_fail(struct wire_reader *reader, enum error error);

/* Moves over `size` bytes and returns where they start; NULL if fewer remain. */
static inline const uint8_t *wire_take(struct wire_reader *reader, size_t size) {
    const uint8_t *start = reader->next;

    if (__builtin_expect(wire_reader_remaining(reader) < size, 0)) {
        wire_fail(reader, ERR_MALFORMED);
        return NULL;
    }
    reader->next += size;
    return start;
}

/* Any byte but 0 is true. */
static inline bool wire_read_bool(struct wire_reader *reader) {
    const uint8_t *at = wire_take(reader, 1);

    return at != NULL && *at != 0;
}

static inline int8_t wire_read_i8(struct wire_reader *reader) {
    const uint8_t *at = wire_take(reader, 1);

    return at == NULL ? 0 : (int8_t)*at;
}

static inline uint16_t wire_read_u16(struct wire_reader *reader) {
    const uint8_t *at = wire_take(reader, 2);

    return at == NULL ? 0 : big_endian_load_u16(at);
}

static inline int16_t wire_read_i16(struct wire_reader *reader) {
    return (int16_t)wire_read_u16(reader);
}

static inline int32_t wire_read_i32(struct wire_reader *reader) {
    const uint8_t *at = wire_take(reader, 4);

    return at == NULL ? 0 : (int32_t)big_endian_load_u32(at);
}

static inline int64_t wire_read_i64(struct wire_reader *reader) {
    const uint8_t *at = wire_take(reader, 8);

    return at == NULL ? 0 : (int64_t)big_endian_load_u64(at);
}

double wire_read_f64(struct wire_reader *reader);
struct uuid wire_read_uuid(struct wire_reader *reader);

/* At most five bytes and 32 bits; a longer form than needed is accepted, as Kafka does. */
uint32_t wire_read_uvarint(struct wire_reader *reader);

/* `size` bytes as a view. */
struct bytes wire_read_raw(struct wire_reader *reader, size_t size);

/* Null where it is not allowed is MALFORMED, and so is a string longer than
 * WIRE_STRING_BYTES_MAX. `flexible` picks the compact form. UTF-8 is not checked. */
struct bytes wire_read_string(struct wire_reader *reader, bool flexible, bool nullable);
struct bytes wire_read_bytes(struct wire_reader *reader, bool flexible, bool nullable);

/* The element count: -1 for null. A count that the remaining bytes cannot hold, at
 * `element_bytes_min` > 0 each, is MALFORMED. */
int32_t wire_read_array_count(struct wire_reader *reader, bool flexible, bool nullable,
                              size_t element_bytes_min);

/* Zeroed memory for `*count` elements; NULL for none. If the arena has no more, the reader fails
 * with OUT_OF_MEMORY and `*count` becomes 0. */
void *wire_allocate(struct wire_reader *reader, struct arena *arena, int32_t *count,
                    size_t element_size);

/*
 * Walks a tagged-field section:
 *
 *     struct wire_tagged_fields fields = wire_read_tagged_fields(reader);
 *     while (wire_next_tagged_field(reader, &fields)) {
 *         switch (fields.tag) {
 *         case 0: ... read the field ...; break;
 *         default: wire_skip_tagged_field(reader);
 *         }
 *     }
 *
 * Inside the loop the reader ends where the field ends. A field that is not consumed exactly, and
 * tags that do not increase, are MALFORMED.
 */
struct wire_tagged_fields {
    uint32_t left;            /* fields not yet begun */
    int64_t tag;              /* of the current field; -1 before the first */
    const uint8_t *outer_end; /* the reader's end outside of the section */
};

struct wire_tagged_fields wire_read_tagged_fields(struct wire_reader *reader);
bool wire_next_tagged_field(struct wire_reader *reader, struct wire_tagged_fields *fields);

static inline void wire_skip_tagged_field(struct wire_reader *reader) {
    reader->next = reader->end;
}

/* Skips a tagged-field section whose tags are all unknown. */
void wire_skip_tagged_fields(struct wire_reader *reader);

#endif
