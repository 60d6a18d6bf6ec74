/*
 * Part of CONFIG_LIST (config_list.h says what the columns mean): replication, controller,
 * groups, transactions, and the keys that belong to KRaft.
 * Source: Apache Kafka 3.9, ReplicationConfigs, GroupCoordinatorConfig, ShareGroupConfig,
 * TransactionLogConfigs, TransactionStateManagerConfigs, KRaftConfigs, QuorumConfig.
 */
#ifndef BROKER_CONFIG_SETTINGS_CLUSTER_H
#define BROKER_CONFIG_SETTINGS_CLUSTER_H

/* clang-format off */
#define CONFIG_LIST_REPLICATION(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(replica_lag_time_max_ms, "replica.lag.time.max.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long a follower may lag behind before it leaves the in-sync replicas.") \
    SUPPORTED(num_replica_fetchers, "num.replica.fetchers", INT, "1", AT_LEAST(1), CLUSTER, HIGH, \
        "Threads that copy from other brokers.") \
    SUPPORTED(replica_fetch_max_bytes, "replica.fetch.max.bytes", INT, "1048576", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "What a follower asks for per partition; a first batch may be larger.") \
    SUPPORTED(replica_fetch_response_max_bytes, "replica.fetch.response.max.bytes", INT, "10485760", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "What a follower asks for in one request.") \
    SUPPORTED(replica_fetch_min_bytes, "replica.fetch.min.bytes", INT, "1", AT_LEAST(0), READ_ONLY, HIGH, \
        "The least that a follower waits for.") \
    SUPPORTED(replica_fetch_wait_max_ms, "replica.fetch.wait.max.ms", INT, "500", AT_LEAST(0), READ_ONLY, HIGH, \
        "How long a follower's request waits for that.") \
    SUPPORTED(replica_fetch_backoff_ms, "replica.fetch.backoff.ms", INT, "1000", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "How long a follower pauses after an error.") \
    SUPPORTED(replica_socket_timeout_ms, "replica.socket.timeout.ms", INT, "30000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long a follower waits for a response.") \
    IGNORED("replica.socket.receive.buffer.bytes", INT, "65536", AT_LEAST(-1), READ_ONLY, HIGH, \
        "the kernel tunes it", \
        "The kernel's receive buffer of a follower's connection; -1 lets the kernel choose.") \
    IGNORED("socket.connection.setup.timeout.ms", LONG, "10000", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "followers give a connection 10 seconds, coordinators 5", \
        "How long a connection to another broker may take to set up.") \
    IGNORED("socket.connection.setup.timeout.max.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "the time to set up a connection does not grow with failures", \
        "The same after many failures, between which it grows.") \
    SUPPORTED(replica_high_watermark_checkpoint_interval_ms, "replica.high.watermark.checkpoint.interval.ms", LONG, "5000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How often high watermarks are noted on disk.") \
    SUPPORTED(replica_selector_class, "replica.selector.class", STRING, NULL, ANY, READ_ONLY, MEDIUM, \
        "The class that picks the replica from which a consumer reads: org.apache.kafka.common.replica.RackAwareReplicaSelector, for one in the consumer's rack (client.rack); all else means the leader.") \
    SUPPORTED(num_replica_alter_log_dirs_threads, "num.replica.alter.log.dirs.threads", INT, NULL, AT_LEAST(1), READ_ONLY, HIGH, \
        "Threads that move replicas between directories; by default as many as there are directories.")

#define CONFIG_LIST_CONTROLLER(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(controller_socket_timeout_ms, "controller.socket.timeout.ms", INT, "30000", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "How long a broker waits for a response of the controller.") \
    SUPPORTED(auto_leader_rebalance_enable, "auto.leader.rebalance.enable", BOOLEAN, "true", ANY, READ_ONLY, HIGH, \
        "Whether the controller gives leadership back to preferred replicas by itself.") \
    SUPPORTED(leader_imbalance_check_interval_seconds, "leader.imbalance.check.interval.seconds", LONG, "300", AT_LEAST(1), READ_ONLY, HIGH, \
        "How often it looks whether that is needed.") \
    SUPPORTED(leader_imbalance_per_broker_percentage, "leader.imbalance.per.broker.percentage", INT, "10", AT_LEAST(0), READ_ONLY, HIGH, \
        "The part of a broker's preferred partitions that others must lead before it acts.") \
    IGNORED("unclean.leader.election.interval.ms", LONG, "300000", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "it is for KRaft", \
        "How often partitions without a leader are looked for.")

#define CONFIG_LIST_GROUPS(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(offsets_topic_num_partitions, "offsets.topic.num.partitions", INT, "50", AT_LEAST(1), READ_ONLY, HIGH, \
        "Partitions of __consumer_offsets when it is created.") \
    SUPPORTED(offsets_topic_replication_factor, "offsets.topic.replication.factor", SHORT, "3", AT_LEAST(1), READ_ONLY, HIGH, \
        "Replicas of each of those; its creation fails until so many brokers are there.") \
    SUPPORTED(offsets_topic_segment_bytes, "offsets.topic.segment.bytes", INT, "104857600", AT_LEAST(14), READ_ONLY, HIGH, \
        "The segment.bytes of __consumer_offsets when it is created.") \
    SUPPORTED(offsets_topic_compression_codec, "offsets.topic.compression.codec", INT, "0", BETWEEN(0, 4), READ_ONLY, HIGH, \
        "The compression of what the coordinator writes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.") \
    SUPPORTED(offset_metadata_max_bytes, "offset.metadata.max.bytes", INT, "4096", ANY, READ_ONLY, HIGH, \
        "The most that a client may store beside a committed offset.") \
    SUPPORTED(offsets_load_buffer_size, "offsets.load.buffer.size", INT, "5242880", AT_LEAST(1), READ_ONLY, HIGH, \
        "Bytes read at a time when a coordinator loads.") \
    SUPPORTED(offsets_retention_minutes, "offsets.retention.minutes", INT, "10080", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long committed offsets are kept after a group is empty.") \
    SUPPORTED(offsets_retention_check_interval_ms, "offsets.retention.check.interval.ms", LONG, "600000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How often old offsets are looked for.") \
    SUPPORTED(offsets_commit_timeout_ms, "offsets.commit.timeout.ms", INT, "5000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long a commit waits for the replicas.") \
    IGNORED("offsets.commit.required.acks", SHORT, "-1", BETWEEN(-1, INT16_MAX), READ_ONLY, HIGH, \
        "a commit waits for all in-sync replicas", \
        "Deprecated: the acks of a commit.") \
    SUPPORTED(group_lag_interval_ms, "barnabas.group.lag.interval.ms", LONG, "30000", AT_LEAST(0), READ_ONLY, LOW, \
        "How often the coordinator looks how far its groups are behind and what they lost to retention; 0 for never.") \
    SUPPORTED(retention_guard_groups, "barnabas.retention.guard.groups", LIST, "", ANY, READ_ONLY, MEDIUM, \
        "Groups for which records that they have not read stay past their retention, within a budget. The same on all brokers.") \
    SUPPORTED(retention_guard_bytes, "barnabas.retention.guard.bytes", LONG, "1073741824", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "That budget: the bytes of a partition that may be held back; past it the oldest go.") \
    SUPPORTED(group_min_session_timeout_ms, "group.min.session.timeout.ms", INT, "6000", ANY, READ_ONLY, MEDIUM, \
        "The shortest session timeout that a member may ask for.") \
    SUPPORTED(group_max_session_timeout_ms, "group.max.session.timeout.ms", INT, "1800000", ANY, READ_ONLY, MEDIUM, \
        "The longest session timeout that a member may ask for.") \
    SUPPORTED(group_initial_rebalance_delay_ms, "group.initial.rebalance.delay.ms", INT, "3000", ANY, READ_ONLY, MEDIUM, \
        "How long a new group waits for more members before its first assignment.") \
    SUPPORTED(group_max_size, "group.max.size", INT, "2147483647", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "Members that a group may have.") \
    CONFIG_GROUP(IGNORED, "group.coordinator.rebalance.protocols", LIST, "classic", SUBSET_OF("classic,consumer,share,unknown"), MEDIUM, \
        "The group protocols that are served.") \
    CONFIG_GROUP(IGNORED, "group.coordinator.threads", INT, "1", AT_LEAST(1), MEDIUM, \
        "Threads of the new coordinator.") \
    CONFIG_GROUP(IGNORED, "group.coordinator.append.linger.ms", INT, "10", AT_LEAST(0), MEDIUM, \
        "How long the new coordinator gathers records before it writes them.") \
    CONFIG_GROUP(IGNORED, "group.coordinator.new.enable", BOOLEAN, "false", ANY, MEDIUM, \
        "Whether to use the new coordinator.") \
    CONFIG_GROUP(IGNORED, "group.consumer.session.timeout.ms", INT, "45000", AT_LEAST(1), MEDIUM, \
        "The session timeout in the new protocol.") \
    CONFIG_GROUP(IGNORED, "group.consumer.min.session.timeout.ms", INT, "45000", AT_LEAST(1), MEDIUM, \
        "The least value of that.") \
    CONFIG_GROUP(IGNORED, "group.consumer.max.session.timeout.ms", INT, "60000", AT_LEAST(1), MEDIUM, \
        "The greatest value of that.") \
    CONFIG_GROUP(IGNORED, "group.consumer.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), MEDIUM, \
        "The interval of heartbeats in the new protocol.") \
    CONFIG_GROUP(IGNORED, "group.consumer.min.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), MEDIUM, \
        "The least value of that.") \
    CONFIG_GROUP(IGNORED, "group.consumer.max.heartbeat.interval.ms", INT, "15000", AT_LEAST(1), MEDIUM, \
        "The greatest value of that.") \
    CONFIG_GROUP(IGNORED, "group.consumer.max.size", INT, "2147483647", AT_LEAST(1), MEDIUM, \
        "Members that a group of the new protocol may have.") \
    CONFIG_GROUP(IGNORED, "group.consumer.assignors", LIST, \
        "org.apache.kafka.coordinator.group.assignor.UniformAssignor,org.apache.kafka.coordinator.group.assignor.RangeAssignor", ANY, MEDIUM, \
        "The assignors of the new protocol.") \
    CONFIG_GROUP(IGNORED, "group.consumer.migration.policy", STRING, "disabled", ANY, MEDIUM, \
        "Whether groups change between the old and the new protocol.") \
    CONFIG_SHARE(IGNORED, "group.share.enable", BOOLEAN, "false", ANY, \
        "Whether share groups are served.") \
    CONFIG_SHARE(IGNORED, "group.share.session.timeout.ms", INT, "45000", AT_LEAST(1), \
        "The session timeout of a member of a share group.") \
    CONFIG_SHARE(IGNORED, "group.share.min.session.timeout.ms", INT, "45000", AT_LEAST(1), \
        "The least value of that.") \
    CONFIG_SHARE(IGNORED, "group.share.max.session.timeout.ms", INT, "60000", AT_LEAST(1), \
        "The greatest value of that.") \
    CONFIG_SHARE(IGNORED, "group.share.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), \
        "The interval of heartbeats of a member of a share group.") \
    CONFIG_SHARE(IGNORED, "group.share.min.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), \
        "The least value of that.") \
    CONFIG_SHARE(IGNORED, "group.share.max.heartbeat.interval.ms", INT, "15000", AT_LEAST(1), \
        "The greatest value of that.") \
    CONFIG_SHARE(IGNORED, "group.share.max.size", SHORT, "200", BETWEEN(10, 1000), \
        "Members that a share group may have.") \
    CONFIG_SHARE(IGNORED, "group.share.max.groups", SHORT, "10", BETWEEN(1, 100), \
        "Share groups that there may be.") \
    CONFIG_SHARE(IGNORED, "group.share.delivery.count.limit", INT, "5", BETWEEN(2, 10), \
        "How often a record is delivered at most.") \
    CONFIG_SHARE(IGNORED, "group.share.record.lock.duration.ms", INT, "30000", BETWEEN(1000, 60000), \
        "How long a record is locked for the member that got it.") \
    CONFIG_SHARE(IGNORED, "group.share.min.record.lock.duration.ms", INT, "15000", BETWEEN(1000, 30000), \
        "The least value of that.") \
    CONFIG_SHARE(IGNORED, "group.share.max.record.lock.duration.ms", INT, "60000", BETWEEN(30000, 3600000), \
        "The greatest value of that.") \
    CONFIG_SHARE(IGNORED, "group.share.partition.max.record.locks", INT, "200", BETWEEN(100, 10000), \
        "Records of a partition that may be locked at a time.")

#define CONFIG_GROUP(IGNORED, key, type, value, limits, importance, doc) \
    IGNORED(key, type, value, limits, READ_ONLY, importance, "the newer group protocol is not served", doc)
#define CONFIG_SHARE(IGNORED, key, type, value, limits, doc) \
    IGNORED(key, type, value, limits, READ_ONLY, MEDIUM, "share groups are not served yet", doc)

#define CONFIG_LIST_TRANSACTIONS(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(transaction_state_log_num_partitions, "transaction.state.log.num.partitions", INT, "50", AT_LEAST(1), READ_ONLY, HIGH, \
        "Partitions of __transaction_state when it is created.") \
    SUPPORTED(transaction_state_log_replication_factor, "transaction.state.log.replication.factor", SHORT, "3", AT_LEAST(1), READ_ONLY, HIGH, \
        "Replicas of each of those; its creation fails until so many brokers are there.") \
    SUPPORTED(transaction_state_log_min_isr, "transaction.state.log.min.isr", INT, "2", AT_LEAST(1), READ_ONLY, HIGH, \
        "The min.insync.replicas of __transaction_state when it is created.") \
    SUPPORTED(transaction_state_log_segment_bytes, "transaction.state.log.segment.bytes", INT, "104857600", AT_LEAST(14), READ_ONLY, HIGH, \
        "The segment.bytes of __transaction_state when it is created.") \
    SUPPORTED(transaction_state_log_load_buffer_size, "transaction.state.log.load.buffer.size", INT, "5242880", AT_LEAST(1), READ_ONLY, HIGH, \
        "Bytes read at a time when a coordinator loads.") \
    SUPPORTED(transactional_id_expiration_ms, "transactional.id.expiration.ms", INT, "604800000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long a transactional id is remembered without use.") \
    SUPPORTED(transaction_max_timeout_ms, "transaction.max.timeout.ms", INT, "900000", AT_LEAST(1), READ_ONLY, HIGH, \
        "The longest timeout that a transaction may ask for.") \
    SUPPORTED(transaction_abort_timed_out_transaction_cleanup_interval_ms, "transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, "10000", AT_LEAST(1), READ_ONLY, LOW, \
        "How often transactions are looked for that took too long.") \
    SUPPORTED(transaction_remove_expired_transaction_cleanup_interval_ms, "transaction.remove.expired.transaction.cleanup.interval.ms", INT, "3600000", AT_LEAST(1), READ_ONLY, LOW, \
        "How often forgotten transactional ids are removed.") \
    SUPPORTED(transaction_partition_verification_enable, "transaction.partition.verification.enable", BOOLEAN, "true", ANY, CLUSTER, LOW, \
        "Whether a partition asks the coordinator before it takes the first record of a transaction.") \
    SUPPORTED(producer_id_expiration_ms, "producer.id.expiration.ms", INT, "86400000", AT_LEAST(1), CLUSTER, LOW, \
        "How long a partition remembers a producer that does not write.") \
    SUPPORTED(producer_id_expiration_check_interval_ms, "producer.id.expiration.check.interval.ms", INT, "600000", AT_LEAST(1), READ_ONLY, LOW, \
        "How often such producers are looked for.")

#define CONFIG_LIST_KRAFT(SUPPORTED, IGNORED, REFUSED) \
    REFUSED("process.roles", LIST, "", SUBSET_OF("broker,controller"), READ_ONLY, HIGH, \
        "this broker coordinates through ZooKeeper", \
        "What a KRaft process is; empty for a broker with ZooKeeper.") \
    REFUSED("zookeeper.metadata.migration.enable", BOOLEAN, "false", ANY, READ_ONLY, HIGH, \
        "this broker stays with ZooKeeper", \
        "Whether the cluster is on its way from ZooKeeper to KRaft.") \
    REFUSED("controller.listener.names", STRING, NULL, ANY, READ_ONLY, HIGH, \
        "it must be empty with ZooKeeper, as in Kafka", \
        "The listeners of KRaft controllers.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.voters", LIST, "", ANY, HIGH, "The KRaft controllers.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.bootstrap.servers", LIST, "", ANY, HIGH, "Where the KRaft controllers are found.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.election.timeout.ms", INT, "1000", ANY, HIGH, "When a KRaft controller begins an election.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.fetch.timeout.ms", INT, "2000", ANY, HIGH, "When a KRaft controller doubts its leader.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.election.backoff.max.ms", INT, "1000", ANY, HIGH, "The pause between elections.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.append.linger.ms", INT, "25", ANY, MEDIUM, "How long a KRaft controller gathers writes.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.request.timeout.ms", INT, "2000", ANY, MEDIUM, "How long a KRaft controller waits for a response.") \
    CONFIG_KRAFT(IGNORED, "controller.quorum.retry.backoff.ms", INT, "20", ANY, LOW, "The pause before a KRaft controller asks again.") \
    CONFIG_KRAFT(IGNORED, "initial.broker.registration.timeout.ms", INT, "60000", ANY, MEDIUM, "How long a KRaft broker tries to register.") \
    CONFIG_KRAFT(IGNORED, "broker.heartbeat.interval.ms", INT, "2000", ANY, MEDIUM, "The interval of a KRaft broker's heartbeats.") \
    CONFIG_KRAFT(IGNORED, "broker.session.timeout.ms", INT, "9000", ANY, MEDIUM, "When a KRaft broker without heartbeats is dead.") \
    CONFIG_KRAFT(IGNORED, "metadata.log.dir", STRING, NULL, ANY, HIGH, "The directory of KRaft's metadata.") \
    CONFIG_KRAFT(IGNORED, "metadata.log.segment.bytes", INT, "1073741824", AT_LEAST(12), HIGH, "The segment size of KRaft's metadata.") \
    CONFIG_KRAFT(IGNORED, "metadata.log.segment.min.bytes", INT, "8388608", AT_LEAST(12), HIGH, "The least value of that.") \
    CONFIG_KRAFT(IGNORED, "metadata.log.segment.ms", LONG, "604800000", ANY, HIGH, "The segment age of KRaft's metadata.") \
    CONFIG_KRAFT(IGNORED, "metadata.log.max.record.bytes.between.snapshots", LONG, "20971520", AT_LEAST(1), HIGH, "Bytes between snapshots of KRaft's metadata.") \
    CONFIG_KRAFT(IGNORED, "metadata.log.max.snapshot.interval.ms", LONG, "3600000", AT_LEAST(0), HIGH, "Time between snapshots of KRaft's metadata.") \
    CONFIG_KRAFT(IGNORED, "metadata.max.retention.bytes", LONG, "104857600", ANY, HIGH, "The size at which old metadata of KRaft is deleted.") \
    CONFIG_KRAFT(IGNORED, "metadata.max.retention.ms", LONG, "604800000", ANY, HIGH, "The age at which old metadata of KRaft is deleted.") \
    CONFIG_KRAFT(IGNORED, "metadata.max.idle.interval.ms", INT, "500", AT_LEAST(0), LOW, "How often an idle KRaft controller writes.") \
    CONFIG_KRAFT(IGNORED, "server.max.startup.time.ms", LONG, "9223372036854775807", AT_LEAST(0), MEDIUM, "How long the start of a KRaft broker may take.") \
    CONFIG_KRAFT(IGNORED, "eligible.leader.replicas.enable", BOOLEAN, "false", ANY, HIGH, "Whether KRaft keeps eligible leader replicas.") \
    CONFIG_KRAFT(IGNORED, "zookeeper.metadata.migration.min.batch.size", INT, "200", AT_LEAST(1), MEDIUM, "Records per write of a migration to KRaft.") \
    CONFIG_KRAFT(IGNORED, "sasl.mechanism.controller.protocol", STRING, "GSSAPI", ANY, HIGH, "The SASL mechanism towards KRaft controllers.")

#define CONFIG_KRAFT(IGNORED, key, type, value, limits, importance, doc) \
    IGNORED(key, type, value, limits, READ_ONLY, importance, "it is for KRaft", doc)
/* clang-format on */

#endif
