/*
 * What people see of the tables: the reference page and the check of a file.
 */
#include <stdio.h>

#include "broker/config/config.h"
#include "broker/config/setting.h"

static const char *const type_names[] = {
    [CONFIG_TYPE_BOOLEAN] = "boolean",   [CONFIG_TYPE_STRING] = "string",
    [CONFIG_TYPE_INT] = "int",           [CONFIG_TYPE_SHORT] = "short",
    [CONFIG_TYPE_LONG] = "long",         [CONFIG_TYPE_DOUBLE] = "double",
    [CONFIG_TYPE_LIST] = "list",         [CONFIG_TYPE_CLASS] = "class",
    [CONFIG_TYPE_PASSWORD] = "password",
};

/* Where the bounds say no more than the type does, nothing is written. */
static void write_allowed(FILE *out, const struct setting *setting) {
    char allowed[CONFIG_MESSAGE_SIZE];

    if (setting->limits->format == SETTING_FORMAT_ANY)
        return;
    if (setting->limits->format == SETTING_FORMAT_RANGE && setting->limits->max == INT64_MAX) {
        fprintf(out, "%lld and above", (long long)setting->limits->min);
        return;
    }
    setting_allowed(setting, allowed, sizeof(allowed));
    fputs(allowed, out);
}

static void write_effect(FILE *out, const struct setting *setting) {
    fputs(setting->doc, out);
    if (setting->status == SETTING_IGNORED)
        fprintf(out, " **No effect:** %s.", setting->reason);
    if (setting->status == SETTING_REFUSED)
        fprintf(out, " **Anything but the default is refused:** %s.", setting->reason);
}

static void write_default(FILE *out, const char *value) {
    if (value == NULL)
        fputs("none", out);
    else if (value[0] == '\0')
        fputs("empty", out);
    else
        fprintf(out, "`%s`", value);
}

static size_t count_status(const struct setting *settings, size_t count,
                           enum setting_status status) {
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += settings[i].status == status;
    return found;
}

static void write_broker_settings(FILE *out) {
    static const char *const in_kafka[] = {
        [SETTING_READ_ONLY] = "", [SETTING_CLUSTER] = "in Kafka", [SETTING_BROKER] = "in Kafka"};

    fprintf(out,
            "## Broker: `server.properties`\n\n"
            "%zu keys: %zu with effect, %zu accepted without effect, %zu refused unless left at "
            "their default.\n\n"
            "| key | type | default | allowed | at run time | meaning |\n"
            "|---|---|---|---|---|---|\n",
            config_setting_count,
            count_status(config_settings, config_setting_count, SETTING_SUPPORTED),
            count_status(config_settings, config_setting_count, SETTING_IGNORED),
            count_status(config_settings, config_setting_count, SETTING_REFUSED));
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *setting = &config_settings[i];
        fprintf(out, "| `%s` | %s | ", setting->key, type_names[setting->type]);
        write_default(out, setting->value);
        fputs(" | ", out);
        write_allowed(out, setting);
        fprintf(out, " | %s | ", setting_is_live(setting) ? "**yes**" : in_kafka[setting->scope]);
        write_effect(out, setting);
        fputs(" |\n", out);
    }
}

static void write_topic_settings(FILE *out) {
    fprintf(out,
            "\n## Topics\n\n"
            "%zu keys. Where a topic does not set one, the broker's key counts.\n\n"
            "| key | type | broker's key | allowed | meaning |\n"
            "|---|---|---|---|---|\n",
            topic_config_setting_count);
    for (size_t i = 0; i < topic_config_setting_count; i++) {
        const struct setting *setting = &topic_config_settings[i];
        fprintf(out, "| `%s` | %s | ", setting->key, type_names[setting->type]);
        if (setting->broker_key != NULL) {
            fprintf(out, "`%s`", setting->broker_key);
        } else {
            fputs("none; default ", out);
            write_default(out, setting->value);
        }
        fputs(" | ", out);
        write_allowed(out, setting);
        fputs(" | ", out);
        write_effect(out, setting);
        fputs(" |\n", out);
    }
}

void config_write_docs(FILE *out) {
    fputs("# Settings\n\n"
          "Made by `barnabasd --print-config-docs` from the tables in `broker/config/`; a test "
          "fails if it is stale.\n\n"
          "Names and meanings are Kafka 3.9's, except for keys that begin with `barnabas.`. A key "
          "that is not listed is warned of and ignored. `listener.name.<listener>.<key>` is "
          "checked and, for now, without effect. The column *at run time* says what can be "
          "changed while the broker runs, for one broker or for all (`barnabas config alter`), and "
          "what only Kafka can change so.\n\n",
          out);
    write_broker_settings(out);
    write_topic_settings(out);
}

void config_print_docs(void) {
    config_write_docs(stdout);
}

int config_check_main(const char *path, const struct config_override *overrides,
                      size_t override_count) {
    struct config_report report;
    struct config *config = NULL;
    enum error error;

    config_report_init(&report);
    error = config_load(path, overrides, override_count, &report, &config);
    for (size_t i = 0; i < report.count; i++)
        printf("%s: %s\n", report.messages[i].is_error ? "error" : "warning",
               report.messages[i].text);
    if (error == ERR_NONE)
        printf("%s: good; warnings: %zu\n", path, report.warning_count);
    else if (error == ERR_CONFIG_INVALID)
        printf("%s: a broker would not start with it; errors: %zu, warnings: %zu\n", path,
               report.error_count, report.warning_count);
    else
        printf("%s: %s\n", path, error_text(error));
    config_free(config);
    config_report_done(&report);
    return error == ERR_NONE ? 0 : 1;
}
