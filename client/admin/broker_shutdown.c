/* A broker's leaderships move away, as before it stops; and it stops. */
#include "client/admin/outcomes.h"
#include "client/wire/message/controlled_shutdown.h"

static enum error remaining_read(struct admin_call *call, const void *message) {
    const struct controlled_shutdown_response *response = message;
    enum error error = response->error_code;

    if (error == ERR_STALE_CONTROLLER_EPOCH)
        return ERR_NOT_CONTROLLER; /* how controllers say that here; another one is asked */
    if (error != ERR_NONE)
        return error;
    error = outcomes_begin(call, (size_t)response->remaining_partitions_count);
    for (int32_t i = 0; i < response->remaining_partitions_count && error == ERR_NONE; i++)
        error = outcomes_add(call, response->remaining_partitions[i].topic_name,
                             response->remaining_partitions[i].partition_index,
                             ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE, BYTES_NULL);
    return error;
}

/* In place of a broker's epoch. */
#define ANY_EPOCH     (-1)
#define STOP_YOURSELF (-2)

int barnabas_admin_shut_broker_down(struct barnabas_admin *admin, int32_t broker_id,
                                    int64_t timeout_ms, struct barnabas_outcomes **outcomes) {
    struct controlled_shutdown_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &controlled_shutdown_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = remaining_read,
    };
    enum error error;

    controlled_shutdown_request_init(&request);
    request.broker_id = broker_id;
    request.broker_epoch = ANY_EPOCH; /* whichever registration is there now */
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}

static enum error stopping_read(struct admin_call *call, const void *message) {
    const struct controlled_shutdown_response *response = message;

    (void)call;
    return response->error_code;
}

int barnabas_admin_stop_broker(struct barnabas_admin *admin, int32_t broker_id,
                               int64_t timeout_ms) {
    struct controlled_shutdown_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = broker_id,
        .api = &controlled_shutdown_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = stopping_read,
    };
    enum error error;

    controlled_shutdown_request_init(&request);
    request.broker_id = broker_id;
    request.broker_epoch = STOP_YOURSELF;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        admin_result_free(result);
    return error;
}
