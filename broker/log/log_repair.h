/*
 * Mending a partition's folder that no broker uses: what a crash would have broken is mended as
 * after a crash, but from the first segment on.
 *
 * Every segment is read whole and cut at the first batch that is damaged, and what comes behind a
 * cut goes; indexes, leader epochs and the snapshot of producers are made anew. What is cut off is
 * lost, unless another replica has it.
 *
 * Threads: any, one per folder.
 */
#ifndef BROKER_LOG_LOG_REPAIR_H
#define BROKER_LOG_LOG_REPAIR_H

#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct disk;

struct log_repair {
    /* So many of bytes_before were read: now and then, on the caller's thread. May be NULL. */
    void (*on_progress)(void *context, const struct log_repair *repair, int64_t bytes_read);
    void *context;
    /* Results. */
    int64_t log_start_offset;
    int64_t log_end_offset;
    int64_t bytes_before; /* of the segments; known before the first on_progress */
    int64_t bytes_after;
};

/* `path` ends in "<topic>-<partition>". Errors: INVALID_TOPIC_EXCEPTION (it does not), the disk's,
 * OUT_OF_MEMORY. */
MUST_CHECK enum error log_repair_partition(struct disk *disk, const char *path,
                                           struct log_repair *repair);

#endif
