#include "broker/config/config_overlay.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/config/config_builder.h"
#include "broker/config/setting.h"
#include "client/base/logger.h"

/* Bound of the texts of both layers; a znode holds up to a MiB. */
#define STRINGS_BYTES_MAX ((size_t)8 << 20)

const struct setting config_rates[CONFIG_RATE_COUNT] = {
    {.key = "leader.replication.throttled.rate",
     .type = CONFIG_TYPE_LONG,
     .limits = AT_LEAST(0),
     .status = SETTING_SUPPORTED,
     .field_offset = offsetof(struct config, leader_replication_throttled_rate)},
    {.key = "follower.replication.throttled.rate",
     .type = CONFIG_TYPE_LONG,
     .limits = AT_LEAST(0),
     .status = SETTING_SUPPORTED,
     .field_offset = offsetof(struct config, follower_replication_throttled_rate)},
    {.key = "replica.alter.log.dirs.io.max.bytes.per.second",
     .type = CONFIG_TYPE_LONG,
     .limits = AT_LEAST(0),
     .status = SETTING_SUPPORTED,
     .field_offset = offsetof(struct config, replica_alter_log_dirs_rate)},
};

static void take_rate(struct config_builder *builder, const struct setting *rate,
                      const struct config_pair *pair, bool is_of_all) {
    struct config_value *held = &builder->config->rates[rate - config_rates];
    struct bytes text = setting_trim(pair->value);
    union setting_value value;

    if (!setting_parse(rate, text, &value)) {
        config_report_warning(builder->report, "%s is %s, which is not allowed",
                              LOG_QUOTED(pair->key), LOG_QUOTED(pair->value));
        return;
    }
    *(int64_t *)(void *)((char *)builder->config + rate->field_offset) = value.number;
    *(is_of_all ? &held->of_all : &held->of_broker) = config_builder_copy(builder, text);
}

/* ---- Laying over ---- */

/* Notes the pair in its row. Rates have a table of their own. */
static void take(struct config_builder *builder, const struct config_pair *pair, bool is_of_all) {
    const struct setting *row = setting_find(config_settings, config_setting_count, pair->key);
    const struct setting *rate = setting_find(config_rates, CONFIG_RATE_COUNT, pair->key);
    struct bytes text = setting_trim(pair->value);
    union setting_value value;
    struct config_value *held;

    if (rate != NULL) {
        take_rate(builder, rate, pair, is_of_all);
        return;
    }
    if (row == NULL || !setting_is_live(row)) {
        config_report_warning(builder->report, "%s cannot be changed at run time",
                              LOG_QUOTED(pair->key));
        return;
    }
    if (!setting_parse(row, text, &value)) {
        config_report_warning(builder->report, "%s is %s, which is not allowed", row->key,
                              LOG_QUOTED(text));
        return;
    }
    held = &builder->config->values[row - config_settings];
    *(is_of_all ? &held->of_all : &held->of_broker) = config_builder_copy(builder, text);
}

/* Rows that may change get their values anew, since some of them were worked out from others. */
static void store_all(struct config *config) {
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *row = &config_settings[i];
        const struct config_value *held = &config->values[i];
        const char *text = held->of_broker != NULL ? held->of_broker
                           : held->of_all != NULL  ? held->of_all
                                                   : held->text;
        union setting_value value = {.number = 0};
        if (!setting_is_live(row))
            continue;
        CHECK(text == NULL || setting_parse(row, bytes_of_text(text), &value));
        config_store(config, row, text, &value);
    }
}

