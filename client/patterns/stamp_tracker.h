/*
 * Which numbers of a sequence were seen: all below `next`, but for those in the gaps.
 *
 * Pure. Gaps are ascending and do not touch. Their number is bounded: beyond, the oldest is
 * forgotten, and its numbers stay counted as missing.
 */
#ifndef CLIENT_PATTERNS_STAMP_TRACKER_H
#define CLIENT_PATTERNS_STAMP_TRACKER_H

#include <barnabas/stamps.h>

#include "client/base/check.h"
#include "client/base/error.h"

#define STAMP_GAPS_MAX 1000

struct stamp_gap {
    uint64_t first;
    uint64_t end; /* exclusive */
};

struct stamp_tracker {
    uint64_t next;
    uint64_t received;
    uint64_t missing;
    uint64_t duplicated;
    uint64_t reordered;
    struct stamp_gap *gaps;
    size_t gap_count;
    size_t gap_capacity;
};

void stamp_tracker_init(struct stamp_tracker *tracker, uint64_t next);
void stamp_tracker_done(struct stamp_tracker *tracker);

/* OUT_OF_MEMORY: nothing changed. */
MUST_CHECK enum error stamp_tracker_take(struct stamp_tracker *tracker, uint64_t sequence,
                                         enum barnabas_stamp_verdict *verdict);

#endif
