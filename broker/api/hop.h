/*
 * A call's way to another thread and back. While it is away nobody but that thread touches the
 * call; its arena is that thread's too.
 */
#ifndef BROKER_API_HOP_H
#define BROKER_API_HOP_H

#include "broker/api/api.h"
#include "broker/control/control.h"

struct hop {
    struct api_call *call;
    struct task task;
    void (*next)(struct hop *hop);
    int64_t posted_ns; /* to the control thread; monotonic */
};

/* Zeroed memory of the call's arena, of which the first member is its hop, and keeps the frame: to
 * be called before anything is decoded. NULL: the call was closed. */
void *hop_new(struct api_call *call, size_t size);

/* The same for a call that was decoded already, into `message`, and has to wait after all: keeps
 * the frame, and decodes the body anew, whose bytes may have moved. Views that were taken before
 * are not good any more. On an error, OUT_OF_MEMORY, the call has not ended. */
MUST_CHECK enum error hop_keep_decoded(struct api_call *call, void *message);

/* From the reactor: `run` is called on the control thread. */
void hop_to_control(struct hop *hop, void (*run)(struct hop *hop));
/* From the reactor: `run` is called on the thread of the group coordinator. */
void hop_to_groups(struct hop *hop, void (*run)(struct hop *hop));
/* From the reactor: `run` is called on the thread of the transaction coordinator. */
void hop_to_transactions(struct hop *hop, void (*run)(struct hop *hop));
/* From the other thread: `run` is called on the call's reactor. */
void hop_return(struct hop *hop, void (*run)(struct hop *hop));

#endif
