/*
 * The inside of the controller: its state, and what its parts offer each other. Each part is one
 * file; this page is the list of them.
 */
#ifndef CONTROLLER_CORE_STATE_H
#define CONTROLLER_CORE_STATE_H

#include "client/base/rng.h"
#include "controller/core/cluster.h"

enum controller_role {
    ROLE_IDLE,     /* this broker is not registered */
    ROLE_STANDBY,  /* watching /controller */
    ROLE_ELECTING, /* an attempt is under way */
    ROLE_LOADING,  /* elected, reading the cluster */
    ROLE_ACTIVE
};

/* One unit's part of a multi under way. */
struct batch_item {
    struct unit *unit;
    struct topic *topic; /* held by its in_flight; NULL for UNIT_NODE */
    size_t first_write;
};

struct batch {
    uint64_t token;
    struct batch_item *items;
    size_t item_count, item_capacity;
    struct controller_write *writes; /* only while it is being made */
    size_t write_count, write_capacity;
    size_t bytes;
    bool announce;
    int32_t registrations;
    int64_t newest_registration; /* that was known when it was sent */
    TAILQ_ENTRY(batch) entry;
};

TAILQ_HEAD(batches, batch);

/* A znode to be deleted for good, or a topic that brokers must be told is gone. */
struct node_unit {
    struct unit unit;
    struct controller_write write;
    char *text; /* owned: its path or topic */
    TAILQ_ENTRY(node_unit) entry;
};

TAILQ_HEAD(node_units, node_unit);

/* Entries under /barnabas/changes that are known to exist, oldest first. */
struct change_list {
    int32_t *numbers;
    size_t first, end, capacity;
    bool known;     /* false: being listed anew, nothing may be purged */
    uint64_t token; /* of the listing that will be believed */
};

struct request;
TAILQ_HEAD(requests, request);

struct controller {
    struct controller_config config;
    struct rng rng;
    enum controller_role role;
    uint64_t term;
    uint64_t last_token;
    int32_t attempt_epoch; /* of an election whose outcome is open; 0: none */
    int32_t epoch;
    int32_t epoch_version;
    size_t loads;      /* answers that loading still waits for */
    bool marks_loaded; /* the last of them is or was that about topics to be deleted */
    uint64_t broker_listing;
    uint64_t topic_listing;
    bool announce_wanted;
    bool backing_off; /* until the timer */
    struct cluster cluster;
    struct units urgent, normal;
    struct node_units nodes;
    struct batches batches;
    size_t batch_count;
    int32_t registrations; /* version of /barnabas/registrations, not newer than what is known */
    bool registrations_outdated; /* somebody has registered since; being read */
    struct change_list changes;
    struct requests requests; /* unanswered */
    /* Partitions that /admin/reassign_partitions names, as far as they are not done. */
    struct controller_topic_partition *node_reassignments; /* owned, names too */
    size_t node_reassignment_count;
    bool node_reassignments_changed; /* one may be done */
    bool producer_ids_busy;
    int64_t producer_ids_start; /* of the block being written */
};

/* ---- effects.c */
struct controller_effect *controller_effect_add(struct controller *c,
                                                struct controller_effects *effects,
                                                enum controller_effect_kind kind);
/* A read, whose token it returns. While loading, the reads that load are counted. */
uint64_t controller_effect_read(struct controller *c, struct controller_effects *effects,
                                enum controller_effect_kind kind, struct bytes name);
/* Copies that live as long as the effects. */
void *controller_effect_copy(struct controller_effects *effects, const void *data, size_t size);
struct bytes controller_effect_copy_bytes(struct controller_effects *effects, struct bytes source);

/* ---- term.c: election, loading, resignation */
void controller_term_on_registered(struct controller *c, struct controller_effects *effects);
void controller_term_on_session_over(struct controller *c, struct controller_effects *effects);
void controller_term_on_controller_changed(struct controller *c,
                                           struct controller_effects *effects);
void controller_term_on_controller_read(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects);
void controller_term_on_controller_epoch_read(struct controller *c,
                                              const struct controller_event *event,
                                              struct controller_effects *effects);
void controller_term_on_elected(struct controller *c, const struct controller_event *event,
                                struct controller_effects *effects);
void controller_term_on_timer(struct controller *c, struct controller_effects *effects);
/* An answer that loading waits for has come. */
void controller_term_loaded_one(struct controller *c, struct controller_effects *effects);
/* Forgets everything and stands again. */
void controller_term_resign(struct controller *c, struct controller_effects *effects);

