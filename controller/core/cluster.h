/*
 * What the controller knows of the cluster: brokers, topics, partitions, and which replicas lie
 * on which broker. Only tables: who may change what is decided elsewhere.
 *
 *   cluster ── brokers by id ──< replicas (in the order in which they became known)
 *      └────── topics by name, by id, by folded name ── partitions ── replicas
 *
 * A broker is kept as long as it is registered, a replica is assigned to it, or it once restarted
 * on logs that may have lost records. Iteration is in the order of insertion, never of hashes or
 * addresses, so that decisions can be repeated.
 *
 * A topic that goes away while writes about it are on their way is only forgotten: it leaves the
 * tables at once and is freed when the last of them has returned.
 */
#ifndef CONTROLLER_CORE_CLUSTER_H
#define CONTROLLER_CORE_CLUSTER_H

#include <sys/queue.h>

#include "controller/core/allocate.h"
#include "controller/core/controller.h"

#define uthash_fatal(message) check_failed(message, __FILE__, __LINE__)
#include <uthash.h>

#include "controller/core/election_plan.h"

struct request_item;
TAILQ_HEAD(request_items, request_item);

/* Something that waits for its turn to be written: embedded in a topic or a partition. */
enum unit_kind { UNIT_PARTITION, UNIT_TOPIC, UNIT_NODE };

struct unit {
    enum unit_kind kind;
    bool queued;
    bool urgent; /* in which queue */
    TAILQ_ENTRY(unit) entry;
};

TAILQ_HEAD(units, unit);

/* Whether the replica's broker registered anew since the state was written. */
enum replica_eviction {
    EVICTION_NONE,
    EVICTION_WANTED,
    EVICTION_WRITING /* a write that takes it into account is on its way */
};

struct replica {
    struct partition *partition;
    struct broker *broker;
    enum replica_eviction eviction;
    TAILQ_ENTRY(replica) on_broker;
};

TAILQ_HEAD(replicas, replica);

struct broker {
    int32_t id;
    bool registered;
    int64_t epoch;
    /* Of the registration that is about to go, which may be one that is not listed yet; 0: none. */
    int64_t leaving_epoch;
    int64_t unclean_since;                      /* see controller_broker_read */
    struct controller_topic_partition *offline; /* owned, names too; ascending */
    size_t offline_count;
    uint64_t seen;     /* by which listing */
    struct bytes rack; /* owned; null: none */
    struct replicas replicas;
    UT_hash_handle hh;
};

enum partition_phase {
    PARTITION_SETTLED,
    PARTITION_QUEUED,  /* will be looked at when a multi has room */
    PARTITION_WRITING, /* `next` is on its way */
    PARTITION_READING, /* its state is being read back */
    PARTITION_BROKEN   /* its znode is not readable: left alone until the next term */
};

/* In an order without holes: a cluster has tens of thousands. */
struct partition {
    struct unit unit;
    struct topic *topic;
    int32_t *replica_ids;     /* the assignment */
    struct replica *replicas; /* parallel */
    size_t replica_count;
    int32_t *adding_ids; /* of the assignment: new with the reassignment under way; owned */
    size_t adding_count;
    int32_t *removing_ids; /* will go with it; owned */
    size_t removing_count;
    int32_t index;
    enum partition_phase phase;
    bool dirty;            /* something happened since it was last looked at */
    bool unclean_allowed;  /* when it is looked at next */
    bool preferred_wanted; /* likewise: its preferred replica is to lead */
    bool awaited;          /* a request waits for its first state */
    bool noting;           /* WRITING: only tells what the state is */
    bool note_wanted;      /* brokers have not been told of its state as it is now */
    bool node_exists;      /* .../partitions/P */
    bool exists;           /* .../state; `state` and `version` are valid */
    bool epoch_wanted;  /* its replicas are new: the leader hears of them by a new leader epoch */
    bool epoch_writing; /* WRITING: with a new leader epoch because of that */
    int32_t version;
    struct controller_partition_state state; /* isr owned */
    int64_t registrations_seen; /* all that are older than this were, when `state` was written */
    struct controller_partition_state next; /* WRITING, READING: isr owned */
    uint64_t read_token;                    /* READING */
    struct request_item *writing_item;      /* whose write is on its way; NULL: the controller's */
    struct request_items waiting;           /* requests about this partition, in order */

    /* The assignment that the topic's write under way gives it (owned; NULL: the one it has), and
     * who asked for it (NULL: the controller, at the end of a reassignment). */
    struct controller_partition_assignment *planned;
    struct request_item *planned_item;
    struct request_items reassignments; /* requests to reassign it, in order */
};

enum topic_phase {
    TOPIC_CREATING, /* its znode is not written yet */
    TOPIC_LIVE,
    TOPIC_DELETING
};

struct topic {
    struct unit unit;
    struct bytes name; /* owned */
    char *folded;      /* owned; the collision key */
    struct uuid id;
    enum topic_phase phase;
    bool forgotten;
    size_t in_flight;       /* units of it in multis under way */
    uint64_t seen;          /* by which listing */
    int32_t version;        /* of its znode */
    bool assignment_wanted; /* assignments of known partitions may have to be written */
    bool config_node_exists;
    bool partitions_node_exists;
    bool note_wanted; /* brokers have not been told of it as it is now */
    bool id_wanted;   /* its znode has no topic id yet */
    bool config_reading;

