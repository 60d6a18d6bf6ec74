/*
 * A ZooKeeper session that is measured: the port, handed on to another one. Answers are timed, the
 * bytes of znodes counted, and so are operations per multi and the watches that are held.
 *
 * Threads: the session's executor; the numbers may be read by any.
 */
#ifndef BROKER_CONTROL_ZK_METER_H
#define BROKER_CONTROL_ZK_METER_H

#include "broker/control/zk_watches.h"
#include "broker/metrics/histogram.h"
#include "client/base/clock.h"
#include "zk-schema/zk.h"

struct zk_meter {
    struct zk zk; /* what others are given */
    struct zk *inner;
    struct clock *clock;
    struct histogram latency; /* from the call until its completion, whatever came out */
    struct zk_watches watches;
    _Atomic uint64_t bytes_read; /* of znodes' data and children's names */
    _Atomic uint64_t bytes_written;
    _Atomic uint64_t multis;
    _Atomic uint64_t multi_ops; /* of all of them */
};

/* `inner` outlives it. Zeroed before. */
void zk_meter_init(struct zk_meter *meter, struct zk *inner, struct clock *clock);
void zk_meter_done(struct zk_meter *meter);

/* What the session's listener hears, before anybody acts on it. */
void zk_meter_on_session(struct zk_meter *meter, enum zk_session_state state);
void zk_meter_on_watch(struct zk_meter *meter, enum zk_event_kind kind, const char *path);

#endif
