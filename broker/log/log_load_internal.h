/*
 * What log_load.c and log_recovery.c share; nobody else includes this.
 */
#ifndef BROKER_LOG_LOG_LOAD_INTERNAL_H
#define BROKER_LOG_LOG_LOAD_INTERNAL_H

#include "broker/log/log_internal.h"

struct folder;

struct loading {
    struct log *log;
    const struct log_load_options *options;
    const struct folder *folder;
    int64_t expected_offset; /* the next segment's batches begin here or later */
    int64_t recovered_from;  /* base of the first segment that was recovered; INT64_MAX: none */
    int64_t cut_bytes;
    int segments_removed;
    bool was_cut;
    bool follows_producers;             /* all batches from recovered_from on */
    struct producers_rebuild producers; /* begun, if it does or did */
};

/* Reads the segment whole: it ends before the first batch that is damaged or does not belong there
 * (`was_cut`), and gets new indexes, as do leader epochs. `next_base`: of the next segment, -1 if
 * it is the last. `behind_point`: it holds or follows the recovery point, and so do all that are
 * still to come; producers are followed, too. Indexes then are written in place, since the next
 * crash has them made anew. Errors: the disk's, OUT_OF_MEMORY. */
MUST_CHECK enum error log_recover_segment(struct loading *loading, struct segment *segment,
                                          const struct segment_sizes *sizes, int64_t next_base,
                                          bool behind_point);

#endif
