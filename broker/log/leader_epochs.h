/*
 * Leader epochs of one partition: where each epoch began.
 *
 * Answers "how far did leader N write?", which is how a follower finds the offset to truncate to.
 * Kept in the file leader-epoch-checkpoint, ascending in both columns:
 *
 *   0\n  <number of entries>\n  <epoch> <start offset>\n ...
 *
 * A truncation may reach the disk later; leader_epochs_open repeats it.
 *
 * Threads: callers hold the partition's lock.   Offsets: absolute log offsets.
 * Source: Apache Kafka 3.9, LeaderEpochFileCache; KIP-101, KIP-279.
 */
#ifndef BROKER_LOG_LEADER_EPOCHS_H
#define BROKER_LOG_LEADER_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct disk;
struct leader_epochs;

struct epoch_start {
    int32_t leader_epoch;
    int64_t start_offset;
};

struct epoch_end {
    int32_t leader_epoch; /* -1: unknown */
    int64_t end_offset;   /* first offset after the epoch; -1: unknown */
};

/* Reads the file in directory `dir`; a missing one is an empty cache. `dir` must live on, here and
 * below.
 * Errors: DISK_CORRUPT (unparsable, or entries out of order), DISK_FAILED, OUT_OF_MEMORY. */
MUST_CHECK enum error leader_epochs_open(struct disk *disk, const char *dir,
                                         struct leader_epochs **opened);
/* An empty cache, whatever the file holds: for one that is to be rebuilt from the batches. */
MUST_CHECK enum error leader_epochs_new(struct disk *disk, const char *dir,
                                        struct leader_epochs **created);
/* What the file is known to hold, without reading it. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error leader_epochs_restore(struct disk *disk, const char *dir,
                                            const struct epoch_start *entries, size_t count,
                                            struct leader_epochs **restored);
void leader_epochs_free(struct leader_epochs *epochs); /* accepts NULL */

/* After the directory was renamed. */
void leader_epochs_set_dir(struct leader_epochs *epochs, const char *dir);

/* Notes, in memory, that `leader_epoch` begins at `start_offset`. Nothing happens if it is the
 * latest already. Entries of the tail with an epoch or a start at or above it are contradicted and
 * go. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error leader_epochs_assign(struct leader_epochs *epochs, int32_t leader_epoch,
                                           int64_t start_offset);

/* Makes the file equal to memory before a batch of the newest epoch is written; nothing to do is
 * cheap. Synced, but for the very first entry, which the caller must be able to rebuild from the
 * batches until leader_epochs_sync has run. */
MUST_CHECK enum error leader_epochs_catch_up(struct leader_epochs *epochs, bool *synced);

/* The file does not hold what it was thought to: it is written anew with the next change. */
void leader_epochs_distrust_file(struct leader_epochs *epochs);

/* Makes file and memory equal, durably; nothing to do is cheap. */
MUST_CHECK enum error leader_epochs_sync(struct leader_epochs *epochs);

/* Drops entries with start_offset >= `end_offset`. In memory; the file follows at the next write.
 */
void leader_epochs_truncate_from_end(struct leader_epochs *epochs, int64_t end_offset);

/* Drops entries whose successor starts at or below `start_offset`; the first one kept then starts
 * there. In memory; the file follows at the next write. */
void leader_epochs_truncate_from_start(struct leader_epochs *epochs, int64_t start_offset);

void leader_epochs_clear(struct leader_epochs *epochs);

/* The largest epoch not above `leader_epoch`, and the first offset after it, which is
 * `log_end_offset` for the newest. Older than all known: the start of the oldest known, under the
 * epoch asked for. Newer than all known, or none known: {-1, -1}. */
struct epoch_end leader_epochs_end(const struct leader_epochs *epochs, int32_t leader_epoch,
                                   int64_t log_end_offset);

/* The epoch that `offset` lies in; -1 below the first one. */
int32_t leader_epochs_at(const struct leader_epochs *epochs, int64_t offset);

/* The newest entry, or {-1, -1}. The oldest likewise. */
struct epoch_start leader_epochs_latest(const struct leader_epochs *epochs);
struct epoch_start leader_epochs_earliest(const struct leader_epochs *epochs);

bool leader_epochs_are_equal(const struct leader_epochs *left, const struct leader_epochs *right);

size_t leader_epochs_count(const struct leader_epochs *epochs);
/* `index` < count, ascending. */
struct epoch_start leader_epochs_get(const struct leader_epochs *epochs, size_t index);

#endif
