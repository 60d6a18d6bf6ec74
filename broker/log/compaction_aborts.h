/*
 * The aborted transactions of a part of a log, and the transaction index of a compacted segment.
 *
 * Threads: one at a time. Source: Apache Kafka 3.9, TransactionIndex.
 */
#ifndef BROKER_LOG_COMPACTION_ABORTS_H
#define BROKER_LOG_COMPACTION_ABORTS_H

#include "broker/log/disk.h"
#include "broker/log/segment.h"

/* Start from {0}; `aborts` is from malloc. */
struct compaction_aborts {
    struct aborted_transaction *aborts;
    size_t count;
    size_t capacity;
};

void compaction_aborts_done(struct compaction_aborts *aborts);
MUST_CHECK enum error compaction_aborts_add(struct compaction_aborts *aborts,
                                            const struct aborted_transaction *abort);

/* Adds those of one segment. Any thread. Errors: DISK_CORRUPT, the disk's, OUT_OF_MEMORY. */
MUST_CHECK enum error compaction_aborts_read(struct compaction_aborts *aborts,
                                             const struct segment_home *home,
                                             struct segment *segment);

/* Writes all of them to a new file, durably but for its name. */
MUST_CHECK enum error compaction_aborts_write(const struct compaction_aborts *aborts,
                                              struct disk *disk, const char *path);

#endif
