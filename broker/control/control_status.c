#include "broker/control/control_status.h"

void control_status_on_session(struct control_status *status, enum zk_session_state state) {
    atomic_store(&status->is_connected, state == ZK_SESSION_NEW || state == ZK_SESSION_RECONNECTED);
    switch (state) {
    case ZK_SESSION_NEW:
        counter_add(&status->sessions_began, 1);
        break;
    case ZK_SESSION_RECONNECTED:
        counter_add(&status->reconnections, 1);
        break;
    case ZK_SESSION_DISCONNECTED:
        counter_add(&status->disconnections, 1);
        break;
    case ZK_SESSION_EXPIRED:
        counter_add(&status->expirations, 1);
        break;
    case ZK_SESSION_AUTH_FAILED:
        counter_add(&status->authentication_failures, 1);
        break;
    }
}

void control_status_on_term(void *context, bool active, int32_t controller_epoch) {
    struct control_status *status = context;

    (void)controller_epoch;
    if (atomic_exchange(&status->is_controller, active) != active && active)
        counter_add(&status->terms, 1);
}
