/*
 * LZ4 frames, little-endian:
 *
 *     04 22 4d 18 | FLG | BD | [content size u64] | HC | { block size u32 | block | [checksum] }...
 *     | 0 u32 | [content checksum u32]
 *
 * FLG: version 01 in bits 7-6, independent blocks in 5, block checksums in 4, content size in 3,
 * content checksum in 2, 0 in 1, dictionary in 0. BD: code of the largest block in bits 6-4. HC:
 * the second byte of the XXH32 of what lies between the magic number and itself. The high bit of
 * a block size says that the block is stored as it is.
 *
 * We write independent blocks of 64 KiB without checksums, as Java does (a batch has its CRC).
 * Like Java's reader we refuse linked blocks and dictionaries, pass over the content size and
 * its checksum, and ignore what follows the frame. liblz4's own frame reader accepts the former
 * and is strict about the latter, so that only its block functions are used.
 * Source: LZ4 frame format 1.6; Kafka 3.9, Lz4BlockInputStream.
 */
#include <endian.h>
#include <lz4.h>
#include <lz4hc.h>
#include <stdlib.h>

#include "client/wire/compression.h"
#include "client/wire/compression_codec.h"

#define FRAME_MAGIC          0x184d2204u
#define FLG_VERSION_MASK     0xc0
#define FLG_VERSION          0x40
#define FLG_INDEPENDENT      0x20
#define FLG_BLOCK_CHECKSUM   0x10
#define FLG_CONTENT_SIZE     0x08
#define FLG_RESERVED         0x02
#define FLG_DICTIONARY       0x01
#define BD_CODE_SHIFT        4
#define BD_CODE_MASK         0x70
#define BD_CODE_MIN          4 /* 64 KiB; each further code is four times as much */
#define CONTENT_SIZE_BYTES   8
#define HEADER_BYTES_MIN     7
#define BLOCK_SIZE_BYTES     4
#define BLOCK_CHECKSUM_BYTES 4
#define BLOCK_STORED         0x80000000u
#define BLOCK_BYTES_WRITTEN  65536
#define BLOCK_EXPANSION_MAX  255 /* a block of n bytes holds at most n * this many plain ones */

/* Kafka takes its default level, 9, to mean the fast compressor. */
#define LEVEL_DEFAULT 9

static uint32_t load_little_endian(const uint8_t *from) {
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return le32toh(value);
}

static void store_little_endian(uint8_t *to, uint32_t value) {
    value = htole32(value);
    memcpy(to, &value, sizeof(value));
}

#define XXH32_PRIME_1 2654435761u
#define XXH32_PRIME_2 2246822519u
#define XXH32_PRIME_3 3266489917u
#define XXH32_PRIME_4 668265263u
#define XXH32_PRIME_5 374761393u

static uint32_t rotate_left(uint32_t value, int bits) {
    return (value << bits) | (value >> (32 - bits));
}

/* With seed 0. Source: the xxHash specification. */
static uint32_t xxh32(struct bytes of) {
    const uint8_t *next = of.data;
    size_t left = of.size;
    uint32_t hash = XXH32_PRIME_5;

    if (left >= 16) {
        uint32_t lanes[4] = {XXH32_PRIME_1 + XXH32_PRIME_2, XXH32_PRIME_2, 0, -XXH32_PRIME_1};

        for (; left >= 16; next += 16, left -= 16) {
            for (int i = 0; i < 4; i++) {
                lanes[i] += load_little_endian(next + 4 * i) * XXH32_PRIME_2;
                lanes[i] = rotate_left(lanes[i], 13) * XXH32_PRIME_1;
            }
        }
        hash = rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) + rotate_left(lanes[2], 12) +
               rotate_left(lanes[3], 18);
    }
    hash += (uint32_t)of.size;
    for (; left >= 4; next += 4, left -= 4)
        hash = rotate_left(hash + load_little_endian(next) * XXH32_PRIME_3, 17) * XXH32_PRIME_4;
    for (; left > 0; next++, left--)
        hash = rotate_left(hash + *next * XXH32_PRIME_5, 11) * XXH32_PRIME_1;
    hash = (hash ^ (hash >> 15)) * XXH32_PRIME_2;
    hash = (hash ^ (hash >> 13)) * XXH32_PRIME_3;
    return hash ^ (hash >> 16);
}

static uint8_t descriptor_checksum(struct bytes descriptor) {
    return (uint8_t)(xxh32(descriptor) >> 8);
}

static void *high_state_of_thread(void) {
    struct compression_context *context = compression_context_of_thread();

    if (context == NULL)
        return NULL;
    if (context->lz4_high == NULL)
        context->lz4_high = malloc((size_t)LZ4_sizeofStateHC());
    return context->lz4_high;
}

/* Appends one block; `high_state` NULL means the fast compressor. The room is there. */
static void block_compress(void *high_state, int32_t level, struct bytes plain,
                           struct compression_output *output) {
    uint8_t *at = output->data + output->size;
    char *to = (char *)at + BLOCK_SIZE_BYTES;
    const char *from = (const char *)plain.data;
    int size = (int)plain.size;
    int compressed;

    /* What does not become smaller is stored. */
    if (high_state != NULL)
        compressed = LZ4_compress_HC_extStateHC(high_state, from, to, size, size - 1, (int)level);
    else
        compressed = LZ4_compress_default(from, to, size, size - 1);
    if (compressed > 0) {
        store_little_endian(at, (uint32_t)compressed);
        output->size += BLOCK_SIZE_BYTES + (size_t)compressed;
    } else {
        store_little_endian(at, BLOCK_STORED | (uint32_t)size);
        memcpy(to, plain.data, plain.size);
        output->size += BLOCK_SIZE_BYTES + plain.size;
    }
}

