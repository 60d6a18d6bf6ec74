/*
 * The coordinator of groups and what watches their progress, as the settings want them: made, told
 * of changes and ended together.
 *
 * Threads: group_parts_on_metadata on the control thread, also while the others run on the thread
 * that starts and stops the broker.
 */
#ifndef BROKER_GROUP_PARTS_H
#define BROKER_GROUP_PARTS_H

#include "client/base/check.h"
#include "client/base/error.h"

struct config;
struct control;
struct executor;
struct group_coordinator;
struct lag_monitor;
struct metadata_update;
struct retention_guard_watch;

struct group_parts {
    struct group_coordinator *_Atomic coordinator; /* NULL until the metadata is there */
    struct lag_monitor *lag;                       /* NULL: not wanted */
    struct retention_guard_watch *guard;           /* NULL: no group guards anything */
    struct control *control;
    bool is_stopped;
};

/* After control_join_cluster. All must outlive the parts. */
MUST_CHECK enum error group_parts_start(struct group_parts *parts, const struct config *config,
                                        struct control *control, int32_t broker_id,
                                        struct executor *background);
void group_parts_on_metadata(struct group_parts *parts, const struct metadata_update *update);

/* Who waits for a group is answered. When the replicas have given up their roles; once. */
void group_parts_stop(struct group_parts *parts);
/* When no request is under way any more, and the background is drained. */
void group_parts_free(struct group_parts *parts);

#endif
