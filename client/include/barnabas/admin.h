/*
 * Admin: looks at a cluster and changes it: topics, brokers, leaders, settings.
 *
 * Calls wait for their answer, up to `timeout_ms`. They go to the broker that must answer them
 * and follow it when it moves; what may succeed later is tried again until the time is up.
 * REQUEST_TIMED_OUT and CONNECTION_LOST leave open whether a change was made: look before you
 * repeat it.
 *
 * A call that returns BARNABAS_OK gives one object, which the caller frees with its function;
 * every pointer inside belongs to it. Single topics or partitions can still have failed: their
 * errors stand in the object.
 *
 * Threads: any number of threads may call at once. No callbacks but the logger's.
 */
#ifndef BARNABAS_ADMIN_H
#define BARNABAS_ADMIN_H

#include <barnabas/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_admin;

/* Errors: CONFIG_INVALID (with the reason), OUT_OF_MEMORY. */
BARNABAS_API int barnabas_admin_open(const struct barnabas_config *config,
                                     struct barnabas_admin **opened,
                                     struct barnabas_reason *reason);
/* No call may be under way. Accepts NULL. */
BARNABAS_API void barnabas_admin_close(struct barnabas_admin *admin);

/* What became of each thing of a call. */
struct barnabas_outcome {
    const char *topic;
    int32_t partition; /* -1: the topic as a whole */
    int error;
    const char *message; /* the broker's words, or the error's text */
};
struct barnabas_outcomes {
    size_t count;
    const struct barnabas_outcome *items;
};
BARNABAS_API void barnabas_outcomes_free(struct barnabas_outcomes *outcomes); /* accepts NULL */

struct barnabas_setting {
    const char *key;
    const char *value;
};

struct barnabas_new_topic {
    const char *name;
    int32_t partition_count;    /* -1: the broker's default */
    int16_t replication_factor; /* -1: the broker's default */
    const struct barnabas_setting *settings;
    size_t setting_count;
};

/* `validate_only` checks and creates nothing. */
BARNABAS_API int barnabas_admin_create_topics(struct barnabas_admin *admin,
                                              const struct barnabas_new_topic *topics, size_t count,
                                              bool validate_only, int64_t timeout_ms,
                                              struct barnabas_outcomes **outcomes);

BARNABAS_API int barnabas_admin_delete_topics(struct barnabas_admin *admin,
                                              const char *const *names, size_t count,
                                              int64_t timeout_ms,
                                              struct barnabas_outcomes **outcomes);

struct barnabas_more_partitions {
    const char *topic;
    int32_t partition_count; /* the new total, more than there are */
};

/* Keys may lie in other partitions afterwards. `validate_only` checks and changes nothing. */
BARNABAS_API int barnabas_admin_create_partitions(struct barnabas_admin *admin,
                                                  const struct barnabas_more_partitions *topics,
                                                  size_t count, bool validate_only,
                                                  int64_t timeout_ms,
                                                  struct barnabas_outcomes **outcomes);

struct barnabas_partition_info {
    int32_t partition;
    int error;            /* LEADER_NOT_AVAILABLE while it has none */
    int32_t leader;       /* a broker's id; -1: none */
    int32_t leader_epoch; /* -1: unknown */
    size_t replica_count;
    const int32_t *replicas; /* the first is the preferred leader */
    size_t isr_count;
    const int32_t *isr;
    size_t offline_count;
    const int32_t *offline;
};
struct barnabas_topic_info {
    const char *name;
    const char *id; /* as Kafka's tools print it; "" if the broker gives none */
    int error;      /* then there are no partitions */
    bool internal;
    size_t partition_count;
    const struct barnabas_partition_info *partitions; /* by index */
};
struct barnabas_topics {
    size_t count;
    const struct barnabas_topic_info *items; /* by name */
};
BARNABAS_API void barnabas_topics_free(struct barnabas_topics *topics); /* accepts NULL */

