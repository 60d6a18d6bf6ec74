/*
 * Kafka's checkpoint files: lines of numbers under a version and a count.
 *
 *   0\n                          format version
 *   2\n                          number of entries
 *   orders 0 1500\n              topic partition offset   (one file per data directory)
 *   orders 1 0\n
 *
 * or "epoch start_offset" in leader-epoch-checkpoint. Replaced as a whole, by rename. An empty
 * file has no entries.
 *
 * Threads: one writer per file at a time.
 * Source: Apache Kafka 3.9, CheckpointFile, OffsetCheckpointFile, LeaderEpochCheckpointFile.
 */
#ifndef BROKER_LOG_CHECKPOINT_FILE_H
#define BROKER_LOG_CHECKPOINT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define CHECKPOINT_FILE_BYTES_MAX (256 * 1024 * 1024)

struct disk;

struct offset_checkpoint {
    struct bytes topic;
    int32_t partition;
    int64_t offset; /* >= 0 */
    int32_t line;   /* counted from 0; set by reading */
};

/* Reads all entries into `arena`; a missing file has none. Repeated partitions stay repeated: the
 * last one counts. Errors: DISK_CORRUPT, DISK_FAILED, OUT_OF_MEMORY. */
MUST_CHECK enum error offset_checkpoint_read(struct disk *disk, const char *path,
                                             struct arena *arena,
                                             struct offset_checkpoint **entries, size_t *count);

/* Parses the content of such a file. Errors: DISK_CORRUPT, OUT_OF_MEMORY. */
MUST_CHECK enum error offset_checkpoint_parse(struct bytes text, struct arena *arena,
                                              struct offset_checkpoint **entries, size_t *count);

/* Durable when it returns. */
MUST_CHECK enum error offset_checkpoint_write(struct disk *disk, const char *path,
                                              const struct offset_checkpoint *entries,
                                              size_t count);

/* For the parsers of both kinds: takes lines and fields off the front of a text. All return false
 * at the end, or where the text does not go on as expected. */
bool checkpoint_take_header(struct bytes *text, int64_t *count);
/* A decimal number in [min, max], followed by `end`, which is taken too. */
bool checkpoint_take_number(struct bytes *text, int64_t min, int64_t max, char end,
                            int64_t *number);

#endif
