/*
 * Makes the next snapshot from the present one and what ZooKeeper told us.
 *
 * Every source (a full reload, an entry of the change log, a broker's znode) goes through these
 * functions, so that they cannot disagree. Applying a partition state is monotonic: within one
 * topic id, a state whose (leader_epoch, partition_epoch) is not newer than the known one is
 * ignored. Applying an assignment is monotonic too, across topic ids, by the ZooKeeper transaction
 * it is known from: an entry of the change log that a reload has seen already must not bring back a
 * topic that was replaced since, because a broker deletes what it has of the one that it displaces.
 * A newer topic under a known name with another id replaces the old one.
 *
 * Pure: no clock, no I/O. Threads: one at a time. Arguments are copied.
 */
#ifndef BROKER_METADATA_METADATA_BUILDER_H
#define BROKER_METADATA_METADATA_BUILDER_H

#include "broker/metadata/metadata.h"
#include "client/base/check.h"

struct metadata_builder;

/* `base` may be NULL: start empty. The builder keeps a reference of it. */
struct metadata_builder *metadata_builder_new(const struct metadata *base);
void metadata_builder_free(struct metadata_builder *builder); /* accepts NULL */

void metadata_builder_set_controller_id(struct metadata_builder *builder, int32_t controller_id);

/* Replaces all brokers. */
void metadata_builder_clear_brokers(struct metadata_builder *builder);
void metadata_builder_add_broker(struct metadata_builder *builder,
                                 const struct metadata_broker *broker);

/* Replaces what is offline, of all brokers. */
void metadata_builder_set_offline(struct metadata_builder *builder,
                                  const struct metadata_offline *offline, int32_t count);

struct metadata_assignment {
    int32_t index;
    const int32_t *replicas;
    int32_t replica_count;
    const int32_t *adding_replicas;
    int32_t adding_count;
    const int32_t *removing_replicas;
    int32_t removing_count;
};

/* Whether the topic of that name is known as of transaction `zxid` or later. */
bool metadata_builder_is_known_since(struct metadata_builder *builder, struct bytes name,
                                     int64_t zxid);

/* Adds the topic, or replaces its assignment, unless it is known as of `zxid` or later: then it
 * stays as it is, and counts as set. States and settings known for the same id are kept.
 * Partitions must be numbered 0...n-1 in any order: false (and no change) if they are not. */
MUST_CHECK bool metadata_builder_set_topic(struct metadata_builder *builder, struct bytes name,
                                           const struct uuid *id, int64_t zxid,
                                           const struct metadata_assignment *partitions,
                                           int32_t partition_count);

/* Replaces the overrides of a topic; ignored if it is not known. */
void metadata_builder_set_settings(struct metadata_builder *builder, struct bytes name,
                                   const struct metadata_setting *settings, int32_t setting_count);

/* What the transaction `zxid` deleted: removes the topic if it is known under this id, or without
 * one since before that (made by an old tool, and gone before a controller gave it an id); with a
 * zero id, whatever its id. */
void metadata_builder_remove_topic(struct metadata_builder *builder, struct bytes name,
                                   const struct uuid *id, int64_t zxid);

/* The topic, if known, counts as set: it could not be read, and stays as it is. */
void metadata_builder_keep_topic(struct metadata_builder *builder, struct bytes name);

struct metadata_state {
    int32_t index;
    int32_t leader;
    int32_t leader_epoch;
    int32_t controller_epoch;
    int32_t partition_epoch;
    int8_t leader_recovery_state;
    int64_t zxid;
    int64_t wall_ms;
    const int32_t *isr;
    int32_t isr_count;
};

/* True if it was newer and has been taken. Ignored for unknown topics and partitions. */
bool metadata_builder_set_state(struct metadata_builder *builder, const struct uuid *topic_id,
                                const struct metadata_state *state);

/* Drops all topics that were not set since the builder was made: the end of a full reload. */
void metadata_builder_remove_untouched_topics(struct metadata_builder *builder);

struct metadata_topic_change {
    const struct metadata_topic *before; /* NULL: new */
    const struct metadata_topic *after;  /* NULL: gone */
};

/* Ends the building. The caller owns one reference of the result; `*changes` (from malloc, to be
 * freed by the caller) names the topics that differ from the base, and is valid as long as both
 * snapshots are. */
const struct metadata *metadata_builder_finish(struct metadata_builder *builder,
                                               struct metadata_topic_change **changes,
                                               int32_t *change_count);

#endif
