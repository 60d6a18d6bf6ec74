#include "broker/api/config_resource.h"

#include <stdarg.h>
#include <stdio.h>

/* A resource_type that needs KRaft, in Kafka too. */
#define CLIENT_METRICS 16

static enum error refuse(struct api_call *call, struct bytes *message, const char *format, ...)
    PRINTF_LIKE(3, 4);

static enum error refuse(struct api_call *call, struct bytes *message, const char *format, ...) {
    char text[CONFIG_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    *message = arena_copy(&call->request->arena, bytes_of_text(text));
    return ERR_INVALID_REQUEST;
}

/* A decimal number with an optional sign, as Java reads one. */
static bool parse_id(struct bytes name, int32_t *id) {
    bool is_negative = name.size > 0 && name.data[0] == '-';
    size_t at = name.size > 0 && (is_negative || name.data[0] == '+') ? 1 : 0;
    int64_t value = 0;

    if (at == name.size)
        return false;
    for (; at < name.size; at++) {
        if (name.data[at] < '0' || name.data[at] > '9')
            return false;
        value = value * 10 + (name.data[at] - '0');
        if (value > INT32_MAX)
            return false;
    }
    *id = (int32_t)(is_negative ? -value : value);
    return true;
}

/* Kafka's messages for reading settings and for changing them. */
static enum error check_broker(struct api_call *call, struct bytes name, bool is_change,
                               const char *expected, struct bytes *message) {
    int32_t id;

    if (!parse_id(name, &id))
        return refuse(call, message, "%s id must be an integer, but it is: %.*s",
                      is_change ? "Node" : "Broker", BYTES_FORMAT(name));
    if (id != call->context->broker_id)
        return refuse(call, message, "Unexpected broker id, expected %d%s but received %.*s",
                      call->context->broker_id, is_change ? "," : expected, BYTES_FORMAT(name));
    return ERR_NONE;
}

enum error config_resource_find(struct api_call *call, int8_t type, struct bytes name,
                                bool is_change, struct config_resource *resource,
                                struct bytes *message) {
    *resource = (struct config_resource){.kind = (enum config_resource_kind)type};
    switch (resource->kind) {
    case CONFIG_RESOURCE_TOPIC:
        return ERR_NONE;
    case CONFIG_RESOURCE_BROKER:
        resource->is_default = name.size == 0;
        return resource->is_default
                   ? ERR_NONE
                   : check_broker(call, name, is_change, " or empty string,", message);
    case CONFIG_RESOURCE_BROKER_LOGGER:
        return name.size == 0 && !is_change ? refuse(call, message, "Broker id must not be empty")
                                            : check_broker(call, name, is_change, "", message);
    }
    if (type == CLIENT_METRICS)
        return refuse(call, message, "%s",
                      is_change ? "AlterConfigs is only supported for topics and brokers, but "
                                  "resource type is CLIENT_METRICS"
                                : "Config type client-metrics is only supported on KRaft clusters");
    return is_change ? refuse(call, message, "Unknown resource type %d", type)
                     : refuse(call, message, "%s", error_text(ERR_INVALID_REQUEST));
}

struct config_pair *config_resource_overrides(struct api_call *call,
                                              const struct metadata_topic *topic) {
    struct config_pair *pairs = api_alloc(call, (size_t)topic->setting_count, sizeof(*pairs));

    for (int32_t i = 0; pairs != NULL && i < topic->setting_count; i++)
        pairs[i] = (struct config_pair){bytes_of_text(topic->settings[i].key),
                                        bytes_of_text(topic->settings[i].value)};
    return pairs;
}
