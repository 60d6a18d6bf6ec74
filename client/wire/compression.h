/*
 * The four codecs of record batches, in Kafka's framings: gzip; snappy in xerial blocks (reading
 * also raw snappy); lz4 frames; zstd.
 *
 * Decompression is bounded by the caller: past `bytes_max` it is MALFORMED, so that a bomb costs
 * no more than that. Contexts are kept per thread.
 * Threads: any. Source: Kafka 3.9, org.apache.kafka.common.compress.
 */
#ifndef CLIENT_WIRE_COMPRESSION_H
#define CLIENT_WIRE_COMPRESSION_H

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

enum compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_GZIP = 1,
    COMPRESSION_SNAPPY = 2,
    COMPRESSION_LZ4 = 3,
    COMPRESSION_ZSTD = 4
};

#define COMPRESSION_LEVEL_DEFAULT INT32_MIN

/* "none", "gzip", "snappy", "lz4", "zstd". */
const char *compression_name(enum compression codec);
bool compression_from_name(const char *name, enum compression *codec);

/* `*compressed` is from malloc. A level outside the codec's range means the nearest; snappy has
 * none. Errors: OUT_OF_MEMORY (also for 1 GiB and more). */
MUST_CHECK enum error compression_compress(enum compression codec, int32_t level,
                                           struct bytes plain, uint8_t **compressed,
                                           size_t *compressed_size);

/* `*plain` is from malloc. MALFORMED: the bytes are not what the codec writes, there is no such
 * codec, or the plain bytes are more than `bytes_max` (or INT32_MAX). OUT_OF_MEMORY. */
MUST_CHECK enum error compression_decompress(enum compression codec, struct bytes compressed,
                                             size_t bytes_max, uint8_t **plain, size_t *plain_size);

#endif
