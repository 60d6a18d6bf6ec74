/*
 * Snappy in the framing of the Java library xerial/snappy-java, big-endian:
 *
 *     82 'SNAPPY' 00 | version i32 = 1 | compatible version i32 = 1       the header, 16 bytes
 *     { compressed size i32 | raw snappy block } ...
 *
 * A header may come again where a size is expected: concatenated streams are one stream. What
 * begins with no header is one raw block, as librdkafka and others send it.
 */
#include <snappy-c.h>

#include "client/wire/big_endian.h"
#include "client/wire/compression_codec.h"

#define HEADER_BYTES      16
#define BLOCK_BYTES       ((size_t)32768) /* of plain input, as in Java */
#define SIZE_BYTES        4
#define VERSION           1
#define BYTES_PER_TAG_MAX 32 /* a block of n bytes holds fewer than n * this many plain ones */

static const uint8_t magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

static enum error block_compress(struct bytes plain, struct compression_output *output) {
    size_t size = snappy_max_compressed_length(plain.size);
    enum error error = compression_output_reserve(output, SIZE_BYTES + size);
    uint8_t *at;

    if (error != ERR_NONE)
        return error;
    at = output->data + output->size;
    CHECK(snappy_compress((const char *)plain.data, plain.size, (char *)at + SIZE_BYTES, &size) ==
          SNAPPY_OK);
    big_endian_store_u32(at, (uint32_t)size);
    output->size += SIZE_BYTES + size;
    return ERR_NONE;
}

enum error snappy_xerial_compress(struct bytes plain, struct compression_output *output) {
    size_t blocks = plain.size / BLOCK_BYTES + 1;
    enum error error;

    error = compression_output_reserve(
        output, HEADER_BYTES + blocks * (SIZE_BYTES + snappy_max_compressed_length(0)) +
                    snappy_max_compressed_length(plain.size));
    if (error != ERR_NONE)
        return error;
    memcpy(output->data + output->size, magic, sizeof(magic));
    big_endian_store_u32(output->data + output->size + 8, VERSION);
    big_endian_store_u32(output->data + output->size + 12, VERSION);
    output->size += HEADER_BYTES;
    while (plain.size > 0) {
        size_t size = plain.size < BLOCK_BYTES ? plain.size : BLOCK_BYTES;

        if ((error = block_compress(bytes_of(plain.data, size), output)) != ERR_NONE)
            return error;
        plain = bytes_of(plain.data + size, plain.size - size);
    }
    return ERR_NONE;
}

static enum error block_decompress(struct bytes block, struct compression_output *output) {
    size_t size;
    enum error error;

    if (snappy_uncompressed_length((const char *)block.data, block.size, &size) != SNAPPY_OK)
        return ERR_MALFORMED;
    /* No memory for a size that the block can't hold. */
    if (size > output->size_max - output->size || size / BYTES_PER_TAG_MAX > block.size)
        return ERR_MALFORMED;
    if ((error = compression_output_reserve(output, size)) != ERR_NONE)
        return error;
    if (snappy_uncompress((const char *)block.data, block.size, (char *)output->data + output->size,
                          &size) != SNAPPY_OK)
        return ERR_MALFORMED;
    output->size += size;
    return ERR_NONE;
}

static bool starts_with_magic(struct bytes from) {
    return from.size >= sizeof(magic) && memcmp(from.data, magic, sizeof(magic)) == 0;
}

enum error snappy_xerial_decompress(struct bytes compressed, struct compression_output *output) {
    struct bytes rest = compressed;
    enum error error;

    if (!starts_with_magic(rest))
        return block_decompress(rest, output);
    while (rest.size > 0) {
        size_t size;

        if (starts_with_magic(rest)) {
            if (rest.size < HEADER_BYTES || big_endian_load_u32(rest.data + 8) < VERSION)
                return ERR_MALFORMED;
            rest = bytes_of(rest.data + HEADER_BYTES, rest.size - HEADER_BYTES);
            continue;
        }
        if (rest.size < SIZE_BYTES)
            return ERR_MALFORMED;
        size = big_endian_load_u32(rest.data);
        rest = bytes_of(rest.data + SIZE_BYTES, rest.size - SIZE_BYTES);
        if (size > rest.size)
            return ERR_MALFORMED;
        if ((error = block_decompress(bytes_of(rest.data, size), output)) != ERR_NONE)
            return error;
        rest = bytes_of(rest.data + size, rest.size - size);
    }
    return ERR_NONE;
}
