/*
 * Writes the protocol's primitive types into a growing buffer, and remembers where file ranges
 * belong between its bytes, so that records go from the page cache to the socket uncopied.
 *
 * The first failure is kept: OUT_OF_MEMORY past the bound, UNSUPPORTED_VERSION when a field that
 * may not be dropped does not exist in the version (or the version does not exist),
 * INVALID_REQUEST when a string or array is longer than its length field can say. Check `error`
 * once at the end; what was written is worthless then.
 *
 * Threads: one at a time. Ownership: wire_writer_done frees the buffer and releases the slices,
 * unless wire_writer_take moved them away.
 */
#ifndef CLIENT_WIRE_WRITER_H
#define CLIENT_WIRE_WRITER_H

#include "client/base/bytes.h"
#include "client/base/error.h"
#include "client/base/uuid.h"
#include "client/wire/big_endian.h"

/* Keeps an open file alive while ranges of it wait to be sent. */
struct file_owner {
    void (*ref)(struct file_owner *owner);
    void (*unref)(struct file_owner *owner); /* from any thread */
};

struct file_range {
    int fd;
    int64_t position;
    size_t size;
    struct file_owner *owner; /* holds fd open; may be NULL in tests */
};

/* Records as a field of a message: bytes in memory, or a range of a file (then data is NULL and
 * range.size > 0). Decoding always gives bytes. Null: no data and no range. */
struct wire_records {
    struct bytes data;
    struct file_range range;
};

struct wire_slice {
    size_t at; /* bytes of the buffer that go before it */
    struct file_range range;
};

/* Told of the error codes that a message carries. */
struct wire_error_observer {
    void (*on_error)(struct wire_error_observer *observer, int16_t code);
};

struct wire_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t bytes_max; /* bound of `size`; file ranges do not count */
    struct wire_slice *slices;
    size_t slice_count;
    size_t slice_capacity;
    size_t slice_bytes; /* sum of the slices' sizes */
    enum error error;
    struct wire_error_observer *observer; /* whoever encodes sets it, and takes it back; or NULL */
};

/* What a writer produced: `size` bytes with the slices between them. */
struct wire_output {
    uint8_t *data; /* from malloc */
    size_t size;
    struct wire_slice *slices; /* from malloc; ascending by `at` */
    size_t slice_count;
    size_t slice_bytes;
};

void wire_writer_init(struct wire_writer *writer, size_t bytes_max);
void wire_writer_done(struct wire_writer *writer);

/* Forgets the content and the error, keeps the memory. */
void wire_writer_reset(struct wire_writer *writer);

/* Moves the content out; the writer is empty afterwards. */
struct wire_output wire_writer_take(struct wire_writer *writer);
void wire_output_done(struct wire_output *output);

/* Records the first error; NONE is ignored. */
void wire_writer_fail(struct wire_writer *writer, enum error error);

/* Makes room for `size` more bytes; false (and the error is set) if there is none. */
bool wire_writer_grow(struct wire_writer *writer, size_t size);

/* Where to put the next `size` bytes, which count as written; NULL if there is no room. */
static inline uint8_t *wire_put(struct wire_writer *writer, size_t size) {
    uint8_t *at;

    if (__builtin_expect(writer->capacity - writer->size < size, 0) &&
        !wire_writer_grow(writer, size))
        return NULL;
    at = writer->data + writer->size;
    writer->size += size;
    return at;
}

static inline void wire_write_i8(struct wire_writer *writer, int8_t value) {
    uint8_t *at = wire_put(writer, 1);

    if (at != NULL)
        *at = (uint8_t)value;
}

static inline void wire_write_bool(struct wire_writer *writer, bool value) {
    wire_write_i8(writer, value ? 1 : 0);
}

static inline void wire_write_u16(struct wire_writer *writer, uint16_t value) {
    uint8_t *at = wire_put(writer, 2);

    if (at != NULL)
        big_endian_store_u16(at, value);
}

static inline void wire_write_i16(struct wire_writer *writer, int16_t value) {
    wire_write_u16(writer, (uint16_t)value);
}

/* A field with one of Kafka's error codes. */
static inline void wire_write_error_code(struct wire_writer *writer, int16_t code) {
    wire_write_i16(writer, code);
    if (__builtin_expect(code != 0, 0) && writer->observer != NULL)
        writer->observer->on_error(writer->observer, code);
}

static inline void wire_write_i32(struct wire_writer *writer, int32_t value) {
    uint8_t *at = wire_put(writer, 4);

    if (at != NULL)
        big_endian_store_u32(at, (uint32_t)value);
}

static inline void wire_write_i64(struct wire_writer *writer, int64_t value) {
    uint8_t *at = wire_put(writer, 8);

    if (at != NULL)
        big_endian_store_u64(at, (uint64_t)value);
}

void wire_write_f64(struct wire_writer *writer, double value);
void wire_write_uuid(struct wire_writer *writer, const struct uuid *value);
void wire_write_uvarint(struct wire_writer *writer, uint32_t value);
void wire_write_raw(struct wire_writer *writer, struct bytes value);

/* Null is written as null where `nullable`, else as empty. */
void wire_write_string(struct wire_writer *writer, struct bytes value, bool flexible,
                       bool nullable);
void wire_write_bytes(struct wire_writer *writer, struct bytes value, bool flexible, bool nullable);

/* A file range becomes a slice; the writer takes a reference of its owner. */
void wire_write_records(struct wire_writer *writer, const struct wire_records *value, bool flexible,
                        bool nullable);

/* `count` -1 is null where `nullable`, else empty. */
void wire_write_array_count(struct wire_writer *writer, int32_t count, bool flexible,
                            bool nullable);

/* Brackets a tagged field: begin writes the tag and returns a mark, end puts the size of what was
 * written since in front of it. No file ranges in between. */
size_t wire_begin_tagged_field(struct wire_writer *writer, uint32_t tag);
void wire_end_tagged_field(struct wire_writer *writer, size_t mark);

/* Overwrites four bytes at `at`, which were written before: the size in front of a frame. */
void wire_patch_i32(struct wire_writer *writer, size_t at, int32_t value);

#endif
