/*
 * SIGTERM and SIGINT, taken by a thread of their own, so that they are heard whatever the broker
 * is doing: starting, serving, or stopping already.
 *
 * Made before any other thread, which then inherits that the signals are blocked.
 *
 * Threads: on_signal is called on the signals' thread; the functions on the main thread, where they
 * do not say otherwise.
 */
#ifndef BROKER_STOP_SIGNALS_H
#define BROKER_STOP_SIGNALS_H

#include "client/base/check.h"
#include "client/base/error.h"

struct stop_signals;

/* Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error stop_signals_new(struct stop_signals **created);
void stop_signals_free(struct stop_signals *signals); /* accepts NULL */

/* From now on on_signal is called once for each signal; at once for those that came before. NULL:
 * nobody is called any more, and no call is under way when this returns. */
void stop_signals_listen(struct stop_signals *signals, void (*on_signal)(void *context),
                         void *context);

/* As if SIGTERM had come, if no signal has: somebody asked for it in another way. Asking again
 * changes nothing, so it never cuts a departure short. Any thread. */
void stop_signals_request(struct stop_signals *signals);

/* Waits for the first signal, and returns its number. */
int stop_signals_wait(struct stop_signals *signals);

#endif
