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
#include "controller/shell/controller_shell.h"
#include "zk-schema/zk.h"

struct control_status {
    atomic_bool is_connected;         /* to ZooKeeper */
    atomic_bool is_controller;        /* and has loaded the cluster */
    _Atomic uint64_t terms;           /* as controller, since the start */
    _Atomic uint64_t sessions_began;  /* ZooKeeper's; with the first */
    _Atomic int64_t session_began_ms; /* monotonic; 0: there is none */
    _Atomic uint64_t reconnections;   /* of a session that lived on */
    _Atomic uint64_t disconnections;
    _Atomic uint64_t expirations;
    _Atomic uint64_t authentication_failures;
    _Atomic uint64_t
        leader_elections; /* partitions that got another leader in this broker's terms */
    _Atomic uint64_t unclean_elections; /* those of them that may have lost records */
    /* In this broker's terms; see controller_shell.h. */
    struct histogram activities[CONTROLLER_ACTIVITIES]; /* how long they took */
    struct histogram steps;                             /* of the controller */
    _Atomic int64_t failover_ns; /* how long taking office took, the last time; 0: never */
    _Atomic(enum controller_activity) activity; /* that it is at now */
    _Atomic size_t topics_to_delete, replicas_to_delete;
    /* What other threads want done on the control thread. */
    struct histogram queue_times;
    _Atomic size_t queue_size;
};

void control_status_on_session(struct control_status *status, enum zk_session_state state,
                               int64_t now_ms);

/* As controller_shell_config.on_term; `context` is the status. */
void control_status_on_term(void *context, bool active, int32_t controller_epoch);

/* As controller_shell_config.on_done and .on_step; `context` is the status. */
void control_status_on_done(void *context, enum controller_activity activity, int64_t ns);
void control_status_on_step(void *context, const struct controller_report *report);

/* What a controller's decisions look like afterwards: counted where the term is this broker's. */
void control_status_on_metadata(struct control_status *status,
                                const struct metadata_topic_change *changes, int32_t change_count);

#endif
