#include "broker/log/log_config.h"

const struct log_config log_config_default = {
    .segment_bytes = 1073741824,
    .segment_ms = 604800000,
    .segment_jitter_ms = 0,
    .segment_index_bytes = 10485760,
    .index_interval_bytes = 4096,
    .flush_messages = INT64_MAX,
    .flush_ms = INT64_MAX,
    .max_message_bytes = 1048588,
    .timestamp_before_max_ms = INT64_MAX,
    .timestamp_after_max_ms = INT64_MAX,
    .max_compaction_lag_ms = INT64_MAX,
    .file_delete_delay_ms = 60000,
    .delete_old = true,
    .retention_ms = 604800000,
    .retention_bytes = -1,
    .compression_level = COMPRESSION_LEVEL_DEFAULT,
    .compression = COMPRESSION_NONE,
    .keep_producer_compression = true,
};
