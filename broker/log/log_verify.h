/*
 * Looking at a partition's folder, or a data directory, without changing a byte: is every file what
 * its format says, and do they agree with each other?
 *
 * It is for directories that no broker uses: what is being written looks damaged.
 * Threads: any, one per call.
 */
#ifndef BROKER_LOG_LOG_VERIFY_H
#define BROKER_LOG_LOG_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct disk;

/* One thing that is not as it should be. `position` is that in the file, or -1. Valid during the
 * call. */
struct log_finding {
    const char *path;
    int64_t position;
    const char *problem;
};

struct log_verify {
    struct disk *disk;
    void (*on_finding)(void *context, const struct log_finding *finding);
    void (*on_segment)(void *context); /* after each, to tell how far it is; may be NULL */
    void *context;
    /* Sums; zero at first. */
    int64_t findings;
    int64_t partitions;
    int64_t segments;
    int64_t batches;
    int64_t records;
    int64_t bytes;
};

/* A folder that holds segments. Errors: the disk's, OUT_OF_MEMORY; what is found is no error. */
MUST_CHECK enum error log_verify_partition(struct log_verify *verify, const char *path);

/* A data directory with all its partitions. Errors: as above. */
MUST_CHECK enum error log_verify_directory(struct log_verify *verify, const char *path);

/* The same for one that `path` is, told by its content. */
MUST_CHECK enum error log_verify_path(struct log_verify *verify, const char *path);

#endif
