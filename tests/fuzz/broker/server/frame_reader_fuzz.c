/* Cuts the input into reads as its first bytes say, and compares the frames that come out with
 * those of a plain walk over the whole stream. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/server/frame_reader.h"

#define FRAME_BYTES_MAX ((size_t)70000)
#define CUT_COUNT       4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    const uint8_t *next;
    const uint8_t *end;
};

static size_t announced(const uint8_t *at) {
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static void expect_frame(struct walk *walk, struct bytes frame) {
    size_t left = (size_t)(walk->end - walk->next);

    CHECK(left >= 4 && announced(walk->next) == frame.size && left - 4 >= frame.size);
    CHECK(frame.size == 0 || memcmp(frame.data, walk->next + 4, frame.size) == 0);
    walk->next += 4 + frame.size;
}

/* Nothing that could have come out is still inside. */
static void expect_end(const struct walk *walk, enum frame_status status) {
    size_t left = (size_t)(walk->end - walk->next);
    bool whole_size = left >= 4;

    CHECK(status == FRAME_NEEDS_MORE || status == FRAME_REFUSED);
    if (status == FRAME_REFUSED)
        CHECK(whole_size && announced(walk->next) > FRAME_BYTES_MAX);
    else
        CHECK(!whole_size ||
              (announced(walk->next) <= FRAME_BYTES_MAX && announced(walk->next) > left - 4));
}

static enum frame_status feed(struct frame_reader *reader, uint8_t *stream, size_t size, bool stash,
                              struct walk *walk) {
    struct bytes input, frame;
    enum frame_status status;
    uint8_t *place;
    size_t room;

    CHECK(frame_reader_room(reader, &place, &room));
    if (room > size)
        room = size;
    if (room > 0) {
        memcpy(place, stream, room);
        frame_reader_received(reader, room);
    }
    input = bytes_of(stream + room, size - room);
    while ((status = frame_reader_next(reader, &input, &frame)) == FRAME_READY) {
        struct buffer stolen;

        expect_frame(walk, frame);
        if (stash) {
            CHECK(frame_reader_stash(reader, input));
            input = BYTES_NULL;
        } else if (frame_reader_steal(reader, frame, &stolen)) {
            buffer_pool_give(reader->pool, &stolen);
        }
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _Atomic int64_t held_bytes = 0;
    enum frame_status status = FRAME_NEEDS_MORE;
    struct frame_reader reader;
    struct buffer_pool pool;
    struct walk walk;
    uint8_t *stream;
    size_t at = 0;

    if (size <= CUT_COUNT)
        return 0;
    stream = malloc(size - CUT_COUNT);
    CHECK(stream != NULL);
    memcpy(stream, data + CUT_COUNT, size - CUT_COUNT);
    walk = (struct walk){stream, stream + size - CUT_COUNT};
    buffer_pool_init(&pool, 1 << 20, &held_bytes);
    frame_reader_init(&reader, &pool, FRAME_BYTES_MAX);
    for (size_t i = 0; status == FRAME_NEEDS_MORE && at < size - CUT_COUNT; i++) {
        uint8_t cut = data[i % CUT_COUNT];
        size_t count = (size_t)(cut >> 1) * (cut >> 1) + 1;

        if (count > size - CUT_COUNT - at)
            count = size - CUT_COUNT - at;
        status = feed(&reader, stream + at, count, cut & 1, &walk);
        at += count;
    }
    walk.end = stream + at;
    expect_end(&walk, status);
    frame_reader_done(&reader);
    CHECK(held_bytes == 0);
    buffer_pool_done(&pool);
    free(stream);
    return 0;
}
