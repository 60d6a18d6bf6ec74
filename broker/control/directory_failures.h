/*
 * Tells the controller which replicas of this broker lie in directories that failed, so that others
 * lead them. The list is an ephemeral znode, written anew whenever a directory fails and in every
 * session, in one multi with a notification as Kafka's brokers write it.
 *
 * Threads: the control thread. Source: Kafka 3.9, LogDirFailureHandler,
 * KafkaZkClient.propagateLogDirEvent.
 */
#ifndef BROKER_CONTROL_DIRECTORY_FAILURES_H
#define BROKER_CONTROL_DIRECTORY_FAILURES_H

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "zk-schema/zk.h"

struct directory_failures {
    struct zk *zk;
    int32_t broker_id;
    struct log_manager *logs;
    struct replica_manager *replicas;
    struct metadata_cache *metadata;
    int known;      /* directories that have failed */
    bool is_wanted; /* the list is to be written */
    bool is_under_way;
    bool exists; /* the znode, as far as is known */
};

/* A session is new, or the metadata was loaded: what was told may be gone, or be wrong. */
void directory_failures_tell_again(struct directory_failures *failures);

/* To be called a few times per second once the metadata is loaded. */
void directory_failures_on_time(struct directory_failures *failures);

#endif
