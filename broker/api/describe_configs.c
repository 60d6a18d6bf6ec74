#include "broker/api/handlers.h"

#include <stdio.h>

#include "broker/api/config_loggers.h"
#include "broker/api/config_resource.h"
#include "broker/config/config.h"
#include "broker/config/config_describe.h"
#include "broker/config/live_config.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/describe_configs.h"
#include "controller/core/topic_name.h"

/* DescribeConfigs: topics from the metadata, which any broker has; a broker's settings only from
 * that broker. Source: Apache Kafka 3.9, ConfigHelper. */

/* Each is compared with every setting. */
#define KEYS_MAX 10000

struct description {
    struct api_call *call;
    struct describe_configs_request request;
    struct describe_configs_response response;
    const struct metadata *metadata;
    const struct config *config;
    bool is_out_of_memory;
};

static void fail(struct describe_configs_response_results *result, enum error error,
                 struct bytes message) {
    result->error_code = error_to_wire(error);
    result->error_message = message;
    result->configs_count = 0;
}

static bool is_asked_for(const struct describe_configs_request_resources *asked, const char *name) {
    if (asked->configuration_keys_count <= 0)
        return true;
    for (int32_t i = 0; i < asked->configuration_keys_count; i++) {
        if (bytes_equal_text(asked->configuration_keys[i], name))
            return true;
    }
    return false;
}

/* A value that lies in the entry would go with it. */
static struct bytes keep_value(struct api_call *call, const struct config_entry *entry,
                               struct bytes value) {
    return value.data == (const uint8_t *)entry->room ? arena_copy(&call->request->arena, value)
                                                      : value;
}

static bool add_synonyms(struct description *description, const struct config_entry *entry,
                         struct describe_configs_response_results_configs *to) {
    to->synonyms = api_alloc(description->call, entry->synonym_count, sizeof(*to->synonyms));
    if (to->synonyms == NULL)
        return false;
    for (size_t i = 0; i < entry->synonym_count; i++) {
        describe_configs_response_results_configs_synonyms_init(&to->synonyms[i]);
        to->synonyms[i].name = bytes_of_text(entry->synonyms[i].name);
        to->synonyms[i].value = keep_value(description->call, entry, entry->synonyms[i].value);
        to->synonyms[i].source = (int8_t)entry->synonyms[i].source;
    }
    to->synonyms_count = (int32_t)entry->synonym_count;
    return true;
}

static void add_entry(struct description *description,
                      struct describe_configs_response_results *result,
                      const struct config_entry *entry) {
    struct describe_configs_response_results_configs *to = &result->configs[result->configs_count];

    describe_configs_response_results_configs_init(to);
    to->name = bytes_of_text(entry->name);
    to->value = keep_value(description->call, entry, entry->value);
    to->read_only = entry->is_read_only;
    if (description->call->header.api_version == 0)
        to->is_default = entry->source == CONFIG_SOURCE_DEFAULT;
    to->config_source = (int8_t)entry->source;
    to->is_sensitive = entry->is_sensitive;
    to->config_type = (int8_t)entry->type;
    to->documentation = description->request.include_documentation && entry->documentation != NULL
                            ? bytes_of_text(entry->documentation)
                            : BYTES_NULL;
    if (description->request.include_synonyms && !add_synonyms(description, entry, to))
        description->is_out_of_memory = true;
    result->configs_count++;
}

static bool make_room(struct description *description,
                      struct describe_configs_response_results *result, size_t count) {
    result->configs = api_alloc(description->call, count, sizeof(*result->configs));
    description->is_out_of_memory = description->is_out_of_memory || result->configs == NULL;
    return result->configs != NULL;
}

static void describe_topic(struct description *description,
                           const struct describe_configs_request_resources *asked,
                           struct describe_configs_response_results *result) {
    struct api_call *call = description->call;
    const struct metadata_topic *topic =
        metadata_find_topic(description->metadata, asked->resource_name);
    struct config_pair *overrides;

    if (!controller_topic_name_is_valid(asked->resource_name)) {
        char message[TOPIC_NAME_MESSAGE_SIZE];
        controller_topic_name_explain(asked->resource_name, message, sizeof(message));
        fail(result, ERR_INVALID_TOPIC_EXCEPTION,
             arena_copy(&call->request->arena, bytes_of_text(message)));
        return;
    }
    if (topic == NULL) {
        fail(result, ERR_UNKNOWN_TOPIC_OR_PARTITION, bytes_of_text(""));
        return;
    }
    overrides = config_resource_overrides(call, topic);
    if (overrides == NULL || !make_room(description, result, config_describe_topic_count())) {
        description->is_out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < config_describe_topic_count(); i++) {
        struct config_entry entry;
        config_describe_topic(description->config, overrides, (size_t)topic->setting_count, i,
                              &entry);
        if (is_asked_for(asked, entry.name))
            add_entry(description, result, &entry);
    }
}

