/*
 * The coordinator of the groups whose partition of __consumer_offsets this broker leads: which
 * groups there are, their committed offsets, and the journal that keeps both.
 *
 * A thread of its own ("groups") runs the state machines of groups (group.h), their timers, and
 * writes what they decide through broker/journal. Nothing is answered as done before the journal
 * has it on all in-sync replicas.
 *
 * Threads: functions marked "any" may be called from any thread; all else, and every callback, on
 * the coordinator's own (group_coordinator_executor).
 * Source: Apache Kafka 3.9, GroupCoordinator.scala, GroupMetadataManager.scala.
 */
#ifndef BROKER_GROUP_GROUP_COORDINATOR_H
#define BROKER_GROUP_GROUP_COORDINATOR_H

#include "broker/group/group.h"
#include "broker/group/group_offsets.h"
#include "client/wire/compression.h"

struct clock;
struct executor;
struct group_census;
struct group_coordinator;
struct loop;
struct metadata_cache;
struct metadata_update;
struct replica_manager;

struct group_coordinator_config {
    struct group_settings group;
    struct executor *background; /* for what waits for a disk */
    struct clock *clock;
    struct metadata_cache *metadata;
    struct replica_manager *replicas;
    int32_t load_bytes;               /* offsets.load.buffer.size */
    int32_t offset_metadata_size_max; /* in UTF-16 units, as Java counts */
    int64_t commit_timeout_ms;
    int64_t retention_ms;
    int64_t retention_check_ms;
    enum compression codec;
};

/* All that the config points to outlives the coordinator. OUT_OF_MEMORY. */
MUST_CHECK enum error group_coordinator_start(const struct group_coordinator_config *config,
                                              struct group_coordinator **started);

/* Answers all who wait, with NOT_COORDINATOR; requests that come later get that too. The roles of
 * the partitions have been given up before. Not on the coordinator's thread. Accepts NULL. */
void group_coordinator_stop(struct group_coordinator *coordinator);
/* Ends the thread. Nobody has anything posted to it, and the background is drained. Accepts NULL.
 */
void group_coordinator_free(struct group_coordinator *coordinator);

/* Any. */
const struct group_census *group_coordinator_census(const struct group_coordinator *coordinator);
/* Any. */
struct executor *group_coordinator_executor(struct group_coordinator *coordinator);
/* Any. For timers and connections of what works on the coordinator's thread. */
struct loop *group_coordinator_loop(struct group_coordinator *coordinator);
/* Any. What changed in the cluster: leaderships, topics that are gone with their offsets. */
void group_coordinator_on_metadata(struct group_coordinator *coordinator,
                                   const struct metadata_update *update);

/* ---- Requests ---- */

/* NONE, or why the group is not served here: COORDINATOR_NOT_AVAILABLE,
 * COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR. All that follow say the same. */
MUST_CHECK enum error group_coordinator_check(const struct group_coordinator *coordinator,
                                              struct bytes group_id);

/* `join->new_member_id` is filled in. */
void group_coordinator_join(struct group_coordinator *coordinator, struct bytes group_id,
                            const struct group_join *join);
void group_coordinator_sync(struct group_coordinator *coordinator, struct bytes group_id,
                            const struct group_sync *sync);
MUST_CHECK enum error group_coordinator_heartbeat(struct group_coordinator *coordinator,
                                                  struct bytes group_id, struct bytes member_id,
                                                  struct bytes instance_id, int32_t generation);

struct group_leaving {
    struct bytes member_id;
    struct bytes instance_id;
    enum error error; /* out */
};

/* The result is for the request as a whole. */
MUST_CHECK enum error group_coordinator_leave(struct group_coordinator *coordinator,
                                              struct bytes group_id, struct group_leaving *leaving,
                                              int32_t count);

struct group_commit_offset {
    struct bytes topic;
    int32_t partition;
    struct offset_record record; /* commit_ms -1: now */
    enum error error;            /* in: refused already; out: the result */
};

/* The caller's, with all it points to, until `done`. */
struct group_commit {
    struct bytes group_id;
    struct bytes member_id;
    struct bytes instance_id;
    int32_t generation;
    int64_t producer_id; /* of a transaction; -1: none */
    int16_t producer_epoch;
    enum error refused;    /* by the transaction's coordinator; NONE */
    bool must_be_verified; /* see journal_batch */
    uint64_t guard;
    struct group_commit_offset *offsets;
    int32_t count;
    void (*done)(struct group_commit *commit); /* perhaps from inside of the call */
};

/* How long metadata is, as offset.metadata.max.bytes counts. */
int32_t group_offset_metadata_length(struct bytes metadata);

/* All in one batch. Offsets of a transaction are pending until it ends. */
void group_coordinator_commit(struct group_coordinator *coordinator, struct group_commit *commit);

/* A marker that was written to a partition of __consumer_offsets. */
struct group_marker {
    int64_t offset;
    int64_t producer_id;
    int32_t partition;
    bool is_commit;
};

/* It ends its producer's transaction: what the loading of the partition does not find is kept until
 * it is over, and what it does find ends nothing again. */
void group_coordinator_end_transaction(struct group_coordinator *coordinator,
                                       const struct group_marker *marker);

/* ---- Administration ---- */

/* NULL: no such group. Valid until the thread's next task. */
const struct group *group_coordinator_find(const struct group_coordinator *coordinator,
                                           struct bytes group_id);
const struct group_offsets *group_coordinator_offsets(const struct group_coordinator *coordinator,
                                                      struct bytes group_id);
/* All groups of the loaded partitions. */
void group_coordinator_each(const struct group_coordinator *coordinator,
                            void (*visit)(void *context, const struct group *group), void *context);
/* Some partition is being loaded: there may be more groups. */
bool group_coordinator_is_loading(const struct group_coordinator *coordinator);

typedef void group_removed(void *context, enum error error);

/* Removes an empty group with its offsets. GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, or the journal's.
 */
void group_coordinator_delete(struct group_coordinator *coordinator, struct bytes group_id,
                              group_removed *removed, void *context);

struct group_offset_removal {
    struct bytes topic;
    int32_t partition;
    enum error error; /* in: refused already; out: the result */
};

/* Removes committed offsets; of those that members are subscribed to GROUP_SUBSCRIBED_TO_TOPIC.
 * `removals` is the caller's until `removed`, whose error is for the request as a whole. */
void group_coordinator_delete_offsets(struct group_coordinator *coordinator, struct bytes group_id,
                                      struct group_offset_removal *removals, int32_t count,
                                      group_removed *removed, void *context);

#endif
