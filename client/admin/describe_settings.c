/* The settings of topics and brokers. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/settings_target.h"
#include "client/wire/message/describe_configs.h"

static int setting_compare(const void *left, const void *right) {
    const struct barnabas_setting_info *a = left;
    const struct barnabas_setting_info *b = right;

    return strcmp(a->key, b->key);
}

static enum error settings_read(struct admin_call *call, const void *message) {
    const struct describe_configs_response *response = message;
    const struct describe_configs_response_results *found;
    struct barnabas_setting_info *items;
    size_t count;

    if (response->results_count != 1)
        return ERR_MALFORMED;
    found = &response->results[0];
    call->result->settings.error = found->error_code;
    call->result->settings.message =
        admin_text(call, found->error_message.size > 0
                             ? found->error_message
                             : bytes_of_text(error_text((enum error)found->error_code)));
    if (call->result->settings.message == NULL)
        return ERR_OUT_OF_MEMORY;
    if (found->error_code != ERR_NONE)
        return ERR_NONE;
    count = (size_t)found->configs_count;
    items = arena_alloc(&call->result->arena, count + 1, sizeof(*items));
    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct describe_configs_response_results_configs *from = &found->configs[i];

        items[i].key = admin_text(call, from->name);
        items[i].value = from->value.data == NULL ? NULL : admin_text(call, from->value);
        items[i].read_only = from->read_only;
        items[i].sensitive = from->is_sensitive;
        items[i].source = from->config_source < 0
                              ? BARNABAS_SOURCE_UNKNOWN
                              : (enum barnabas_setting_source)from->config_source;
        if (items[i].key == NULL || (items[i].value == NULL && from->value.data != NULL))
            return ERR_OUT_OF_MEMORY;
    }
    qsort(items, count, sizeof(*items), setting_compare);
    call->result->settings.count = count;
    call->result->settings.items = items;
    return ERR_NONE;
}

int barnabas_admin_describe_settings(struct barnabas_admin *admin, enum barnabas_resource resource,
                                     const char *name, int64_t timeout_ms,
                                     struct barnabas_settings **settings) {
    struct describe_configs_request request;
    struct describe_configs_request_resources asked;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .api = &describe_configs_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = settings_read,
    };
    enum error error;

    if ((error = settings_target(resource, name, &call.target)) != ERR_NONE)
        return error;
    describe_configs_request_init(&request);
    describe_configs_request_resources_init(&asked);
    asked.resource_type = (int8_t)resource;
    asked.resource_name = bytes_of_text(name);
    asked.configuration_keys_count = -1; /* all */
    request.resources = &asked;
    request.resources_count = 1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *settings = &result->settings;
    return error;
}
