/*
 * Turns stored batches into message sets of magic 0 or 1, for consumers before Kafka 0.11. What
 * those have no room for is left out: headers, producers, control batches.
 *
 * Pure. Threads: any. Source: Apache Kafka 3.9, RecordsUtil.downConvert.
 */
#ifndef BROKER_LOG_DOWN_CONVERSION_H
#define BROKER_LOG_DOWN_CONVERSION_H

#include "client/wire/message_set_builder.h"

struct down_conversion {
    struct bytes stored;    /* batches of any magic; a torn one at the end is left out */
    int8_t magic;           /* 0 or 1; what is not above it is kept as it is */
    int64_t first_offset;   /* records below it are left out, but of compressed batches */
    size_t plain_bytes_max; /* of what one batch may decompress to */

    struct message_set_builder set; /* the result; the caller ends it with _done */
    int64_t next_offset;            /* behind the last whole batch; -1: there was none */
};

/* Errors: CORRUPT_MESSAGE, INVALID_RECORD, UNSUPPORTED_COMPRESSION_TYPE (zstd, which no old
 * consumer knows), OUT_OF_MEMORY. */
MUST_CHECK enum error down_convert(struct down_conversion *conversion);

#endif
