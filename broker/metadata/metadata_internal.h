/*
 * How snapshots hold their topics and brokers: inside broker/metadata only.
 */
#ifndef BROKER_METADATA_METADATA_INTERNAL_H
#define BROKER_METADATA_METADATA_INTERNAL_H

#include <stdatomic.h>

#include "broker/metadata/metadata.h"
#include "client/base/arena.h"

/* A topic or a broker with all that it points to in one arena, shared by snapshots. */
struct shared_topic {
    struct metadata_topic topic; /* first, so that pointers convert */
    atomic_int references;
    struct arena arena;
};

struct shared_broker {
    struct metadata_broker broker; /* first */
    atomic_int references;
    struct arena arena;
};

/* What all brokers say of failed directories, shared by snapshots. */
struct shared_offline {
    struct metadata_offline *items;
    int32_t count;
    atomic_int references;
    struct arena arena;
};

struct snapshot {
    struct metadata metadata; /* first */
    atomic_int references;
    const struct metadata_topic **topics_by_id; /* ascending by id, zero ids left out */
    int32_t topic_by_id_count;
    struct shared_offline *offline; /* a reference; NULL: nothing is */
};

/* New objects have one reference and an empty arena. */
struct shared_topic *shared_topic_new(void);
struct shared_topic *shared_topic_copy(const struct metadata_topic *source);
/* As many ids as fit where a shared topic's partition has its ISR: all its replicas do. */
int32_t metadata_isr_room(const struct metadata_partition *partition);
struct shared_broker *shared_broker_copy(const struct metadata_broker *source);

static inline struct shared_topic *shared_topic_of(const struct metadata_topic *topic) {
    return (struct shared_topic *)(uintptr_t)topic;
}

static inline struct shared_broker *shared_broker_of(const struct metadata_broker *broker) {
    return (struct shared_broker *)(uintptr_t)broker;
}

void shared_topic_ref(struct shared_topic *topic);
void shared_topic_unref(struct shared_topic *topic);
void shared_broker_ref(struct shared_broker *broker);
void shared_broker_unref(struct shared_broker *broker);

/* Sorted. NULL if there is none. */
struct shared_offline *shared_offline_copy(const struct metadata_offline *items, int32_t count);
struct shared_offline *shared_offline_of(const struct metadata *metadata);
void shared_offline_ref(struct shared_offline *offline);   /* accepts NULL */
void shared_offline_unref(struct shared_offline *offline); /* accepts NULL */

int metadata_compare_names(struct bytes a, struct bytes b);

/* The place of the first topic in `topics` whose name is not below `name`. */
int32_t metadata_topic_place(const struct metadata_topic *const *topics, int32_t topic_count,
                             struct bytes name);

#endif