/* ---- liveness.c: brokers come and go */
void controller_liveness_on_brokers_read(struct controller *c,
                                         const struct controller_event *event);
/* Compares registrations with the state as it was read. */
void controller_liveness_find_stale(struct partition *partition);

/* ---- partition_machine.c: one partition's state */
/* Something about it may have changed: look at it when a multi has room. */
void controller_partition_touch(struct controller *c, struct partition *p);
/* Its turn: adds its write to the batch, if there is anything to write. */
void controller_partition_look(struct controller *c, struct partition *p, struct batch *batch,
                               struct controller_effects *effects);
void controller_partition_on_written(struct controller *c, struct partition *p,
                                     int64_t registrations_seen,
                                     struct controller_effects *effects);
/* The write was not tried, because of another in its multi. */
void controller_partition_on_undone(struct controller *c, struct partition *p);
/* The write failed, or nobody knows. */
void controller_partition_on_refused(struct controller *c, struct partition *p, enum error error,
                                     struct controller_effects *effects);
void controller_partition_on_state_read(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects);
/* Believes what was read. */
void controller_partition_adopt(struct controller *c, struct partition *p,
                                const struct controller_state_read *read,
                                struct controller_effects *effects);
void controller_partition_on_config_read(struct controller *c,
                                         const struct controller_event *event);
void controller_partition_on_unclean_default(struct controller *c, bool allowed,
                                             struct controller_effects *effects);
/* Answers what waits for it. */
void controller_partition_fail_items(struct controller *c, struct partition *p, enum error error,
                                     struct controller_effects *effects);
/* Its first state is written, or cannot be written now: whoever waits need not. */
void controller_partition_unawait(struct controller *c, struct partition *p,
                                  struct controller_effects *effects);
bool controller_partition_is_unsettled(const struct partition *p);

/* ---- writes.c: multis */
void controller_writes_queue(struct controller *c, struct unit *unit, bool urgent);
void controller_writes_queue_first(struct controller *c, struct unit *unit, bool urgent);
void controller_writes_unqueue(struct controller *c, struct unit *unit);
/* Sends multis while there is something to write and room to do so. */
void controller_writes_flush(struct controller *c, struct controller_effects *effects);
void controller_writes_on_written(struct controller *c, const struct controller_event *event,
                                  struct controller_effects *effects);
/* Learns anew which entries exist; until then none is purged. */
void controller_writes_list_changes(struct controller *c, struct controller_effects *effects);
void controller_writes_on_changes_read(struct controller *c, const struct controller_event *event);
/* Adds one write of `unit`, which belongs to `topic`. Strings and arrays are copied. */
void controller_batch_add(struct batch *batch, struct unit *unit, struct topic *topic,
                          const struct controller_write *write, struct controller_effects *effects);
size_t controller_batch_room(const struct batch *batch); /* further writes */
/* Deletes `parent`, or `parent`/`name`, some time; it is no error if it is gone. */
void controller_writes_delete_node(struct controller *c, const char *parent, struct bytes name);
/* Tells the brokers that a topic is gone. */
void controller_writes_note_deleted(struct controller *c, struct bytes name, const struct uuid *id);
/* Forgets what waits and what is on its way. */
void controller_writes_abandon(struct controller *c);

/* ---- topic_machine.c: a topic's own znode, whoever wrote it */
void controller_topic_touch(struct controller *c, struct topic *topic);
void controller_topic_look(struct controller *c, struct topic *topic, struct batch *batch,
                           struct controller_effects *effects);
void controller_topic_on_written(struct controller *c, struct topic *topic,
                                 struct controller_effects *effects);
void controller_topic_on_refused(struct controller *c, struct topic *topic, enum error error,
                                 enum controller_write_kind failed,
                                 struct controller_effects *effects);
void controller_topic_on_topics_read(struct controller *c, const struct controller_event *event,
                                     struct controller_effects *effects);
void controller_topic_on_topic_read(struct controller *c, const struct controller_event *event,
                                    struct controller_effects *effects);
/* Whether the state of its partition `index` may be written now. */
bool controller_topic_allows_partition(const struct topic *topic, int32_t index);
/* An upper bound of what its znode and its part of an entry take. */
size_t controller_topic_bytes(const struct topic *topic);
void controller_topic_read_config(struct controller *c, struct topic *topic,
                                  struct controller_effects *effects);
/* The last partition that a request waited for is written. */
void controller_topic_on_partitions_done(struct controller *c, struct topic *topic,
                                         struct controller_effects *effects);
