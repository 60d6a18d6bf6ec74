#include "broker/config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/config/config_builder.h"
#include "broker/config/setting.h"
#include "client/base/logger.h"
#include "client/base/properties.h"

/* ---- Messages ---- */

static size_t row_of(const char *key) {
    const struct setting *setting =
        setting_find(config_settings, config_setting_count, bytes_of_text(key));

    CHECK(setting != NULL);
    return (size_t)(setting - config_settings);
}

static void place_of_row(const struct config_builder *builder, size_t row,
                         char place[CONFIG_PLACE_SIZE]) {
    const struct config_value *value = &builder->config->values[row];

    if (value->of_broker != NULL || value->of_all != NULL)
        snprintf(place, CONFIG_PLACE_SIZE, "changed at run time");
    else if (value->line > 0)
        snprintf(place, CONFIG_PLACE_SIZE, "%s:%d", builder->name, value->line);
    else
        snprintf(place, CONFIG_PLACE_SIZE, "%s", value->is_set ? "--override" : builder->name);
}

void config_builder_place(const struct config_builder *builder, const char *key,
                          char place[CONFIG_PLACE_SIZE]) {
    place_of_row(builder, row_of(key), place);
}

void config_builder_error(const struct config_builder *builder, const char *key, const char *format,
                          ...) {
    char place[CONFIG_PLACE_SIZE];
    char text[CONFIG_MESSAGE_SIZE];
    va_list arguments;

    config_builder_place(builder, key, place);
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    config_report_error(builder->report, "%s: %s", place, text);
}

bool config_builder_is_set(const struct config_builder *builder, const char *key) {
    return builder->config->values[row_of(key)].is_set;
}

const char *config_builder_copy(struct config_builder *builder, struct bytes text) {
    struct bytes copy = arena_copy(&builder->config->strings, text);

    CHECK(copy.data != NULL);
    return (const char *)copy.data;
}

/* ---- Values of single rows ---- */

void config_store(struct config *config, const struct setting *setting, const char *text,
                  const union setting_value *value) {
    void *field = (char *)config + setting->field_offset;

    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        *(bool *)field = value->boolean;
        return;
    case CONFIG_TYPE_INT:
        *(int32_t *)field = text == NULL ? CONFIG_UNSET_INT : (int32_t)value->number;
        return;
    case CONFIG_TYPE_SHORT:
        *(int16_t *)field = (int16_t)value->number;
        return;
    case CONFIG_TYPE_LONG:
        *(int64_t *)field = text == NULL ? CONFIG_UNSET_LONG : value->number;
        return;
    case CONFIG_TYPE_DOUBLE:
        *(double *)field = value->real;
        return;
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        *(const char **)field = text;
        return;
    }
}

static const char *shown(const struct setting *setting, const char *text, struct log_quoted *to) {
    if (setting->type == CONFIG_TYPE_PASSWORD)
        return "[hidden]";
    *to = logger_quote(bytes_of_text(text));
    return to->text;
}

/* Checks a value that was set and reports what is wrong with it or without effect. */
static bool check_value(const struct config_builder *builder, const char *place, const char *key,
                        const struct setting *setting, const char *text,
                        union setting_value *value) {
    struct log_quoted quoted;

    if (!setting_parse(setting, bytes_of_text(text), value)) {
        char allowed[CONFIG_MESSAGE_SIZE];
        setting_allowed(setting, allowed, sizeof(allowed));
        config_report_error(builder->report, "%s: %s is %s; allowed: %s", place, key,
                            shown(setting, text, &quoted), allowed);
        return false;
    }
    if (setting->status == SETTING_SUPPORTED ||
        setting_same(setting, bytes_of_text(text), bytes_of_text(setting->value)))
        return true;
    if (setting->status == SETTING_IGNORED) {
        config_report_warning(builder->report, "%s: %s has no effect: %s", place, key,
                              setting->reason);
        return true;
    }
    if (setting->value == NULL && text[0] == '\0')
        return true;
    if (setting->value == NULL || setting->value[0] == '\0')
        config_report_error(builder->report, "%s: %s is %s, but %s; leave it out", place, key,
                            shown(setting, text, &quoted), setting->reason);
    else
        config_report_error(builder->report, "%s: %s is %s, but %s; allowed: %s", place, key,
                            shown(setting, text, &quoted), setting->reason, setting->value);
    return false;
}

