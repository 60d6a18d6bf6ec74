/*
 * Whether the broker's threads still turn: each is asked again and again, by a task posted to it,
 * and one that has not run that task for too long is stuck.
 *
 * Threads: the admin thread; the tasks run on the threads that are watched.
 */
#ifndef BROKER_ADMIN_PULSE_H
#define BROKER_ADMIN_PULSE_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/executor.h"

#define PULSE_INTERVAL_MS 1000

struct pulse_thread;

struct pulse {
    struct pulse_thread **threads;
    size_t count;
};

/* `name` is copied. The executor may end before the pulse: tasks that it drops are not missed. */
void pulse_watch(struct pulse *pulse, const char *name, struct executor *executor);

/* Asks those that have answered. `now_ms` is monotonic, as below. */
void pulse_ask(struct pulse *pulse, int64_t now_ms);

/* The name of a thread that owes an answer for longer than `silence_ms`, the one that owes it
 * longest, and since when; NULL if there is none. */
const char *pulse_stuck(const struct pulse *pulse, int64_t now_ms, int64_t silence_ms,
                        int64_t *silent_ms);

/* How long the `index`-th thread's last answer took. */
int64_t pulse_delay_ns(const struct pulse *pulse, size_t index);
const char *pulse_name(const struct pulse *pulse, size_t index);

/* When the threads that were watched have ended. */
void pulse_done(struct pulse *pulse);

#endif
