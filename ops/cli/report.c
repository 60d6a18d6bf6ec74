#include "ops/cli/report.h"

#include <stdarg.h>

#include "ops/cli/json.h"
#include "ops/cli/session.h"

bool report_begin(struct report *report, const struct invocation *invocation, const char *kind) {
    report->kind = kind;
    report->items = NULL;
    if (!session_json(invocation, &report->is_json))
        return false;
    report->items = json_array();
    return true;
}

void report_tell(struct report *report, json_t *item, const char *format, ...) {
    va_list arguments;

    if (item != NULL)
        json_array_append_new(report->items, item);
    if (report->is_json)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static json_t *outcome_json(const struct barnabas_outcome *outcome) {
    json_t *item = json_pack("{s:s, s:s}", "name", outcome->topic, "error",
                             barnabas_error_name(outcome->error));

    if (outcome->partition >= 0)
        json_object_set_new(item, "partitionIndex", json_integer(outcome->partition));
    if (outcome->error != BARNABAS_OK)
        json_object_set_new(item, "message", json_string(outcome->message));
    return item;
}

enum exit_status report_outcomes(struct report *report, const char *what, const char *done,
                                 const struct barnabas_outcomes *outcomes) {
    for (size_t i = 0; i < outcomes->count; i++) {
        const struct barnabas_outcome *outcome = &outcomes->items[i];
        json_t *item = outcome_json(outcome);

        if (outcome->error != BARNABAS_OK || done == NULL)
            json_array_append_new(report->items, item);
        else if (outcome->partition < 0)
            report_tell(report, item, "%s %s", done, outcome->topic);
        else
            report_tell(report, item, "%s %s:%d", done, outcome->topic, outcome->partition);
    }
    return session_outcomes(what, outcomes);
}

enum exit_status report_end(struct report *report, enum exit_status status) {
    enum exit_status printed = EXIT_OK;
    json_t *document;

    if (report->is_json) {
        document = json_document(report->kind);
        json_object_set_new(document, "status", json_integer(status));
        json_object_set(document, "items", report->items);
        printed = json_finish(document);
    }
    json_decref(report->items);
    report->items = NULL;
    return status == EXIT_OK ? printed : status;
}
