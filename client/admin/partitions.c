/* More partitions for topics. */
#include "client/admin/outcomes.h"
#include "client/wire/message/create_partitions.h"

static enum error extended_read(struct admin_call *call, const void *message) {
    const struct create_partitions_response *response = message;
    enum error error;

    for (int32_t i = 0; i < response->results_count; i++)
        if (response->results[i].error_code == ERR_NOT_CONTROLLER)
            return ERR_NOT_CONTROLLER;
    if ((error = outcomes_begin(call, (size_t)response->results_count)) != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->results_count && error == ERR_NONE; i++)
        error = outcomes_add(call, response->results[i].name, -1, response->results[i].error_code,
                             response->results[i].error_message);
    return error;
}

int barnabas_admin_create_partitions(struct barnabas_admin *admin,
                                     const struct barnabas_more_partitions *topics, size_t count,
                                     bool validate_only, int64_t timeout_ms,
                                     struct barnabas_outcomes **outcomes) {
    struct create_partitions_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &create_partitions_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = extended_read,
    };
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    create_partitions_request_init(&request);
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    request.validate_only = validate_only;
    request.topics = arena_alloc(&arena, count + 1, sizeof(*request.topics));
    if (request.topics != NULL) {
        request.topics_count = (int32_t)count;
        for (size_t i = 0; i < count; i++) {
            create_partitions_request_topics_init(&request.topics[i]);
            request.topics[i].name = bytes_of_text(topics[i].topic);
            request.topics[i].count = topics[i].partition_count;
            request.topics[i].assignments_count = -1; /* the controller chooses */
        }
        error = admin_call_run(admin, &call, &result);
    }
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}
