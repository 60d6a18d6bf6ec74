/*
 * What stands behind every public handle: its settings, its loop with the one background thread,
 * and its cluster.
 *
 * Life: handle_open; the owner sets up what the loop shall see; handle_start; ...; handle_stop,
 * which runs the owner's last words on the loop, closes all connections and joins the thread;
 * the owner takes down its own; handle_close.
 */
#ifndef CLIENT_CLUSTER_HANDLE_H
#define CLIENT_CLUSTER_HANDLE_H

#include "client/cluster/cluster.h"
#include "client/cluster/config.h"

struct handle {
    struct settings settings; /* fixed once it is started */
    struct loop *loop;
    struct cluster *cluster; /* the loop's */
    bool running;
};

/* `settings` are those of the configuration, checked already. Errors: CONFIG_INVALID (with a
 * reason), OUT_OF_MEMORY; then there is nothing to close. */
MUST_CHECK enum error handle_open(struct handle *handle, const struct settings *settings,
                                  const struct cluster_log *log, struct barnabas_reason *reason);

/* `name` is the thread's. */
MUST_CHECK enum error handle_start(struct handle *handle, const char *name);

/* Runs `run` on the loop's thread and waits until it has. Not from the loop's thread. */
void handle_run(struct handle *handle, void (*run)(void *context), void *context);

/* Does nothing if it was not started. `last` may be NULL. */
void handle_stop(struct handle *handle, void (*last)(void *context), void *context);
void handle_close(struct handle *handle);

/* From a relative time to one of cluster_now_ms; negative: never. */
int64_t handle_deadline(int64_t timeout_ms);

#endif
