/*
 * Which watches a ZooKeeper session holds, as a set that is told of every read that registered one
 * and of every event that ended one: libzookeeper does not tell.
 *
 * Pure. Threads: one; the count may be read by any.
 * Source: ZooKeeper 3.8 programmer's guide, "ZooKeeper Watches".
 */
#ifndef BROKER_CONTROL_ZK_WATCHES_H
#define BROKER_CONTROL_ZK_WATCHES_H

#include "broker/metrics/counter.h"
#include "zk-schema/zk.h"

enum zk_watch_kind {
    ZK_WATCH_NODE,    /* by get or exists */
    ZK_WATCH_CHILDREN /* by children */
};

struct zk_watch;

/* Zeroed: empty. */
struct zk_watches {
    struct zk_watch *all; /* a table; owned */
    _Atomic uint64_t count;
};

void zk_watches_add(struct zk_watches *watches, enum zk_watch_kind kind, const char *path);
void zk_watches_on_event(struct zk_watches *watches, enum zk_event_kind event, const char *path);
/* The session is over, and they with it. */
void zk_watches_clear(struct zk_watches *watches);

#endif