/* Answers what waits for it or its partitions, deletions excepted. */
void controller_topic_fail_items(struct controller *c, struct topic *topic, enum error error,
                                 struct controller_effects *effects);
/* Forgets what waits for it, unanswered. */
void controller_topic_detach_items(struct topic *topic);
/* Nothing of it waits to be written any more. */
void controller_topic_unqueue(struct controller *c, struct topic *topic);
/* Answers what waits for it, and forgets it. */
void controller_topic_drop(struct controller *c, struct topic *topic, enum error error,
                           struct controller_effects *effects);

/* ---- topic_deletion.c */
void controller_deletion_begin(struct controller *c, struct topic *topic,
                               struct controller_effects *effects);
/* Takes the next step, if nothing of the topic is on its way. */
void controller_deletion_advance(struct controller *c, struct topic *topic,
                                 struct controller_effects *effects);
void controller_deletion_look(struct topic *topic, struct batch *batch,
                              struct controller_effects *effects);
void controller_deletion_on_written(struct controller *c, struct topic *topic,
                                    struct controller_effects *effects);
void controller_deletion_on_refused(struct topic *topic);
void controller_deletion_on_tree_read(struct controller *c, const struct controller_event *event,
                                      struct controller_effects *effects);
void controller_deletion_on_marks_read(struct controller *c, const struct controller_event *event,
                                       struct controller_effects *effects);
void controller_deletion_on_request(struct controller *c, const struct controller_event *event,
                                    struct controller_effects *effects);

/* ---- topic_creation.c */
void controller_creation_on_topics_request(struct controller *c,
                                           const struct controller_event *event,
                                           struct controller_effects *effects);
void controller_creation_on_partitions_request(struct controller *c,
                                               const struct controller_event *event,
                                               struct controller_effects *effects);

/* ---- leadership_requests.c */
void controller_leadership_on_alter_partition(struct controller *c,
                                              const struct controller_event *event,
                                              struct controller_effects *effects);
void controller_leadership_on_elect_leaders(struct controller *c,
                                            const struct controller_event *event,
                                            struct controller_effects *effects);
void controller_leadership_on_preferred_election_read(struct controller *c,
                                                      const struct controller_event *event,
                                                      struct controller_effects *effects);
void controller_leadership_on_controlled_shutdown(struct controller *c,
                                                  const struct controller_event *event,
                                                  struct controller_effects *effects);
/* Answers the shutdowns whose broker's partitions have all been seen to. */
void controller_leadership_answer_shutdowns(struct controller *c,
                                            struct controller_effects *effects);

/* ---- balance.c */
/* The term has begun. */
void controller_balance_begin(struct controller *c, struct controller_effects *effects);
void controller_balance_on_timer(struct controller *c, struct controller_effects *effects);

/* ---- reassignment.c */
void controller_reassignment_on_request(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects);
void controller_reassignment_on_node_read(struct controller *c,
                                          const struct controller_event *event,
                                          struct controller_effects *effects);
/* Its turn: decides what assignments the topic's next write brings. Whether there are any. */
bool controller_reassignment_plan_topic(struct controller *c, struct topic *topic,
                                        struct controller_effects *effects);
/* The planned ones are in its znode. */
void controller_reassignment_on_written(struct controller *c, struct topic *topic,
                                        struct controller_effects *effects);
/* The write that brings the planned ones was not tried: they are planned anew. */
void controller_reassignment_on_undone(struct topic *topic);
/* Believes what was read, after a write that was refused or whose outcome is not known. */
void controller_reassignment_reconcile(struct controller *c, struct partition *p,
                                       const struct controller_partition_assignment *read,
                                       struct controller_effects *effects);
/* Nothing is to be written about its state: may its reassignment end? */
void controller_reassignment_advance(struct controller *c, struct partition *p);
/* Whether the broker may not come back into the ISR, because it is about to be removed. */
bool controller_reassignment_bars(const struct partition *p, int32_t broker_id);
void controller_reassignment_fail_items(struct controller *c, struct partition *p,
                                        struct controller_effects *effects);
/* Deletes /admin/reassign_partitions when nothing that it asked for is under way any more. */
void controller_reassignment_tidy_node(struct controller *c);
void controller_reassignment_forget_node(struct controller *c);
bool controller_topic_is_reassigning(const struct topic *topic);

/* ---- producer_ids.c */
void controller_producer_ids_on_request(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects);
void controller_producer_ids_on_read(struct controller *c, const struct controller_event *event,
                                     struct controller_effects *effects);
void controller_producer_ids_on_written(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects);

#endif
