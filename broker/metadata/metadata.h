/*
 * The cluster as this broker knows it: brokers, controller, topics, partition states.
 *
 * A snapshot is immutable and reference counted. Topics are shared between snapshots, so that a
 * change of one topic copies that topic and an array of pointers, nothing else. Two snapshots
 * with the same content compare equal however they came about (full reload or deltas).
 *
 * Threads: a reference may be used and dropped on any thread.
 * Source of the fields: reference to Kafka 3.9's ZooKeeper schema, see zk-schema/README.md.
 */
#ifndef BROKER_METADATA_METADATA_H
#define BROKER_METADATA_METADATA_H

#include "client/base/bytes.h"
#include "client/base/uuid.h"

#define METADATA_NO_BROKER (-1)

struct metadata_endpoint {
    const char *listener; /* upper case */
    const char *host;
    int32_t port;
    int16_t security_protocol; /* 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
};

struct metadata_broker {
    int32_t id;
    int64_t epoch;    /* czxid of its znode */
    const char *rack; /* NULL if none */
    struct metadata_endpoint *endpoints;
    int32_t endpoint_count;
};

/* In an order without holes: every broker holds all of the cluster's. */
struct metadata_partition {
    int32_t index;
    int32_t leader; /* METADATA_NO_BROKER: none */
    int32_t leader_epoch;
    int32_t controller_epoch;
    int32_t partition_epoch; /* version of the state znode; -1: the state is not known yet */
    int32_t replica_count;
    int32_t isr_count;
    int32_t adding_count;
    int32_t removing_count;
    int8_t leader_recovery_state;
    int64_t state_zxid; /* the transaction that wrote the state, or told it to all */
    int64_t state_ms;   /* when, by ZooKeeper's wall clock; 0: the state is not known yet */
    int32_t *replicas;
    int32_t *isr;
    int32_t *adding_replicas;
    int32_t *removing_replicas;
};

struct metadata_setting {
    const char *key;
    const char *value;
};

struct metadata_topic {
    struct uuid id;   /* zero if the topic has none */
    const char *name; /* zero terminated */
    bool is_internal;
    int64_t assignment_zxid; /* the ZooKeeper transaction that the assignment is known from */
    struct metadata_partition *partitions; /* index i at place i; no gaps */
    int32_t partition_count;
    struct metadata_setting *settings; /* overrides, ascending by key */
    int32_t setting_count;
};

/* A replica in a data directory that failed, of a broker that goes on with its others. */
struct metadata_offline {
    const char *topic;
    int32_t partition;
    int32_t broker_id;
};

struct metadata {
    const struct metadata_broker *const *brokers; /* ascending by id */
    int32_t broker_count;
    int32_t controller_id;                      /* METADATA_NO_BROKER: not known */
    const struct metadata_topic *const *topics; /* ascending by name */
    int32_t topic_count;
    const struct metadata_offline *offline; /* ascending by topic, partition, broker */
    int32_t offline_count;
    uint64_t serial; /* each snapshot of a process has its own; later ones have larger ones */
};

void metadata_ref(const struct metadata *metadata);
void metadata_unref(const struct metadata *metadata); /* accepts NULL */

/* NULL if not known. The result lives as long as the snapshot. */
const struct metadata_broker *metadata_find_broker(const struct metadata *metadata, int32_t id);
const struct metadata_topic *metadata_find_topic(const struct metadata *metadata,
                                                 struct bytes name);
const struct metadata_topic *metadata_find_topic_by_id(const struct metadata *metadata,
                                                       const struct uuid *id);
const struct metadata_partition *metadata_find_partition(const struct metadata_topic *topic,
                                                         int32_t index);

/* Whether the replica lies in a directory that failed; those of dead brokers need not. */
bool metadata_is_offline(const struct metadata *metadata, const char *topic, int32_t partition,
                         int32_t broker_id);

/* The broker's endpoint on that listener, or NULL. */
const struct metadata_endpoint *metadata_find_endpoint(const struct metadata_broker *broker,
                                                       const char *listener);

/* The value of an override, or NULL. */
const char *metadata_find_setting(const struct metadata_topic *topic, const char *key);

bool metadata_equal(const struct metadata *a, const struct metadata *b);

/* "__consumer_offsets" or "__transaction_state". */
bool metadata_is_internal_topic(struct bytes name);

#endif
