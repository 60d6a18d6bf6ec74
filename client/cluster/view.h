/*
 * What a client knows of the cluster: brokers, controller, and of each topic it asked for the
 * partitions with their leaders, as the newest answers say.
 *
 * Answers come from different brokers and some lag behind: within one topic id, what tells of an
 * older leader epoch than we know is ignored (KIP-320).
 *
 * Pure. Threads: one at a time (the handle's loop). Pointers are valid until the next update.
 */
#ifndef CLIENT_CLUSTER_VIEW_H
#define CLIENT_CLUSTER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

#define VIEW_NO_LEADER    (-1)
#define VIEW_REPLICAS_MAX 8 /* of a partition; further ones are not remembered */

struct metadata_response;
struct view;

struct view_broker {
    int32_t id;
    uint16_t port;
    char *host;
    char *rack; /* NULL: not known */
};

struct view_partition {
    int32_t leader_id;    /* VIEW_NO_LEADER: none, or one that is not among the brokers */
    int32_t leader_epoch; /* -1: unknown */
    int32_t replica_count;
    int32_t replicas[VIEW_REPLICAS_MAX]; /* ids of brokers, the preferred leader first */
};

struct view_topic {
    const char *name;
    struct uuid id;          /* zero: unknown */
    enum error error;        /* of the last answer */
    int32_t partition_count; /* 0 while it is not known to exist */
    const struct view_partition *partitions;
};

MUST_CHECK enum error view_new(struct view **created);
void view_free(struct view *view); /* accepts NULL */

/* Takes over an answer to a question for all wanted topics. `*settled` tells whether all is
 * known: false if a topic or partition has a passing error, so that it is worth asking again.
 * Errors: OUT_OF_MEMORY (some of the answer may have been taken over). */
MUST_CHECK enum error view_update(struct view *view, const struct metadata_response *response,
                                  bool *settled);

/* A broker told us in passing who leads. Ignored unless its epoch is newer than ours and the
 * leader is among the brokers; true if it was taken over. */
bool view_learn_leader(struct view *view, const char *topic, int32_t partition, int32_t leader_id,
                       int32_t leader_epoch);

void view_forget_topic(struct view *view, const char *topic);

/* NULL if nothing was heard of it. */
const struct view_topic *view_topic(const struct view *view, const char *topic);
const struct view_topic *view_topic_by_id(const struct view *view, const struct uuid *id);

/* NULL if the topic or partition is unknown. */
const struct view_partition *view_partition(const struct view *view, const char *topic,
                                            int32_t partition);

/* Calls `visit` for each topic that is known to exist, in no order. */
void view_each_topic(const struct view *view,
                     void (*visit)(void *context, const struct view_topic *topic), void *context);

/* After an answer to a question for all topics: what it did not name does not exist. Of `topic`
 * this becomes known even if nothing was heard of it before. */
void view_forget_unnamed(struct view *view);
MUST_CHECK enum error view_note_unnamed(struct view *view, const char *topic);

size_t view_broker_count(const struct view *view);
const struct view_broker *view_broker_at(const struct view *view, size_t index);
const struct view_broker *view_broker(const struct view *view, int32_t id);

int32_t view_controller_id(const struct view *view); /* -1: unknown */

#endif