/* This broker's settings, or those that were set for all brokers at run time. */
static void describe_broker(struct description *description,
                            const struct describe_configs_request_resources *asked, bool is_default,
                            struct describe_configs_response_results *result) {
    if (!make_room(description, result,
                   config_describe_broker_count() + config_describe_rate_count()))
        return;
    for (size_t i = 0; i < config_describe_broker_count(); i++) {
        struct config_entry entry;
        if (!is_default)
            config_describe_broker(description->config, i, &entry);
        else if (!config_describe_default(description->config, i, &entry))
            continue;
        if (is_asked_for(asked, entry.name))
            add_entry(description, result, &entry);
    }
    for (size_t i = 0; i < config_describe_rate_count(); i++) {
        struct config_entry entry;
        if (config_describe_rate(description->config, i, is_default, &entry) &&
            is_asked_for(asked, entry.name))
            add_entry(description, result, &entry);
    }
}

static void describe_loggers(struct description *description,
                             const struct describe_configs_request_resources *asked,
                             struct describe_configs_response_results *result) {
    if (!make_room(description, result, config_logger_count))
        return;
    for (size_t i = 0; i < config_logger_count; i++) {
        struct describe_configs_response_results_configs *level;

        if (!is_asked_for(asked, config_loggers[i]))
            continue;
        level = &result->configs[result->configs_count++];
        describe_configs_response_results_configs_init(level);
        level->name = bytes_of_text(config_loggers[i]);
        level->value = bytes_of_text(config_logger_level(config_loggers[i]));
        level->config_source = CONFIG_SOURCE_DYNAMIC_BROKER_LOGGER;
        level->documentation = BYTES_NULL;
    }
}

static void describe(struct description *description,
                     const struct describe_configs_request_resources *asked,
                     struct describe_configs_response_results *result) {
    struct config_resource resource;
    struct bytes message = BYTES_NULL;
    enum error error = config_resource_find(description->call, asked->resource_type,
                                            asked->resource_name, false, &resource, &message);

    describe_configs_response_results_init(result); /* the message is empty, as Kafka's */
    result->resource_type = asked->resource_type;
    result->resource_name = asked->resource_name;
    if (error != ERR_NONE) {
        fail(result, error, message);
        return;
    }
    if (asked->configuration_keys_count > KEYS_MAX) {
        fail(result, ERR_INVALID_REQUEST, bytes_of_text("More keys than there are settings."));
        return;
    }
    switch (resource.kind) {
    case CONFIG_RESOURCE_TOPIC:
        describe_topic(description, asked, result);
        return;
    case CONFIG_RESOURCE_BROKER:
        describe_broker(description, asked, resource.is_default, result);
        return;
    case CONFIG_RESOURCE_BROKER_LOGGER:
        describe_loggers(description, asked, result);
        return;
    }
}

static void handle_describe_configs(struct api_call *call) {
    struct description description = {.call = call};
    struct describe_configs_response *response = &description.response;

    if (!api_decode(call, &description.request))
        return;
    describe_configs_response_init(response);
    response->results =
        api_alloc(call, (size_t)description.request.resources_count, sizeof(*response->results));
    description.is_out_of_memory = response->results == NULL;
    description.metadata = metadata_cache_get(call->context->metadata);
    description.config = live_config_get(call->context->live_config);
    for (int32_t i = 0; i < description.request.resources_count && !description.is_out_of_memory;
         i++)
        describe(&description, &description.request.resources[i],
                 &response->results[response->results_count++]);
    if (description.is_out_of_memory)
        api_close(call);
    else
        api_respond(call, response);
    live_config_release(description.config);
    metadata_unref(description.metadata);
}

const struct api_handler api_describe_configs = {&describe_configs_api, 4, handle_describe_configs};
