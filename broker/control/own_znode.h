/*
 * What /brokers/ids/N says of this broker.
 *
 * Pure. Threads: any.
 */
#ifndef BROKER_CONTROL_OWN_ZNODE_H
#define BROKER_CONTROL_OWN_ZNODE_H

#include "client/base/arena.h"

struct config;

/* In the arena; null past its bound. */
struct bytes own_znode(const struct config *config, int64_t now_ms, struct arena *arena);

#endif
