/*
 * Part of CONFIG_LIST (config_list.h says what the columns mean): identity, ZooKeeper, topics,
 * network, requests, quotas, metrics.
 * Source: Apache Kafka 3.9, ServerConfigs, ZkConfigs, SocketServerConfigs, QuotaConfigs,
 * MetricConfigs.
 */
#ifndef BROKER_CONFIG_SETTINGS_SERVER_H
#define BROKER_CONFIG_SETTINGS_SERVER_H

/* clang-format off */
#define CONFIG_LIST_IDENTITY(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(broker_id, "broker.id", INT, "-1", AT_LEAST(-1), READ_ONLY, HIGH, \
        "The number of this broker in its cluster; -1 takes the one in meta.properties or else generates one.") \
    SUPPORTED(broker_id_generation_enable, "broker.id.generation.enable", BOOLEAN, "true", ANY, READ_ONLY, MEDIUM, \
        "Whether a broker without an id gets one generated through ZooKeeper, above reserved.broker.max.id.") \
    SUPPORTED(reserved_broker_max_id, "reserved.broker.max.id", INT, "1000", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "The largest broker.id that may be configured while ids are generated.") \
    SUPPORTED(broker_rack, "broker.rack", STRING, NULL, ANY, READ_ONLY, MEDIUM, \
        "Where this broker stands; replicas of a partition are spread over racks.") \
    IGNORED("inter.broker.protocol.version", STRING, "3.9-IV0", ANY, READ_ONLY, MEDIUM, \
        "brokers agree on versions request by request", \
        "The oldest Kafka version whose brokers may still be in the cluster.") \
    SUPPORTED(node_id, "node.id", INT, "-1", ANY, READ_ONLY, HIGH, \
        "Another name of broker.id; if both are set they must be equal.") \
    SUPPORTED(zookeeper_connect, "zookeeper.connect", STRING, NULL, ANY, READ_ONLY, HIGH, \
        "The ZooKeeper servers as host:port,..., optionally followed by /chroot; required.") \
    SUPPORTED(zookeeper_session_timeout_ms, "zookeeper.session.timeout.ms", INT, "18000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long ZooKeeper waits for a sign of life before it counts this broker as dead.") \
    SUPPORTED(zookeeper_connection_timeout_ms, "zookeeper.connection.timeout.ms", INT, NULL, AT_LEAST(1), READ_ONLY, HIGH, \
        "How long the first connection to ZooKeeper may take; unset means zookeeper.session.timeout.ms.") \
    IGNORED("zookeeper.max.in.flight.requests", INT, "10", AT_LEAST(1), READ_ONLY, HIGH, \
        "each kind of request to ZooKeeper has a bound of its own", \
        "How many requests may be under way to ZooKeeper before the next one waits.") \
    REFUSED("zookeeper.set.acl", BOOLEAN, "false", ANY, READ_ONLY, HIGH, \
        "znodes are written without ACLs for now, so they would be open where you asked for them to be closed", \
        "Whether znodes are created with ACLs that let only brokers write.") \
    SUPPORTED(zookeeper_digest, "barnabas.zookeeper.digest", PASSWORD, NULL, ANY, READ_ONLY, MEDIUM, \
        "Credentials, as user:password, with which the ZooKeeper session authenticates by the digest scheme.") \
    REFUSED("zookeeper.ssl.client.enable", BOOLEAN, "false", ANY, READ_ONLY, MEDIUM, \
        "TLS to ZooKeeper is not supported yet", \
        "Whether to speak TLS to ZooKeeper.") \
    IGNORED("zookeeper.clientCnxnSocket", STRING, NULL, ANY, READ_ONLY, MEDIUM, \
        "it names a Java class", \
        "The socket class of Java's ZooKeeper client.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.keystore.location", STRING, NULL, MEDIUM, \
        "The file with the client certificate for ZooKeeper.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.keystore.password", PASSWORD, NULL, MEDIUM, \
        "The password of that file.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.keystore.type", STRING, NULL, MEDIUM, \
        "The format of that file.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.truststore.location", STRING, NULL, MEDIUM, \
        "The file with the certificates that ZooKeeper's must be signed by.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.truststore.password", PASSWORD, NULL, MEDIUM, \
        "The password of that file.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.truststore.type", STRING, NULL, MEDIUM, \
        "The format of that file.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.protocol", STRING, "TLSv1.2", LOW, \
        "The TLS version to begin with.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.enabled.protocols", LIST, NULL, LOW, \
        "The TLS versions that are allowed.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.cipher.suites", LIST, NULL, LOW, \
        "The cipher suites that are allowed.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.endpoint.identification.algorithm", STRING, "HTTPS", LOW, \
        "How the name in ZooKeeper's certificate is checked.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.crl.enable", BOOLEAN, "false", LOW, \
        "Whether revocation lists are consulted.") \
    CONFIG_ZOOKEEPER_TLS(IGNORED, "zookeeper.ssl.ocsp.enable", BOOLEAN, "false", LOW, \
        "Whether revocation is asked for by OCSP.") \
    SUPPORTED(controlled_shutdown_enable, "controlled.shutdown.enable", BOOLEAN, "true", ANY, READ_ONLY, MEDIUM, \
        "Whether a broker that stops has its leaderships moved away first.") \
    SUPPORTED(controlled_shutdown_max_retries, "controlled.shutdown.max.retries", INT, "3", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "How often a broker that stops asks for that, until none is left that another could take.") \
    SUPPORTED(controlled_shutdown_retry_backoff_ms, "controlled.shutdown.retry.backoff.ms", LONG, "5000", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "The pause before it asks again.") \
    REFUSED("config.providers", LIST, "", ANY, READ_ONLY, LOW, \
        "values of the form ${provider:path:key} are not supported yet", \
        "Where values of that form come from.") \
    SUPPORTED(barnabas_log_level, "barnabas.log.level", STRING, "info", ONE_OF("debug,info,warn,error"), READ_ONLY, LOW, \
        "The least level of the lines that the broker writes to its standard error.")

