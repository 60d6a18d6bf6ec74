/*
 * How long to wait so that so many bytes per second are not passed.
 *
 * Each use costs time; what was not used is not saved up. So the rate holds over any stretch of
 * time, but for one use at a time.
 *
 * Pure: the time is passed in, monotonic ms. Threads: one at a time.
 */
#ifndef BROKER_REPLICA_IO_THROTTLE_H
#define BROKER_REPLICA_IO_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

struct io_throttle {
    double bytes_per_second; /* not positive: no bound */
    double free_at_ms;       /* when what was used is paid for */
};

/* `bytes` were used. Returns the ms to wait before the next use. */
int64_t io_throttle_use(struct io_throttle *throttle, size_t bytes, int64_t now_ms);

#endif
