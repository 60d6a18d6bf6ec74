/*
 * The controller's decisions: who is controller, who leads each partition, what its ISR is,
 * where replicas lie, which topics come and go.
 *
 * Pure: controller_step reads no clock and touches no socket, file or znode. It takes one event
 * (what happened, or the answer to an effect) and appends effects (what to read, write, answer).
 * State changes on the answer of a write, not on the wish. The shell (controller/shell) carries
 * the effects out; a simulation does the same against a model.
 *
 * A term begins with an election that is won and ends with the session, a lost fence or the loss
 * of /controller. Effects carry the number of the attempt or term they belong to; answers carry
 * it back, and those of an earlier one are ignored.
 *
 * Memory: an allocation that fails stops the process (CHECK); another broker takes over.
 * Threads: one at a time.
 * Source: Apache Kafka 3.9, KafkaController, PartitionStateMachine, ReplicaStateMachine,
 * TopicDeletionManager; written anew around batches and a change log.
 */
#ifndef CONTROLLER_CORE_CONTROLLER_H
#define CONTROLLER_CORE_CONTROLLER_H

#include "client/base/arena.h"
#include "controller/core/requests.h"

/* A multi holds at most this many operations and about this many bytes (ZooKeeper's
 * jute.maxbuffer is 1 MiB), and at most so many are on their way. */
#define CONTROLLER_MULTI_OPS_MAX        500
#define CONTROLLER_MULTI_BYTES_MAX      (256 * 1024)
#define CONTROLLER_MULTIS_IN_FLIGHT_MAX 8
/* Entries kept under /barnabas/changes. */
#define CONTROLLER_CHANGES_RETAINED 512

struct controller;
struct request;

struct controller_config {
    int32_t broker_id;
    uint64_t rng_seed;
    bool unclean_leader_election_enable; /* for topics that do not say */
    bool delete_topic_enable;
    /* Leadership goes back to preferred replicas by itself. */
    bool auto_leader_rebalance_enable;
    int64_t leader_imbalance_check_interval_ms;
    int32_t leader_imbalance_per_broker_percentage;
    size_t changes_retained; /* entries of the change log; 0: CONTROLLER_CHANGES_RETAINED */
    /* Switches the safety rule off, so that a test can see that it would be missed. */
    bool test_without_fence;
    bool test_without_registrations_check;
};

/* ---- What is read */

struct controller_partition_state {
    int32_t leader; /* -1: none */
    int32_t leader_epoch;
    int32_t controller_epoch; /* of the controller that wrote it */
    enum controller_leader_recovery_state leader_recovery_state;
    const int32_t *isr;
    size_t isr_count;
};

/* One state znode as read. */
struct controller_state_read {
    enum error error;           /* NONE, ZK_NO_NODE, ZK_DATA_INVALID */
    bool partition_node_exists; /* with ZK_NO_NODE: whether the parent is there */
    int32_t version;            /* dataVersion: the partition epoch */
    int64_t mzxid;
    struct controller_partition_state state;
};

/* A topic with all its states. Arrays are parallel, partitions 0..n-1 ascending. */
struct controller_topic_read {
    enum error error; /* NONE, ZK_NO_NODE (and the rest is empty), ZK_DATA_INVALID */
    struct bytes name;
    struct uuid topic_id; /* zero: has none yet */
    int32_t version;      /* of /brokers/topics/T */
    bool partitions_node_exists;
    const struct controller_partition_assignment *assignments;
    const struct controller_state_read *states;
    size_t partition_count;
    bool config_node_exists;
    const struct controller_topic_config_entry *configs;
    size_t config_count;
};

struct controller_broker_read {
    int32_t id;
    int64_t epoch;     /* czxid; 0: it is not registered, and only its mark is told */
    struct bytes rack; /* null: none */
    /* The registration before which its logs may have lost records; 0: never. */
    int64_t unclean_since;
    /* Its replicas in directories that failed. */
    const struct controller_topic_partition *offline;
    size_t offline_count;
};

/* ---- Events */

