/*
 * libbarnabas: what producer, consumer and admin handles share: errors, configuration, logging.
 *
 * Every handle is opaque and has one background thread that does all its network traffic. There
 * is no global state: two handles share nothing. A handle may be used from several threads at
 * once unless its header says otherwise; closing it is the last call.
 *
 * Brokers. A handle asks one of bootstrap.servers for the cluster's brokers, and connects to those
 * that it needs. When none that it knows can be reached it asks bootstrap.servers again, whose
 * names are looked up anew. A host's addresses, of IPv4 and IPv6, are tried in turn, all of them
 * within socket.connection.setup.timeout.ms; after a failure the broker is left alone for
 * reconnect.backoff.ms, doubled with each further one up to reconnect.backoff.max.ms.
 *
 * Strings given to the library are copied unless a function says otherwise. Sizes are bytes,
 * times are milliseconds; a timestamp is milliseconds since 1970 (UTC).
 */
#ifndef BARNABAS_BASE_H
#define BARNABAS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BARNABAS_API __attribute__((visibility("default")))

/* Functions that can fail return one of these, or another of Kafka's error codes, or another of
 * ours below -1000. Kafka's codes keep their numbers. */
enum barnabas_error {
    BARNABAS_OK = 0,
    BARNABAS_UNKNOWN_SERVER_ERROR = -1,
    BARNABAS_OFFSET_OUT_OF_RANGE = 1,
    BARNABAS_UNKNOWN_TOPIC_OR_PARTITION = 3,
    BARNABAS_LEADER_NOT_AVAILABLE = 5,
    BARNABAS_REQUEST_TIMED_OUT = 7,
    BARNABAS_MESSAGE_TOO_LARGE = 10,
    BARNABAS_OFFSET_METADATA_TOO_LARGE = 12,
    BARNABAS_COORDINATOR_LOAD_IN_PROGRESS = 14,
    BARNABAS_COORDINATOR_NOT_AVAILABLE = 15,
    BARNABAS_NOT_COORDINATOR = 16,
    BARNABAS_INVALID_TOPIC = 17,
    BARNABAS_ILLEGAL_GENERATION = 22,
    BARNABAS_INCONSISTENT_GROUP_PROTOCOL = 23,
    BARNABAS_INVALID_GROUP_ID = 24,
    BARNABAS_UNKNOWN_MEMBER_ID = 25,
    BARNABAS_INVALID_SESSION_TIMEOUT = 26,
    BARNABAS_REBALANCE_IN_PROGRESS = 27,
    BARNABAS_TOPIC_AUTHORIZATION_FAILED = 29,
    BARNABAS_GROUP_AUTHORIZATION_FAILED = 30,
    BARNABAS_CLUSTER_AUTHORIZATION_FAILED = 31,
    BARNABAS_UNSUPPORTED_VERSION = 35,
    BARNABAS_TOPIC_ALREADY_EXISTS = 36,
    BARNABAS_INVALID_REQUEST = 42,
    BARNABAS_POLICY_VIOLATION = 44,
    BARNABAS_OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    BARNABAS_INVALID_PRODUCER_EPOCH = 47,
    BARNABAS_INVALID_TXN_STATE = 48,
    BARNABAS_INVALID_PRODUCER_ID_MAPPING = 49,
    BARNABAS_INVALID_TRANSACTION_TIMEOUT = 50,
    BARNABAS_CONCURRENT_TRANSACTIONS = 51,
    BARNABAS_TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53,
    BARNABAS_UNKNOWN_PRODUCER_ID = 59,
    BARNABAS_NON_EMPTY_GROUP = 68,
    BARNABAS_GROUP_ID_NOT_FOUND = 69,
    BARNABAS_GROUP_MAX_SIZE_REACHED = 81,
    BARNABAS_FENCED_INSTANCE_ID = 82,
    BARNABAS_ELECTION_NOT_NEEDED = 84,
    BARNABAS_GROUP_SUBSCRIBED_TO_TOPIC = 86,
    BARNABAS_PRODUCER_FENCED = 90,
    BARNABAS_TRANSACTIONAL_ID_NOT_FOUND = 105,
    BARNABAS_TRANSACTION_ABORTABLE = 120,
    BARNABAS_INVALID_REGULAR_EXPRESSION = 128,
    BARNABAS_MALFORMED = -1001,         /* a peer sent what the protocol does not allow */
    BARNABAS_OUT_OF_MEMORY = -1002,     /* memory, or a bound such as buffer.memory, is used up */
    BARNABAS_CONNECTION_FAILED = -1006, /* no broker can be reached */
    BARNABAS_CONNECTION_LOST = -1007,   /* the outcome of what was sent is unknown */
    BARNABAS_NAME_UNRESOLVED = -1008,
    BARNABAS_CANCELLED = -1009, /* the handle was closed, or the transaction aborted, first */
    BARNABAS_CONFIG_INVALID = -1010,
    BARNABAS_CALL_OUT_OF_TURN = -1013 /* nothing was done: it does not fit what was called before */
};

