/*
 * Checks what a producer sent, in Kafka's order, and gives the batch the form in which it will be
 * stored, all but its offset and leader epoch.
 *
 * One batch of magic 2 is accepted, or a message set of magic 0 or 1, which becomes one (see
 * up_conversion.h). Uncompressed records are walked always: their number,
 * lengths, offset deltas and timestamps. Compressed ones are opened only where a rule demands it
 * (compaction's keys, bounds of timestamps, another codec, validate_compressed_records); else the
 * CRC has to do, which proves that they are what their producer sent.
 *
 * Pure: no disk, no clock. Threads: any.
 * Source: Apache Kafka 3.9, UnifiedLog.analyzeAndValidateRecords, LogValidator.
 */
#ifndef BROKER_LOG_APPEND_CHECK_H
#define BROKER_LOG_APPEND_CHECK_H

#include "broker/log/log.h"
#include "client/wire/record_batch.h"

struct append_checked {
    uint8_t *data; /* what to write: `records` itself, or `rebuilt` */
    size_t size;
    uint8_t *rebuilt;          /* from malloc, or NULL; the caller frees it */
    struct record_batch batch; /* decoded; its views point into data */
};

/* `records` is changed in place where that suffices. Fills record_errors, message,
 * log_append_time and max_timestamp of the result. Errors: those of log_append_as_leader up to the
 * check of the producer. */
MUST_CHECK enum error append_check(uint8_t *records, size_t size, const struct log_config *config,
                                   enum log_append_origin origin, int64_t now_ms,
                                   struct arena *arena, struct append_checked *checked,
                                   struct log_append_result *result);

#endif
