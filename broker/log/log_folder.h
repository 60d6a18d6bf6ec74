/*
 * Names of partition folders in a data directory.
 *
 *   <topic>-<partition>                              in use
 *   <topic>-<partition>.<32 hex digits>-delete       waiting for removal
 *   <topic>-<partition>.<32 hex digits>-stray        of a replica that the cluster does not know
 *   <topic>-<partition>.<32 hex digits>-future       copy being made by AlterReplicaLogDirs
 *
 * Pure. Source: Apache Kafka 3.9, LocalLog.parseTopicPartitionName, UnifiedLog.
 */
#ifndef BROKER_LOG_LOG_FOLDER_H
#define BROKER_LOG_LOG_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/bytes.h"
#include "client/base/uuid.h"

#define LOG_FOLDER_NAME_MAX 255

enum log_folder_kind {
    LOG_FOLDER_CURRENT,
    LOG_FOLDER_DELETED,
    LOG_FOLDER_STRAY,
    LOG_FOLDER_FUTURE,
    LOG_FOLDER_UNKNOWN /* none of these forms */
};

/* `*topic` is a view into `name`; both are set for CURRENT and FUTURE only. */
enum log_folder_kind log_folder_parse(const char *name, struct bytes *topic, int32_t *partition);

void log_folder_name(struct bytes topic, int32_t partition, char name[LOG_FOLDER_NAME_MAX + 1]);

/* The name with a suffix. `kind` is DELETED or STRAY, then the topic is cut so that it fits, or
 * FUTURE, which must fit as it is. */
void log_folder_name_aside(struct bytes topic, int32_t partition, const struct uuid *unique,
                           enum log_folder_kind kind, char name[LOG_FOLDER_NAME_MAX + 1]);

/* Whether the name of a future folder is short enough. */
bool log_folder_future_fits(struct bytes topic, int32_t partition);

/* 1 to 249 characters of [a-zA-Z0-9._-], neither "." nor "..". */
bool log_folder_topic_is_valid(struct bytes topic);

#endif