static void apply_row(struct config_builder *builder, size_t row) {
    const struct setting *setting = &config_settings[row];
    struct config_value *held = &builder->config->values[row];
    union setting_value value = {.number = 0};
    char place[CONFIG_PLACE_SIZE];

    if (!held->is_set) {
        held->text = setting->value;
        CHECK(held->text == NULL || setting_parse(setting, bytes_of_text(held->text), &value));
    } else {
        place_of_row(builder, row, place);
        if (!check_value(builder, place, setting->key, setting, held->text, &value)) {
            /* The checks that follow shall not complain of the same a second time. */
            value.number = 0;
            held->text = setting->value;
            if (held->text != NULL)
                (void)setting_parse(setting, bytes_of_text(held->text), &value);
        }
    }
    if (setting->status == SETTING_SUPPORTED)
        config_store(builder->config, setting, held->text, &value);
}

/* ---- Keys ---- */

static void place_of_line(const struct config_builder *builder, int line,
                          char place[CONFIG_PLACE_SIZE]) {
    if (line > 0)
        snprintf(place, CONFIG_PLACE_SIZE, "%s:%d", builder->name, line);
    else
        snprintf(place, CONFIG_PLACE_SIZE, "--override");
}

static void warn_of_unknown(const struct config_builder *builder, const char *place,
                            const char *key, struct bytes searched) {
    const char *nearest = setting_nearest(config_settings, config_setting_count, searched);

    if (nearest != NULL)
        config_report_warning(builder->report, "%s: no setting is called %s; did you mean %s?",
                              place, LOG_QUOTED_TEXT(key), nearest);
    else
        config_report_warning(builder->report, "%s: no setting is called %s", place,
                              LOG_QUOTED_TEXT(key));
}

/* "listener.name.<listener>.<key>", and for SASL "listener.name.<listener>.<mechanism>.<key>".
 * Returns false if `key` is of neither form. */
static bool take_listener_key(const struct config_builder *builder, const char *place,
                              const struct property *property) {
    static const char prefix[] = "listener.name.";
    const struct setting *setting;
    const char *rest, *dot;
    union setting_value value;

    if (strncmp(property->key, prefix, sizeof(prefix) - 1) != 0)
        return false;
    rest = strchr(property->key + sizeof(prefix) - 1, '.');
    if (rest == NULL)
        return false;
    rest++;
    setting = setting_find(config_settings, config_setting_count, bytes_of_text(rest));
    dot = strchr(rest, '.');
    if (setting == NULL && dot != NULL)
        setting = setting_find(config_settings, config_setting_count, bytes_of_text(dot + 1));
    if (setting == NULL) {
        warn_of_unknown(builder, place, property->key, bytes_of_text(rest));
        return true;
    }
    if (!check_value(builder, place, property->key, setting, property->value, &value))
        return true;
    if (setting->status == SETTING_SUPPORTED)
        config_report_warning(builder->report,
                              "%s: %s has no effect: settings of single listeners are not "
                              "supported yet",
                              place, property->key);
    return true;
}

static void take_property(struct config_builder *builder, const struct property *property) {
    struct bytes key = bytes_of_text(property->key);
    const struct setting *setting = setting_find(config_settings, config_setting_count, key);
    char place[CONFIG_PLACE_SIZE];

    place_of_line(builder, property->line, place);
    if (property->line > 0 && property->line_before > 0)
        config_report_warning(builder->report,
                              "%s: %s is set again; the value in line %d does not count", place,
                              LOG_QUOTED_TEXT(property->key), property->line_before);
    if (setting != NULL) {
        struct config_value *value = &builder->config->values[setting - config_settings];
        value->text = config_builder_copy(builder, setting_trim(bytes_of_text(property->value)));
        value->line = property->line;
        value->is_set = true;
    } else if (!take_listener_key(builder, place, property)) {
        warn_of_unknown(builder, place, property->key, key);
    }
}

