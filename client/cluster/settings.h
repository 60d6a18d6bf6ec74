/*
 * What a client handle can be told: one table of keys, from which come the struct, the parser
 * with its bounds, and the reference that barnabas_config_describe gives.
 *
 * Keys, values and defaults are those of Kafka's Java clients 3.9 where they have the key; a few
 * are librdkafka's (enable.partition.eof, receive.message.max.bytes) and two are our own
 * (delivery.reports, round_robin as a partitioner).
 *
 * Pure. Source: Kafka 3.9, CommonClientConfigs, ProducerConfig, ConsumerConfig.
 */
#ifndef CLIENT_CLUSTER_SETTINGS_H
#define CLIENT_CLUSTER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/compression.h"

#define SETTING_TEXT_MAX 1024

enum acks { ACKS_ALL = -1, ACKS_NONE = 0, ACKS_LEADER = 1 };
enum partitioner { PARTITIONER_DEFAULT, PARTITIONER_IGNORE_KEYS, PARTITIONER_ROUND_ROBIN };
enum offset_reset { OFFSET_RESET_NONE, OFFSET_RESET_EARLIEST, OFFSET_RESET_LATEST };
enum isolation { ISOLATION_READ_UNCOMMITTED = 0, ISOLATION_READ_COMMITTED = 1 };
enum delivery_reports { DELIVERY_REPORTS_THREAD, DELIVERY_REPORTS_POLL };