enum error lz4_frame_compress(int32_t level, struct bytes plain,
                              struct compression_output *output) {
    size_t blocks = (plain.size + BLOCK_BYTES_WRITTEN - 1) / BLOCK_BYTES_WRITTEN;
    void *high_state = NULL;
    uint8_t *header;
    enum error error;

    if (level != COMPRESSION_LEVEL_DEFAULT && level != LEVEL_DEFAULT &&
        (high_state = high_state_of_thread()) == NULL)
        return ERR_OUT_OF_MEMORY;
    error = compression_output_reserve(output, HEADER_BYTES_MIN + plain.size +
                                                   (blocks + 1) * BLOCK_SIZE_BYTES);
    if (error != ERR_NONE)
        return error;
    header = output->data + output->size;
    store_little_endian(header, FRAME_MAGIC);
    header[4] = FLG_VERSION | FLG_INDEPENDENT;
    header[5] = BD_CODE_MIN << BD_CODE_SHIFT;
    header[6] = descriptor_checksum(bytes_of(header + 4, 2));
    output->size += HEADER_BYTES_MIN;
    while (plain.size > 0) {
        size_t size = plain.size < BLOCK_BYTES_WRITTEN ? plain.size : BLOCK_BYTES_WRITTEN;

        block_compress(high_state, level, bytes_of(plain.data, size), output);
        plain = bytes_of(plain.data + size, plain.size - size);
    }
    store_little_endian(output->data + output->size, 0);
    output->size += BLOCK_SIZE_BYTES;
    return ERR_NONE;
}

void lz4_frame_stamp_magic_0_checksum(uint8_t *frame) {
    frame[6] = descriptor_checksum(bytes_of(frame, 6));
}

struct frame {
    size_t block_bytes_max;
    size_t block_checksum_bytes; /* 0 or 4 */
};

/* Takes the header off the front of `*rest`. */
static bool frame_take_header(struct bytes *rest, bool check_header, struct frame *frame) {
    size_t size = HEADER_BYTES_MIN;
    uint8_t flags;
    int code;

    if (rest->size < HEADER_BYTES_MIN || load_little_endian(rest->data) != FRAME_MAGIC)
        return false;
    flags = rest->data[4];
    if ((flags & FLG_VERSION_MASK) != FLG_VERSION || (flags & FLG_INDEPENDENT) == 0 ||
        (flags & (FLG_RESERVED | FLG_DICTIONARY)) != 0)
        return false;
    code = rest->data[5] >> BD_CODE_SHIFT;
    if ((rest->data[5] & ~BD_CODE_MASK) != 0 || code < BD_CODE_MIN)
        return false;
    if ((flags & FLG_CONTENT_SIZE) != 0)
        size += CONTENT_SIZE_BYTES;
    if (rest->size < size)
        return false;
    if (check_header &&
        descriptor_checksum(bytes_of(rest->data + 4, size - 5)) != rest->data[size - 1])
        return false;
    frame->block_bytes_max = (size_t)BLOCK_BYTES_WRITTEN << (2 * (code - BD_CODE_MIN));
    frame->block_checksum_bytes = (flags & FLG_BLOCK_CHECKSUM) != 0 ? BLOCK_CHECKSUM_BYTES : 0;
    *rest = bytes_of(rest->data + size, rest->size - size);
    return true;
}

static enum error block_decompress(const struct frame *frame, struct bytes block, bool stored,
                                   struct compression_output *output) {
    size_t room = output->size_max - output->size;
    size_t size_max = block.size;
    enum error error;
    int size;

    if (!stored) {
        size_max = block.size * BLOCK_EXPANSION_MAX;
        if (size_max > frame->block_bytes_max)
            size_max = frame->block_bytes_max;
        if (size_max > room)
            size_max = room;
    } else if (size_max > room) {
        return ERR_MALFORMED;
    }
    if ((error = compression_output_reserve(output, size_max)) != ERR_NONE)
        return error;
    if (stored) {
        memcpy(output->data + output->size, block.data, block.size);
        output->size += block.size;
        return ERR_NONE;
    }
    size = LZ4_decompress_safe((const char *)block.data, (char *)output->data + output->size,
                               (int)block.size, (int)size_max);
    if (size < 0)
        return ERR_MALFORMED;
    output->size += (size_t)size;
    return ERR_NONE;
}

enum error lz4_frame_decompress(struct bytes compressed, bool check_header,
                                struct compression_output *output) {
    struct bytes rest = compressed;
    struct frame frame;
    enum error error;

    if (!frame_take_header(&rest, check_header, &frame))
        return ERR_MALFORMED;
    while (rest.size >= BLOCK_SIZE_BYTES) {
        uint32_t word = load_little_endian(rest.data);
        size_t size = word & ~BLOCK_STORED;
        struct bytes block;

        rest = bytes_of(rest.data + BLOCK_SIZE_BYTES, rest.size - BLOCK_SIZE_BYTES);
        if (size == 0)
            return ERR_NONE;
        if (size > frame.block_bytes_max || size + frame.block_checksum_bytes > rest.size)
            return ERR_MALFORMED;
        block = bytes_of(rest.data, size);
        if (frame.block_checksum_bytes != 0 && load_little_endian(rest.data + size) != xxh32(block))
            return ERR_MALFORMED;
        error = block_decompress(&frame, block, (word & BLOCK_STORED) != 0, output);
        if (error != ERR_NONE)
            return error;
        rest = bytes_of(rest.data + size + frame.block_checksum_bytes,
                        rest.size - size - frame.block_checksum_bytes);
    }
    return ERR_MALFORMED; /* it ends before its end */
}
