#include "broker/config/topic_config.h"

#include <stdio.h>

#include "broker/config/config.h"
#include "broker/config/setting.h"
#include "client/base/logger.h"

static void store(struct topic_config *config, const struct setting *setting,
                  const union setting_value *value) {
    void *field = (char *)config + setting->field_offset;

    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        *(bool *)field = value->boolean;
        return;
    case CONFIG_TYPE_INT:
        *(int32_t *)field = (int32_t)value->number;
        return;
    case CONFIG_TYPE_LONG:
        *(int64_t *)field = value->number;
        return;
    case CONFIG_TYPE_DOUBLE:
        *(double *)field = value->real;
        return;
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
        *(uint8_t *)field = (uint8_t)value->number;
        return;
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    CHECK(!"a topic has no settings of that type");
}

static void copy_from_broker(struct topic_config *config, const struct setting *setting,
                             const struct config *broker) {
    const void *field = (const char *)broker + setting->broker_field_offset;
    union setting_value value = {.number = 0};

    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        value.boolean = *(const bool *)field;
        break;
    case CONFIG_TYPE_INT:
        value.number = *(const int32_t *)field;
        break;
    case CONFIG_TYPE_LONG:
        value.number = *(const int64_t *)field;
        break;
    case CONFIG_TYPE_DOUBLE:
        value.real = *(const double *)field;
        break;
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        CHECK(setting_parse(setting, bytes_of_text(*(const char *const *)field), &value));
        break;
    }
    store(config, setting, &value);
}

static struct topic_config from_broker(const struct config *broker) {
    struct topic_config config;

    memset(&config, 0, sizeof(config));
    for (size_t row = 0; row < topic_config_setting_count; row++) {
        if (topic_config_settings[row].status == SETTING_SUPPORTED)
            copy_from_broker(&config, &topic_config_settings[row], broker);
    }
    return config;
}

/* The deprecated bound counts where the newer ones do not bound. */
static void finish(struct topic_config *config) {
    if (config->message_timestamp_before_max_ms == INT64_MAX)
        config->message_timestamp_before_max_ms = config->message_timestamp_difference_max_ms;
    if (config->message_timestamp_after_max_ms == INT64_MAX)
        config->message_timestamp_after_max_ms = config->message_timestamp_difference_max_ms;
}

struct topic_config topic_config_of_broker(const struct config *broker) {
    struct topic_config config = from_broker(broker);

    finish(&config);
    return config;
}

int32_t topic_config_compression_level(const struct topic_config *config) {
    static const uint8_t gzip = 1, lz4 = 3, zstd = 4;

    if (config->compression_type == gzip && config->compression_gzip_level != -1)
        return config->compression_gzip_level;
    if (config->compression_type == lz4)
        return config->compression_lz4_level;
    if (config->compression_type == zstd)
        return config->compression_zstd_level;
    return INT32_MIN;
}

/* Applies one override, or says in `message` why not. */
static bool overlay(struct topic_config *config, const struct config_pair *override,
                    char message[CONFIG_MESSAGE_SIZE]) {
    const struct setting *setting =
        setting_find(topic_config_settings, topic_config_setting_count, override->key);
    struct bytes text = setting_trim(override->value);
    char allowed[192];
    union setting_value value;

    if (setting == NULL) {
        const char *nearest =
            setting_nearest(topic_config_settings, topic_config_setting_count, override->key);
        snprintf(message, CONFIG_MESSAGE_SIZE, "no topic setting is called %s%s%s%s",
                 LOG_QUOTED(override->key), nearest == NULL ? "" : "; did you mean ",
                 nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
        return false;
    }
    setting_allowed(setting, allowed, sizeof(allowed));
    if (bytes_is_null(override->value)) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "%s is null; allowed: %s", setting->key, allowed);
        return false;
    }
    if (!setting_parse(setting, text, &value)) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "%s is %s; allowed: %s", setting->key,
                 LOG_QUOTED(text), allowed);
        return false;
    }
    if (setting->status == SETTING_REFUSED &&
        !setting_same(setting, text, bytes_of_text(setting->value))) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "%s is %s, but %s; allowed: %s", setting->key,
                 LOG_QUOTED(text), setting->reason, setting->value);
        return false;
    }
    if (setting->status == SETTING_SUPPORTED)
        store(config, setting, &value);
    return true;
}

/* Checks over several keys. */
static bool check(const struct topic_config *config, char message[CONFIG_MESSAGE_SIZE]) {
    if (config->min_compaction_lag_ms <= config->max_compaction_lag_ms)
        return true;
    snprintf(message, CONFIG_MESSAGE_SIZE,
             "min.compaction.lag.ms is %" PRId64
             "; allowed: at most max.compaction.lag.ms, %" PRId64,
             config->min_compaction_lag_ms, config->max_compaction_lag_ms);
    return false;
}

enum error topic_config_resolve(const struct config *broker, const struct config_pair *overrides,
                                size_t count, struct topic_config *resolved,
                                char message[CONFIG_MESSAGE_SIZE]) {
    struct topic_config config = from_broker(broker);

    for (size_t i = 0; i < count; i++) {
        if (!overlay(&config, &overrides[i], message))
            return ERR_INVALID_CONFIG;
    }
    if (!check(&config, message))
        return ERR_INVALID_CONFIG;
    finish(&config);
    *resolved = config;
    return ERR_NONE;
}

size_t topic_config_load(const struct config *broker, const struct config_pair *overrides,
                         size_t count, struct topic_config *resolved,
                         char message[CONFIG_MESSAGE_SIZE]) {
    struct topic_config config = from_broker(broker);
    char later[CONFIG_MESSAGE_SIZE];
    size_t left_out = 0;

    message[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!overlay(&config, &overrides[i], left_out == 0 ? message : later))
            left_out++;
    }
    finish(&config);
    *resolved = config;
    return left_out;
}

bool topic_config_is_key(struct bytes key) {
    return setting_find(topic_config_settings, topic_config_setting_count, key) != NULL;
}

bool topic_config_is_list(struct bytes key) {
    const struct setting *setting =
        setting_find(topic_config_settings, topic_config_setting_count, key);

    return setting != NULL && setting->type == CONFIG_TYPE_LIST;
}