enum controller_event_kind {
    /* What happened. */
    CONTROLLER_EVENT_BROKER_REGISTERED,           /* this broker; it may stand for election */
    CONTROLLER_EVENT_SESSION_OVER,                /* ephemerals and watches are gone */
    CONTROLLER_EVENT_CONTROLLER_CHANGED,          /* watch on /controller */
    CONTROLLER_EVENT_BROKERS_CHANGED,             /* children of /brokers/ids */
    CONTROLLER_EVENT_TOPICS_CHANGED,              /* children of /brokers/topics */
    CONTROLLER_EVENT_DELETE_TOPICS_CHANGED,       /* children of /admin/delete_topics */
    CONTROLLER_EVENT_PREFERRED_ELECTION_CHANGED,  /* /admin/preferred_replica_election */
    CONTROLLER_EVENT_REASSIGN_PARTITIONS_CHANGED, /* /admin/reassign_partitions */
    CONTROLLER_EVENT_TOPIC_CONFIG_CHANGED,        /* /config/topics/T: name */
    CONTROLLER_EVENT_UNCLEAN_DEFAULT_CHANGED,     /* what holds for topics that do not say */
    CONTROLLER_EVENT_TIMER,
    CONTROLLER_EVENT_BALANCE_TIMER, /* of ARM_BALANCE_TIMER */
    /* Answers to effects. */
    CONTROLLER_EVENT_CONTROLLER_READ,
    CONTROLLER_EVENT_CONTROLLER_EPOCH_READ,
    CONTROLLER_EVENT_ELECTED,
    CONTROLLER_EVENT_RELINQUISHED,
    CONTROLLER_EVENT_BROKERS_READ,
    CONTROLLER_EVENT_TOPICS_READ,
    CONTROLLER_EVENT_TOPIC_READ,
    CONTROLLER_EVENT_STATE_READ,
    CONTROLLER_EVENT_TOPIC_CONFIG_READ,
    CONTROLLER_EVENT_DELETE_TOPICS_READ,
    CONTROLLER_EVENT_PREFERRED_ELECTION_READ,
    CONTROLLER_EVENT_REASSIGN_PARTITIONS_READ, /* ZK_DATA_INVALID: the node is left alone */
    CONTROLLER_EVENT_CHANGES_READ,
    CONTROLLER_EVENT_TOPIC_TREE_READ,
    CONTROLLER_EVENT_WRITTEN,
    CONTROLLER_EVENT_PRODUCER_IDS_READ,
    CONTROLLER_EVENT_PRODUCER_IDS_WRITTEN,
    /* Requests. */
    CONTROLLER_EVENT_CREATE_TOPICS,
    CONTROLLER_EVENT_CREATE_PARTITIONS,
    CONTROLLER_EVENT_DELETE_TOPICS,
    CONTROLLER_EVENT_ALTER_PARTITION,
    CONTROLLER_EVENT_ELECT_LEADERS,
    CONTROLLER_EVENT_ALLOCATE_PRODUCER_IDS,
    CONTROLLER_EVENT_CONTROLLED_SHUTDOWN,
    CONTROLLER_EVENT_ALTER_REASSIGNMENTS
};

enum controller_write_kind {
    CONTROLLER_WRITE_TOPIC_CONFIG_CREATE, /* /config/topics/T */
    CONTROLLER_WRITE_TOPIC_CONFIG_SET,    /* whatever its version */
    CONTROLLER_WRITE_TOPIC_CREATE,        /* /brokers/topics/T */
    CONTROLLER_WRITE_TOPIC_SET,           /* at `version` */
    CONTROLLER_WRITE_PARTITIONS_CREATE,   /* .../partitions */
    CONTROLLER_WRITE_PARTITION_CREATE,    /* .../partitions/P */
    CONTROLLER_WRITE_STATE_CREATE,        /* .../partitions/P/state */
    CONTROLLER_WRITE_STATE_SET,           /* at `version` */
    CONTROLLER_WRITE_DELETE_MARK_CREATE,  /* /admin/delete_topics/T */
    CONTROLLER_WRITE_NODE_DELETE,         /* `path`, whatever its version */
    /* No change, only part of the change entry. */
    CONTROLLER_WRITE_NOTE_TOPIC,  /* the topic as it is, checked at `version` */
    CONTROLLER_WRITE_NOTE_STATE,  /* a state as it is, checked at `version` */
    CONTROLLER_WRITE_NOTE_DELETED /* the topic is gone */
};

/* Which operation of a multi failed. */
enum controller_failed_operation {
    CONTROLLER_FAILED_NONE,
    CONTROLLER_FAILED_FENCE,
    CONTROLLER_FAILED_REGISTRATIONS, /* a broker has registered that the core had not seen */
    CONTROLLER_FAILED_WRITE,         /* failed_index in the effect's writes */
    CONTROLLER_FAILED_ENTRY,         /* the change entry itself */
    CONTROLLER_FAILED_PURGE,
    CONTROLLER_FAILED_WHOLE /* no operation to blame */
};

