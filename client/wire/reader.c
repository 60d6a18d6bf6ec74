#include "client/wire/reader.h"

#include <assert.h>

#include "client/base/check.h"

void wire_reader_init(struct wire_reader *reader, struct bytes buffer) {
    /* An empty view must not look like null, so an absent buffer gets an address, too. */
    static const uint8_t nothing[1];
    const uint8_t *start = buffer.data == NULL ? nothing : buffer.data;

    CHECK(buffer.data != NULL || buffer.size == 0);
    *reader = (struct wire_reader){.next = start, .end = start + buffer.size, .error = ERR_NONE};
}

void wire_fail(struct wire_reader *reader, enum error error) {
    if (error == ERR_NONE)
        return;
    if (reader->error == ERR_NONE)
        reader->error = error;
    reader->next = reader->end;
}

double wire_read_f64(struct wire_reader *reader) {
    const int64_t bits = wire_read_i64(reader);
    double value;

    static_assert(sizeof(value) == sizeof(bits), "an IEEE 754 double has 64 bits");
    memcpy(&value, &bits, sizeof(value));
    return value;
}

struct uuid wire_read_uuid(struct wire_reader *reader) {
    struct uuid uuid = {{0}};
    const uint8_t *at = wire_take(reader, sizeof(uuid.bytes));

    if (at != NULL)
        memcpy(uuid.bytes, at, sizeof(uuid.bytes));
    return uuid;
}

uint32_t wire_read_uvarint(struct wire_reader *reader) {
    uint32_t value = 0;

    for (unsigned shift = 0; shift <= 28; shift += 7) {
        const uint8_t *at = wire_take(reader, 1);

        if (at == NULL)
            return 0;
        if (shift == 28 && *at > 0x0f)
            break;
        value |= (uint32_t)(*at & 0x7f) << shift;
        if (*at < 0x80)
            return value;
    }
    wire_fail(reader, ERR_MALFORMED);
    return 0;
}

struct bytes wire_read_raw(struct wire_reader *reader, size_t size) {
    const uint8_t *at = wire_take(reader, size);

    return at == NULL ? bytes_of(reader->end, 0) : bytes_of(at, size);
}

/* A length or count; -1 for null, which is any negative number in the old form. */
static int64_t length_of_compact(struct wire_reader *reader) {
    return (int64_t)wire_read_uvarint(reader) - 1;
}

static struct bytes view_of_length(struct wire_reader *reader, int64_t length, bool nullable) {
    if (reader->error != ERR_NONE)
        return bytes_of(reader->end, 0);
    if (length < 0) {
        if (nullable)
            return BYTES_NULL;
        wire_fail(reader, ERR_MALFORMED);
        return bytes_of(reader->end, 0);
    }
    return wire_read_raw(reader, (size_t)length);
}

struct bytes wire_read_string(struct wire_reader *reader, bool flexible, bool nullable) {
    const int64_t length = flexible ? length_of_compact(reader) : wire_read_i16(reader);

    if (length > WIRE_STRING_BYTES_MAX)
        wire_fail(reader, ERR_MALFORMED);
    return view_of_length(reader, length, nullable);
}

struct bytes wire_read_bytes(struct wire_reader *reader, bool flexible, bool nullable) {
    const int64_t length = flexible ? length_of_compact(reader) : wire_read_i32(reader);

    return view_of_length(reader, length, nullable);
}

int32_t wire_read_array_count(struct wire_reader *reader, bool flexible, bool nullable,
                              size_t element_bytes_min) {
    const int64_t count = flexible ? length_of_compact(reader) : wire_read_i32(reader);

    if (reader->error != ERR_NONE)
        return 0;
    if (count < 0) {
        if (nullable)
            return -1;
        wire_fail(reader, ERR_MALFORMED);
        return 0;
    }
    if ((uint64_t)count > wire_reader_remaining(reader) / element_bytes_min || count > INT32_MAX) {
        wire_fail(reader, ERR_MALFORMED);
        return 0;
    }
    return (int32_t)count;
}

void *wire_allocate(struct wire_reader *reader, struct arena *arena, int32_t *count,
                    size_t element_size) {
    void *memory;

    if (*count <= 0)
        return NULL;
    memory = arena_alloc(arena, (size_t)*count, element_size);
    if (memory == NULL) {
        wire_fail(reader, ERR_OUT_OF_MEMORY);
        *count = 0;
    }
    return memory;
}

struct wire_tagged_fields wire_read_tagged_fields(struct wire_reader *reader) {
    const uint32_t left = wire_read_uvarint(reader);

    return (struct wire_tagged_fields){.left = left, .tag = -1, .outer_end = reader->end};
}

bool wire_next_tagged_field(struct wire_reader *reader, struct wire_tagged_fields *fields) {
    uint32_t tag;
    uint32_t size;

    if (reader->next != reader->end && fields->tag >= 0)
        wire_fail(reader, ERR_MALFORMED);
    reader->end = fields->outer_end;
    if (reader->error != ERR_NONE) {
        reader->next = reader->end;
        return false;
    }
    if (fields->left == 0)
        return false;
    fields->left--;
    tag = wire_read_uvarint(reader);
    size = wire_read_uvarint(reader);
    if (tag <= fields->tag || size > wire_reader_remaining(reader))
        wire_fail(reader, ERR_MALFORMED);
    if (reader->error != ERR_NONE)
        return false;
    fields->tag = tag;
    reader->end = reader->next + size;
    return true;
}

void wire_skip_tagged_fields(struct wire_reader *reader) {
    struct wire_tagged_fields fields = wire_read_tagged_fields(reader);

    while (wire_next_tagged_field(reader, &fields))
        wire_skip_tagged_field(reader);
}
