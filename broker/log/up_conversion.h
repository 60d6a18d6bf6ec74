/*
 * Turns what producers before Kafka 0.11 send, message sets of magic 0 or 1, into one batch of
 * magic 2.
 *
 * Pure. Threads: any. Source: Apache Kafka 3.9, LogValidator, UnifiedLog.analyzeAndValidateRecords.
 */
#ifndef BROKER_LOG_UP_CONVERSION_H
#define BROKER_LOG_UP_CONVERSION_H

#include "client/wire/message_set.h"

struct up_conversion {
    struct bytes set;         /* as it came; a torn entry at its end is cut off in silence */
    size_t message_bytes_max; /* of an entry as it came */
    size_t set_bytes_max;     /* of all entries as they came */
    size_t plain_bytes_max;   /* of what may come out */

    uint8_t *batch; /* from malloc: uncompressed, offsets from 0, no producer */
    size_t batch_size;
    enum compression codec; /* of the set */
    const char *message;    /* static: why it was refused */
};

/* Whether these are the first bytes of a message set. */
bool up_conversion_applies(struct bytes records);

/* Errors: CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP (a producer claims LogAppendTime),
 * MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, OUT_OF_MEMORY. */
MUST_CHECK enum error up_convert(struct up_conversion *conversion);

#endif