    bool writing;      /* its own write is on its way: */
    bool sent_create;  /*   it makes the znode */
    bool sent_set;     /*   it sets the znode */
    size_t sent_count; /*   partitions in the znode then; TOPIC_DELETING: nodes deleted then */
    bool reread;       /* read it once the write has returned */

    size_t deleting_replicas; /* TOPIC_DELETING: that it had when that began */
    bool writing_deletion;    /* TOPIC_DELETING: a part of `tree` is being deleted */
    bool sent_last;           /*   the last part */
    bool marked;              /* /admin/delete_topics/T exists, as far as `tree` says */
    bool mark_seen;           /* it has been there since the deletion began */
    uint64_t tree_token;      /* of the listing under way; 0: none */
    struct bytes *tree;       /* owned paths still to be deleted, children first; NULL: unknown */
    size_t tree_count;
    size_t tree_position; /* deleted up to here */

    struct controller_topic_config_entry *configs; /* owned; for its note. NULL: say nothing */
    size_t config_count;
    struct partition **partitions;
    size_t partition_count;            /* known here */
    size_t written_count;              /* of these, in the znode */
    size_t awaited_count;              /* of its partitions */
    struct request_item *create_item;  /* CreateTopics that waits for it */
    struct request_item *extend_item;  /* CreatePartitions */
    struct request_items delete_items; /* DeleteTopics */
    UT_hash_handle by_name, by_id, by_folded;
};

struct cluster {
    struct broker *brokers;
    int64_t newest_registration; /* that is known */
    struct topic *by_name, *by_id, *by_folded;
    size_t partition_count;
    size_t deleting_topics, deleting_replicas;
};

/* A copy with memory of its own. */
struct bytes controller_bytes_duplicate(struct bytes source);
void controller_bytes_release(struct bytes *owned);

void controller_cluster_init(struct cluster *cluster);
/* Frees everything, forgotten topics excepted: those are freed by controller_topic_release. */
void controller_cluster_done(struct cluster *cluster);

struct broker *controller_cluster_broker(struct cluster *cluster, int32_t id); /* NULL if unknown */
struct broker *controller_cluster_broker_ensure(struct cluster *cluster, int32_t id);
void controller_cluster_broker_set_rack(struct broker *broker, struct bytes rack);
/* Takes a copy; whether it differs from what was known. */
bool controller_cluster_broker_set_offline(struct broker *broker,
                                           const struct controller_topic_partition *offline,
                                           size_t count);
/* Whether the replica's directory failed, as its broker says. */
bool controller_replica_is_offline(const struct replica *replica);
/* Whether it is registered and not shutting down. */
bool controller_broker_is_live(const struct broker *broker);

struct topic *controller_cluster_topic(struct cluster *cluster,
                                       struct bytes name); /* NULL if unknown */
struct topic *controller_cluster_topic_by_id(struct cluster *cluster, const struct uuid *id);
/* A topic whose name collides, other than one of the same name; NULL if none. */
struct topic *controller_cluster_topic_colliding(struct cluster *cluster, struct bytes name);

/* Adds a topic without partitions. The name is copied; a zero id may be set later. */
struct topic *controller_cluster_topic_add(struct cluster *cluster, struct bytes name,
                                           const struct uuid *id);
void controller_cluster_topic_set_id(struct cluster *cluster, struct topic *topic,
                                     const struct uuid *id);
void controller_cluster_topic_set_configs(struct topic *topic,
                                          const struct controller_topic_config_entry *configs,
                                          size_t count);
void controller_cluster_topic_clear_configs(struct topic *topic);
void controller_cluster_topic_set_tree(struct topic *topic, const struct controller_names *paths);
void controller_cluster_topic_clear_tree(struct topic *topic);

/* It is TOPIC_DELETING from now on. */
void controller_cluster_topic_begin_deletion(struct cluster *cluster, struct topic *topic);

/* Takes the topic out of the tables. Its memory lives on while in_flight > 0. */
void controller_cluster_topic_forget(struct cluster *cluster, struct topic *topic);
/* One thing in flight came back; frees a forgotten topic with the last. */
void controller_topic_release(struct topic *topic);

/* Appends the next partition. */
struct partition *controller_cluster_partition_add(struct cluster *cluster, struct topic *topic,
                                                   const int32_t *replicas, size_t replica_count);
/* What it is assigned to; valid until that changes. */
struct controller_partition_assignment
controller_partition_assignment_of(const struct partition *partition);
/* Replicas that stay keep what is known of them. */
void controller_cluster_partition_assign(struct cluster *cluster, struct partition *partition,
                                         const struct controller_partition_assignment *assignment);
bool controller_partition_is_reassigning(const struct partition *partition);
/* Removes the last one, which must be settled. */
void controller_cluster_partition_remove_last(struct cluster *cluster, struct topic *topic);
struct partition *controller_topic_find_partition(struct topic *topic,
                                                  int32_t index); /* NULL if out of range */

void controller_partition_state_copy(struct controller_partition_state *to,
                                     const struct controller_partition_state *from);
void controller_partition_state_clear(struct controller_partition_state *state);
bool controller_partition_state_equal(const struct controller_partition_state *a,
                                      const struct controller_partition_state *b);

/* The input of an election; `health` has room for the replicas. */
struct election_input controller_partition_election_input(const struct partition *partition,
                                                          enum replica_health *health);
struct replica *controller_partition_replica(const struct partition *partition, int32_t broker_id);

#endif