/* `names` NULL: all topics. Creates none. */
BARNABAS_API int barnabas_admin_describe_topics(struct barnabas_admin *admin,
                                                const char *const *names, size_t count,
                                                int64_t timeout_ms,
                                                struct barnabas_topics **topics);

struct barnabas_broker {
    int32_t id;
    const char *host;
    int32_t port;
    const char *rack; /* "" if none */
};
struct barnabas_cluster {
    const char *id;        /* "" if the broker gives none */
    int32_t controller_id; /* -1: unknown */
    size_t broker_count;
    const struct barnabas_broker *brokers; /* by id */
};
BARNABAS_API void barnabas_cluster_free(struct barnabas_cluster *cluster); /* accepts NULL */

BARNABAS_API int barnabas_admin_describe_cluster(struct barnabas_admin *admin, int64_t timeout_ms,
                                                 struct barnabas_cluster **cluster);

enum barnabas_election {
    BARNABAS_ELECTION_PREFERRED = 0, /* the first replica leads, where it is in sync */
    BARNABAS_ELECTION_UNCLEAN = 1    /* where nobody leads, any live replica does: what it has not
                                      * copied is lost */
};

/* `partitions` NULL: all, and those that need no election are left out of the outcomes. */
BARNABAS_API int barnabas_admin_elect_leaders(struct barnabas_admin *admin,
                                              enum barnabas_election type,
                                              const struct barnabas_topic_partition *partitions,
                                              size_t count, int64_t timeout_ms,
                                              struct barnabas_outcomes **outcomes);

/* A partition and the replicas it shall have, the preferred leader first. NULL takes back what is
 * under way: the partition keeps the replicas it had before. */
struct barnabas_new_replicas {
    const char *topic;
    int32_t partition;
    const int32_t *replicas;
    size_t replica_count;
};

/* Begins reassignments: returns when they are noted, long before the data has moved. One that is
 * under way is replaced. */
BARNABAS_API int barnabas_admin_alter_reassignments(struct barnabas_admin *admin,
                                                    const struct barnabas_new_replicas *wanted,
                                                    size_t count, int64_t timeout_ms,
                                                    struct barnabas_outcomes **outcomes);

struct barnabas_reassignment {
    const char *topic;
    int32_t partition;
    size_t replica_count;
    const int32_t *replicas; /* all of them, those that will stay first */
    size_t adding_count;
    const int32_t *adding; /* those that are new */
    size_t removing_count;
    const int32_t *removing; /* those that will go when the others are in sync */
};
struct barnabas_reassignments {
    size_t count;
    const struct barnabas_reassignment *items;
};
BARNABAS_API void
barnabas_reassignments_free(struct barnabas_reassignments *reassignments); /* accepts NULL */

/* All that are under way. */
BARNABAS_API int barnabas_admin_list_reassignments(struct barnabas_admin *admin, int64_t timeout_ms,
                                                   struct barnabas_reassignments **reassignments);

/* Moves the leaderships of a broker to others and takes it out of the ISRs, as it asks for itself
 * when it is stopped; until it is restarted nothing comes back. The outcomes are the partitions
 * that it still leads, because nobody else of theirs is in sync. */
BARNABAS_API int barnabas_admin_shut_broker_down(struct barnabas_admin *admin, int32_t broker_id,
                                                 int64_t timeout_ms,
                                                 struct barnabas_outcomes **outcomes);

/* Has the broker's process stop, as SIGTERM does: it gives its leaderships away, closes its logs
 * and ends. Returns when it has begun. Only brokers of ours can be asked: STALE_BROKER_EPOCH or
 * NOT_CONTROLLER of others. */
BARNABAS_API int barnabas_admin_stop_broker(struct barnabas_admin *admin, int32_t broker_id,
                                            int64_t timeout_ms);

enum barnabas_resource { BARNABAS_RESOURCE_TOPIC = 2, BARNABAS_RESOURCE_BROKER = 4 };

