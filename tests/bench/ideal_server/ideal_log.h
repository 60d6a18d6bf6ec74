/*
 * A file of record batches with an index in memory: no segments, no recovery, no locks.
 *
 * Threads: one.
 */
#ifndef TESTS_BENCH_IDEAL_SERVER_IDEAL_LOG_H
#define TESTS_BENCH_IDEAL_SERVER_IDEAL_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/error.h"

struct ideal_batch {
    int64_t offset;
    int64_t position;
};

struct ideal_log {
    char name[128];
    int fd;
    int64_t size;        /* bytes */
    int64_t next_offset; /* the log end */
    struct ideal_batch *batches;
    size_t batch_count, batch_capacity;
};

/* Makes an empty one in `folder`; ends the program if it cannot. */
void ideal_log_open(struct ideal_log *log, const char *folder, const char *name, size_t name_size);

/* Checks CRC and record count of each batch, stamps offsets in place, writes. Errors: those of the
 * batch. Ends the program if the disk fails. */
enum error ideal_log_append(struct ideal_log *log, uint8_t *records, size_t size,
                            int64_t *base_offset);

/* Whole batches from that with `offset` on, at least one; 0: there is none. */
size_t ideal_log_find(const struct ideal_log *log, int64_t offset, size_t bytes_max,
                      int64_t *position);

#endif
