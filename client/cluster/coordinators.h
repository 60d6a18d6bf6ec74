/*
 * Which broker coordinates a group or a transactional id: asked of any broker when it is needed,
 * and asked again when it turns out to be another.
 *
 * Requests to a coordinator go over a connection of their own, so that they do not wait behind a
 * fetch, nor a fetch behind a JoinGroup.
 *
 * Inside of cluster.h, which has the functions for others. Threads: the loop's.
 */
#ifndef CLIENT_CLUSTER_COORDINATORS_H
#define CLIENT_CLUSTER_COORDINATORS_H

#include "client/cluster/cluster.h"

struct coordinators;

MUST_CHECK enum error coordinators_new(struct cluster *cluster, struct coordinators **created);

/* After all connections have been closed. Accepts NULL. */
void coordinators_free(struct coordinators *coordinators);

/* The coordinator's id. -1 while it is not known: then it is being asked for, and listeners hear
 * of it; `*error` is set if asking again makes no sense. */
int32_t coordinators_find(struct coordinators *coordinators, enum coordinator_kind kind,
                          const char *key, enum error *error);

/* It is another, or cannot be reached: it is asked for again, after a growing pause. */
void coordinators_forget(struct coordinators *coordinators, enum coordinator_kind kind,
                         const char *key);

#endif
