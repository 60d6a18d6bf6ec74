/*
 * What log_compaction.c (which records stay) and log_compaction_swap.c (writing them, and putting
 * them in the place of their sources) share.
 */
#ifndef BROKER_LOG_LOG_COMPACTION_INTERNAL_H
#define BROKER_LOG_LOG_COMPACTION_INTERNAL_H

#include <uthash.h>

#include "broker/log/compaction_aborts.h"
#include "broker/log/compaction_filter.h"
#include "broker/log/key_offsets.h"
#include "broker/log/log_compaction.h"
#include "broker/log/log_internal.h"

/* The newest batch of an active producer. */
struct compaction_producer {
    int64_t producer_id;
    int64_t last_data_offset; /* -1: only a marker tells of it */
    int16_t producer_epoch;
    UT_hash_handle by_id;
};

struct log_compaction {
    struct log *log;                  /* a reference */
    struct log_config config;         /* as it was when it began */
    uint32_t truncations;             /* of the log when it began */
    struct segment **segments;        /* references; all, the active one too */
    struct compaction_segment *infos; /* of them */
    struct compaction_log view;
    struct compaction_choice choice;

    const struct compaction_means *means;
    const struct compaction_lock *lock;
    struct compaction_producer *producers;
    struct compaction_aborts aborts;
    struct key_offsets *newest;
    int64_t latest_offset; /* `newest` knows everything up to here */
    size_t unpaced_bytes;
    struct compaction_result result;
};

/* Bytes were read or written. */
MUST_CHECK enum error log_compaction_pace(struct log_compaction *compaction, size_t bytes);

/* A segment in the making. */
struct compaction_target {
    struct log_compaction *compaction;
    struct segment_home home; /* with names that end in ".cleaned" */
    struct mutex lock;        /* what the home needs; nobody else has it */
    struct segment *segment;
    struct compaction_output output;
    struct compaction_aborts aborts; /* of the ABORT markers in it */
};

MUST_CHECK enum error compaction_target_begin(struct compaction_target *target,
                                              struct log_compaction *compaction,
                                              int64_t base_offset);
/* Writes what is in the output, if that is enough or `all` is wanted. */
MUST_CHECK enum error compaction_target_write(struct compaction_target *target, bool all);
/* Makes it complete and durable. `modified_ms` is what the file says of its last change. */
MUST_CHECK enum error compaction_target_finish(struct compaction_target *target,
                                               int64_t modified_ms);
/* Puts it in the place of sources [first, first + count). Takes the partition's lock. Errors:
 * CANCELLED (the log was cut), the disk's. `*swapped` is false, and nothing changed, if a source is
 * gone. */
MUST_CHECK enum error compaction_target_swap(struct compaction_target *target, size_t first,
                                             size_t count, bool *swapped);
/* Removes what is left of it. */
void compaction_target_done(struct compaction_target *target);

#endif
