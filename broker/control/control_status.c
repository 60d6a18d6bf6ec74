#include "broker/control/control_status.h"

void control_status_on_session(struct control_status *status, enum zk_session_state state,
                               int64_t now_ms) {
    atomic_store(&status->is_connected, state == ZK_SESSION_NEW || state == ZK_SESSION_RECONNECTED);
    switch (state) {
    case ZK_SESSION_NEW:
        counter_add(&status->sessions_began, 1);
        atomic_store(&status->session_began_ms, now_ms);
        break;
    case ZK_SESSION_RECONNECTED:
        counter_add(&status->reconnections, 1);
        break;
    case ZK_SESSION_DISCONNECTED:
        counter_add(&status->disconnections, 1);
        break;
    case ZK_SESSION_EXPIRED:
        counter_add(&status->expirations, 1);
        atomic_store(&status->session_began_ms, 0);
        break;
    case ZK_SESSION_AUTH_FAILED:
        counter_add(&status->authentication_failures, 1);
        atomic_store(&status->session_began_ms, 0);
        break;
    }
}

void control_status_on_term(void *context, bool active, int32_t controller_epoch) {
    struct control_status *status = context;

    (void)controller_epoch;
    if (atomic_exchange(&status->is_controller, active) != active && active)
        counter_add(&status->terms, 1);
}

void control_status_on_done(void *context, enum controller_activity activity, int64_t ns) {
    struct control_status *status = context;

    histogram_record_ns(&status->activities[activity], ns);
    if (activity == CONTROLLER_ACTIVITY_CONTROLLER_CHANGE)
        atomic_store_explicit(&status->failover_ns, ns, memory_order_relaxed);
}

void control_status_on_step(void *context, const struct controller_report *report) {
    struct control_status *status = context;

    histogram_record_ns(&status->steps, report->step_ns);
    atomic_store_explicit(&status->activity, report->activity, memory_order_relaxed);
    atomic_store_explicit(&status->topics_to_delete, report->topics_to_delete,
                          memory_order_relaxed);
    atomic_store_explicit(&status->replicas_to_delete, report->replicas_to_delete,
                          memory_order_relaxed);
}

static void count_elections(struct control_status *status,
                            const struct metadata_topic_change *change) {
    for (int32_t i = 0; i < change->before->partition_count && i < change->after->partition_count;
         i++) {
        const struct metadata_partition *before = &change->before->partitions[i];
        const struct metadata_partition *after = &change->after->partitions[i];

        if (after->leader == before->leader || after->leader < 0)
            continue;
        counter_add(&status->leader_elections, 1);
        if (after->leader_recovery_state != 0 && before->leader_recovery_state == 0)
            counter_add(&status->unclean_elections, 1);
    }
}

void control_status_on_metadata(struct control_status *status,
                                const struct metadata_topic_change *changes, int32_t change_count) {
    if (!atomic_load(&status->is_controller))
        return;
    for (int32_t i = 0; i < change_count; i++) {
        if (changes[i].before != NULL && changes[i].after != NULL)
            count_elections(status, &changes[i]);
    }
}
