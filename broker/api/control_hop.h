/*
 * A call's way to the control thread and back. While it is away nobody but the control thread
 * touches the call; its arena is that thread's too.
 */
#ifndef BROKER_API_CONTROL_HOP_H
#define BROKER_API_CONTROL_HOP_H

#include "broker/api/api.h"
#include "broker/control/control.h"

struct control_hop {
    struct api_call *call;
    struct task task;
    void (*next)(struct control_hop *hop);
};

/* From the reactor: `run` is called on the control thread. */
void control_hop_go(struct control_hop *hop, void (*run)(struct control_hop *hop));
/* From the control thread: `run` is called on the call's reactor. */
void control_hop_return(struct control_hop *hop, void (*run)(struct control_hop *hop));

#endif