#define CONFIG_ZOOKEEPER_TLS(IGNORED, key, type, value, importance, doc) \
    IGNORED(key, type, value, ANY, READ_ONLY, importance, \
        "TLS to ZooKeeper is not supported yet; zookeeper.ssl.client.enable=true is refused", doc)

#define CONFIG_LIST_TOPICS(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(auto_create_topics_enable, "auto.create.topics.enable", BOOLEAN, "true", ANY, READ_ONLY, HIGH, \
        "Whether asking for the metadata of a topic that does not exist may create it.") \
    SUPPORTED(delete_topic_enable, "delete.topic.enable", BOOLEAN, "true", ANY, READ_ONLY, HIGH, \
        "Whether topics may be deleted.") \
    SUPPORTED(num_partitions, "num.partitions", INT, "1", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "How many partitions a topic gets that is created without a number.") \
    SUPPORTED(default_replication_factor, "default.replication.factor", INT, "1", BETWEEN(1, INT16_MAX), READ_ONLY, MEDIUM, \
        "How many replicas a partition gets in a topic that is created without a number.") \
    REFUSED("create.topic.policy.class.name", CLASS, NULL, ANY, READ_ONLY, LOW, \
        "a Java class cannot be loaded, and topics would be created past the policy", \
        "The class that may refuse the creation of a topic.") \
    REFUSED("alter.config.policy.class.name", CLASS, NULL, ANY, READ_ONLY, LOW, \
        "a Java class cannot be loaded, and settings would be changed past the policy", \
        "The class that may refuse a change of settings.") \
    IGNORED("max.request.partition.size.limit", INT, "2000", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "only KRaft clusters have DescribeTopicPartitions", \
        "How many partitions one response to DescribeTopicPartitions holds at most.")