/* clang-format off */
#define SETTING_LIST(TEXT, NUMBER, BOOLEAN, CHOICE)                                              \
    /* shared: field, key, default, [min, max | choices], meaning */                             \
    TEXT(bootstrap_servers, "bootstrap.servers", "",                                             \
         "Brokers to ask first, host:port,host:port. [::1]:9092 for IPv6; port 9092 if absent.") \
    TEXT(client_id, "client.id", "barnabas", "The name that brokers log and meter us by.")       \
    NUMBER(request_timeout_ms, "request.timeout.ms", 30000, 1, INT32_MAX,                        \
           "How long an answer may take before the connection is given up.")                     \
    NUMBER(connect_timeout_ms, "socket.connection.setup.timeout.ms", 10000, 1, INT32_MAX,        \
           "How long a connection may take until it can be used.")                               \
    NUMBER(reconnect_backoff_ms, "reconnect.backoff.ms", 50, 0, INT32_MAX,                       \
           "Pause before a broker is connected to again; doubles with each failure.")            \
    NUMBER(reconnect_backoff_ms_max, "reconnect.backoff.max.ms", 1000, 0, INT32_MAX,             \
           "The longest such pause.")                                                            \
    NUMBER(retry_backoff_ms, "retry.backoff.ms", 100, 1, INT32_MAX,                              \
           "Pause before a failed request is tried again; doubles with each failure.")           \
    NUMBER(retry_backoff_ms_max, "retry.backoff.max.ms", 1000, 1, INT32_MAX,                     \
           "The longest such pause.")                                                            \
    NUMBER(metadata_age_ms_max, "metadata.max.age.ms", 300000, 1, INT32_MAX,                     \
           "The age at which metadata is asked for again without a cause.")                      \
    BOOLEAN(auto_create_topics, "allow.auto.create.topics", true,                                \
            "Whether asking for an unknown topic may create it, if brokers allow it.")           \
    NUMBER(response_bytes_max, "receive.message.max.bytes", 100000000, 1000, INT32_MAX,          \
           "A larger response closes the connection.")                                           \
    /* producer */                                                                               \
    CHOICE(acks, enum acks, "acks", "all", "0|1|all|-1",                                         \
           "Who must have a record before it counts as sent: nobody, the leader, all in-sync "   \
           "replicas.")                                                                          \
    BOOLEAN(idempotence, "enable.idempotence", true,                                             \
            "Whether retries are kept from storing a record twice or out of order.")             \
    NUMBER(batch_bytes, "batch.size", 16384, 0, 100000000,                                       \
           "A batch of this size is sent without lingering.")                                    \
    NUMBER(linger_ms, "linger.ms", 0, 0, INT32_MAX,                                              \
           "How long a batch waits for more records.")                                           \
    NUMBER(buffer_bytes, "buffer.memory", 33554432, 0, INT64_MAX,                                \
           "Bytes of records that may wait for their report.")                                   \
    NUMBER(block_ms_max, "max.block.ms", 60000, 0, INT32_MAX,                                    \
           "How long sending waits for room in the buffer; 0 fails at once.")                    \
    NUMBER(delivery_timeout_ms, "delivery.timeout.ms", 120000, 0, INT32_MAX,                     \
           "How long a record is tried to be delivered, with all its retries.")                  \
    NUMBER(retries, "retries", 2147483647, 0, INT32_MAX, "How often a batch is sent again.")      \
    NUMBER(in_flight_max, "max.in.flight.requests.per.connection", 5, 1, 1000000,                \
           "Produce requests without an answer per broker; at most 5 with idempotence.")         \
    NUMBER(request_bytes_max, "max.request.size", 1048576, 0, INT32_MAX,                         \
           "The largest request, and the largest record.")                                       \
    CHOICE(compression, enum compression, "compression.type", "none",                            \
           "none|gzip|snappy|lz4|zstd", "How batches are compressed.")                           \
    CHOICE(partitioner, enum partitioner, "partitioner", "default",                              \
           "default|ignore_keys|round_robin",                                                    \
           "default: by key, sticky without; ignore_keys: always sticky; round_robin: in turn.") \
    TEXT(transactional_id, "transactional.id", "",                                               \
         "Makes the producer transactional. No other producer may use the same name at the same "  \
         "time; one that is started again with it ends what the one before left open.")            \
    NUMBER(transaction_timeout_ms, "transaction.timeout.ms", 60000, 1, INT32_MAX,                \
           "A transaction that is open for this long is aborted by its coordinator.")            \
    CHOICE(delivery_reports, enum delivery_reports, "delivery.reports", "thread", "thread|poll", \
           "Where delivery callbacks run: on the background thread or in the poll call.")        \
    /* consumer */                                                                               \
    CHOICE(offset_reset, enum offset_reset, "auto.offset.reset", "latest",                       \
           "earliest|latest|none", "Where to go on when the position is out of range.")          \
    NUMBER(fetch_bytes_min, "fetch.min.bytes", 1, 0, INT32_MAX,                                  \
           "The broker waits for this much, up to fetch.max.wait.ms.")                           \
    NUMBER(fetch_wait_ms_max, "fetch.max.wait.ms", 500, 0, INT32_MAX,                            \
           "How long a broker may wait for fetch.min.bytes.")                                    \
    NUMBER(fetch_bytes_max, "fetch.max.bytes", 52428800, 0, INT32_MAX,                           \
           "The most one answer may hold, and the most that is read ahead.")                     \
    NUMBER(partition_fetch_bytes_max, "max.partition.fetch.bytes", 1048576, 0, INT32_MAX,        \
           "The most one answer may hold of a partition.")                                       \
    NUMBER(poll_records_max, "max.poll.records", 500, 1, 1000000,                                \
           "The most messages that one poll returns.")                                           \
    BOOLEAN(check_crcs, "check.crcs", true, "Whether checksums of batches are verified.")        \
    CHOICE(isolation, enum isolation, "isolation.level", "read_uncommitted",                     \
           "read_uncommitted|read_committed", "Whether to leave out what transactions aborted.") \
    BOOLEAN(partition_eof, "enable.partition.eof", false,                                        \
            "Whether reaching the end of a partition is reported as an event.")                  \
    TEXT(rack, "client.rack", "", "Where this client stands, for reading from near replicas.")    \
    /* consumer groups */                                                                        \
    TEXT(group_id, "group.id", "", "The group whose member this consumer is, and whose offsets "  \
         "it commits.")                                                                           \
    TEXT(group_instance_id, "group.instance.id", "",                                             \
         "A name that lasts over restarts: a member that comes back with it within "             \
         "session.timeout.ms gets its partitions again without a rebalance.")                    \
    TEXT(assignors, "partition.assignment.strategy", "range,cooperative-sticky",                 \
         "Assignors in order of preference: range, roundrobin, sticky, cooperative-sticky. "      \
         "Rebalances are cooperative if all that are listed are.")                               \
    NUMBER(session_timeout_ms, "session.timeout.ms", 45000, 1, INT32_MAX,                        \
           "A member that is not heard of for this long is dead.")                               \
    NUMBER(heartbeat_interval_ms, "heartbeat.interval.ms", 3000, 1, INT32_MAX,                   \
           "How often a member is heard of; at most a third of session.timeout.ms.")             \
    NUMBER(poll_interval_ms_max, "max.poll.interval.ms", 300000, 1, INT32_MAX,                   \
           "A member that does not poll for this long leaves; and how long a rebalance waits "    \
           "for members.")                                                                       \
    BOOLEAN(auto_commit, "enable.auto.commit", true,                                             \
            "Whether what was polled is committed every auto.commit.interval.ms and when "        \
            "partitions are given up.")                                                          \
    NUMBER(auto_commit_interval_ms, "auto.commit.interval.ms", 5000, 0, INT32_MAX,               \
           "How often that is.")                                                                 \
    BOOLEAN(exclude_internal_topics, "exclude.internal.topics", true,                            \
            "Whether a pattern leaves out __consumer_offsets and __transaction_state.")
