/*
 * How far the groups that this broker coordinates are behind, looked at again and again.
 *
 * A look takes what the groups have committed, asks the leaders of the partitions where their logs
 * begin and end (ListOffsets), and for the time of the first record that is not read yet (Fetch of
 * one batch), and publishes what follows from it. Every leader is asked in Kafka's protocol, as any
 * client would. A look begins only when the one before it has ended.
 *
 * When a log begins behind what a group has committed, retention has deleted records that the group
 * never read: that is logged as group_records_lost with their offsets, kept in the report, and told
 * in the topic of losses (loss_topic.h).
 *
 * Threads: lag_monitor_report any; the rest not on the coordinator's thread, on which it works.
 */
#ifndef BROKER_LAG_LAG_MONITOR_H
#define BROKER_LAG_LAG_MONITOR_H

#include "broker/lag/lag_report.h"

struct clock;
struct group_coordinator;
struct lag_monitor;
struct metadata_cache;
struct metadata_topic;

struct lag_monitor_config {
    struct group_coordinator *groups;
    struct clock *clock;
    struct metadata_cache *metadata;
    const char *listener; /* the inter-broker listener's name */
    int32_t broker_id;
    int64_t interval_ms;
    int16_t losses_replication_factor;
    /* The coordinator's thread. */
    struct lag_retention (*retention_of)(void *context, const struct metadata_topic *topic);
    void *context;
};

/* All that the config points to outlives the monitor. */
struct lag_monitor *lag_monitor_start(const struct lag_monitor_config *config);
/* Before the coordinator is freed. Accepts NULL. */
void lag_monitor_stop(struct lag_monitor *monitor);
/* After lag_monitor_stop, when nobody reads the report. Accepts NULL. */
void lag_monitor_free(struct lag_monitor *monitor);

struct lag_report *lag_monitor_report(struct lag_monitor *monitor);

#endif
