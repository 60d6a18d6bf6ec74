/*
 * What was found in a configuration: errors, which stop the start, and warnings, each one line
 * for people that names file, line, key and what is allowed.
 */
#ifndef BROKER_CONFIG_CONFIG_REPORT_H
#define BROKER_CONFIG_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "client/base/check.h"

#define CONFIG_MESSAGE_SIZE 512 /* longer ones are cut */
#define CONFIG_MESSAGES_MAX 200 /* more are only counted */

struct config_message {
    bool is_error;
    char text[CONFIG_MESSAGE_SIZE];
};

struct config_report {
    struct config_message *messages; /* in the order of the file, then of the checks */
    size_t count;
    size_t capacity;
    size_t error_count;   /* with those that are only counted */
    size_t warning_count; /* likewise */
};

void config_report_init(struct config_report *report);
void config_report_done(struct config_report *report);

void config_report_error(struct config_report *report, const char *format, ...) PRINTF_LIKE(2, 3);
void config_report_warning(struct config_report *report, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