/* Where a setting's value comes from; Kafka's numbers. */
enum barnabas_setting_source {
    BARNABAS_SOURCE_UNKNOWN = 0,
    BARNABAS_SOURCE_TOPIC = 1,
    BARNABAS_SOURCE_DYNAMIC_BROKER = 2,
    BARNABAS_SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
    BARNABAS_SOURCE_STATIC_BROKER = 4,
    BARNABAS_SOURCE_DEFAULT = 5
};

struct barnabas_setting_info {
    const char *key;
    const char *value; /* NULL if it is sensitive or null */
    bool read_only;
    bool sensitive;
    enum barnabas_setting_source source;
};
struct barnabas_settings {
    int error;           /* of this topic or broker; then there are no settings */
    const char *message; /* the broker's words, or the error's text */
    size_t count;
    const struct barnabas_setting_info *items; /* by key */
};
BARNABAS_API void barnabas_settings_free(struct barnabas_settings *settings); /* accepts NULL */

/* The settings of a topic, or of a broker named by its id; "" for those that were set for all
 * brokers. */
BARNABAS_API int barnabas_admin_describe_settings(struct barnabas_admin *admin,
                                                  enum barnabas_resource resource, const char *name,
                                                  int64_t timeout_ms,
                                                  struct barnabas_settings **settings);

enum barnabas_setting_operation {
    BARNABAS_SETTING_SET = 0,
    BARNABAS_SETTING_DELETE = 1, /* back to what holds without it; `value` NULL */
    BARNABAS_SETTING_APPEND = 2, /* items of a list, separated by commas */
    BARNABAS_SETTING_SUBTRACT = 3
};
struct barnabas_setting_change {
    const char *key;
    enum barnabas_setting_operation operation;
    const char *value;
};

/* All of the changes or none; other settings stay. Named as in describe. There is one outcome,
 * whose topic is `name`. `validate_only` checks and changes nothing. */
BARNABAS_API int barnabas_admin_alter_settings(struct barnabas_admin *admin,
                                               enum barnabas_resource resource, const char *name,
                                               const struct barnabas_setting_change *changes,
                                               size_t count, bool validate_only, int64_t timeout_ms,
                                               struct barnabas_outcomes **outcomes);

/* A replica that a broker has on disk. */
struct barnabas_replica_log {
    const char *topic;
    int32_t partition;
    int64_t size;       /* bytes, without indexes */
    int64_t offset_lag; /* records that it is behind, as far as it knows; -1: unknown */
    bool is_future;     /* it will replace the one in another directory */
};
struct barnabas_log_dir {
    int error; /* STORAGE_ERROR: it has failed; then there are no replicas */
    const char *path;
    int64_t total_bytes; /* of its file system; -1: unknown */
    int64_t usable_bytes;
    size_t replica_count;
    const struct barnabas_replica_log *replicas;
};
struct barnabas_log_dirs {
    size_t count;
    const struct barnabas_log_dir *items;
};
BARNABAS_API void barnabas_log_dirs_free(struct barnabas_log_dirs *dirs); /* accepts NULL */

/* All of one broker. */
BARNABAS_API int barnabas_admin_describe_log_dirs(struct barnabas_admin *admin, int32_t broker_id,
                                                  int64_t timeout_ms,
                                                  struct barnabas_log_dirs **dirs);

struct barnabas_replica_place {
    const char *topic;
    int32_t partition;
    const char *path; /* of one of the broker's log.dirs */
};

/* Has the broker move its replicas to other directories of its own. Returns when that has begun;
 * describe_log_dirs tells how far it is. Naming the directory where a replica is ends a move. A
 * replica that is not there yet is made there when it comes; its outcome is
 * REPLICA_NOT_AVAILABLE, or UNKNOWN_TOPIC_OR_PARTITION before there is such a partition. */
BARNABAS_API int barnabas_admin_move_replicas(struct barnabas_admin *admin, int32_t broker_id,
                                              const struct barnabas_replica_place *places,
                                              size_t count, int64_t timeout_ms,
                                              struct barnabas_outcomes **outcomes);

#ifdef __cplusplus
}
#endif

#endif
