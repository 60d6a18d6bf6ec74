#include "broker/server/frame_reader.h"

#include <string.h>

#define SIZE_BYTES    ((size_t)4)
#define GROWTH_FACTOR ((size_t)4)
#define FIRST_BYTES   ((size_t)1 << 20)

void frame_reader_init(struct frame_reader *reader, struct buffer_pool *pool,
                       size_t frame_bytes_max) {
    *reader = (struct frame_reader){.pool = pool, .frame_bytes_max = frame_bytes_max};
}

void frame_reader_done(struct frame_reader *reader) {
    buffer_pool_give(reader->pool, &reader->tail);
    reader->parsed = 0;
    reader->received = 0;
}

static uint32_t size_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t held(const struct frame_reader *reader) {
    return reader->received - reader->parsed;
}

static void drop_if_parsed(struct frame_reader *reader) {
    if (reader->parsed == reader->received)
        frame_reader_done(reader);
}

/* Makes room for `whole` bytes from `parsed` on. */
static bool reserve(struct frame_reader *reader, size_t whole) {
    struct buffer larger;
    size_t kept = held(reader);

    if (reader->tail.capacity - reader->parsed >= whole)
        return true;
    if (reader->tail.capacity >= whole) {
        memmove(reader->tail.data, reader->tail.data + reader->parsed, kept);
    } else {
        if (!buffer_pool_take(reader->pool, whole, &larger))
            return false;
        if (kept > 0)
            memcpy(larger.data, reader->tail.data + reader->parsed, kept);
        buffer_pool_give(reader->pool, &reader->tail);
        reader->tail = larger;
    }
    reader->parsed = 0;
    reader->received = kept;
    return true;
}

/* Makes room for at least one byte more of a frame of `whole` bytes: all of it if it is small,
 * else a multiple of what has arrived. */
static bool reserve_more(struct frame_reader *reader, size_t whole) {
    size_t step = held(reader) * GROWTH_FACTOR;

    if (reader->received < reader->tail.capacity)
        return true;
    if (step < FIRST_BYTES)
        step = FIRST_BYTES;
    return reserve(reader, whole < step ? whole : step);
}

static void append(struct frame_reader *reader, struct bytes *input, size_t size) {
    memcpy(reader->tail.data + reader->received, input->data, size);
    reader->received += size;
    input->data += size;
    input->size -= size;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Fills the tail from the input until it holds `size` bytes from `parsed` on. */
static enum frame_status fill(struct frame_reader *reader, struct bytes *input, size_t size) {
    while (held(reader) < size && input->size > 0) {
        size_t room;

        if (!reserve_more(reader, size))
            return FRAME_NO_MEMORY;
        room = smaller(reader->tail.capacity - reader->received, size - held(reader));
        append(reader, input, smaller(room, input->size));
    }
    return held(reader) < size ? FRAME_NEEDS_MORE : FRAME_READY;
}

static enum frame_status next_of_tail(struct frame_reader *reader, struct bytes *input,
                                      struct bytes *frame) {
    enum frame_status status = fill(reader, input, SIZE_BYTES);
    size_t size;

    if (status != FRAME_READY)
        return status;
    size = size_at(reader->tail.data + reader->parsed);
    if (size > reader->frame_bytes_max)
        return FRAME_REFUSED;
    status = fill(reader, input, SIZE_BYTES + size);
    if (status != FRAME_READY)
        return status;
    *frame = bytes_of(reader->tail.data + reader->parsed + SIZE_BYTES, size);
    reader->parsed += SIZE_BYTES + size;
    return FRAME_READY;
}

enum frame_status frame_reader_next(struct frame_reader *reader, struct bytes *input,
                                    struct bytes *frame) {
    drop_if_parsed(reader);
    if (held(reader) == 0 && input->size >= SIZE_BYTES) {
        size_t size = size_at(input->data);

        if (size > reader->frame_bytes_max)
            return FRAME_REFUSED;
        if (input->size - SIZE_BYTES >= size) {
            *frame = bytes_of(input->data + SIZE_BYTES, size);
            input->data += SIZE_BYTES + size;
            input->size -= SIZE_BYTES + size;
            return FRAME_READY;
        }
        if (!reserve(reader, smaller(SIZE_BYTES + size, FIRST_BYTES)))
            return FRAME_NO_MEMORY;
    }
    if (held(reader) == 0 && input->size == 0)
        return FRAME_NEEDS_MORE;
    return next_of_tail(reader, input, frame);
}

bool frame_reader_stash(struct frame_reader *reader, struct bytes input) {
    drop_if_parsed(reader);
    if (input.size == 0)
        return true;
    if (!reserve(reader, held(reader) + input.size))
        return false;
    append(reader, &input, input.size);
    return true;
}

size_t frame_reader_whole_frames(const struct frame_reader *reader) {
    size_t at = reader->parsed;
    size_t count = 0;

    while (reader->received - at >= SIZE_BYTES &&
           reader->received - at - SIZE_BYTES >= size_at(reader->tail.data + at)) {
        at += SIZE_BYTES + size_at(reader->tail.data + at);
        count++;
    }
    return count;
}

bool frame_reader_room(struct frame_reader *reader, uint8_t **at, size_t *size) {
    size_t whole;

    *at = NULL;
    *size = 0;
    drop_if_parsed(reader);
    if (held(reader) < SIZE_BYTES)
        return true;
    whole = SIZE_BYTES + size_at(reader->tail.data + reader->parsed);
    CHECK(held(reader) < whole);
    if (!reserve_more(reader, whole))
        return false;
    *at = reader->tail.data + reader->received;
    *size = smaller(reader->tail.capacity - reader->received, whole - held(reader));
    return true;
}

void frame_reader_received(struct frame_reader *reader, size_t size) {
    CHECK(size <= reader->tail.capacity - reader->received);
    reader->received += size;
}

bool frame_reader_steal(struct frame_reader *reader, struct bytes frame, struct buffer *stolen) {
    if (reader->tail.data == NULL || reader->parsed != reader->received ||
        frame.data != reader->tail.data + SIZE_BYTES)
        return false;
    *stolen = reader->tail;
    reader->tail = (struct buffer){NULL, 0};
    reader->parsed = 0;
    reader->received = 0;
    return true;
}

int32_t frame_reader_announced_size(const struct frame_reader *reader, struct bytes input) {
    if (held(reader) >= SIZE_BYTES)
        return (int32_t)size_at(reader->tail.data + reader->parsed);
    return held(reader) == 0 && input.size >= SIZE_BYTES ? (int32_t)size_at(input.data) : 0;
}
