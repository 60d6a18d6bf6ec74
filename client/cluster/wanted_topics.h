/*
 * The topics that a client asks metadata of: those somebody named, or all.
 *
 * Pure. Threads: one at a time.
 */
#ifndef CLIENT_CLUSTER_WANTED_TOPICS_H
#define CLIENT_CLUSTER_WANTED_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct wanted_topic {
    char *name;
    TAILQ_ENTRY(wanted_topic) next;
};

struct wanted_topics {
    TAILQ_HEAD(, wanted_topic) list;
    size_t count;
    bool all;       /* every topic of the cluster */
    bool all_asked; /* in the question under way */
    bool all_known; /* since `all` was set there was an answer */
};

void wanted_topics_init(struct wanted_topics *wanted);
void wanted_topics_done(struct wanted_topics *wanted);

/* `*is_new` tells whether it was not among them. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error wanted_topics_add(struct wanted_topics *wanted, const char *name,
                                        bool *is_new);
void wanted_topics_remove(struct wanted_topics *wanted, const char *name);

#endif
