/*
 * What a clean stop tells of the logs of a directory, so that the next start need not open them.
 *
 *   <log directory>/.barnabas_logs
 *
 *   0\n                                    format version
 *   1835021 1764445000123456789\n          inode and change time (ns) of .kafka_cleanshutdown
 *   1\n                                    number of logs
 *   orders 0 Qk... 1835077 0 0 1500 98304 2 0 0 3 700\n
 *                                          topic partition topic_id folder's inode
 * first_base_offset log_start_offset log_end_offset bytes number of leader epochs (epoch
 * start_offset)... 2895908407\n                           CRC-32C of everything before
 *
 * INVARIANT: it is believed only beside the very marker of a clean stop that it was written after.
 * Whoever opens the directory takes that marker away before anything changes, as Apache Kafka does;
 * so a summary that fits its marker is true, but for what was done to the files by hand. That is
 * found when a log is opened: see log_open.c.
 *
 * Apache Kafka ignores the file. Pure.
 */
#ifndef BROKER_LOG_SHUTDOWN_SUMMARY_H
#define BROKER_LOG_SHUTDOWN_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "broker/log/leader_epochs.h"
#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

#define SHUTDOWN_SUMMARY_FILE       ".barnabas_logs"
#define SHUTDOWN_SUMMARY_BYTES_MAX  ((size_t)256 << 20)
#define SHUTDOWN_SUMMARY_EPOCHS_MAX 32 /* a log with more is left out */

/* Of the marker's file. */
struct marker_identity {
    uint64_t inode;
    int64_t changed_ns;
};

struct summarised_log {
    struct bytes topic;
    int32_t partition;
    struct uuid topic_id;      /* zero: none */
    uint64_t folder_inode;     /* another folder of that name is not what was closed */
    int64_t first_base_offset; /* of the first segment */
    int64_t start_offset;
    int64_t end_offset;
    int64_t size; /* of all segments */
    struct epoch_start *epochs;
    size_t epoch_count;
};

struct shutdown_summary {
    struct marker_identity marker;
    struct summarised_log *logs;
    size_t count;
};

/* `*text` is from malloc. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error shutdown_summary_encode(const struct shutdown_summary *summary, char **text,
                                              size_t *size);

/* Into `arena`; topics are views into `text`. The logs are sorted then by topic and partition.
 * Errors: DISK_CORRUPT (also for a partition that is there twice), OUT_OF_MEMORY. */
MUST_CHECK enum error shutdown_summary_parse(struct bytes text, struct arena *arena,
                                             struct shutdown_summary *summary);

/* NULL: it is not there. */
const struct summarised_log *shutdown_summary_find(const struct shutdown_summary *summary,
                                                   struct bytes topic, int32_t partition);

#endif
