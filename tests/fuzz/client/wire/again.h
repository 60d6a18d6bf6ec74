/*
 * What both fuzz targets of messages check: what was decoded prints, and encodes to bytes that
 * decode again and encode to the same.
 */
#ifndef TESTS_FUZZ_CLIENT_WIRE_AGAIN_H
#define TESTS_FUZZ_CLIENT_WIRE_AGAIN_H

#include <stdlib.h>

#include "client/wire/message.h"

/* A bound that arrays of arrays in a megabyte of input can reach. */
#define FUZZ_ARENA_BYTES_MAX  ((size_t)16 << 20)
#define FUZZ_WRITER_BYTES_MAX ((size_t)16 << 20)

static inline struct bytes fuzz_encode(const struct wire_message *message, int16_t version,
                                       struct wire_writer *writer, const void *decoded) {
    wire_writer_init(writer, FUZZ_WRITER_BYTES_MAX);
    message->encode(writer, version, decoded);
    CHECK(writer->error == ERR_NONE);
    return bytes_of(writer->data, writer->size);
}

/* Decodes the rest of `reader`, which may fail, and if it does not, once more. */
static inline void fuzz_message(const struct wire_message *message, int16_t version,
                                struct wire_reader *reader) {
    const size_t size = wire_reader_remaining(reader);
    void *decoded = calloc(2, message->size);
    void *decoded_again = (char *)decoded + message->size;
    struct arena arena;

    CHECK(decoded != NULL);
    arena_init(&arena, FUZZ_ARENA_BYTES_MAX);
    if (message->decode(reader, version, &arena, decoded) == ERR_NONE) {
        FILE *nowhere = fopen("/dev/null", "w");
        struct wire_writer first;
        struct wire_writer second;
        struct bytes bytes = fuzz_encode(message, version, &first, decoded);
        struct wire_reader again;

        CHECK(nowhere != NULL);
        message->print(nowhere, version, decoded);
        fclose(nowhere);
        CHECK(wire_reader_remaining(reader) <= size);
        wire_reader_init(&again, bytes);
        arena_reset(&arena);
        CHECK(message->decode(&again, version, &arena, decoded_again) == ERR_NONE);
        CHECK(wire_reader_remaining(&again) == 0);
        CHECK(bytes.size == 0 ||
              bytes_equal(bytes, fuzz_encode(message, version, &second, decoded_again)));
        if (bytes.size > 0)
            wire_writer_done(&second);
        wire_writer_done(&first);
    } else {
        CHECK(wire_reader_remaining(reader) == 0);
    }
    arena_done(&arena);
    free(decoded);
}

#endif