/* "NOT_LEADER_OR_FOLLOWER", and a phrase for people. Static strings. */
BARNABAS_API const char *barnabas_error_name(int error);
BARNABAS_API const char *barnabas_error_text(int error);

/* Whether the same call may succeed later without a change. */
BARNABAS_API bool barnabas_error_is_retriable(int error);

/* "0.1.0" */
BARNABAS_API const char *barnabas_version(void);

/* Why something failed, in words. Fill-in is optional: functions accept NULL. */
struct barnabas_reason {
    char text[512]; /* ends in zero; empty if there is nothing to add to the error's text */
};

/*
 * Configuration: keys and values as Kafka's clients name them ("bootstrap.servers", "acks").
 * All handles take the same keys and look only at theirs. A handle copies what it needs when it
 * is opened; the configuration may be changed and used again afterwards.
 * One thread at a time.
 */
struct barnabas_config;

/* NULL if memory is out. */
BARNABAS_API struct barnabas_config *barnabas_config_new(void);
BARNABAS_API struct barnabas_config *barnabas_config_copy(const struct barnabas_config *config);
BARNABAS_API void barnabas_config_free(struct barnabas_config *config); /* accepts NULL */

/* CONFIG_INVALID for an unknown key or a value that is not allowed; `reason` says what is. */
BARNABAS_API int barnabas_config_set(struct barnabas_config *config, const char *key,
                                     const char *value, struct barnabas_reason *reason);

/* The value as text, "" if it is empty; NULL for an unknown key. Valid until the next call. */
BARNABAS_API const char *barnabas_config_get(struct barnabas_config *config, const char *key);

/* One row of the table of keys; false past the last. Static strings. */
struct barnabas_config_key {
    const char *key;
    const char *kind; /* "text", "number", "boolean" or "choice" */
    const char *default_value;
    int64_t min; /* of a number */
    int64_t max;
    const char *choices; /* of a choice: "none|gzip|snappy|lz4|zstd" */
    const char *meaning;
};
BARNABAS_API bool barnabas_config_describe(size_t index, struct barnabas_config_key *key);

/* What a handle has to say about its work (connections made and lost, retries), one event a call:
 * `event` is a name in snake case, `details` are key=value. Called on the handle's background
 * thread; the strings are valid during the call. Without a logger the library is silent. */
enum barnabas_log_level {
    BARNABAS_LOG_DEBUG,
    BARNABAS_LOG_INFO,
    BARNABAS_LOG_WARN,
    BARNABAS_LOG_ERROR
};
typedef void barnabas_logger(void *context, enum barnabas_log_level level, const char *event,
                             const char *details);
BARNABAS_API void barnabas_config_set_logger(struct barnabas_config *config,
                                             barnabas_logger *logger, void *context);

struct barnabas_topic_partition {
    const char *topic;
    int32_t partition;
};

#define BARNABAS_OFFSET_NONE (-1)

/* A line of a group's book. */
struct barnabas_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;       /* of the next record to be read; NONE: there is nothing committed */
    int32_t leader_epoch; /* of the record before it; -1: unknown */
    const char *metadata; /* a note; NULL: none */
    int error;            /* of this line, in answers */
};

/* A consumer's place in its group: what shows that offsets come from whom the group has given the
 * partitions. */
struct barnabas_group_metadata {
    const char *group_id;
    int32_t generation_id;   /* -1: it is not a member */
    const char *member_id;   /* "": likewise */
    const char *instance_id; /* group.instance.id; NULL: none */
};

/* A record's header. Keys may repeat. */
struct barnabas_header {
    const void *key;
    size_t key_size;
    const void *value; /* NULL: null */
    size_t value_size;
};

#ifdef __cplusplus
}
#endif

#endif