/* ---- The whole ---- */

static enum error parse(struct config_builder *builder, struct bytes text,
                        const struct config_override *overrides, size_t override_count) {
    struct properties properties;
    struct properties_failure failure;
    enum error error;

    properties_init(&properties);
    error = properties_parse(&properties, text, &failure);
    if (error == ERR_MALFORMED) {
        config_report_error(builder->report, "%s:%d: %s", builder->name, failure.line,
                            failure.text);
        error = ERR_CONFIG_INVALID;
    }
    for (size_t i = 0; error == ERR_NONE && i < override_count; i++)
        error = properties_set(&properties, overrides[i].key, overrides[i].value);
    if (error != ERR_NONE)
        goto out;
    for (size_t i = 0; i < properties.count; i++)
        take_property(builder, &properties.entries[i]);
    for (size_t row = 0; row < config_setting_count; row++)
        apply_row(builder, row);
    config_resolve_listeners(builder);
    config_resolve_admin_listener(builder);
    config_resolve(builder);
    if (builder->report->error_count > 0)
        error = ERR_CONFIG_INVALID;
out:
    properties_done(&properties);
    return error;
}

static enum error build(const char *name, struct bytes text, bool ask_names,
                        const struct config_override *overrides, size_t override_count,
                        struct config_report *report, struct config **built) {
    struct config_builder builder = {.report = report, .name = name, .ask_names = ask_names};
    enum error error;

    builder.config = calloc(1, sizeof(*builder.config));
    if (builder.config == NULL)
        return ERR_OUT_OF_MEMORY;
    /* Every value is copied at most three times, each time with up to 15 bytes of padding. */
    builder.config->leader_replication_throttled_rate = INT64_MAX;
    builder.config->follower_replication_throttled_rate = INT64_MAX;
    builder.config->replica_alter_log_dirs_rate = INT64_MAX;
    arena_init(&builder.config->strings, 32 * (size_t)PROPERTIES_TEXT_SIZE_MAX);
    error = parse(&builder, text, overrides, override_count);
    if (error != ERR_NONE) {
        config_free(builder.config);
        return error;
    }
    *built = builder.config;
    return ERR_NONE;
}

enum error config_parse(const char *name, struct bytes text,
                        const struct config_override *overrides, size_t override_count,
                        struct config_report *report, struct config **parsed) {
    return build(name, text, false, overrides, override_count, report, parsed);
}

/* Reads up to one byte more than is allowed, so that the parser sees that it is too much. */
static enum error read_file(const char *path, struct config_report *report, char **text,
                            size_t *size) {
    size_t room = PROPERTIES_TEXT_SIZE_MAX + 1;
    enum error error = ERR_NONE;
    FILE *file = fopen(path, "rbe");
    char *held = malloc(room);

    if (held == NULL) {
        error = ERR_OUT_OF_MEMORY;
        goto out;
    }
    if (file != NULL)
        *size = fread(held, 1, room, file);
    if (file == NULL || ferror(file)) {
        config_report_error(report, "%s: cannot be read: %s", path, strerror(errno));
        error = ERR_CONFIG_INVALID;
        goto out;
    }
    *text = held;
    held = NULL;
out:
    free(held);
    if (file != NULL)
        fclose(file);
    return error;
}

enum error config_load(const char *path, const struct config_override *overrides,
                       size_t override_count, struct config_report *report,
                       struct config **loaded) {
    char *text = NULL;
    size_t size = 0;
    enum error error = read_file(path, report, &text, &size);

    if (error == ERR_NONE)
        error = build(path, bytes_of(text, size), true, overrides, override_count, report, loaded);
    free(text);
    return error;
}

void config_free(struct config *config) {
    if (config == NULL)
        return;
    arena_done(&config->strings);
    free(config);
}

bool config_override_parse(char *text, struct config_override *override) {
    char *equals = strchr(text, '=');

    if (equals == NULL || equals == text)
        return false;
    *equals = '\0';
    override->key = text;
    override->value = equals + 1;
    return true;
}