struct controller_names {
    const struct bytes *names;
    size_t count;
};

/* All that an event points to is valid during controller_step. Reads are repeated by the shell
 * until ZooKeeper answers, so an error of a read is an answer: NONE, ZK_NO_NODE,
 * ZK_DATA_INVALID. */
struct controller_event {
    enum controller_event_kind kind;
    uint64_t term;  /* answers: that of the effect */
    uint64_t token; /* answers: that of the effect; requests: unique, given back in the reply */
    enum error error;
    union {
        struct bytes name;    /* TOPIC_CONFIG_CHANGED */
        bool unclean_allowed; /* UNCLEAN_DEFAULT_CHANGED */
        struct {
            bool exists;
            bool ours; /* held by this very session */
            int32_t broker_id;
        } controller_read;
        struct {
            int32_t epoch;
            int32_t version;
        } controller_epoch_read;
        int32_t elected_version; /* ELECTED: version of /controller_epoch now */
        struct {
            const struct controller_broker_read *brokers;
            size_t count;
            struct controller_names notifications; /* of failed directories: to be deleted */
            int32_t registrations; /* version of /barnabas/registrations, read before the rest */
        } brokers_read;
        struct controller_names topics_read;
        const struct controller_topic_read *topic_read;
        struct {
            struct controller_topic_partition of;
            const struct controller_state_read *read;
        } state_read;
        struct {
            struct bytes name;
            struct bytes unclean_leader_election_enable; /* null: not set */
        } topic_config_read;
        struct controller_names delete_topics_read;
        struct {
            const struct controller_topic_partition *partitions;
            size_t count;
        } preferred_election_read;
        struct controller_alter_reassignments_request reassign_partitions_read;
        struct {
            const int32_t *numbers; /* in any order */
            size_t count;
        } changes_read;
        struct {
            struct bytes name;
            bool marked;                   /* its node in /admin/delete_topics is among the paths */
            struct controller_names paths; /* children before parents */
        } topic_tree_read;
        struct {
            enum controller_failed_operation failed;
            size_t failed_index;
            enum controller_write_kind failed_kind;
            int32_t change_number; /* of the entry made; -1: none */
        } written;
        struct {
            int64_t block_end; /* last id of the newest block; -1: none yet */
            int32_t version;
        } producer_ids_read;
        const struct controller_create_topics_request *create_topics;
        const struct controller_create_partitions_request *create_partitions;
        const struct controller_delete_topics_request *delete_topics;
        const struct controller_alter_partition_request *alter_partition;
        const struct controller_elect_leaders_request *elect_leaders;
        const struct controller_allocate_producer_ids_request *allocate_producer_ids;
        const struct controller_controlled_shutdown_request *controlled_shutdown;
        const struct controller_alter_reassignments_request *alter_reassignments;
    };
};

/* ---- Effects */

/* One write of a multi, and what the change entry says about it: TOPIC_CREATE, TOPIC_SET and
 * NOTE_TOPIC give a topic, STATE_CREATE,
 * STATE_SET and NOTE_STATE a state, NOTE_DELETED a deletion. */
struct controller_write {
    enum controller_write_kind kind;
    struct bytes topic;
    struct uuid topic_id;
    int32_t partition;
    int32_t version; /* STATE_SET, TOPIC_SET: expected, and one more afterwards; notes: expected */
    struct controller_partition_state state;
    const struct controller_partition_assignment *assignments; /* complete */
    size_t assignment_count;
    bool with_configs; /* otherwise the entry says nothing about them */
    const struct controller_topic_config_entry *configs;
    size_t config_count;
    struct bytes path; /* NODE_DELETE */
    bool is_by_others; /* NOTE_DELETED: somebody else removed its znodes */
};

