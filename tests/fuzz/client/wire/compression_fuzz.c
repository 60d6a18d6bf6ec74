/*
 * The first byte chooses the codec; what follows is decompressed as a stream of that codec, and
 * also taken for plain bytes that must survive the round trip.
 */
#include <stdlib.h>

#include "client/wire/compression_codec.h"

#define PLAIN_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decompress(enum compression codec, struct bytes compressed) {
    uint8_t *plain;
    size_t plain_size;

    if (compression_decompress(codec, compressed, PLAIN_BYTES_MAX, &plain, &plain_size) ==
        ERR_NONE) {
        CHECK(plain_size <= PLAIN_BYTES_MAX);
        free(plain);
    }
    if (codec == COMPRESSION_LZ4 &&
        compression_decompress_lz4_magic_0(compressed, PLAIN_BYTES_MAX, &plain, &plain_size) ==
            ERR_NONE)
        free(plain);
}

static void round_trip(enum compression codec, struct bytes plain) {
    uint8_t *compressed;
    size_t compressed_size;
    uint8_t *again;
    size_t again_size;

    if (compression_compress(codec, COMPRESSION_LEVEL_DEFAULT, plain, &compressed,
                             &compressed_size) != ERR_NONE)
        return;
    CHECK(compression_decompress(codec, bytes_of(compressed, compressed_size), plain.size, &again,
                                 &again_size) == ERR_NONE);
    CHECK(bytes_equal(bytes_of(again, again_size), plain));
    free(again);
    free(compressed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum compression codec;

    if (size == 0)
        return 0;
    codec = (enum compression)(data[0] % 8);
    decompress(codec, bytes_of(data + 1, size - 1));
    if (codec <= COMPRESSION_ZSTD)
        round_trip(codec, bytes_of(data + 1, size - 1));
    return 0;
}
