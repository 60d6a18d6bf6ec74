#include "broker/replica/replica_progress.h"

#include "client/base/check.h"

bool broker_ids_contain(const int32_t *ids, int32_t count, int32_t id) {
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

void replica_progress_reset(struct replica_progress *replica, int32_t broker_id, bool in_isr,
                            int64_t now_ms) {
    *replica = (struct replica_progress){
        .broker_id = broker_id,
        .broker_epoch = BROKER_EPOCH_UNKNOWN,
        .log_end_offset = PROGRESS_UNKNOWN,
        .log_start_offset = PROGRESS_UNKNOWN,
        .caught_up_ms = in_isr ? now_ms : 0,
        .last_fetch_ms = in_isr ? now_ms : 0,
        .leader_end_offset_at_last_fetch = 0,
        .epoch_began_ms = now_ms,
    };
}

void replica_progress_on_epoch(struct replica_progress *replica, int64_t broker_epoch) {
    if (replica->broker_epoch != broker_epoch)
        replica->refused_until_ms = 0;
    replica->broker_epoch = broker_epoch;
}

void replica_progress_on_refused(struct replica_progress *replica, int64_t now_ms) {
    replica->refused_until_ms = now_ms + REPLICA_REFUSED_MS;
}

void replica_progress_on_fetch(struct replica_progress *replica, int64_t fetch_offset,
                               int64_t log_start_offset, int64_t leader_log_end_offset,
                               int64_t now_ms) {
    /* A replica that reaches now what the leader had at the previous fetch was caught up then:
     * so one that follows a steady stream of appends counts as in sync. */
    if (fetch_offset >= leader_log_end_offset) {
        if (now_ms > replica->caught_up_ms)
            replica->caught_up_ms = now_ms;
    } else if (fetch_offset >= replica->leader_end_offset_at_last_fetch &&
               replica->last_fetch_ms > replica->caught_up_ms) {
        replica->caught_up_ms = replica->last_fetch_ms;
    }
    replica->log_end_offset = fetch_offset;
    replica->log_start_offset = log_start_offset;
    replica->last_fetch_ms = now_ms;
    replica->leader_end_offset_at_last_fetch = leader_log_end_offset;
}

void replica_progress_on_rest(struct replica_progress *replica, int64_t fetched_ms) {
    if (fetched_ms > replica->caught_up_ms)
        replica->caught_up_ms = fetched_ms;
    if (fetched_ms > replica->last_fetch_ms)
        replica->last_fetch_ms = fetched_ms;
}

bool replica_is_caught_up(const struct replica_progress *replica, int64_t leader_log_end_offset,
                          int64_t now_ms, int64_t lag_ms_max) {
    return replica->log_end_offset == leader_log_end_offset ||
           now_ms - replica->caught_up_ms <= lag_ms_max;
}

int64_t replica_delay_ms(const struct replica_progress *replica, int64_t leader_log_end_offset,
                         int64_t now_ms) {
    if (replica->log_end_offset == leader_log_end_offset)
        return 0;
    return now_ms - (replica->caught_up_ms == 0 ? replica->epoch_began_ms : replica->caught_up_ms);
}

int64_t leader_view_high_watermark(const struct leader_view *view,
                                   bool (*is_alive)(void *context, int32_t broker_id),
                                   void *context) {
    int64_t candidate = view->log_end_offset;

    /* Below min.insync.replicas nothing commits: what fewer copies hold must not look safe. */
    if (view->isr_count < view->min_isr)
        return view->high_watermark;
    for (int32_t i = 0; i < view->follower_count; i++) {
        const struct replica_progress *replica = &view->followers[i];
        bool counts =
            broker_ids_contain(view->maximal_isr, view->maximal_isr_count, replica->broker_id) ||
            (replica->log_end_offset != PROGRESS_UNKNOWN &&
             view->now_ms >= replica->refused_until_ms &&
             replica_is_caught_up(replica, view->log_end_offset, view->now_ms, view->lag_ms_max) &&
             is_alive(context, replica->broker_id));
        if (counts && replica->log_end_offset < candidate)
            candidate = replica->log_end_offset;
    }
    return candidate > view->high_watermark ? candidate : view->high_watermark;
}

bool leader_view_may_join(const struct leader_view *view, const struct replica_progress *replica) {
    return !broker_ids_contain(view->maximal_isr, view->maximal_isr_count, replica->broker_id) &&
           replica->log_end_offset != PROGRESS_UNKNOWN &&
           view->now_ms >= replica->refused_until_ms &&
           replica->log_end_offset >= view->high_watermark &&
           replica->log_end_offset >= view->leader_epoch_start_offset;
}

int32_t leader_view_lagging(const struct leader_view *view, int32_t *lagging) {
    int32_t count = 0;

    for (int32_t i = 0; i < view->follower_count; i++) {
        const struct replica_progress *replica = &view->followers[i];
        if (broker_ids_contain(view->isr, view->isr_count, replica->broker_id) &&
            !replica_is_caught_up(replica, view->log_end_offset, view->now_ms, view->lag_ms_max))
            lagging[count++] = replica->broker_id;
    }
    CHECK(count <= REPLICAS_MAX);
    return count;
}
