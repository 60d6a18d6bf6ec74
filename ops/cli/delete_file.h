/*
 * Which records are to be deleted, as Kafka's tool reads it:
 *
 *   {"version": 1, "partitions": [{"topic": "t", "partition": 0, "offset": 10}, ...]}
 *
 * The offset is that of the first record to stay; -1: none. "version" may be missing.
 * Source: Kafka 3.9, DeleteRecordsCommand.
 */
#ifndef OPS_CLI_DELETE_FILE_H
#define OPS_CLI_DELETE_FILE_H

#include "ops/cli/group_lines.h"

/* Adds its lines. False after a complaint. */
bool delete_file_read(const char *path, struct group_lines *lines);

#endif
