/*
 * One effect that reads, on its way through its stages. A stage is a number of requests that are
 * pipelined; when the last of its answers is there, `stage_done` begins the next stage or finishes
 * the read, which gives the core one event.
 *
 * A read that ZooKeeper could not answer (no connection) is begun again from its first stage,
 * later. So the core never hears of failed reads, and what it hears is never patched together
 * from before and after a gap.
 *
 * Watches are set by the first request of a stage, before anything that could change unseen.
 */
#ifndef CONTROLLER_SHELL_READ_H
#define CONTROLLER_SHELL_READ_H

#include "controller/shell/shell.h"
#include "zk-schema/controller_znode.h"

struct read {
    struct operation operation;
    void (*begin)(struct read *read);
    void (*stage_done)(struct read *read); /* when the last answer of the stage is there */
    size_t pending;                        /* answers */
    enum error failed;                     /* why it has to begin again; NONE if not */
    struct bytes name;                     /* the effect's, owned by `names` */
    int32_t partition;
    struct arena names; /* what outlives a new beginning */
    bool waits;         /* in one of the lists of cluster_reads */
    TAILQ_ENTRY(read) entry;
    union {
        struct {
            bool exists, ours;
            struct controller_znode znode;
        } controller;
        struct {
            bool missing;
            int32_t epoch, version;
        } epoch;
        struct {
            struct controller_broker_read *brokers;
            size_t count;
            struct controller_names notifications;
            bool registrations_missing;
            int32_t registrations;
        } brokers;
        struct controller_names names_read;
        struct {
            struct controller_topic_read read;
            struct controller_partition_assignment *assignments;
            struct controller_state_read *states;
        } topic;
        struct controller_state_read state;
        struct bytes unclean;
        struct {
            bool exists;
            struct controller_topic_partition *partitions;
            size_t count;
        } election;
        struct {
            enum error error;
            struct controller_reassign_partition *partitions;
            size_t count;
        } reassign;
        struct {
            int32_t *numbers;
            size_t count;
        } changes;
        struct {
            struct tree_node *first, *last; /* parents before children */
            size_t count;
            bool config_exists, mark_exists;
        } tree;
        struct {
            enum error error;
            int64_t block_end;
            int32_t version;
        } producer_ids;
    };
};

struct znode_error;

/* Takes one answer, which is NONE or ZK_NO_NODE. `index` is what the request was made with. */
typedef void controller_read_answered(struct read *read, size_t index,
                                      const struct zk_result *result);

/* ---- For the kinds of reads */
struct zk *controller_read_zk(const struct read *read);
/* Memory until the read is finished or begun again. */
void *controller_read_allocate(struct read *read, size_t count, size_t size);
struct bytes controller_read_copy(struct read *read, struct bytes source);

/* Requests of the present stage. */
void controller_read_get(struct read *read, const char *path, size_t index,
                         controller_read_answered *answered);
void controller_read_exists(struct read *read, const char *path, bool watch, size_t index,
                            controller_read_answered *answered);
void controller_read_children(struct read *read, const char *path, bool watch, size_t index,
                              controller_read_answered *answered);
void controller_read_sync(struct read *read, const char *path);
/* Creates a persistent znode that somebody else may create at the same time. */
void controller_read_create(struct read *read, const char *path, struct bytes data);
void controller_read_ignore(struct read *read, size_t index, const struct zk_result *result);

/* The event that answers the read, to be filled in; and its end: the core hears, it is freed. */
struct controller_event controller_read_answer(const struct read *read,
                                               enum controller_event_kind kind);
void controller_read_finish(struct read *read, struct controller_event *event);
void controller_read_warn_invalid(const struct znode_error *error);

/* ---- The kinds: cluster_reads.c */
void controller_read_controller_begin(struct read *read);
void controller_read_epoch_begin(struct read *read);
void controller_read_brokers_begin(struct read *read);
void controller_read_topics_begin(struct read *read);
void controller_read_delete_topics_begin(struct read *read);
void controller_read_election_begin(struct read *read);
void controller_read_reassign_begin(struct read *read);
void controller_read_changes_begin(struct read *read);
void controller_read_producer_ids_begin(struct read *read);

/* ---- The kinds: topic_reads.c */
void controller_read_state_begin(struct read *read);
void controller_read_topic_begin(struct read *read);
void controller_read_topic_config_begin(struct read *read);
void controller_read_tree_begin(struct read *read);

#endif
