/*
 * The settings of one topic that its logs obey. Names are Kafka's topic keys with underscores.
 *
 * A plain value: a log keeps its own copy, replaced by log_set_config.
 */
#ifndef BROKER_LOG_LOG_CONFIG_H
#define BROKER_LOG_LOG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "client/wire/compression.h"

/* Of falling sizes, so that copies have no holes. */
struct log_config {
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t flush_messages;          /* INT64_MAX: never by count; 1: acknowledged means on disk */
    int64_t flush_ms;                /* INT64_MAX: never by age */
    int64_t timestamp_before_max_ms; /* INT64_MAX: no bound */
    int64_t timestamp_after_max_ms;
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    int64_t delete_retention_ms; /* how long a tombstone stays when it was compacted */
    double min_cleanable_dirty_ratio;
    int64_t file_delete_delay_ms;
    int64_t retention_ms;    /* -1: any age */
    int64_t retention_bytes; /* of a partition; -1: any size */
    int32_t segment_bytes;
    int32_t segment_index_bytes;
    int32_t index_interval_bytes;
    int32_t max_message_bytes;        /* of a batch with all its header */
    int32_t compression_level;        /* of `compression`; COMPRESSION_LEVEL_DEFAULT */
    enum compression compression;     /* unless keep_producer_compression */
    bool delete_old;                  /* cleanup.policy contains delete: by age and size */
    bool keep_producer_compression;   /* compression.type=producer */
    bool log_append_time;             /* message.timestamp.type=LogAppendTime */
    bool compact;                     /* cleanup.policy contains compact: keys are required */
    bool validate_compressed_records; /* look inside compressed batches even where no rule asks */
};

/* Kafka's defaults. */
extern const struct log_config log_config_default;

#endif
