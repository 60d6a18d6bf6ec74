/*
 * An event loop with one thread: sockets, timers, and tasks that other threads post.
 *
 * The inbox is a lock-free list and an eventfd that is written only when the list was empty and
 * the poster is another thread; tasks posted from the loop's own thread run at the end of the
 * same turn. Used by reactors, the control thread, replica fetchers and client handles.
 *
 * Threads: loop_executor(), loop_stop() from any; all else on the loop's thread (or before it
 * runs).
 */
#ifndef CLIENT_NET_LOOP_H
#define CLIENT_NET_LOOP_H

#include <event2/event.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/executor.h"

struct loop;

MUST_CHECK enum error loop_new(struct loop **created);
void loop_free(struct loop *loop); /* not while it runs; accepts NULL; drops unrun tasks */

/* Runs on the calling thread until loop_stop; tasks posted before the stop are run. */
void loop_run(struct loop *loop);

/* Starts a thread named `name` (at most 15 characters) that runs the loop; loop_stop and
 * loop_join end it. */
MUST_CHECK enum error loop_start(struct loop *loop, const char *name);
void loop_stop(struct loop *loop);
void loop_join(struct loop *loop);

struct executor *loop_executor(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

/* Whether the calling thread is the one that runs the loop. */
bool loop_is_current(const struct loop *loop);

/* A timer on the loop's thread; embed it. Arming again moves it. It expires late if the loop is
 * busy, but never early. */
struct loop_timer {
    struct event *event; /* NULL until first armed */
    int64_t due_ns;      /* of the system's monotonic clock */
    struct loop *loop;
    void (*expired)(struct loop_timer *timer);
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*expired)(struct loop_timer *timer));
void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_done(struct loop_timer *timer);

#endif
