/*
 * What compaction did last, and what there is to do.
 *
 * Threads: the cleaner's threads write, any reads.
 */
#ifndef BROKER_REPLICA_CLEANER_COUNTERS_H
#define BROKER_REPLICA_CLEANER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct cleaner_counters {
    _Atomic int64_t looked_ms;      /* monotonic: of the last look for dirty logs; 0: none yet */
    _Atomic int64_t dirty_permille; /* of the dirtiest log that it found */
    _Atomic int64_t duration_ms;    /* of the last pass; 0: none yet */
    _Atomic int64_t kept_permille;  /* bytes that it kept of those that it read */
    _Atomic uint64_t passes;        /* in all */
};

#endif
