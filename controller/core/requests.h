/*
 * What a broker can ask of the active controller, and what it answers: plain structs, the same
 * for the core (as part of events and effects) and for the shell's callers. The names carry
 * controller_ because the wire's own structs have the plain ones.
 *
 * Ownership: a request and all it points to is valid during the call that takes it; a response
 * and all it points to is valid during the callback that delivers it. Results come in the order
 * of the request. A response whose `error` is not NONE (NOT_CONTROLLER, ...) has no results.
 * Strings are views without a terminating zero; messages are C strings, NULL if the error's own
 * text says enough.
 * Source: Apache Kafka 3.9, KafkaController, AdminZkClient.
 */
#ifndef CONTROLLER_CORE_REQUESTS_H
#define CONTROLLER_CORE_REQUESTS_H

#include "client/base/bytes.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

/* The replicas of one partition, the preferred leader first. */
struct controller_partition_assignment {
    int32_t partition;
    const int32_t *replicas;
    size_t replica_count;
    /* Only while it is reassigned: those of `replicas` that are new, and those that will go. */
    const int32_t *adding;
    size_t adding_count;
    const int32_t *removing;
    size_t removing_count;
};

struct controller_topic_config_entry {
    struct bytes key;
    struct bytes value;
};

/* What the caller found wrong with a topic; NONE: nothing. */
struct controller_fault {
    enum error error;
    const char *message; /* valid during the event */
};

/* CreateTopics. Defaults (-1) are resolved and configs are validated by the caller, who is told of
 * the first fault in Kafka's order, his own or the controller's. */
struct controller_create_topic {
    struct bytes name;
    int32_t partition_count;                                   /* ignored with assignments */
    int32_t replication_factor;                                /* ignored with assignments */
    const struct controller_partition_assignment *assignments; /* partitions 0..n-1 in any order */
    size_t assignment_count;                                   /* 0: the controller chooses */
    const struct controller_topic_config_entry *configs;
    size_t config_count;
    struct controller_fault form_fault;   /* told unless the topic exists */
    struct controller_fault config_fault; /* told if all else is well */
};

struct controller_create_topics_request {
    const struct controller_create_topic *topics;
    size_t topic_count;
    bool validate_only;
};

/* Errors: INVALID_TOPIC_EXCEPTION (name, or one that differs only in '.' and '_'),
 * TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
 * INVALID_REPLICA_ASSIGNMENT, INVALID_REQUEST (named twice). */
struct controller_create_topic_result {
    struct bytes name;
    enum error error;
    const char *message;
    struct uuid topic_id; /* zero with validate_only or an error */
    int32_t partition_count;
    int32_t replication_factor;
};

/* Sent when the topic with all its partition states is in ZooKeeper, not when it is in the
 * brokers' caches. */
struct controller_create_topics_response {
    enum error error;
    const struct controller_create_topic_result *results;
    size_t result_count;
};

/* CreatePartitions. */
struct controller_create_partitions {
    struct bytes name;
    int32_t partition_count;                                   /* the new total */
    const struct controller_partition_assignment *assignments; /* of the added ones, in order;
                                                       `partition` is not read */
    size_t assignment_count;
    bool is_assigned; /* false: the controller chooses; true, too, for an assignment of nothing */
};

struct controller_create_partitions_request {
    const struct controller_create_partitions *topics;
    size_t topic_count;
    bool validate_only;
};

/* Errors: UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS (not more than there are),
 * INVALID_REPLICA_ASSIGNMENT, INVALID_TOPIC_EXCEPTION (being deleted),
 * REASSIGNMENT_IN_PROGRESS. */
struct controller_create_partitions_result {
    struct bytes name;
    enum error error;
    const char *message;
};

struct controller_create_partitions_response {
    enum error error;
    const struct controller_create_partitions_result *results;
    size_t result_count;
};

/* DeleteTopics: by id if that is not zero, else by name. */
struct controller_delete_topic {
    struct bytes name;
    struct uuid topic_id;
};

struct controller_delete_topics_request {
    const struct controller_delete_topic *topics;
    size_t topic_count;
};

/* Errors: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, TOPIC_DELETION_DISABLED. */
struct controller_delete_topic_result {
    struct bytes name; /* also when asked by id; null if unknown */
    struct uuid topic_id;
    enum error error;
    const char *message;
};

/* Sent when the topic's znodes are gone. */
struct controller_delete_topics_response {
    enum error error;
    const struct controller_delete_topic_result *results;
    size_t result_count;
};

enum controller_leader_recovery_state {
    CONTROLLER_LEADER_RECOVERED = 0,
    CONTROLLER_LEADER_RECOVERING = 1
};

