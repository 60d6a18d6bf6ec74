#include "broker/control/topic_settings.h"

#include <stdlib.h>

#include "broker/config/topic_config.h"
#include "client/base/logger.h"

static struct topic_config resolve(const struct config *config,
                                   const struct metadata_topic *topic) {
    struct topic_config resolved = topic_config_of_broker(config);
    char message[CONFIG_MESSAGE_SIZE];
    struct config_pair *pairs;
    size_t count;

    if (topic == NULL || topic->setting_count == 0)
        return resolved;
    count = (size_t)topic->setting_count;
    pairs = calloc(count, sizeof(*pairs));
    CHECK(pairs != NULL);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct config_pair){bytes_of_text(topic->settings[i].key),
                                        bytes_of_text(topic->settings[i].value)};
    if (topic_config_load(config, pairs, count, &resolved, message) > 0)
        LOG_WARN("topic_setting_ignored", "topic=%s reason=%s", topic->name,
                 LOG_QUOTED_TEXT(message));
    free(pairs);
    return resolved;
}

static bool is_never(int64_t ms) {
    return ms == INT64_MAX;
}

void topic_settings_of(const struct config *config, const struct metadata_topic *topic,
                       struct log_config *log_config, int32_t *min_isr) {
    struct topic_config resolved = resolve(config, topic);
    int64_t difference = resolved.message_timestamp_difference_max_ms;
    int64_t before = resolved.message_timestamp_before_max_ms;
    int64_t after = resolved.message_timestamp_after_max_ms;

    *min_isr = resolved.min_insync_replicas;
    *log_config = (struct log_config){
        .segment_bytes = resolved.segment_bytes,
        .segment_ms = resolved.segment_ms,
        .segment_jitter_ms = resolved.segment_jitter_ms,
        .segment_index_bytes = resolved.segment_index_bytes,
        .index_interval_bytes = resolved.index_interval_bytes,
        .flush_messages = resolved.flush_messages,
        .flush_ms = resolved.flush_ms,
        .max_message_bytes = resolved.max_message_bytes,
        .timestamp_before_max_ms = is_never(before) ? difference : before,
        .timestamp_after_max_ms = is_never(after) ? difference : after,
        .min_compaction_lag_ms = resolved.min_compaction_lag_ms,
        .max_compaction_lag_ms = resolved.max_compaction_lag_ms,
        .delete_retention_ms = resolved.delete_retention_ms,
        .min_cleanable_dirty_ratio = resolved.min_cleanable_dirty_ratio,
        .file_delete_delay_ms = resolved.file_delete_delay_ms,
        .delete_old = (resolved.cleanup_policy & TOPIC_CLEANUP_DELETE) != 0,
        .retention_ms = resolved.retention_ms,
        .retention_bytes = resolved.retention_bytes,
        .compression_level = topic_config_compression_level(&resolved),
        .compression = resolved.compression_type == TOPIC_COMPRESSION_PRODUCER
                           ? COMPRESSION_NONE
                           : (enum compression)resolved.compression_type,
        .keep_producer_compression = resolved.compression_type == TOPIC_COMPRESSION_PRODUCER,
        .log_append_time = resolved.message_timestamp_type == TOPIC_TIMESTAMP_LOG_APPEND_TIME,
        .compact = (resolved.cleanup_policy & TOPIC_CLEANUP_COMPACT) != 0,
        .validate_compressed_records = config->validate_compressed_records,
    };
}
