/*
 * What the control thread tells others of itself: the ZooKeeper session and the controller's term.
 *
 * Threads: written by the control thread, read by any.
 */
#ifndef BROKER_CONTROL_CONTROL_STATUS_H
#define BROKER_CONTROL_CONTROL_STATUS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "broker/metadata/metadata_builder.h"
#include "broker/metrics/counter.h"
#include "broker/metrics/histogram.h"
#include "zk-schema/zk.h"

struct control_status {
    atomic_bool is_connected;        /* to ZooKeeper */
    atomic_bool is_controller;       /* and has loaded the cluster */
    _Atomic uint64_t terms;          /* as controller, since the start */
    _Atomic uint64_t sessions_began; /* ZooKeeper's; with the first */
    _Atomic uint64_t reconnections;  /* of a session that lived on */
    _Atomic uint64_t disconnections;
    _Atomic uint64_t expirations;
    _Atomic uint64_t authentication_failures;
    _Atomic uint64_t
        leader_elections; /* partitions that got another leader in this broker's terms */
    _Atomic uint64_t unclean_elections; /* those of them that may have lost records */
    struct histogram broker_changes;    /* from one, as the controller heard of it, until leaders
                                           were elected */
};

void control_status_on_session(struct control_status *status, enum zk_session_state state);

/* As controller_shell_config.on_term; `context` is the status. */
void control_status_on_term(void *context, bool active, int32_t controller_epoch);

/* As controller_shell_config.on_brokers_followed; `context` is the status. */
void control_status_on_brokers_followed(void *context, int64_t ns);

/* What a controller's decisions look like afterwards: counted where the term is this broker's. */
void control_status_on_metadata(struct control_status *status,
                                const struct metadata_topic_change *changes, int32_t change_count);

#endif
