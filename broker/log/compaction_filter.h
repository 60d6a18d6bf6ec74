/*
 * What is left of a batch after compaction.
 *
 * A record stays if it lies behind what was compacted, or if it is the newest of its key and is no
 * tombstone whose time has come. A tombstone's time begins when its batch is compacted first: then
 * the batch gets a delete horizon, now + delete.retention.ms, in the place of its base timestamp.
 * Offsets never change: a batch keeps its base offset, last offset and sequence, whatever of it
 * stays; of the newest batch of a producer at least the header stays.
 *
 * Pure. Threads: one at a time.
 * Source: Apache Kafka 3.9, LogCleaner.cleanInto, MemoryRecords.filterTo.
 */
#ifndef BROKER_LOG_COMPACTION_FILTER_H
#define BROKER_LOG_COMPACTION_FILTER_H

#include "broker/log/batch_walk.h"
#include "broker/log/key_offsets.h"

#define COMPACTION_PLAIN_BYTES_MAX                                 \
    ((size_t)128 << 20) /* bound of what one batch decompresses to \
                         */

struct compaction_rules {
    const struct key_offsets *newest;
    int64_t latest_offset; /* up to here `newest` knows all records */
    int64_t now_ms;
    int64_t delete_retention_ms;
    bool keep_legacy_tombstones; /* those of magic 0 and 1, which have no horizon */
};

/* What the batch is beside its records. */
struct compaction_batch {
    const struct stored_batch *batch; /* whole, its CRC checked */
    bool is_discarded;                /* see compaction_transactions_discard */
    bool is_last_of_producer;         /* of a producer that is active */
};

/* Batches one behind the other, as they are to be stored. Start from {0}. */
struct compaction_output {
    uint8_t *data; /* from malloc */
    size_t size;
    size_t capacity;
    uint32_t batch_count;
    struct bytes *kept; /* scratch: the kept records of one batch, encoded */
    int64_t *kept_timestamps;
    size_t kept_capacity;
    int64_t records_read; /* sums */
    int64_t records_kept;
};

void compaction_output_done(struct compaction_output *output);
/* Forgets the batches, keeps memory and sums. */
void compaction_output_clear(struct compaction_output *output);

/* Appends what stays of the batch, if anything does.
 * Errors: CORRUPT_MESSAGE, INVALID_RECORD (the batch's inside is damaged), OUT_OF_MEMORY. */
MUST_CHECK enum error compaction_filter(const struct compaction_rules *rules,
                                        const struct compaction_batch *batch,
                                        struct compaction_output *output);

#endif