enum controller_effect_kind {
    /* Reads. Those of a parent or of /controller arm its watch. Each is answered by the event of
     * the same name. */
    CONTROLLER_EFFECT_READ_CONTROLLER,       /* after a sync */
    CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH, /* made with 0 if absent */
    CONTROLLER_EFFECT_READ_BROKERS,
    CONTROLLER_EFFECT_READ_TOPICS,
    CONTROLLER_EFFECT_READ_TOPIC,        /* name */
    CONTROLLER_EFFECT_READ_STATE,        /* name, partition; after a sync */
    CONTROLLER_EFFECT_READ_TOPIC_CONFIG, /* name */
    CONTROLLER_EFFECT_READ_DELETE_TOPICS,
    CONTROLLER_EFFECT_READ_PREFERRED_ELECTION,
    CONTROLLER_EFFECT_READ_REASSIGN_PARTITIONS,
    CONTROLLER_EFFECT_READ_CHANGES,
    /* After a sync: every node there is of topic `name`, children before parents: below and with
     * /brokers/topics/T, then its config node, then its node in /admin/delete_topics. */
    CONTROLLER_EFFECT_READ_TOPIC_TREE,
    CONTROLLER_EFFECT_READ_PRODUCER_IDS,
    /* Writes. */
    CONTROLLER_EFFECT_ELECT,      /* one multi: create /controller, set /controller_epoch */
    CONTROLLER_EFFECT_RELINQUISH, /* delete /controller, which is ours without an office */
    CONTROLLER_EFFECT_WRITE,      /* one fenced multi; answered by WRITTEN */
    CONTROLLER_EFFECT_WRITE_PRODUCER_IDS,
    /* Without an answer. */
    CONTROLLER_EFFECT_ARM_TIMER,
    CONTROLLER_EFFECT_ARM_BALANCE_TIMER, /* delay_ms; arming again moves it */
    CONTROLLER_EFFECT_REPLY,
    CONTROLLER_EFFECT_TERM_BEGUN, /* elected and loaded: `term_epoch` */
    CONTROLLER_EFFECT_TERM_ENDED
};

/* One multi: check(/controller_epoch, epoch_version), check(/barnabas/registrations,
 * registrations), the writes in order, the change entry if
 * any write belongs in one or `announce` is set, the deletions of the entries `purge`. */
struct controller_write_effect {
    int32_t controller_epoch;
    int32_t epoch_version; /* -1 only in a test that does without the fence */
    int32_t registrations; /* likewise -1 */
    bool announce;         /* make an entry even if it only names the controller */
    const struct controller_write *writes;
    size_t write_count;
    const int32_t *purge;
    size_t purge_count;
};

/* All that an effect points to is valid until
 * controller_effects_reset. */
struct controller_effect {
    enum controller_effect_kind kind;
    uint64_t term;
    uint64_t token;
    union {
        struct bytes name; /* READ_TOPIC, READ_TOPIC_CONFIG, READ_TOPIC_TREE */
        struct controller_topic_partition state; /* READ_STATE */
        struct {
            int32_t epoch;   /* to write into /controller_epoch */
            int32_t version; /* that it has */
        } elect;
        struct controller_write_effect write;
        struct {
            int32_t broker_id; /* whose block it is */
            int64_t block_start;
            int64_t block_end; /* inclusive */
            int32_t version;
        } producer_ids;
        int64_t delay_ms; /* ARM_TIMER, ARM_BALANCE_TIMER; arming again moves it */
        int32_t term_epoch;
        /* REPLY: `token` is the request's, `reply` its kind, which says which response it is. */
        struct {
            enum controller_event_kind request;
            union {
                const struct controller_create_topics_response *create_topics;
                const struct controller_create_partitions_response *create_partitions;
                const struct controller_delete_topics_response *delete_topics;
                const struct controller_alter_partition_response *alter_partition;
                const struct controller_elect_leaders_response *elect_leaders;
                const struct controller_allocate_producer_ids_response *allocate_producer_ids;
                const struct controller_controlled_shutdown_response *controlled_shutdown;
                const struct controller_alter_reassignments_response *alter_reassignments;
            };
        } reply;
    };
};

/* Effects in the order in which they must be carried out. */
struct controller_effects {
    struct controller_effect *items;
    size_t count;
    size_t capacity;
    struct arena arena;       /* what the items point to */
    struct request *answered; /* what replies point to */
};

void controller_effects_init(struct controller_effects *effects);
void controller_effects_reset(struct controller_effects *effects);
void controller_effects_done(struct controller_effects *effects);

/* ---- The machine */

struct controller *controller_new(const struct controller_config *config);
void controller_free(struct controller *c); /* accepts NULL */

/* Decides; does nothing. Effects are appended. */
void controller_step(struct controller *c, const struct controller_event *event,
                     struct controller_effects *effects);

/* Nothing is under way for a controller that is not active. */
void controller_for_each_reassignment(const struct controller *c,
                                      controller_visit_reassignment *visit, void *context);

bool controller_is_active(const struct controller *c);
int32_t controller_epoch(const struct controller *c);
/* Topics that are being deleted, and their replicas. */
void controller_count_deletions(const struct controller *c, size_t *topics,
                                size_t *replicas); /* 0 if not active */

#endif
