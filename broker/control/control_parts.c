/*
 * What the rest of the broker reaches through the control: its parts, and what it passes on to
 * them.
 */
#include "broker/config/live_config.h"
#include "broker/control/consumer_offset.h"
#include "broker/control/control_internal.h"
#include "broker/control/controller_channel.h"
#include "broker/control/entity_read.h"
#include "broker/control/topic_requests.h"

struct executor *control_executor(struct control *control) {
    return loop_executor(control->loop);
}

static int64_t now_ns(void) {
    return clock_system()->monotonic_ns(clock_system());
}

int64_t control_note_posted(struct control *control) {
    atomic_fetch_add_explicit(&control->status.queue_size, 1, memory_order_relaxed);
    return now_ns();
}

void control_note_taken(struct control *control, int64_t posted_ns) {
    atomic_fetch_sub_explicit(&control->status.queue_size, 1, memory_order_relaxed);
    histogram_record_ns(&control->status.queue_times, now_ns() - posted_ns);
}

struct live_config *control_live_config(struct control *control) {
    return control->live_config;
}

void control_on_settings(struct control *control,
                         void (*changed)(void *context, const struct config *now), void *context) {
    control->settings_changed = changed;
    control->settings_context = context;
}

void control_on_metadata(struct control *control,
                         void (*changed)(void *context, const struct metadata_update *update),
                         void *context) {
    control->metadata_changed = changed;
    control->metadata_context = context;
}

void control_write_config(struct control *control, struct config_write *write) {
    config_writes_start(&control->config_writes, write, clock_monotonic_ms(clock_system()));
}

void control_read_entities(struct control *control, struct entity_read *read) {
    entity_read_start(read, control->config_writes.zk);
}

void control_write_consumer_offset(struct control *control, struct consumer_offset *offset) {
    consumer_offset_write(control->config_writes.zk, offset);
}

void control_read_consumer_offset(struct control *control, struct consumer_offset *offset) {
    consumer_offset_read(control->config_writes.zk, offset);
}

const struct control_status *control_status(const struct control *control) {
    return &control->status;
}

const struct zk_meter *control_zk_meter(const struct control *control) {
    return &control->zk_meter;
}

struct controller_shell *control_shell(struct control *control) {
    return control->shell;
}

struct metadata_cache *control_metadata(struct control *control) {
    return &control->metadata;
}

struct replica_manager *control_replicas(struct control *control) {
    return control->replicas;
}

struct producer_ids *control_producer_ids(struct control *control) {
    return control->producer_ids;
}

int64_t control_broker_epoch(const struct control *control) {
    return atomic_load(&control->broker_epoch);
}

void control_wait_for_metadata(struct control *control, struct metadata_waiter *waiter) {
    const struct metadata *metadata = metadata_cache_get(&control->metadata);

    TAILQ_INSERT_TAIL(&control->metadata_waiters, waiter, link);
    metadata_waiters_wake(&control->metadata_waiters, metadata);
    metadata_unref(metadata);
}

bool control_stop_waiting_for_metadata(struct control *control, struct metadata_waiter *waiter) {
    return metadata_waiters_remove(&control->metadata_waiters, waiter);
}

void control_call_controller(struct control *control, const struct wire_api *api,
                             int16_t version_max, const void *message, int64_t timeout_ms,
                             control_controller_response *done, void *context) {
    controller_channel_call(control->channel, api, version_max, message, timeout_ms, done, context);
}

void control_create_topic_automatically(struct control *control, struct bytes topic) {
    topic_requests_create_soon(control->topic_requests, loop_executor(control->loop), topic);
}
