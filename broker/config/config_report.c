#include "broker/config/config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_report_init(struct config_report *report) {
    memset(report, 0, sizeof(*report));
}

void config_report_done(struct config_report *report) {
    free(report->messages);
    config_report_init(report);
}

/* Out of memory, the message is lost but counted. */
static void add(struct config_report *report, bool is_error, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void add(struct config_report *report, bool is_error, const char *format,
                va_list arguments) {
    *(is_error ? &report->error_count : &report->warning_count) += 1;
    if (report->count == report->capacity) {
        size_t capacity = report->capacity == 0 ? 8 : report->capacity * 2;
        struct config_message *grown;

        if (report->count >= CONFIG_MESSAGES_MAX)
            return;
        grown = realloc(report->messages, capacity * sizeof(*grown));
        if (grown == NULL)
            return;
        report->messages = grown;
        report->capacity = capacity;
    }
    report->messages[report->count].is_error = is_error;
    vsnprintf(report->messages[report->count].text, CONFIG_MESSAGE_SIZE, format, arguments);
    report->count++;
}

void config_report_error(struct config_report *report, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    add(report, true, format, arguments);
    va_end(arguments);
}

void config_report_warning(struct config_report *report, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    add(report, false, format, arguments);
    va_end(arguments);
}
