/*
 * Groups that hold deletion back: what they have not read stays past its retention, as far as
 * barnabas.retention.guard.bytes allows.
 *
 * Again and again the coordinators of the groups are asked what these have committed (OffsetFetch),
 * and every partition that this broker leads is told up to where all groups that read it have come.
 * Only a look that every coordinator has answered counts; until the first one everything is held.
 *
 * Threads: works on the coordinator's thread; start and stop not on it.
 */
#ifndef BROKER_LAG_RETENTION_GUARD_H
#define BROKER_LAG_RETENTION_GUARD_H

#include <stdint.h>

struct group_coordinator;
struct metadata_cache;
struct replica_manager;
struct retention_guard_watch;

struct retention_guard_config {
    struct group_coordinator *groups; /* for its thread */
    struct metadata_cache *metadata;
    struct replica_manager *replicas;
    const char *listener; /* the inter-broker listener's name */
    int32_t broker_id;
    int64_t interval_ms;
    const char *group_list; /* ids with commas between them; not empty */
};

/* All that the config points to outlives the watch. */
struct retention_guard_watch *retention_guard_start(const struct retention_guard_config *config);
/* Before the coordinator is freed; frees. Accepts NULL. */
void retention_guard_stop(struct retention_guard_watch *watch);

#endif
