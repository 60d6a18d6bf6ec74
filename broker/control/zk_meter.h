/*
 * A ZooKeeper session whose answers are timed: the port, handed on to another one.
 *
 * Threads: the session's executor; the histogram may be read by any.
 */
#ifndef BROKER_CONTROL_ZK_METER_H
#define BROKER_CONTROL_ZK_METER_H

#include "broker/metrics/histogram.h"
#include "client/base/clock.h"
#include "zk-schema/zk.h"

struct zk_meter {
    struct zk zk; /* what others are given */
    struct zk *inner;
    struct clock *clock;
    struct histogram latency; /* from the call until its completion, whatever came out */
};

/* `inner` outlives it. Zeroed before. */
void zk_meter_init(struct zk_meter *meter, struct zk *inner, struct clock *clock);

#endif
