/*
 * What the controller is at, and how long it took until all that followed from it was written:
 * for metrics. Of the shell only.
 *
 * What begins by itself is over when nothing is being written any more; a request, when it is
 * answered.
 *
 * Threads: the control thread.
 */
#ifndef CONTROLLER_SHELL_ACTIVITY_H
#define CONTROLLER_SHELL_ACTIVITY_H

#include "controller/core/controller.h"
#include "controller/shell/controller_shell.h"

struct activities {
    int64_t since_ns[CONTROLLER_ACTIVITIES]; /* monotonic; 0: not under way */
    bool brokers_are_read;                   /* since they, or their directories, changed */
};

/* IDLE: none that is told. */
enum controller_activity controller_activity_of_request(enum controller_event_kind request);
/* It is over. `since_ns`: 0 if it was not this controller's. */
void controller_activity_tell(struct controller_shell *shell, enum controller_activity activity,
                              int64_t since_ns);

/* It began by itself, unless this is not the controller, or it is under way. */
void controller_activity_begin(struct controller_shell *shell, enum controller_activity activity);
void controller_activity_on_event(struct controller_shell *shell,
                                  const struct controller_event *event);
/* It stands for election. */
void controller_activity_on_attempt(struct controller_shell *shell);
void controller_activity_on_term(struct controller_shell *shell, bool active);
/* Something may have been written. */
void controller_activity_on_progress(struct controller_shell *shell);
/* The core has taken a step, which began then. */
void controller_activity_on_step(struct controller_shell *shell, int64_t begun_ns,
                                 enum controller_activity oldest_request);

#endif
