#include "client/wire/writer.h"

#include <assert.h>
#include <stdlib.h>

#include "client/base/check.h"
#include "client/wire/reader.h"

#define CAPACITY_FIRST    ((size_t)256)
#define SLICES_FIRST      ((size_t)8)
#define UVARINT_BYTES_MAX 5

void wire_writer_init(struct wire_writer *writer, size_t bytes_max) {
    *writer = (struct wire_writer){.bytes_max = bytes_max};
}

static void slices_release(struct wire_slice *slices, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct file_owner *owner = slices[i].range.owner;

        if (owner != NULL)
            owner->unref(owner);
    }
}

void wire_writer_done(struct wire_writer *writer) {
    slices_release(writer->slices, writer->slice_count);
    free(writer->slices);
    free(writer->data);
    wire_writer_init(writer, writer->bytes_max);
}

void wire_writer_reset(struct wire_writer *writer) {
    slices_release(writer->slices, writer->slice_count);
    writer->size = 0;
    writer->slice_count = 0;
    writer->slice_bytes = 0;
    writer->error = ERR_NONE;
}

struct wire_output wire_writer_take(struct wire_writer *writer) {
    const struct wire_output output = {
        .data = writer->data,
        .size = writer->size,
        .slices = writer->slices,
        .slice_count = writer->slice_count,
        .slice_bytes = writer->slice_bytes,
    };

    wire_writer_init(writer, writer->bytes_max);
    return output;
}

void wire_output_done(struct wire_output *output) {
    slices_release(output->slices, output->slice_count);
    free(output->slices);
    free(output->data);
    *output = (struct wire_output){0};
}

void wire_writer_fail(struct wire_writer *writer, enum error error) {
    if (writer->error == ERR_NONE)
        writer->error = error;
}