#define CONFIG_LIST_NETWORK(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(listeners_text, "listeners", STRING, "PLAINTEXT://:9092", ANY, BROKER, HIGH, \
        "The addresses to listen at, as NAME://host:port,...; without a host, at all interfaces.") \
    SUPPORTED(advertised_listeners_text, "advertised.listeners", STRING, NULL, ANY, BROKER, HIGH, \
        "The addresses that clients and brokers are told to connect to; unset means listeners.") \
    SUPPORTED(listener_security_protocol_map, "listener.security.protocol.map", STRING, \
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", ANY, BROKER, LOW, \
        "The security protocol of each listener name, as NAME:PROTOCOL,...; only PLAINTEXT is served for now.") \
    SUPPORTED(inter_broker_listener_text, "inter.broker.listener.name", STRING, NULL, ANY, READ_ONLY, MEDIUM, \
        "The listener that brokers use among themselves; unset means that of security.inter.broker.protocol.") \
    SUPPORTED(security_inter_broker_protocol, "security.inter.broker.protocol", STRING, "PLAINTEXT", \
        ONE_OF("PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL"), READ_ONLY, MEDIUM, \
        "The security protocol, taken as a listener name, that brokers use among themselves.") \
    REFUSED("control.plane.listener.name", STRING, NULL, ANY, READ_ONLY, HIGH, \
        "the controller has no listener of its own: it writes to ZooKeeper", \
        "A listener for requests of the controller only.") \
    IGNORED("early.start.listeners", STRING, NULL, ANY, READ_ONLY, HIGH, \
        "it is for KRaft", \
        "Listeners that may start before the authorizer has.") \
    SUPPORTED(num_network_threads, "num.network.threads", INT, NULL, AT_LEAST(1), CLUSTER, HIGH, \
        "Threads that read, run and answer requests; unset means one less than there are processors, at least 1 (Kafka: 3, " \
        "which only move bytes; ours also run the requests, so that more or fewer than processors waste time).") \
    IGNORED("num.io.threads", INT, "8", AT_LEAST(1), CLUSTER, HIGH, \
        "requests run on the network threads, without a hand-over", \
        "Threads that run requests.") \
    SUPPORTED(background_threads, "background.threads", INT, "10", AT_LEAST(1), CLUSTER, HIGH, \
        "Threads for flushes, deletions, recovery and cold reads; as many as processors are used at most.") \
    IGNORED("queued.max.requests", INT, "500", AT_LEAST(1), READ_ONLY, HIGH, \
        "there is no queue between reading and running a request", \
        "Requests that may wait between the threads that read and those that run them.") \
    SUPPORTED(queued_max_request_bytes, "queued.max.request.bytes", LONG, "-1", AT_LEAST(-1), READ_ONLY, MEDIUM, \
        "Bytes of requests under way at which reading from connections pauses; -1 is no bound.") \
    SUPPORTED(socket_request_max_bytes, "socket.request.max.bytes", INT, "104857600", AT_LEAST(1), READ_ONLY, HIGH, \
        "The largest request; a connection that announces a larger one is closed.") \
    SUPPORTED(socket_send_buffer_bytes, "socket.send.buffer.bytes", INT, "-1", AT_LEAST(-1), READ_ONLY, HIGH, \
        "The kernel's send buffer of a connection; -1 lets the kernel tune it (Kafka: 102400, which bounds a connection to so much per round trip).") \
    SUPPORTED(socket_receive_buffer_bytes, "socket.receive.buffer.bytes", INT, "-1", AT_LEAST(-1), READ_ONLY, HIGH, \
        "The kernel's receive buffer of a connection; -1 lets the kernel tune it (Kafka: 102400).") \
    SUPPORTED(socket_congestion_control, "barnabas.socket.congestion.control", STRING, "", ANY, READ_ONLY, LOW, \
        "The kernel's congestion control of connections. Empty is the system's, but reno for peers on a loopback address: there is no path to learn about, and one that paces what it sends (bbr) takes twice the time of a processor.") \
    SUPPORTED(socket_listen_backlog_size, "socket.listen.backlog.size", INT, "50", AT_LEAST(1), READ_ONLY, MEDIUM, \
        "Connections that the kernel may hold before they are accepted.") \
    SUPPORTED(connections_max_idle_ms, "connections.max.idle.ms", LONG, "600000", ANY, READ_ONLY, MEDIUM, \
        "A connection is closed when nothing came for so long, or nothing of a response could be sent; negative is never.") \
    IGNORED("connection.failed.authentication.delay.ms", INT, "100", AT_LEAST(0), READ_ONLY, LOW, \
        "no listener authenticates yet", \
        "How long a connection is kept after a failed authentication before it is closed.") \
    SUPPORTED(max_connections, "max.connections", INT, "2147483647", AT_LEAST(0), CLUSTER, MEDIUM, \
        "Connections to this broker at any time.") \
    SUPPORTED(max_connections_per_ip, "max.connections.per.ip", INT, "2147483647", AT_LEAST(0), CLUSTER, MEDIUM, \
        "Connections from one address at any time.") \
    SUPPORTED(max_connections_per_ip_overrides, "max.connections.per.ip.overrides", STRING, "", ANY, CLUSTER, MEDIUM, \
        "Other bounds for single addresses, as address:count,....") \
    IGNORED("max.connection.creation.rate", INT, "2147483647", AT_LEAST(0), CLUSTER, MEDIUM, \
        "the rate of new connections is not limited yet", \
        "New connections per second.")

#define CONFIG_LIST_REQUESTS(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(request_timeout_ms, "request.timeout.ms", INT, "30000", AT_LEAST(1), READ_ONLY, HIGH, \
        "How long a broker waits for another one's response.") \
    SUPPORTED(max_incremental_fetch_session_cache_slots, "max.incremental.fetch.session.cache.slots", INT, "1000", AT_LEAST(0), READ_ONLY, MEDIUM, \
        "How many fetch sessions are remembered.") \
    SUPPORTED(fetch_max_bytes, "fetch.max.bytes", INT, "57671680", AT_LEAST(1024), READ_ONLY, MEDIUM, \
        "The most that one Fetch response carries, whatever the client asks for; a first batch may be larger.") \
    IGNORED("fetch.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, MEDIUM, \
        CONFIG_NO_PURGATORY, "Waiting Fetch requests after which finished ones are forgotten.") \
    IGNORED("producer.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, MEDIUM, \
        CONFIG_NO_PURGATORY, "Waiting Produce requests after which finished ones are forgotten.") \
    IGNORED("delete.records.purgatory.purge.interval.requests", INT, "1", ANY, READ_ONLY, MEDIUM, \
        CONFIG_NO_PURGATORY, "Waiting DeleteRecords requests after which finished ones are forgotten.") \
    IGNORED("unstable.api.versions.enable", BOOLEAN, "false", ANY, READ_ONLY, HIGH, \
        "versions under development are not served", \
        "Whether to announce request versions that are still under development.") \
    IGNORED("unstable.feature.versions.enable", BOOLEAN, "false", ANY, READ_ONLY, HIGH, \
        "versions under development are not served", \
        "Whether to announce feature versions that are still under development.")

