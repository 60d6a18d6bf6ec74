/*
 * The inside of the monitor: for broker/lag/lag_monitor*.c only.
 */
#ifndef BROKER_LAG_LAG_MONITOR_INTERNAL_H
#define BROKER_LAG_LAG_MONITOR_INTERNAL_H

#include "broker/group/group_coordinator.h"
#include "broker/lag/lag_monitor.h"
#include "broker/lag/lag_table.h"
#include "broker/lag/loss_topic.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/peer/peer_calls.h"
#include "client/base/clock.h"
#include "client/net/loop.h"

struct lag_monitor {
    struct lag_monitor_config config;
    struct loop *loop; /* the coordinator's */
    struct peer_calls *calls;
    struct lag_table table;
    struct lag_report report;
    struct loss_topic *losses;
    struct loop_timer timer;
    int32_t outstanding; /* leaders that are being asked in this look */
    bool is_stopping;
};

/* lag_monitor_ask.c. Asks the leader of these places, which stay until lag_monitor_leader_done. */
void lag_monitor_ask(struct lag_monitor *monitor, int32_t leader, struct lag_place **places,
                     size_t count);
/* lag_monitor.c. One leader of the look has told what it could. */
void lag_monitor_leader_done(struct lag_monitor *monitor);

#endif
