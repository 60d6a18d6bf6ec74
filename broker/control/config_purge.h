/*
 * Removes entries of /config/changes that are older than a quarter of an hour, as every broker
 * does with Kafka: who has not read them by then has lost its session, and reads everything anew.
 * Brokers do it at the same time; an entry that is gone already is no error.
 *
 * Threads: the control thread. Source: Apache Kafka 3.9, ZkNodeChangeNotificationListener.
 */
#ifndef BROKER_CONTROL_CONFIG_PURGE_H
#define BROKER_CONTROL_CONFIG_PURGE_H

#include <stdint.h>

struct zk;

struct config_purge {
    struct zk *zk;
    int64_t next_ms; /* monotonic; not before */
    int64_t now_ms;  /* wall clock, of the run under way */
};

/* When an entry has been read: looks at the oldest entries, at most once a minute. The times are
 * the wall clock's and the monotonic clock's. */
void config_purge_on_change(struct config_purge *purge, int64_t wall_ms, int64_t monotonic_ms);

#endif