bool wire_writer_grow(struct wire_writer *writer, size_t size) {
    size_t capacity = writer->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : writer->capacity;
    size_t needed;
    uint8_t *data;

    if (writer->error != ERR_NONE)
        return false;
    if (__builtin_add_overflow(writer->size, size, &needed) || needed > writer->bytes_max) {
        wire_writer_fail(writer, ERR_OUT_OF_MEMORY);
        return false;
    }
    while (capacity < needed)
        capacity = capacity > writer->bytes_max / 2 ? writer->bytes_max : capacity * 2;
    if (capacity > writer->bytes_max)
        capacity = writer->bytes_max;
    data = realloc(writer->data, capacity);
    if (data == NULL) {
        wire_writer_fail(writer, ERR_OUT_OF_MEMORY);
        return false;
    }
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

void wire_write_f64(struct wire_writer *writer, double value) {
    int64_t bits;

    static_assert(sizeof(value) == sizeof(bits), "an IEEE 754 double has 64 bits");
    memcpy(&bits, &value, sizeof(bits));
    wire_write_i64(writer, bits);
}

void wire_write_uuid(struct wire_writer *writer, const struct uuid *value) {
    wire_write_raw(writer, bytes_of(value->bytes, sizeof(value->bytes)));
}

static size_t uvarint_encode(uint32_t value, uint8_t encoded[UVARINT_BYTES_MAX]) {
    size_t size = 0;

    while (value >= 0x80) {
        encoded[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    encoded[size++] = (uint8_t)value;
    return size;
}

void wire_write_uvarint(struct wire_writer *writer, uint32_t value) {
    uint8_t encoded[UVARINT_BYTES_MAX];

    wire_write_raw(writer, bytes_of(encoded, uvarint_encode(value, encoded)));
}

void wire_write_raw(struct wire_writer *writer, struct bytes value) {
    uint8_t *at = value.size == 0 ? NULL : wire_put(writer, value.size);

    if (at != NULL)
        memcpy(at, value.data, value.size);
}

static bool length_fits(struct wire_writer *writer, size_t size, size_t size_max) {
    if (size <= size_max)
        return true;
    wire_writer_fail(writer, ERR_INVALID_REQUEST);
    return false;
}

void wire_write_string(struct wire_writer *writer, struct bytes value, bool flexible,
                       bool nullable) {
    const bool null = nullable && value.data == NULL;

    if (!length_fits(writer, value.size, WIRE_STRING_BYTES_MAX))
        return;
    if (flexible)
        wire_write_uvarint(writer, null ? 0 : (uint32_t)value.size + 1);
    else
        wire_write_i16(writer, null ? -1 : (int16_t)value.size);
    wire_write_raw(writer, value);
}

static void write_bytes_length(struct wire_writer *writer, size_t size, bool null, bool flexible) {
    if (flexible)
        wire_write_uvarint(writer, null ? 0 : (uint32_t)size + 1);
    else
        wire_write_i32(writer, null ? -1 : (int32_t)size);
}

void wire_write_bytes(struct wire_writer *writer, struct bytes value, bool flexible,
                      bool nullable) {
    if (!length_fits(writer, value.size, INT32_MAX))
        return;
    write_bytes_length(writer, value.size, nullable && value.data == NULL, flexible);
    wire_write_raw(writer, value);
}

static void append_slice(struct wire_writer *writer, const struct file_range *range) {
    if (writer->slice_count == writer->slice_capacity) {
        const size_t capacity =
            writer->slice_capacity == 0 ? SLICES_FIRST : writer->slice_capacity * 2;
        struct wire_slice *slices = reallocarray(writer->slices, capacity, sizeof(*slices));

        if (slices == NULL) {
            wire_writer_fail(writer, ERR_OUT_OF_MEMORY);
            return;
        }
        writer->slices = slices;
        writer->slice_capacity = capacity;
    }
    writer->slices[writer->slice_count++] = (struct wire_slice){writer->size, *range};
    writer->slice_bytes += range->size;
    if (range->owner != NULL)
        range->owner->ref(range->owner);
}

void wire_write_records(struct wire_writer *writer, const struct wire_records *value, bool flexible,
                        bool nullable) {
    if (value->range.size == 0) {
        wire_write_bytes(writer, value->data, flexible, nullable);
        return;
    }
    CHECK(value->data.data == NULL);
    if (!length_fits(writer, value->range.size, INT32_MAX))
        return;
    write_bytes_length(writer, value->range.size, false, flexible);
    append_slice(writer, &value->range);
}

void wire_write_array_count(struct wire_writer *writer, int32_t count, bool flexible,
                            bool nullable) {
    const bool null = nullable && count < 0;
    const int32_t written = count < 0 ? 0 : count;

    if (flexible)
        wire_write_uvarint(writer, null ? 0 : (uint32_t)written + 1);
    else
        wire_write_i32(writer, null ? -1 : written);
}

size_t wire_begin_tagged_field(struct wire_writer *writer, uint32_t tag) {
    wire_write_uvarint(writer, tag);
    return writer->size;
}

void wire_end_tagged_field(struct wire_writer *writer, size_t mark) {
    const size_t size = writer->size - mark;
    uint8_t encoded[UVARINT_BYTES_MAX];
    size_t encoded_size;

    if (writer->error != ERR_NONE || !length_fits(writer, size, INT32_MAX))
        return;
    CHECK(mark <= writer->size);
    CHECK(writer->slice_count == 0 || writer->slices[writer->slice_count - 1].at <= mark);
    encoded_size = uvarint_encode((uint32_t)size, encoded);
    if (wire_put(writer, encoded_size) == NULL)
        return;
    memmove(writer->data + mark + encoded_size, writer->data + mark, size);
    memcpy(writer->data + mark, encoded, encoded_size);
}

void wire_patch_i32(struct wire_writer *writer, size_t at, int32_t value) {
    if (writer->error != ERR_NONE)
        return;
    CHECK(at <= writer->size && writer->size - at >= sizeof(value));
    big_endian_store_u32(writer->data + at, (uint32_t)value);
}
