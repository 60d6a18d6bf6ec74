/*
 * Part of CONFIG_LIST (config_list.h says what the columns mean): log directories and the
 * defaults of topic settings.
 * Source: Apache Kafka 3.9, ServerLogConfigs, LogConfig, CleanerConfig.
 */
#ifndef BROKER_CONFIG_SETTINGS_LOG_H
#define BROKER_CONFIG_SETTINGS_LOG_H

/* clang-format off */
#define CONFIG_LIST_LOG_DIRS(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(log_dir, "log.dir", STRING, "/tmp/kafka-logs", ANY, READ_ONLY, HIGH, \
        "The directory that holds the partitions, if log.dirs is not set.") \
    SUPPORTED(log_dirs_text, "log.dirs", STRING, NULL, ANY, READ_ONLY, HIGH, \
        "The directories that hold the partitions, separated by commas; unset means log.dir.") \
    SUPPORTED(num_recovery_threads_per_data_dir, "num.recovery.threads.per.data.dir", INT, "1", AT_LEAST(1), CLUSTER, HIGH, \
        "Threads per directory that open and recover partitions at the start.") \
    SUPPORTED(log_retention_check_interval_ms, "log.retention.check.interval.ms", LONG, "300000", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "How often segments are looked at that may be too old.") \
    SUPPORTED(log_flush_offset_checkpoint_interval_ms, "log.flush.offset.checkpoint.interval.ms", INT, "60000", AT_LEAST(0), READ_ONLY, HIGH, \
        "How often it is noted up to where partitions are surely on disk.") \
    SUPPORTED(log_flush_start_offset_checkpoint_interval_ms, "log.flush.start.offset.checkpoint.interval.ms", INT, "60000", AT_LEAST(0), READ_ONLY, HIGH, \
        "How often the first offsets of partitions are noted.") \
    SUPPORTED(log_flush_scheduler_interval_ms, "log.flush.scheduler.interval.ms", LONG, "9223372036854775807", AT_LEAST(1), READ_ONLY, HIGH, \
        "The time after which records are forced to disk where log.flush.interval.ms is not set.") \
    SUPPORTED(log_initial_task_delay_ms, "log.initial.task.delay.ms", LONG, "30000", AT_LEAST(0), READ_ONLY, LOW, \
        "How long after the start the first background work on logs begins.") \
    SUPPORTED(validate_compressed_records, "barnabas.validate.compressed.records", BOOLEAN, "false", ANY, READ_ONLY, LOW, \
        "Whether to look inside compressed batches even where no rule asks for it; costs producers two to twenty times the time.") \
    IGNORED("log.dir.failure.timeout.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, LOW, \
        "it is for KRaft", \
        "How long a broker waits until the controller knows of a failed directory.")

#define CONFIG_LIST_LOG(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(log_segment_bytes, "log.segment.bytes", INT, "1073741824", AT_LEAST(14), CLUSTER, HIGH, \
        "The size at which a partition begins a new segment file.") \
    SUPPORTED(log_roll_ms, "log.roll.ms", LONG, NULL, AT_LEAST(1), CLUSTER, HIGH, \
        "The age at which a partition begins a new segment file; unset means log.roll.hours.") \
    SUPPORTED(log_roll_hours, "log.roll.hours", INT, "168", AT_LEAST(1), READ_ONLY, HIGH, \
        "The same in hours.") \
    SUPPORTED(log_roll_jitter_ms, "log.roll.jitter.ms", LONG, NULL, AT_LEAST(0), CLUSTER, HIGH, \
        "By how much that age is shortened at most, so that partitions do not all begin at once; unset means log.roll.jitter.hours.") \
    SUPPORTED(log_roll_jitter_hours, "log.roll.jitter.hours", INT, "0", AT_LEAST(0), READ_ONLY, HIGH, \
        "The same in hours.") \
    SUPPORTED(log_retention_ms, "log.retention.ms", LONG, NULL, ANY, CLUSTER, HIGH, \
        "The age at which segments may be deleted, -1 for never; unset means log.retention.minutes.") \
    SUPPORTED(log_retention_minutes, "log.retention.minutes", INT, NULL, ANY, READ_ONLY, HIGH, \
        "The same in minutes; unset means log.retention.hours.") \
    SUPPORTED(log_retention_hours, "log.retention.hours", INT, "168", ANY, READ_ONLY, HIGH, \
        "The same in hours.") \
    SUPPORTED(log_retention_bytes, "log.retention.bytes", LONG, "-1", ANY, CLUSTER, HIGH, \
        "The size of a partition above which old segments may be deleted; -1 for no bound.") \
    SUPPORTED(log_cleanup_policy, "log.cleanup.policy", LIST, "delete", SUBSET_OF("compact,delete"), CLUSTER, MEDIUM, \
        "What becomes of old segments: delete, compact (the newest record of each key stays) or both.") \
    SUPPORTED(log_index_size_max_bytes, "log.index.size.max.bytes", INT, "10485760", AT_LEAST(4), CLUSTER, MEDIUM, \
        "The largest offset index of a segment.") \
    SUPPORTED(log_index_interval_bytes, "log.index.interval.bytes", INT, "4096", AT_LEAST(0), CLUSTER, MEDIUM, \
        "Bytes of records after which the index gets an entry.") \
    SUPPORTED(log_preallocate, "log.preallocate", BOOLEAN, "false", ANY, CLUSTER, MEDIUM, \
        "Whether a new segment file gets its full size at once; accepted, but here files grow as they are written.") \
    SUPPORTED(log_segment_delete_delay_ms, "log.segment.delete.delay.ms", LONG, "60000", AT_LEAST(0), CLUSTER, HIGH, \
        "How long a deleted file stays on disk under another name.") \
    SUPPORTED(log_flush_interval_messages, "log.flush.interval.messages", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER, HIGH, \
        "Records after which a partition is forced to disk; with 1, acknowledged means on disk.") \
    SUPPORTED(log_flush_interval_ms, "log.flush.interval.ms", LONG, NULL, AT_LEAST(0), CLUSTER, HIGH, \
        "The time after which records are forced to disk; unset means log.flush.scheduler.interval.ms.") \
    SUPPORTED(message_max_bytes, "message.max.bytes", INT, "1048588", AT_LEAST(0), CLUSTER, HIGH, \
        "The largest batch of records, with its header.") \
    SUPPORTED(log_message_timestamp_type, "log.message.timestamp.type", STRING, "CreateTime", ONE_OF("CreateTime,LogAppendTime"), CLUSTER, MEDIUM, \
        "Whether a record keeps its producer's timestamp or gets the time of its arrival.") \
    SUPPORTED(log_message_timestamp_before_max_ms, "log.message.timestamp.before.max.ms", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER, MEDIUM, \
        "How far a record's timestamp may lie in the past.") \
    SUPPORTED(log_message_timestamp_after_max_ms, "log.message.timestamp.after.max.ms", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER, MEDIUM, \
        "How far a record's timestamp may lie in the future.") \
    SUPPORTED(log_message_timestamp_difference_max_ms, "log.message.timestamp.difference.max.ms", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER, MEDIUM, \
        "Deprecated: both of these, where they are not set themselves.") \
    IGNORED("log.message.format.version", STRING, "3.0-IV1", ANY, READ_ONLY, MEDIUM, \
        "records are always written in the current format, as in Kafka since 3.0", \
        "The format in which records are written.") \
    SUPPORTED(log_message_downconversion_enable, "log.message.downconversion.enable", BOOLEAN, "true", ANY, CLUSTER, LOW, \
        "Whether records are converted for clients that do not know the current format.") \
    SUPPORTED(compression_type, "compression.type", STRING, "producer", ONE_OF("uncompressed,zstd,lz4,snappy,gzip,producer"), CLUSTER, HIGH, \
        "The compression in which batches are kept; producer keeps them as they came.") \
    SUPPORTED(compression_gzip_level, "compression.gzip.level", INT, "-1", GZIP_LEVEL, CLUSTER, MEDIUM, \
        "The level with compression.type=gzip; -1 lets the library choose.") \
    SUPPORTED(compression_lz4_level, "compression.lz4.level", INT, "9", BETWEEN(1, 17), CLUSTER, MEDIUM, \
        "The level with compression.type=lz4.") \
    SUPPORTED(compression_zstd_level, "compression.zstd.level", INT, "3", BETWEEN(-131072, 22), CLUSTER, MEDIUM, \
        "The level with compression.type=zstd.") \
    SUPPORTED(min_insync_replicas, "min.insync.replicas", INT, "1", AT_LEAST(1), CLUSTER, HIGH, \
        "How many replicas must be in sync for a record with acks=all to be accepted.") \
    SUPPORTED(unclean_leader_election_enable, "unclean.leader.election.enable", BOOLEAN, "false", ANY, CLUSTER, HIGH, \
        "Whether a replica that is not in sync may lead when no other is left, at the cost of losing records.") \
    SUPPORTED(log_cleaner_min_cleanable_ratio, "log.cleaner.min.cleanable.ratio", DOUBLE, "0.5", BETWEEN(0, 1), CLUSTER, MEDIUM, \
        "The part of a partition that must be new since the last compaction before the next.") \
    SUPPORTED(log_cleaner_min_compaction_lag_ms, "log.cleaner.min.compaction.lag.ms", LONG, "0", AT_LEAST(0), CLUSTER, MEDIUM, \
        "The least time for which a record stays in a compacted topic.") \
    SUPPORTED(log_cleaner_max_compaction_lag_ms, "log.cleaner.max.compaction.lag.ms", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER, MEDIUM, \
        "The time after which a record must be compacted at the latest.") \
    SUPPORTED(log_cleaner_delete_retention_ms, "log.cleaner.delete.retention.ms", LONG, "86400000", AT_LEAST(0), CLUSTER, MEDIUM, \
        "How long a mark of deletion stays in a compacted topic.") \
    SUPPORTED(log_local_retention_ms, "log.local.retention.ms", LONG, "-2", AT_LEAST(-2), CLUSTER, MEDIUM, \
        "The age at which local copies of tiered segments may be deleted; -2 follows the topic's retention.ms; without effect, as nothing is tiered.") \
    SUPPORTED(log_local_retention_bytes, "log.local.retention.bytes", LONG, "-2", AT_LEAST(-2), CLUSTER, MEDIUM, \
        "The size above which local copies of tiered segments may be deleted; -2 follows the topic's retention.bytes; without effect, as nothing is tiered.")