#define CONFIG_NO_PURGATORY "finished requests leave at once"

#define CONFIG_LIST_QUOTAS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_QUOTA_WINDOW(IGNORED, "quota.window.num", "11", "Windows kept to measure clients.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "quota.window.size.seconds", "1", "The length of each of those.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "replication.quota.window.num", "11", "Windows kept to measure replication.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "replication.quota.window.size.seconds", "1", "The length of each of those.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "alter.log.dirs.replication.quota.window.num", "11", \
        "Windows kept to measure moves between log directories.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "alter.log.dirs.replication.quota.window.size.seconds", "1", \
        "The length of each of those.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "controller.quota.window.num", "11", "Windows kept to measure changes of topics.") \
    CONFIG_QUOTA_WINDOW(IGNORED, "controller.quota.window.size.seconds", "1", "The length of each of those.") \
    REFUSED("client.quota.callback.class", CLASS, NULL, ANY, READ_ONLY, LOW, \
        "a Java class cannot be loaded, and clients would not be limited", \
        "The class that decides the quota of each client.")

#define CONFIG_QUOTA_WINDOW(IGNORED, key, value, doc) \
    IGNORED(key, INT, value, AT_LEAST(1), READ_ONLY, LOW, "quotas are not enforced yet", doc)

#define CONFIG_LIST_METRICS(SUPPORTED, IGNORED, REFUSED) \
    SUPPORTED(slow_request_log_ms, "barnabas.slow.request.log.ms", LONG, "-1", AT_LEAST(-1), CLUSTER, LOW, \
        "A request that takes so long is logged, with where its time went; what a client wished to wait does not count, and a thread writes one such line a second at most. -1 is never.") \
    SUPPORTED(admin_listener_text, "barnabas.admin.listener", STRING, NULL, ANY, READ_ONLY, LOW, \
        "Where health, metrics and log levels are served over HTTP, as host:port; unset means nowhere. Whoever reaches it may use it: take a loopback address, or a network of operators only.") \
    SUPPORTED(health_stuck_ms, "barnabas.health.stuck.ms", LONG, "30000", AT_LEAST(1000), READ_ONLY, LOW, \
        "A thread that has not answered for so long is stuck, and /healthz of the admin listener says so with 503.") \
    IGNORED("metrics.num.samples", INT, "2", AT_LEAST(1), READ_ONLY, LOW, \
        CONFIG_NO_SAMPLES, "Samples kept for each metric.") \
    IGNORED("metrics.sample.window.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, LOW, \
        CONFIG_NO_SAMPLES, "The time that each of those covers.") \
    IGNORED("metrics.recording.level", STRING, "INFO", ONE_OF("INFO,DEBUG,TRACE"), READ_ONLY, LOW, \
        CONFIG_NO_SAMPLES, "The level of detail of the metrics.") \
    IGNORED("metric.reporters", LIST, "", ANY, CLUSTER, LOW, \
        "a Java class cannot be loaded", "Classes that report metrics.") \
    IGNORED("auto.include.jmx.reporter", BOOLEAN, "true", ANY, READ_ONLY, LOW, \
        "there is no JMX", "Whether metrics are reported by JMX.") \
    IGNORED("kafka.metrics.reporters", LIST, "", ANY, READ_ONLY, LOW, \
        "a Java class cannot be loaded", "Classes that report the older kind of metrics.") \
    IGNORED("kafka.metrics.polling.interval.secs", INT, "10", AT_LEAST(1), READ_ONLY, LOW, \
        "a Java class cannot be loaded", "The interval of those reports.") \
    IGNORED("telemetry.max.bytes", INT, "1048576", AT_LEAST(1), READ_ONLY, LOW, \
        "clients' telemetry is for KRaft", "The largest telemetry that a client may send.")

#define CONFIG_NO_SAMPLES "metrics are counters, sampled by whoever reads them"
/* clang-format on */

#endif
