/*
 * Fetch of versions 0 to 3: consumers before Kafka 0.11 know no batches of magic 2. They get
 * message sets, converted in memory.
 *
 * Threads: any.
 */
#ifndef BROKER_API_FETCH_CONVERSION_H
#define BROKER_API_FETCH_CONVERSION_H

#include "broker/config/config.h"
#include "broker/metadata/metadata.h"
#include "broker/replica/partition.h"
#include "client/wire/message_set_builder.h"

/* Whether what this version fetches has to be converted. */
bool fetch_is_converted(int16_t api_version);

/* message.downconversion.enable of the topic. */
bool fetch_conversion_is_enabled(const struct config *config, const struct metadata_topic *topic);

/* Whether the topic's batches are to be compressed with zstd, which versions below 10 do not know.
 */
bool fetch_needs_zstd(const struct config *config, const struct metadata_topic *topic);

/* Turns the records of `result`, which answers `read`, into `set`, which the caller ends with
 * message_set_builder_done. The range is released. Where there is nothing but what old consumers
 * never see, it reads on, so that they get past it.
 * Errors: as partition_read, UNSUPPORTED_COMPRESSION_TYPE (zstd), OUT_OF_MEMORY. */
MUST_CHECK enum error fetch_convert(struct partition *partition, const struct partition_read *read,
                                    int16_t api_version, struct partition_read_result *result,
                                    struct message_set_builder *set);

#endif
