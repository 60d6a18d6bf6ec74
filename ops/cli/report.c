#include "ops/cli/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "ops/cli/json.h"

static struct {
    const char *kind;
    bool is_json;
    json_t *items; /* NULL: nobody asks for them */
} report;

void report_begin(const char *kind, bool json) {
    report.kind = kind;
    report.is_json = json;
    report.items = json ? json_array() : NULL;
}

bool report_is_json(void) {
    return report.is_json;
}

void report_add(json_t *item) {
    if (report.items != NULL)
        json_array_append_new(report.items, item);
    else
        json_decref(item);
}

void report_tell(json_t *item, const char *format, ...) {
    va_list arguments;

    if (item != NULL)
        report_add(item);
    if (report.is_json)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void report_outcomes(const char *done, const struct barnabas_outcomes *outcomes) {
    for (size_t i = 0; i < outcomes->count; i++) {
        const struct barnabas_outcome *outcome = &outcomes->items[i];
        json_t *item;

        if (outcome->error != BARNABAS_OK)
            continue;
        item = json_pack("{s:s, s:s}", "name", outcome->topic, "error", "NONE");
        if (outcome->partition < 0) {
            report_tell(item, "%s %s", done, outcome->topic);
            continue;
        }
        json_object_set_new(item, "partitionIndex", json_integer(outcome->partition));
        report_tell(item, "%s %s:%d", done, outcome->topic, outcome->partition);
    }
}

enum exit_status report_end(enum exit_status status) {
    enum exit_status printed = EXIT_OK;
    json_t *document;

    if (report.items != NULL && !json_was_printed()) {
        document = json_document(report.kind);
        json_object_set_new(document, "status", json_integer(status));
        json_object_set(document, "items", report.items);
        printed = json_finish(document);
    }
    json_decref(report.items);
    report.items = NULL;
    return status == EXIT_OK ? printed : status;
}
