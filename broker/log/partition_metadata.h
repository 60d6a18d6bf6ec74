/*
 * The file partition.metadata in a partition's directory: which topic id its data belong to.
 *
 *   version: 0\ntopic_id: <22 base64url characters>          no newline at the end
 *
 * Source: Apache Kafka 3.9, PartitionMetadataFile.
 */
#ifndef BROKER_LOG_PARTITION_METADATA_H
#define BROKER_LOG_PARTITION_METADATA_H

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

struct disk;

/* `*topic_id` is zero if there is no file. Errors: DISK_CORRUPT, the disk's. */
MUST_CHECK enum error partition_metadata_read(struct disk *disk, const char *dir,
                                              struct uuid *topic_id);
/* Errors: DISK_CORRUPT (also for a zero id). */
MUST_CHECK enum error partition_metadata_parse(struct bytes text, struct uuid *topic_id);

/* The content is on disk when it returns; with `durable` its name in `dir` is too. */
MUST_CHECK enum error partition_metadata_write(struct disk *disk, const char *dir,
                                               const struct uuid *topic_id, bool durable);

#endif
