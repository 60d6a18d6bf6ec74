/*
 * The table of all settings that a topic may override: one row per key. The fields of struct
 * topic_config, the checks of CreateTopics and AlterConfigs, DescribeConfigs and SETTINGS.md are
 * made from it.
 *
 *   SUPPORTED(field, key, type, broker_field, broker_key, limits, importance, doc)
 *       `field` of struct topic_config; where the topic says nothing, `broker_field` of struct
 *       config counts, which `broker_key` sets;
 *   TEXT(key, type, default, limits, importance, doc)
 *       checked, and read as text by those who need it (metadata_find_setting);
 *   IGNORED(key, type, default, broker_key, limits, importance, reason, doc)
 *       checked and accepted, without effect, for that reason; `broker_key` may be NULL;
 *   REFUSED(key, type, default, broker_key, limits, importance, reason, doc)
 *       anything but the default is INVALID_CONFIG.
 *
 * The other columns are those of config_list.h; THROTTLED_REPLICAS is * or pairs partition:broker.
 * Source: Apache Kafka 3.9, LogConfig, ServerTopicConfigSynonyms.
 */
#ifndef BROKER_CONFIG_TOPIC_CONFIG_LIST_H
#define BROKER_CONFIG_TOPIC_CONFIG_LIST_H

/* clang-format off */
#define TOPIC_CONFIG_LIST(SUPPORTED, TEXT, IGNORED, REFUSED) \
    SUPPORTED(cleanup_policy, "cleanup.policy", LIST, log_cleanup_policy, "log.cleanup.policy", SUBSET_OF("delete,compact"), MEDIUM, \
        "What becomes of old segments: delete, compact (the newest record of each key stays) or both.") \
    SUPPORTED(retention_ms, "retention.ms", LONG, log_retention_ms, "log.retention.ms", AT_LEAST(-1), MEDIUM, \
        "The age at which segments may be deleted; -1 for never.") \
    SUPPORTED(retention_bytes, "retention.bytes", LONG, log_retention_bytes, "log.retention.bytes", ANY, MEDIUM, \
        "The size of a partition above which old segments may be deleted; -1 for no bound.") \
    SUPPORTED(segment_bytes, "segment.bytes", INT, log_segment_bytes, "log.segment.bytes", AT_LEAST(14), MEDIUM, \
        "The size at which a partition begins a new segment file.") \
    SUPPORTED(segment_ms, "segment.ms", LONG, log_roll_ms, "log.roll.ms", AT_LEAST(1), MEDIUM, \
        "The age at which a partition begins a new segment file.") \
    SUPPORTED(segment_jitter_ms, "segment.jitter.ms", LONG, log_roll_jitter_ms, "log.roll.jitter.ms", AT_LEAST(0), MEDIUM, \
        "By how much that age is shortened at most, so that partitions do not all begin at once.") \
    SUPPORTED(segment_index_bytes, "segment.index.bytes", INT, log_index_size_max_bytes, "log.index.size.max.bytes", AT_LEAST(4), MEDIUM, \
        "The largest offset index of a segment.") \
    SUPPORTED(index_interval_bytes, "index.interval.bytes", INT, log_index_interval_bytes, "log.index.interval.bytes", AT_LEAST(0), MEDIUM, \
        "Bytes of records after which the index gets an entry.") \
    SUPPORTED(preallocate, "preallocate", BOOLEAN, log_preallocate, "log.preallocate", ANY, MEDIUM, \
        "Whether a new segment file gets its full size at once; accepted, but here files grow as they are written.") \
    SUPPORTED(file_delete_delay_ms, "file.delete.delay.ms", LONG, log_segment_delete_delay_ms, "log.segment.delete.delay.ms", AT_LEAST(0), MEDIUM, \
        "How long a deleted file stays on disk under another name.") \
    SUPPORTED(flush_messages, "flush.messages", LONG, log_flush_interval_messages, "log.flush.interval.messages", AT_LEAST(1), MEDIUM, \
        "Records after which a partition is forced to disk; with 1, acknowledged means on disk.") \
    SUPPORTED(flush_ms, "flush.ms", LONG, log_flush_interval_ms, "log.flush.interval.ms", AT_LEAST(0), MEDIUM, \
        "The time after which records are forced to disk.") \
    SUPPORTED(max_message_bytes, "max.message.bytes", INT, message_max_bytes, "message.max.bytes", AT_LEAST(0), MEDIUM, \
        "The largest batch of records, with its header.") \
    SUPPORTED(message_timestamp_type, "message.timestamp.type", STRING, log_message_timestamp_type, "log.message.timestamp.type", \
        ONE_OF("CreateTime,LogAppendTime"), MEDIUM, \
        "Whether a record keeps its producer's timestamp or gets the time of its arrival.") \
    SUPPORTED(message_timestamp_before_max_ms, "message.timestamp.before.max.ms", LONG, log_message_timestamp_before_max_ms, \
        "log.message.timestamp.before.max.ms", AT_LEAST(0), MEDIUM, \
        "How far a record's timestamp may lie in the past.") \
    SUPPORTED(message_timestamp_after_max_ms, "message.timestamp.after.max.ms", LONG, log_message_timestamp_after_max_ms, \
        "log.message.timestamp.after.max.ms", AT_LEAST(0), MEDIUM, \
        "How far a record's timestamp may lie in the future.") \
    SUPPORTED(message_timestamp_difference_max_ms, "message.timestamp.difference.max.ms", LONG, log_message_timestamp_difference_max_ms, \
        "log.message.timestamp.difference.max.ms", AT_LEAST(0), MEDIUM, \
        "Deprecated: both of these, where they are not set themselves.") \
    IGNORED("message.format.version", STRING, "3.0-IV1", "log.message.format.version", ANY, MEDIUM, \
        "records are always written in the current format, as in Kafka since 3.0", \
        "The format in which records are written.") \
    SUPPORTED(message_downconversion_enable, "message.downconversion.enable", BOOLEAN, log_message_downconversion_enable, \
        "log.message.downconversion.enable", ANY, LOW, \
        "Whether records are converted for clients that do not know the current format.") \
    SUPPORTED(compression_type, "compression.type", STRING, compression_type, "compression.type", \
        ONE_OF("uncompressed,gzip,snappy,lz4,zstd,producer"), MEDIUM, \
        "The compression in which batches are kept; producer keeps them as they came.") \
    SUPPORTED(compression_gzip_level, "compression.gzip.level", INT, compression_gzip_level, "compression.gzip.level", GZIP_LEVEL, MEDIUM, \
        "The level with compression.type=gzip; -1 lets the library choose.") \
    SUPPORTED(compression_lz4_level, "compression.lz4.level", INT, compression_lz4_level, "compression.lz4.level", BETWEEN(1, 17), MEDIUM, \
        "The level with compression.type=lz4.") \
    SUPPORTED(compression_zstd_level, "compression.zstd.level", INT, compression_zstd_level, "compression.zstd.level", BETWEEN(-131072, 22), MEDIUM, \
        "The level with compression.type=zstd.") \
    SUPPORTED(min_insync_replicas, "min.insync.replicas", INT, min_insync_replicas, "min.insync.replicas", AT_LEAST(1), MEDIUM, \
        "How many replicas must be in sync for a record with acks=all to be accepted.") \
    SUPPORTED(unclean_leader_election_enable, "unclean.leader.election.enable", BOOLEAN, unclean_leader_election_enable, \
        "unclean.leader.election.enable", ANY, MEDIUM, \
        "Whether a replica that is not in sync may lead when no other is left, at the cost of losing records.") \
    SUPPORTED(min_cleanable_dirty_ratio, "min.cleanable.dirty.ratio", DOUBLE, log_cleaner_min_cleanable_ratio, \
        "log.cleaner.min.cleanable.ratio", BETWEEN(0, 1), MEDIUM, \
        "The part of a partition that must be new since the last compaction before the next.") \
    SUPPORTED(min_compaction_lag_ms, "min.compaction.lag.ms", LONG, log_cleaner_min_compaction_lag_ms, \
        "log.cleaner.min.compaction.lag.ms", AT_LEAST(0), MEDIUM, \
        "The least time for which a record stays in a compacted topic.") \
    SUPPORTED(max_compaction_lag_ms, "max.compaction.lag.ms", LONG, log_cleaner_max_compaction_lag_ms, \
        "log.cleaner.max.compaction.lag.ms", AT_LEAST(1), MEDIUM, \
        "The time after which a record must be compacted at the latest.") \
    SUPPORTED(delete_retention_ms, "delete.retention.ms", LONG, log_cleaner_delete_retention_ms, \
        "log.cleaner.delete.retention.ms", AT_LEAST(0), MEDIUM, \
        "How long a mark of deletion stays in a compacted topic.") \
    TEXT("leader.replication.throttled.replicas", LIST, "", THROTTLED_REPLICAS, MEDIUM, \
        "Replicas, as partition:broker,... or *, that leaders send to no faster than the throttle.") \
    TEXT("follower.replication.throttled.replicas", LIST, "", THROTTLED_REPLICAS, MEDIUM, \
        "Replicas, as partition:broker,... or *, that followers copy no faster than the throttle.") \
    REFUSED("remote.storage.enable", BOOLEAN, "false", NULL, ANY, MEDIUM, \
        "tiered storage is not supported", \
        "Whether old segments move to other storage.") \
    REFUSED("remote.log.copy.disable", BOOLEAN, "false", NULL, ANY, MEDIUM, \
        "tiered storage is not supported", \
        "Whether segments are no longer moved there.") \
    REFUSED("remote.log.delete.on.disable", BOOLEAN, "false", NULL, ANY, MEDIUM, \
        "tiered storage is not supported", \
        "Whether what was moved is deleted when that ends.") \
    IGNORED("local.retention.ms", LONG, "-2", "log.local.retention.ms", AT_LEAST(-2), MEDIUM, \
        "nothing is tiered", \
        "The age at which local copies of tiered segments may be deleted; -2 follows retention.ms.") \
    IGNORED("local.retention.bytes", LONG, "-2", "log.local.retention.bytes", AT_LEAST(-2), MEDIUM, \
        "nothing is tiered", \
        "The size above which local copies of tiered segments may be deleted; -2 follows retention.bytes.")
/* clang-format on */

#endif
