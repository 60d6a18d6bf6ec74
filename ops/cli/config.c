/* config describe, alter */
#include <stdlib.h>
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/setting_flags.h"
#include "ops/cli/table.h"

/* What is meant: "topic NAME", "broker ID", or "brokers" for all of them. */
struct subject {
    enum barnabas_resource resource;
    const char *name;
    char text[300];
};

static bool subject_take(const struct invocation *invocation, struct subject *subject) {
    const char *kind = invocation->operands[0];
    const char *name = invocation->operand_count > 1 ? invocation->operands[1] : NULL;

    if (strcmp(kind, "topic") == 0 && name != NULL)
        *subject = (struct subject){BARNABAS_RESOURCE_TOPIC, name, ""};
    else if (strcmp(kind, "broker") == 0 && name != NULL && name[0] != '\0' &&
             name[strspn(name, "0123456789")] == '\0')
        *subject = (struct subject){BARNABAS_RESOURCE_BROKER, name, ""};
    else if (strcmp(kind, "brokers") == 0 && name == NULL)
        *subject = (struct subject){BARNABAS_RESOURCE_BROKER, "", ""};
    else {
        fprintf(stderr, "barnabas: which settings? topic NAME, broker ID, or brokers\n");
        return false;
    }
    snprintf(subject->text, sizeof(subject->text), "%s%s%s", kind, name == NULL ? "" : " ",
             name == NULL ? "" : name);
    return true;
}

/* --- describe ---------------------------------------------------------------------------- */

static const struct flag describe_flags[] = {
    {'a', "all", NULL, "also what nobody has set"},
};

static const char *source_name(enum barnabas_setting_source source) {
    switch (source) {
    case BARNABAS_SOURCE_TOPIC:
        return "topic";
    case BARNABAS_SOURCE_DYNAMIC_BROKER:
        return "broker";
    case BARNABAS_SOURCE_DYNAMIC_DEFAULT_BROKER:
        return "brokers";
    case BARNABAS_SOURCE_STATIC_BROKER:
        return "file";
    case BARNABAS_SOURCE_DEFAULT:
        return "default";
    case BARNABAS_SOURCE_UNKNOWN:
        break;
    }
    return "unknown";
}

static bool is_shown(const struct invocation *invocation,
                     const struct barnabas_setting_info *setting) {
    return invocation_has(invocation, "all") || setting->source != BARNABAS_SOURCE_DEFAULT;
}

static enum exit_status settings_print_json(const struct invocation *invocation,
                                            const struct barnabas_settings *settings) {
    json_t *document = json_document("SettingList");
    json_t *items = json_array();

    for (size_t i = 0; i < settings->count; i++) {
        const struct barnabas_setting_info *setting = &settings->items[i];

        if (is_shown(invocation, setting))
            json_array_append_new(
                items, json_pack("{s:s, s:s?, s:s, s:b, s:b}", "name", setting->key, "value",
                                 setting->value, "source", source_name(setting->source), "readOnly",
                                 setting->read_only, "sensitive", setting->sensitive));
    }
    json_object_set_new(document, "items", items);
    return json_finish(document);
}

static enum exit_status settings_print(const struct invocation *invocation,
                                       const struct barnabas_settings *settings) {
    struct table *table = table_new("SETTING VALUE SOURCE CHANGEABLE");

    if (table == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; i < settings->count; i++) {
        const struct barnabas_setting_info *setting = &settings->items[i];

        if (!is_shown(invocation, setting))
            continue;
        table_text(table, setting->key);
        table_text(table, setting->sensitive       ? "[hidden]"
                          : setting->value == NULL ? "-"
                                                   : setting->value);
        table_text(table, source_name(setting->source));
        table_text(table, setting->read_only ? "no" : "yes");
    }
    table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status run_describe(const struct invocation *invocation) {
    struct barnabas_settings *settings = NULL;
    struct barnabas_admin *admin;
    struct subject subject;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json) || !subject_take(invocation, &subject))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_describe_settings(admin, subject.resource, subject.name, timeout_ms,
                                             &settings);
    if (error != BARNABAS_OK) {
        status = session_fail(subject.text, error);
    } else if (settings->error != BARNABAS_OK) {
        fprintf(stderr, "barnabas: %s: %s: %s\n", subject.text,
                barnabas_error_name(settings->error), settings->message);
        status = exit_status_of(settings->error);
    } else {
        status =
            json ? settings_print_json(invocation, settings) : settings_print(invocation, settings);
    }
    barnabas_settings_free(settings);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_config_describe = {
    .group = "config",
    .verb = "describe",
    .operands = "KIND [NAME]",
    .operand_count_min = 1,
    .operand_count_max = 2,
    .meaning = "settings with their sources",
    .details = "KIND NAME is topic NAME, broker ID, or brokers for what holds for all of them.\n"
               "Shows what somebody has set: for the topic, for this broker or for all brokers at\n"
               "run time, or in the broker's file. With \"brokers\", what was set for all of them.",
    .flags = describe_flags,
    .flag_count = sizeof(describe_flags) / sizeof(describe_flags[0]),
    .run = run_describe,
};

/* --- alter ------------------------------------------------------------------------------- */

static const struct flag alter_flags[] = {
    SETTING_FLAGS,
    {0, "dry-run", NULL, "check, and change nothing"},
};

static enum exit_status alter(const struct invocation *invocation, const struct subject *subject,
                              const struct setting_changes *changes) {
    bool dry_run = invocation_has(invocation, "dry-run");
    struct barnabas_outcomes *outcomes = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    int error;

    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_alter_settings(admin, subject->resource, subject->name, changes->items,
                                          changes->count, dry_run, timeout_ms, &outcomes);
    if (error != BARNABAS_OK)
        status = session_fail(subject->text, error);
    else if ((status = session_outcomes("config alter", outcomes)) == EXIT_OK)
        report_tell(json_pack("{s:s, s:s}", "name", subject->text, "error", "NONE"),
                    "%s settings of %s", dry_run ? "could change" : "changed", subject->text);
    barnabas_outcomes_free(outcomes);
    barnabas_admin_close(admin);
    return status;
}

static enum exit_status run_alter(const struct invocation *invocation) {
    struct setting_changes changes;
    enum exit_status status = EXIT_USAGE;
    struct subject subject;
    char what[512], question[1024];

    if (!subject_take(invocation, &subject))
        return EXIT_USAGE;
    if (setting_changes_take(invocation, &changes)) {
        if (changes.count == 0) {
            fprintf(stderr, "barnabas: config alter: nothing to change\n");
        } else {
            setting_changes_print(&changes, what, sizeof(what));
            snprintf(question, sizeof(question), "Settings of %s: %s.", subject.text, what);
            status = invocation_has(invocation, "dry-run")
                         ? EXIT_OK
                         : session_confirm(invocation, question, NULL);
            if (status == EXIT_OK)
                status = alter(invocation, &subject, &changes);
        }
    }
    setting_changes_done(&changes);
    return status;
}

const struct command command_config_alter = {
    .group = "config",
    .verb = "alter",
    .operands = "KIND [NAME]",
    .operand_count_min = 1,
    .operand_count_max = 2,
    .meaning = "change settings while the cluster runs",
    .details = "KIND NAME is topic NAME, broker ID, or brokers for what holds for all of them.\n"
               "All changes are made or none. Settings of \"brokers\" hold for those that have no\n"
               "setting of their own.",
    .flags = alter_flags,
    .flag_count = sizeof(alter_flags) / sizeof(alter_flags[0]),
    .result_kind = "SettingChange",
    .run = run_alter,
};