/* AlterPartition: a leader proposes an ISR. */
struct controller_alter_partition {
    struct bytes topic; /* used if the id is zero */
    struct uuid topic_id;
    int32_t partition;
    int32_t leader_epoch;
    int32_t partition_epoch; /* the state znode's dataVersion as the leader knows it */
    const int32_t *new_isr;
    const int64_t *new_isr_broker_epochs; /* parallel to new_isr; NULL, or -1 for unknown */
    size_t new_isr_count;
    enum controller_leader_recovery_state leader_recovery_state;
};

struct controller_alter_partition_request {
    int32_t broker_id; /* the leader's */
    int64_t broker_epoch;
    const struct controller_alter_partition *partitions;
    size_t partition_count;
};

/* Errors: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, NOT_CONTROLLER, FENCED_LEADER_EPOCH,
 * INVALID_UPDATE_VERSION, INVALID_REQUEST, INELIGIBLE_REPLICA (a caller with version < 2 gets
 * OPERATION_NOT_ATTEMPTED instead: translate). With NONE the rest is the state now. */
struct controller_alter_partition_result {
    struct bytes topic;
    struct uuid topic_id;
    int32_t partition;
    enum error error;
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    const int32_t *isr;
    size_t isr_count;
    enum controller_leader_recovery_state leader_recovery_state;
};

/* Top-level errors: NOT_CONTROLLER, STALE_BROKER_EPOCH. */
struct controller_alter_partition_response {
    enum error error;
    const struct controller_alter_partition_result *results;
    size_t result_count;
};

/* ElectLeaders. */
enum controller_election_type {
    CONTROLLER_ELECTION_PREFERRED = 0,
    CONTROLLER_ELECTION_UNCLEAN = 1
};

struct controller_topic_partition {
    struct bytes topic;
    int32_t partition;
};

struct controller_elect_leaders_request {
    enum controller_election_type type;
    bool all; /* every partition; those that need no election are left out of the answer */
    const struct controller_topic_partition *partitions;
    size_t partition_count;
};

/* Errors: ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE,
 * UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION (being deleted). */
struct controller_elect_leaders_result {
    struct bytes topic;
    int32_t partition;
    enum error error;
};

struct controller_elect_leaders_response {
    enum error error;
    const struct controller_elect_leaders_result *results;
    size_t result_count;
};

/* AlterPartitionReassignments. Brokers keep track of at most so many replicas of a partition, those
 * that are added and those that will go counted alike. */
#define CONTROLLER_REPLICAS_MAX 64

struct controller_reassign_partition {
    struct bytes topic;
    int32_t partition;
    const int32_t *target; /* the replicas it shall have; NULL: cancel what is under way */
    size_t target_count;
};

struct controller_alter_reassignments_request {
    const struct controller_reassign_partition *partitions;
    size_t partition_count;
};

/* Errors: UNKNOWN_TOPIC_OR_PARTITION, INVALID_REPLICA_ASSIGNMENT (also: a broker to be added is
 * not live), NO_REASSIGNMENT_IN_PROGRESS (a cancellation), ELIGIBLE_LEADERS_NOT_AVAILABLE (none
 * of the replicas that would stay is live and in sync). */
struct controller_alter_reassignments_result {
    struct bytes topic;
    int32_t partition;
    enum error error;
    const char *message;
};

/* Sent when the new assignment is in ZooKeeper; the replicas are yet to catch up. */
struct controller_alter_reassignments_response {
    enum error error;
    const struct controller_alter_reassignments_result *results;
    size_t result_count;
};

/* Called for each partition that is being reassigned; everything is valid during the call. */
typedef void
controller_visit_reassignment(void *context, struct bytes topic,
                              const struct controller_partition_assignment *assignment);

/* AllocateProducerIds. */
struct controller_allocate_producer_ids_request {
    int32_t broker_id;
    int64_t broker_epoch;
};

/* Errors: NOT_CONTROLLER, BROKER_ID_NOT_REGISTERED, STALE_BROKER_EPOCH,
 * UNKNOWN_SERVER_ERROR (the znode is not readable, or ids are used up). */
struct controller_allocate_producer_ids_response {
    enum error error;
    int64_t producer_id_start;
    int32_t producer_id_count;
};

/* ControlledShutdown: move leaderships away and leave the ISRs. */
struct controller_controlled_shutdown_request {
    int32_t broker_id;
    int64_t broker_epoch; /* -1: unknown, never stale */
};

/* Errors: STALE_CONTROLLER_EPOCH (not the controller), STALE_BROKER_EPOCH,
 * UNKNOWN_SERVER_ERROR, BROKER_NOT_AVAILABLE (unknown broker, with and without an epoch). */
struct controller_controlled_shutdown_response {
    enum error error;
    const struct controller_topic_partition
        *remaining; /* replicated partitions that it still leads */
    size_t remaining_count;
};

#endif
