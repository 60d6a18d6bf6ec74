/*
 * What the codecs of compression.h share: the buffer they write to, and one thread's contexts.
 *
 * A codec appends to an output. When compressing it may assume that `size_max` is no bound;
 * when decompressing it gives MALFORMED rather than let `size` pass `size_max`.
 */
#ifndef CLIENT_WIRE_COMPRESSION_CODEC_H
#define CLIENT_WIRE_COMPRESSION_CODEC_H

#include <zlib.h>
#include <zstd.h>

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/compression.h"

/* As compression_compress; the compressed bytes come behind `prefix_size` bytes left for the
 * caller to fill, and counted. */
MUST_CHECK enum error compression_compress_behind(size_t prefix_size, enum compression codec,
                                                  int32_t level, struct bytes plain,
                                                  uint8_t **compressed, size_t *compressed_size);

/* As compression_decompress with LZ4, for a message of magic 0: old clients computed the
 * checksum of the frame's header over the wrong bytes, so it is not looked at. */
MUST_CHECK enum error compression_decompress_lz4_magic_0(struct bytes compressed, size_t bytes_max,
                                                         uint8_t **plain, size_t *plain_size);

/* As compression_compress with LZ4, for a message of magic 0: with the checksum over those wrong
 * bytes, which is the one that old clients look for. */
MUST_CHECK enum error compression_compress_lz4_magic_0(struct bytes plain, uint8_t **compressed,
                                                       size_t *compressed_size);

struct compression_output {
    uint8_t *data; /* from malloc */
    size_t size;
    size_t capacity; /* size <= capacity <= size_max + 1 */
    size_t size_max;
};

/* Makes room for `more` bytes behind `size`. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error compression_output_reserve(struct compression_output *output, size_t more);

/* For decoders that learn the size only at the end: makes some room, up to one byte past
 * `size_max`, so that a decoder that stops exactly there is told from one that has more to say.
 * Errors: MALFORMED (that byte is in use), OUT_OF_MEMORY. */
MUST_CHECK enum error compression_output_extend(struct compression_output *output);

/* What is dear to make and is made once per thread; freed when the thread ends. */
struct compression_context {
    z_stream deflate;
    bool deflate_is_ready;
    int deflate_level; /* of `deflate` */
    z_stream inflate;
    bool inflate_is_ready;
    void *lz4_high; /* state of liblz4's high compressor, or NULL */
    ZSTD_CCtx *zstd_compress;
    ZSTD_DCtx *zstd_decompress;
};

/* NULL if memory is out. */
struct compression_context *compression_context_of_thread(void);

/* Compressing: OUT_OF_MEMORY. Decompressing: MALFORMED, OUT_OF_MEMORY. */
MUST_CHECK enum error gzip_compress(int32_t level, struct bytes plain,
                                    struct compression_output *output);
MUST_CHECK enum error gzip_decompress(struct bytes compressed, struct compression_output *output);
MUST_CHECK enum error snappy_xerial_compress(struct bytes plain, struct compression_output *output);
MUST_CHECK enum error snappy_xerial_decompress(struct bytes compressed,
                                               struct compression_output *output);
MUST_CHECK enum error lz4_frame_compress(int32_t level, struct bytes plain,
                                         struct compression_output *output);
/* Gives a frame that lz4_frame_compress wrote the header checksum of magic 0. */
void lz4_frame_stamp_magic_0_checksum(uint8_t *frame);
MUST_CHECK enum error lz4_frame_decompress(struct bytes compressed, bool check_header,
                                           struct compression_output *output);
MUST_CHECK enum error zstd_compress(int32_t level, struct bytes plain,
                                    struct compression_output *output);
MUST_CHECK enum error zstd_decompress(struct bytes compressed, struct compression_output *output);

#endif
