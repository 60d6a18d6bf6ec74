/*
 * The aborted transactions of a part of a log, as its transaction indexes tell them, and the index
 * of a compacted segment.
 *
 *   .txnindex: entries of 34 bytes: i16 version = 0, i64 producer_id, i64 first_offset,
 *              i64 last_offset, i64 last_stable_offset
 *
 * Threads: any. Source: Apache Kafka 3.9, TransactionIndex, AbortedTxn.
 */
#ifndef BROKER_LOG_COMPACTION_ABORTS_H
#define BROKER_LOG_COMPACTION_ABORTS_H

#include "broker/log/compaction_transactions.h"
#include "broker/log/disk.h"

/* Start from {0}; `aborts` is from malloc. */
struct compaction_aborts {
    struct compaction_abort *aborts;
    size_t count;
    size_t capacity;
};

void compaction_aborts_done(struct compaction_aborts *aborts);
MUST_CHECK enum error compaction_aborts_add(struct compaction_aborts *aborts,
                                            const struct compaction_abort *abort);

/* Adds those of one index file; a missing file has none. Errors: DISK_CORRUPT, the disk's,
 * OUT_OF_MEMORY. */
MUST_CHECK enum error compaction_aborts_read(struct compaction_aborts *aborts, struct disk *disk,
                                             const char *path);

/* Writes all of them to a new file, durably but for its name. */
MUST_CHECK enum error compaction_aborts_write(const struct compaction_aborts *aborts,
                                              struct disk *disk, const char *path);

#endif
