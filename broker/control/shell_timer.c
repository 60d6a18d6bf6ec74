#include "broker/control/shell_timer.h"

static void on_expired(struct loop_timer *loop_timer) {
    struct shell_timer *timer = CONTAINER_OF(loop_timer, struct shell_timer, loop_timer);

    timer->timer.expired(timer->timer.context);
}

static void arm(struct controller_timer *timer, int64_t delay_ms) {
    loop_timer_arm(&CONTAINER_OF(timer, struct shell_timer, timer)->loop_timer, delay_ms);
}

static void cancel(struct controller_timer *timer) {
    loop_timer_cancel(&CONTAINER_OF(timer, struct shell_timer, timer)->loop_timer);
}

void shell_timer_init(struct shell_timer *timer, struct loop *loop) {
    timer->timer = (struct controller_timer){.arm = arm, .cancel = cancel};
    loop_timer_init(&timer->loop_timer, loop, on_expired);
}

void shell_timer_done(struct shell_timer *timer) {
    loop_timer_done(&timer->loop_timer);
}
