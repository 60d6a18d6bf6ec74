/*
 * Work that another thread wants done on a loop's thread, and waits for.
 */
#ifndef CLIENT_NET_LOOP_CALL_H
#define CLIENT_NET_LOOP_CALL_H

#include "client/net/loop.h"

/* Has `run` called on the loop's thread and returns when it has returned. The loop runs and is not
 * being stopped; the caller is not on its thread. */
void loop_call(struct loop *loop, void (*run)(void *context), void *context);

#endif