#define CONFIG_LIST_CLEANER(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(log_cleaner_enable, "log.cleaner.enable", BOOLEAN, "true", ANY, READ_ONLY, MEDIUM, \
        "Whether topics are compacted at all.") \
    SUPPORTED(log_cleaner_threads, "log.cleaner.threads", INT, "1", AT_LEAST(1), CLUSTER, MEDIUM, \
        "Threads that compact, each one partition at a time.") \
    SUPPORTED(log_cleaner_dedupe_buffer_size, "log.cleaner.dedupe.buffer.size", LONG, "134217728", ANY, CLUSTER, MEDIUM, \
        "The most memory that all those threads take for keys, 24 bytes for each.") \
    SUPPORTED(log_cleaner_io_buffer_size, "log.cleaner.io.buffer.size", INT, "524288", AT_LEAST(0), CLUSTER, MEDIUM, \
        "Memory of all those threads for reading and writing; half of it collects what is written.") \
    SUPPORTED(log_cleaner_io_buffer_load_factor, "log.cleaner.io.buffer.load.factor", DOUBLE, "0.9", ANY, CLUSTER, MEDIUM, \
        "How full the table of keys may become.") \
    SUPPORTED(log_cleaner_io_max_bytes_per_second, "log.cleaner.io.max.bytes.per.second", DOUBLE, "1.7976931348623157E308", ANY, CLUSTER, MEDIUM, \
        "The most that all those threads read and write per second.") \
    SUPPORTED(log_cleaner_backoff_ms, "log.cleaner.backoff.ms", LONG, "15000", AT_LEAST(0), CLUSTER, MEDIUM, \
        "The pause when there is nothing to compact.")
/* clang-format on */

#endif
