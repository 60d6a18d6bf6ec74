/*
 * A replica's log in the simulation: for each offset a record, which is its leader epoch and a
 * number that no other record has. What was not flushed can be lost when the process dies.
 */
#ifndef TESTS_SIMULATION_MODEL_LOG_H
#define TESTS_SIMULATION_MODEL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_record {
    uint64_t number;
    int32_t leader_epoch;
};

/* All zero: empty. */
struct model_log {
    struct model_record *records; /* owned */
    int64_t end, capacity;
    int64_t flushed; /* what lies before survives a crash */
};

void model_log_done(struct model_log *log);
void model_log_append(struct model_log *log, struct model_record record);
void model_log_truncate(struct model_log *log, int64_t end);

/* The epoch of the last record, -1 if there is none. */
int32_t model_log_last_epoch(const struct model_log *log);
/* The largest epoch not above `leader_epoch`, and where it ends. Older than all known: itself, and
 * the start of the log, as leader_epochs_end. -1 and 0 for an empty log. */
int32_t model_log_epoch_end(const struct model_log *log, int32_t leader_epoch, int64_t *end);
/* How many of the first records are the same in both. */
int64_t model_log_common(const struct model_log *a, const struct model_log *b);

#endif
