#include "client/wire/compression.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire/compression_codec.h"

/* Batches count their bytes in an int32, and so do zlib and lz4. */
#define SIZE_BOUND ((size_t)INT32_MAX)

#define EXTEND_BYTES_MIN ((size_t)4096)

static const char *const names[] = {
    [COMPRESSION_NONE] = "none", [COMPRESSION_GZIP] = "gzip", [COMPRESSION_SNAPPY] = "snappy",
    [COMPRESSION_LZ4] = "lz4",   [COMPRESSION_ZSTD] = "zstd",
};

const char *compression_name(enum compression codec) {
    return (size_t)codec < ARRAY_COUNT(names) ? names[codec] : "unknown";
}

bool compression_from_name(const char *name, enum compression *codec) {
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *codec = (enum compression)i;
            return true;
        }
    }
    return false;
}

enum error compression_output_reserve(struct compression_output *output, size_t more) {
    size_t wanted;
    size_t capacity;
    uint8_t *data;

    CHECK(output->size <= output->size_max + 1);
    if (more > output->size_max + 1 - output->size)
        return ERR_OUT_OF_MEMORY;
    wanted = output->size + more;
    if (wanted <= output->capacity && output->data != NULL)
        return ERR_NONE;
    capacity =
        output->capacity > output->size_max / 2 ? output->size_max + 1 : output->capacity * 2;
    if (capacity < wanted || output->data == NULL)
        capacity = wanted;
    data = realloc(output->data, capacity == 0 ? 1 : capacity);
    if (data == NULL)
        return ERR_OUT_OF_MEMORY;
    output->data = data;
    output->capacity = capacity;
    return ERR_NONE;
}

enum error compression_output_extend(struct compression_output *output) {
    size_t possible;
    size_t more = output->size > EXTEND_BYTES_MIN ? output->size : EXTEND_BYTES_MIN;

    if (output->size > output->size_max)
        return ERR_MALFORMED;
    possible = output->size_max + 1 - output->size;
    return compression_output_reserve(output, more < possible ? more : possible);
}

static enum error append(struct compression_output *output, struct bytes what) {
    enum error error = compression_output_reserve(output, what.size);

    if (error == ERR_NONE && what.size > 0) {
        memcpy(output->data + output->size, what.data, what.size);
        output->size += what.size;
    }
    return error;
}

static enum error compress_by_codec(enum compression codec, int32_t level, struct bytes plain,
                                    struct compression_output *output) {
    switch (codec) {
    case COMPRESSION_NONE:
        return append(output, plain);
    case COMPRESSION_GZIP:
        return gzip_compress(level, plain, output);
    case COMPRESSION_SNAPPY:
        return snappy_xerial_compress(plain, output);
    case COMPRESSION_LZ4:
        return lz4_frame_compress(level, plain, output);
    case COMPRESSION_ZSTD:
        return zstd_compress(level, plain, output);
    }
    check_failed("a codec that exists", __FILE__, __LINE__);
}

static enum error decompress_by_codec(enum compression codec, bool check_lz4_header,
                                      struct bytes compressed, struct compression_output *output) {
    switch (codec) {
    case COMPRESSION_NONE:
        return compressed.size > output->size_max ? ERR_MALFORMED : append(output, compressed);
    case COMPRESSION_GZIP:
        return gzip_decompress(compressed, output);
    case COMPRESSION_SNAPPY:
        return snappy_xerial_decompress(compressed, output);
    case COMPRESSION_LZ4:
        return lz4_frame_decompress(compressed, check_lz4_header, output);
    case COMPRESSION_ZSTD:
        return zstd_decompress(compressed, output);
    }
    return ERR_MALFORMED;
}

enum error compression_compress_behind(size_t prefix_size, enum compression codec, int32_t level,
                                       struct bytes plain, uint8_t **compressed,
                                       size_t *compressed_size) {
    /* No codec doubles its input, so that int sizes hold within. */
    struct compression_output output = {.size = 0, .size_max = SIZE_MAX / 2};
    enum error error;

    if (plain.size > SIZE_BOUND / 2 || prefix_size > SIZE_BOUND / 2)
        return ERR_OUT_OF_MEMORY;
    if ((error = compression_output_reserve(&output, prefix_size)) != ERR_NONE)
        goto out;
    output.size = prefix_size;
    if ((error = compress_by_codec(codec, level, plain, &output)) != ERR_NONE)
        goto out;
    *compressed = output.data;
    *compressed_size = output.size;
    output.data = NULL; /* handed over */
out:
    free(output.data);
    return error;
}

enum error compression_compress(enum compression codec, int32_t level, struct bytes plain,
                                uint8_t **compressed, size_t *compressed_size) {
    return compression_compress_behind(0, codec, level, plain, compressed, compressed_size);
}

static enum error decompress(enum compression codec, bool check_lz4_header, struct bytes compressed,
                             size_t bytes_max, uint8_t **plain, size_t *plain_size) {
    struct compression_output output = {.size_max =
                                            bytes_max < SIZE_BOUND ? bytes_max : SIZE_BOUND};
    enum error error;

    if (compressed.size > SIZE_BOUND)
        return ERR_MALFORMED;
    if ((error = compression_output_reserve(&output, 0)) != ERR_NONE)
        goto out;
    if ((error = decompress_by_codec(codec, check_lz4_header, compressed, &output)) != ERR_NONE)
        goto out;
    CHECK(output.size <= output.size_max);
    *plain = output.data;
    *plain_size = output.size;
    output.data = NULL; /* handed over */
out:
    free(output.data);
    return error;
}

enum error compression_decompress(enum compression codec, struct bytes compressed, size_t bytes_max,
                                  uint8_t **plain, size_t *plain_size) {
    return decompress(codec, true, compressed, bytes_max, plain, plain_size);
}

enum error compression_decompress_lz4_magic_0(struct bytes compressed, size_t bytes_max,
                                              uint8_t **plain, size_t *plain_size) {
    return decompress(COMPRESSION_LZ4, false, compressed, bytes_max, plain, plain_size);
}

enum error compression_compress_lz4_magic_0(struct bytes plain, uint8_t **compressed,
                                            size_t *compressed_size) {
    enum error error = compression_compress(COMPRESSION_LZ4, COMPRESSION_LEVEL_DEFAULT, plain,
                                            compressed, compressed_size);

    if (error == ERR_NONE)
        lz4_frame_stamp_magic_0_checksum(*compressed);
    return error;
}
