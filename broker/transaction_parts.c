#include "broker/transaction_parts.h"

#include <stdatomic.h>

#include "broker/config/config.h"
#include "broker/control/control.h"
#include "broker/transaction/transaction_coordinator.h"
#include "client/base/clock.h"

enum error transaction_parts_start(struct transaction_parts *parts, const struct config *config,
                                   struct control *control, int32_t broker_id,
                                   struct executor *background) {
    const struct transaction_coordinator_config transactions = {
        .broker_id = broker_id,
        .listener = config->inter_broker_listener_name,
        .background = background,
        .clock = clock_system(),
        .metadata = control_metadata(control),
        .replicas = control_replicas(control),
        .producer_ids = control_producer_ids(control),
        .load_bytes = config->transaction_state_log_load_buffer_size,
        .timeout_ms_max = config->transaction_max_timeout_ms,
        .append_timeout_ms = config->request_timeout_ms,
        .marker_timeout_ms = config->request_timeout_ms,
        .abort_check_ms = config->transaction_abort_timed_out_transaction_cleanup_interval_ms,
        .expiration_ms = config->transactional_id_expiration_ms,
        .expiration_check_ms = config->transaction_remove_expired_transaction_cleanup_interval_ms,
    };
    struct transaction_coordinator *started;
    enum error error = transaction_coordinator_start(&transactions, &started);

    if (error == ERR_NONE)
        atomic_store(&parts->coordinator, started);
    return error;
}

void transaction_parts_on_metadata(struct transaction_parts *parts) {
    struct transaction_coordinator *coordinator = atomic_load(&parts->coordinator);

    if (coordinator != NULL)
        transaction_coordinator_on_metadata(coordinator);
}

void transaction_parts_stop(struct transaction_parts *parts) {
    if (!parts->is_stopped)
        transaction_coordinator_stop(atomic_load(&parts->coordinator));
    parts->is_stopped = true;
}

void transaction_parts_free(struct transaction_parts *parts) {
    transaction_coordinator_free(atomic_load(&parts->coordinator));
}
