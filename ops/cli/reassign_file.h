/*
 * A reassignment as Kafka's tool writes and reads it:
 *
 *   {"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2],
 *                                  "log_dirs": ["any", "any"]}, ...]}
 *
 * "log_dirs" may be missing. Source: Kafka 3.9, ReassignPartitionsCommand.
 */
#ifndef OPS_CLI_REASSIGN_FILE_H
#define OPS_CLI_REASSIGN_FILE_H

#include "ops/cli/broker_list.h"

struct reassign_file_row {
    char topic[256];
    int32_t partition;
    struct broker_list replicas;
};

struct reassign_file {
    struct reassign_file_row *rows; /* by topic and partition; none twice */
    size_t count;
};

/* False after a complaint; to be freed in any case. Named directories are refused: `partition
 * move-dir` moves replicas into them. */
bool reassign_file_read(const char *path, struct reassign_file *file);
void reassign_file_free(struct reassign_file *file);

/* NULL: it is not named. */
const struct reassign_file_row *reassign_file_find(const struct reassign_file *file,
                                                   const char *topic, int32_t partition);

#endif
