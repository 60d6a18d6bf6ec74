#include "broker/control/drain.h"

void drain_init(struct drain *drain, const struct drain_port *port,
                const struct drain_settings *settings) {
    *drain = (struct drain){.port = *port, .settings = *settings, .asked_id = -1};
}

bool drain_is_under_way(const struct drain *drain) {
    return drain->phase != DRAIN_IDLE && drain->phase != DRAIN_READY;
}

static void be_ready(struct drain *drain) {
    drain->phase = DRAIN_READY;
    drain->port.on_ready(drain->port.context);
}

static void ask(struct drain *drain) {
    drain->phase = DRAIN_ASKING;
    drain->tries++;
    drain->asked_id = drain->view.controller_id;
    drain->port.ask(drain->port.context);
}

void drain_begin(struct drain *drain, const struct drain_view *view) {
    drain->view = *view;
    if (view->other_brokers == 0 || drain->settings.tries_max <= 0)
        be_ready(drain); /* nobody could take anything */
    else
        ask(drain);
}

void drain_on_answer(struct drain *drain, enum error error, size_t remaining) {
    if (drain->phase != DRAIN_ASKING)
        return;
    drain->error = error;
    if (error == ERR_NONE)
        drain->remaining = remaining;
    if (error == ERR_NONE && remaining == 0) {
        drain->phase = DRAIN_SETTLING;
        drain->port.arm(drain->port.context, DRAIN_SETTLE_MS);
    } else if (drain->tries >= drain->settings.tries_max) {
        be_ready(drain);
        return;
    } else {
        drain->phase = DRAIN_BACKING_OFF;
        drain->port.arm(drain->port.context, drain->settings.backoff_ms);
    }
    drain_on_view(drain, &drain->view);
}

void drain_on_timer(struct drain *drain) {
    if (drain->phase == DRAIN_BACKING_OFF)
        ask(drain);
    else if (drain->phase == DRAIN_SETTLING)
        be_ready(drain);
}

void drain_on_view(struct drain *drain, const struct drain_view *view) {
    drain->view = *view;
    if (drain->phase == DRAIN_SETTLING && view->led == 0) {
        be_ready(drain);
    } else if (drain->phase == DRAIN_BACKING_OFF) {
        if (view->other_brokers == 0)
            be_ready(drain);
        else if (view->controller_id >= 0 && view->controller_id != drain->asked_id)
            ask(drain);
    }
}
