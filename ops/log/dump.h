/*
 * Prints what a file of a data directory holds, one line per batch, record or entry, in the words
 * of kafka-dump-log.
 *
 * Threads: one at a time. Source: Apache Kafka 3.9, DumpLogSegments.
 */
#ifndef OPS_LOG_DUMP_H
#define OPS_LOG_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct dump {
    FILE *out;
    bool records;  /* every record of a .log, too */
    bool contents; /* with its key and value */
};

/* By the suffix of `path`: .log, .index, .timeindex, .txnindex, .snapshot.
 * Errors: INVALID_REQUEST (another suffix), DISK_CORRUPT (what could be read was printed), the
 * disk's (a missing file is DISK_FAILED), OUT_OF_MEMORY. */
MUST_CHECK enum error dump_file(const struct dump *dump, const char *path);

#endif
