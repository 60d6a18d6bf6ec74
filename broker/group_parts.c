#include "broker/group_parts.h"

#include <stdatomic.h>

#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/control/control.h"
#include "broker/control/topic_settings.h"
#include "broker/group/group_coordinator.h"
#include "broker/lag/lag_monitor.h"
#include "broker/lag/retention_guard.h"
#include "client/base/clock.h"

#define GUARD_INTERVAL_MS 30000

static struct lag_retention retention_of(void *context, const struct metadata_topic *topic) {
    struct group_parts *parts = context;
    const struct config *config = live_config_get(control_live_config(parts->control));
    struct log_config log_config;
    int32_t min_isr;

    topic_settings_of(config, topic, &log_config, &min_isr);
    live_config_release(config);
    return (struct lag_retention){
        .deletes = log_config.delete_old,
        .age_ms = log_config.retention_ms,
        .size_max = log_config.retention_bytes,
    };
}

static struct lag_monitor *start_lag(struct group_parts *parts, const struct config *config,
                                     int32_t broker_id) {
    const struct lag_monitor_config lag = {
        .groups = atomic_load(&parts->coordinator),
        .clock = clock_system(),
        .metadata = control_metadata(parts->control),
        .listener = config->inter_broker_listener_name,
        .broker_id = broker_id,
        .interval_ms = config->group_lag_interval_ms,
        .losses_replication_factor = (int16_t)config->offsets_topic_replication_factor,
        .retention_of = retention_of,
        .context = parts,
    };

    return config->group_lag_interval_ms == 0 ? NULL : lag_monitor_start(&lag);
}

/* As often as lag is looked at, or would be by default. */
static struct retention_guard_watch *start_guard(struct group_parts *parts,
                                                 const struct config *config, int32_t broker_id) {
    const struct retention_guard_config guard = {
        .groups = atomic_load(&parts->coordinator),
        .metadata = control_metadata(parts->control),
        .replicas = control_replicas(parts->control),
        .listener = config->inter_broker_listener_name,
        .broker_id = broker_id,
        .interval_ms =
            config->group_lag_interval_ms > 0 ? config->group_lag_interval_ms : GUARD_INTERVAL_MS,
        .group_list = config->retention_guard_groups,
    };

    return guard.group_list[0] == '\0' ? NULL : retention_guard_start(&guard);
}

enum error group_parts_start(struct group_parts *parts, const struct config *config,
                             struct control *control, int32_t broker_id,
                             struct executor *background) {
    const struct group_coordinator_config groups = {
        .group =
            {
                .session_timeout_ms_min = config->group_min_session_timeout_ms,
                .session_timeout_ms_max = config->group_max_session_timeout_ms,
                .initial_rebalance_delay_ms = config->group_initial_rebalance_delay_ms,
                .size_max = config->group_max_size,
            },
        .background = background,
        .clock = clock_system(),
        .metadata = control_metadata(control),
        .replicas = control_replicas(control),
        .load_bytes = config->offsets_load_buffer_size,
        .offset_metadata_size_max = config->offset_metadata_max_bytes,
        .commit_timeout_ms = config->offsets_commit_timeout_ms,
        .retention_ms = (int64_t)config->offsets_retention_minutes * 60000,
        .retention_check_ms = config->offsets_retention_check_interval_ms,
        .codec = (enum compression)config->offsets_topic_compression_codec,
    };
    struct group_coordinator *started;
    enum error error = group_coordinator_start(&groups, &started);

    if (error != ERR_NONE)
        return error;
    parts->control = control;
    atomic_store(&parts->coordinator, started);
    parts->lag = start_lag(parts, config, broker_id);
    parts->guard = start_guard(parts, config, broker_id);
    return ERR_NONE;
}

void group_parts_on_metadata(struct group_parts *parts, const struct metadata_update *update) {
    struct group_coordinator *coordinator = atomic_load(&parts->coordinator);

    if (coordinator != NULL)
        group_coordinator_on_metadata(coordinator, update);
}

void group_parts_stop(struct group_parts *parts) {
    if (parts->is_stopped)
        return;
    parts->is_stopped = true;
    lag_monitor_stop(parts->lag);
    retention_guard_stop(parts->guard);
    group_coordinator_stop(atomic_load(&parts->coordinator));
}

void group_parts_free(struct group_parts *parts) {
    lag_monitor_free(parts->lag);
    group_coordinator_free(atomic_load(&parts->coordinator));
}
