/*
 * Several entities whose settings one request changes, each by a config_write of its own, a bounded
 * number at once; answered when all have ended.
 *
 * Threads: prepared on the reactor, run on the control thread, answered on the reactor.
 */
#ifndef BROKER_API_CONFIG_BATCH_H
#define BROKER_API_CONFIG_BATCH_H

#include "broker/api/hop.h"
#include "broker/control/config_write.h"

struct config_batch_item {
    struct config_write write; /* first; `entity` and `decide` are the owner's */
    struct config_batch *batch;
    enum error error;     /* set before the batch runs: it is not written */
    struct bytes message; /* null, or why, in the call's arena */
};

struct config_batch {
    struct hop hop; /* first */
    struct config_batch_item *(*item)(struct config_batch *batch, size_t index);
    size_t count;
    void (*respond)(struct hop *hop);
    size_t next; /* control thread: the next to be begun */
    size_t outstanding;
    bool is_cancelled; /* the session is being closed, nothing more is asked */
};

/* Names the entity that is written. Errors: as config_batch_fail. */
void config_batch_name(struct config_batch_item *item, const char *entity);

/* Sets error and message of an item; returns `error`. */
enum error config_batch_fail(struct config_batch_item *item, enum error error, const char *message);

/* Without those of the settings that go (`goes`): for `decide`. Nothing is written if none goes. */
MUST_CHECK enum error
config_batch_remove(struct config_batch_item *item, const struct config_pair *before,
                    size_t before_count,
                    bool (*goes)(const struct config_batch_item *item, struct bytes key),
                    struct arena *arena, struct config_pair **after, size_t *after_count);

void config_batch_run(struct config_batch *batch);

#endif
