/*
 * The controller's timer on the control thread's loop.
 */
#ifndef BROKER_CONTROL_SHELL_TIMER_H
#define BROKER_CONTROL_SHELL_TIMER_H

#include "client/net/loop.h"
#include "controller/shell/controller_shell.h"

struct shell_timer {
    struct controller_timer timer; /* what the shell is given */
    struct loop_timer loop_timer;
};

void shell_timer_init(struct shell_timer *timer, struct loop *loop);
void shell_timer_done(struct shell_timer *timer);

#endif