enum error config_overlay(const struct config *file, const struct config_layer *of_all,
                          const struct config_layer *of_broker, struct config_report *report,
                          struct config **overlaid) {
    struct config_builder builder = {.report = report, .name = ""};
    size_t errors = report->error_count;

    builder.config = malloc(sizeof(*builder.config));
    if (builder.config == NULL)
        return ERR_OUT_OF_MEMORY;
    memcpy(builder.config, file, sizeof(*file));
    arena_init(&builder.config->strings, STRINGS_BYTES_MAX);
    atomic_init(&builder.config->references, 1);
    for (size_t i = 0; i < of_all->count; i++)
        take(&builder, &of_all->pairs[i], true);
    for (size_t i = 0; i < of_broker->count; i++)
        take(&builder, &of_broker->pairs[i], false);
    store_all(builder.config);
    config_resolve_changed(&builder);
    if (report->error_count > errors) {
        config_free(builder.config);
        return ERR_CONFIG_INVALID;
    }
    *overlaid = builder.config;
    return ERR_NONE;
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool config_is_same(const struct config *a, const struct config *b) {
    for (size_t i = 0; i < config_setting_count; i++) {
        if (!is_same_text(a->values[i].of_broker, b->values[i].of_broker) ||
            !is_same_text(a->values[i].of_all, b->values[i].of_all))
            return false;
    }
    for (size_t i = 0; i < CONFIG_RATE_COUNT; i++) {
        if (!is_same_text(a->rates[i].of_broker, b->rates[i].of_broker) ||
            !is_same_text(a->rates[i].of_all, b->rates[i].of_all))
            return false;
    }
    return true;
}

/* ---- Checking ---- */

static bool holds(const struct config_layer *layer, const struct config_pair *pair) {
    for (size_t i = 0; i < layer->count; i++) {
        if (bytes_equal(layer->pairs[i].key, pair->key) &&
            bytes_equal(layer->pairs[i].value, pair->value))
            return true;
    }
    return false;
}

static bool is_of_listener(struct bytes key) {
    static const char prefix[] = "listener.name.";

    return key.size >= sizeof(prefix) - 1 && memcmp(key.data, prefix, sizeof(prefix) - 1) == 0;
}

static bool check_pair(const struct config_pair *pair, char message[CONFIG_MESSAGE_SIZE]) {
    const struct setting *row = setting_find(config_settings, config_setting_count, pair->key);
    bool can_change = row != NULL && setting_is_live(row);
    union setting_value value;
    char allowed[192];

    if (row == NULL && (row = setting_find(config_rates, CONFIG_RATE_COUNT, pair->key)) != NULL)
        can_change = true;
    if (row == NULL && is_of_listener(pair->key)) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "Cannot update these configs dynamically: Set(%s)",
                 LOG_QUOTED(pair->key));
        return false;
    }
    if (row == NULL) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "no setting is called %s", LOG_QUOTED(pair->key));
        return false;
    }
    if (!can_change) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "Cannot update these configs dynamically: Set(%s)",
                 row->key);
        return false;
    }
    if (setting_parse(row, setting_trim(pair->value), &value))
        return true;
    setting_allowed(row, allowed, sizeof(allowed));
    snprintf(message, CONFIG_MESSAGE_SIZE, "Invalid value %s for configuration %s; allowed: %s",
             LOG_QUOTED(pair->value), row->key, allowed);
    return false;
}

enum error config_layer_check(const struct config *file, const struct config_layer *before,
                              const struct config_layer *after, bool is_of_all,
                              const struct config_layer *other, char message[CONFIG_MESSAGE_SIZE]) {
    struct config_report report;
    struct config *overlaid = NULL;
    enum error error;

    for (size_t i = 0; i < after->count; i++) {
        if (!holds(before, &after->pairs[i]) && !check_pair(&after->pairs[i], message))
            return ERR_INVALID_REQUEST;
    }
    config_report_init(&report);
    error = config_overlay(file, is_of_all ? after : other, is_of_all ? other : after, &report,
                           &overlaid);
    for (size_t i = 0; error == ERR_CONFIG_INVALID && i < report.count; i++) {
        if (report.messages[i].is_error)
            snprintf(message, CONFIG_MESSAGE_SIZE, "%s", report.messages[i].text);
    }
    config_report_done(&report);
    config_free(overlaid);
    return error == ERR_CONFIG_INVALID ? ERR_INVALID_REQUEST : error;
}
