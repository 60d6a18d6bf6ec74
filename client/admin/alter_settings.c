/* Changes of the settings of topics and brokers. */
#include "client/admin/outcomes.h"
#include "client/admin/settings_target.h"
#include "client/wire/message/incremental_alter_configs.h"

static enum error altered_read(struct admin_call *call, const void *message) {
    const struct incremental_alter_configs_response *response = message;
    const struct incremental_alter_configs_response_responses *answer = response->responses;
    enum error error;

    if (response->responses_count != 1)
        return ERR_MALFORMED;
    if ((error = outcomes_begin(call, 1)) != ERR_NONE)
        return error;
    return outcomes_add(call, answer->resource_name, -1, answer->error_code, answer->error_message);
}

int barnabas_admin_alter_settings(struct barnabas_admin *admin, enum barnabas_resource resource,
                                  const char *name, const struct barnabas_setting_change *changes,
                                  size_t count, bool validate_only, int64_t timeout_ms,
                                  struct barnabas_outcomes **outcomes) {
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_request_resources altered;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .api = &incremental_alter_configs_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = altered_read,
    };
    struct arena arena;
    enum error error;

    if ((error = settings_target(resource, name, &call.target)) != ERR_NONE)
        return error;
    arena_init(&arena, SIZE_MAX / 2);
    incremental_alter_configs_request_init(&request);
    incremental_alter_configs_request_resources_init(&altered);
    request.resources = &altered;
    request.resources_count = 1;
    request.validate_only = validate_only;
    altered.resource_type = (int8_t)resource;
    altered.resource_name = bytes_of_text(name);
    altered.configs_count = (int32_t)count;
    altered.configs = arena_alloc(&arena, count + 1, sizeof(*altered.configs));
    for (size_t i = 0; altered.configs != NULL && i < count; i++)
        altered.configs[i] = (struct incremental_alter_configs_request_resources_configs){
            bytes_of_text(changes[i].key), (int8_t)changes[i].operation,
            bytes_of_text(changes[i].value)};
    error = altered.configs == NULL ? ERR_OUT_OF_MEMORY : admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}
