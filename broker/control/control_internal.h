/*
 * The inside of the control thread's object: for broker/control/control*.c only.
 */
#ifndef BROKER_CONTROL_CONTROL_INTERNAL_H
#define BROKER_CONTROL_CONTROL_INTERNAL_H

#include <stdatomic.h>

#include "broker/control/bootstrap.h"
#include "broker/control/cleaner_job.h"
#include "broker/control/config_purge.h"
#include "broker/control/config_write.h"
#include "broker/control/control.h"
#include "broker/control/control_status.h"
#include "broker/control/directory_failures.h"
#include "broker/control/rendezvous.h"
#include "broker/control/replica_job.h"
#include "broker/control/shell_timer.h"
#include "broker/control/zk_meter.h"
#include "broker/metadata/metadata_watcher.h"
#include "broker/replica/replica_manager.h"
#include "client/base/rng.h"
#include "client/net/loop.h"
#include "controller/shell/controller_shell.h"
#include "zk-schema/zk_client.h"

struct control {
    const struct config *config;
    int32_t broker_id;
    struct loop *loop;
    struct live_config *live_config;
    void (*metadata_changed)(void *context, const struct metadata_update *update); /* or NULL */
    void *metadata_context;
    void (*settings_changed)(void *context, const struct config *now); /* may be NULL */
    void *settings_context;
    const struct config *applied; /* what the topics' settings were worked out from; a reference */
    struct zk_client *zk_client;
    struct zk_meter zk_meter; /* in front of it: what all use */
    struct zk_listener listener;
    struct rng rng;
    bool has_session;
    struct control_status status;
    struct metadata_cache metadata;
    struct metadata_waiter_list metadata_waiters;
    struct rendezvous rendezvous;
    struct rendezvous departed; /* its own: a departure that was given up may still end */
    struct rendezvous resigned; /* its own: so may a start */
    struct bootstrap bootstrap;
    bool is_connecting; /* somebody waits for the first session */
    bool is_bootstrapping;
    struct control_identity identity;

    /* From control_join_cluster on. */
    bool is_joining; /* until the first load has been applied */
    bool has_resigned;
    struct log_manager *logs;
    struct replica_manager *replicas;
    struct replica_fetchers *fetchers;
    struct broker_registration *registration;
    struct metadata_watcher *watcher;
    struct controller_shell *shell;
    struct shell_timer shell_timer;
    struct controller_channel *channel;
    struct isr_changes *isr_changes;
    struct departure *departure;
    struct producer_ids *producer_ids;
    struct topic_requests *topic_requests;
    struct broker_settings *broker_settings;
    struct config_purge config_purge;
    struct config_writes config_writes;
    struct directory_failures directory_failures;
    struct loop_timer tick;
    struct replica_job retention;
    struct replica_job producer_expiry;
    struct cleaner_job cleaner;
    int64_t next_lag_check_ms;
    int64_t next_log_work_ms;
    _Atomic int64_t broker_epoch;
};

#endif