/* clang-format on */

struct settings {
#define SETTING_TEXT(field, key, initial, meaning)            char field[SETTING_TEXT_MAX];
#define SETTING_NUMBER(field, key, initial, min, max, m)      int64_t field;
#define SETTING_BOOLEAN(field, key, initial, meaning)         bool field;
#define SETTING_CHOICE(field, type, key, initial, choices, m) type field;
    SETTING_LIST(SETTING_TEXT, SETTING_NUMBER, SETTING_BOOLEAN, SETTING_CHOICE)
#undef SETTING_TEXT
#undef SETTING_NUMBER
#undef SETTING_BOOLEAN
#undef SETTING_CHOICE
    /* Which keys were set, by their place in the table: some defaults give way to others. */
    uint64_t set;
};

enum setting_kind {
    SETTING_KIND_TEXT,
    SETTING_KIND_NUMBER,
    SETTING_KIND_BOOLEAN,
    SETTING_KIND_CHOICE
};

/* One row of the table, for code that handles any key alike. */
struct setting {
    const char *key;
    enum setting_kind kind;
    const char *initial; /* as text */
    int64_t min;         /* of a number */
    int64_t max;
    const char *choices; /* of a choice, separated by '|' */
    const char *meaning;
};

size_t setting_count(void);
const struct setting *setting_at(size_t index);

/* Sets all defaults. */
void settings_init(struct settings *settings);

/* CONFIG_INVALID for an unknown key (naming the nearest known) or a value that is not allowed;
 * `reason` holds `reason_size` bytes and gets a sentence without a full stop. */
MUST_CHECK enum error settings_set(struct settings *settings, const char *key, const char *value,
                                   char *reason, size_t reason_size);

/* The value as text in `text`; false for an unknown key. */
bool settings_get(const struct settings *settings, const char *key, char text[SETTING_TEXT_MAX]);

/* Whether the key, which must be known, was set. */
bool settings_was_set(const struct settings *settings, const char *key);

/* What must hold between keys, for each kind of handle. settings_check_producer also lets
 * defaults give way: idempotence is off if acks or max.in.flight were set against it and it was
 * not asked for. Errors: CONFIG_INVALID. */
MUST_CHECK enum error settings_check(const struct settings *settings, char *reason,
                                     size_t reason_size);
MUST_CHECK enum error settings_check_producer(struct settings *settings, char *reason,
                                              size_t reason_size);

#endif
