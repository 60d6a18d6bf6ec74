/* Proves which changes of loggers' levels are allowed, in Kafka's words, and that every folder of
 * the broker has a logger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/api/config_loggers.h"
#include "client/base/logger.h"

static const struct {
    const char *logger, *level;
    int operation;
    enum error error;
    const char *message;
} cases[] = {
    {"root", "WARN", CONFIG_SET, ERR_NONE, ""},
    {"broker.log", "TRACE", CONFIG_SET, ERR_NONE, ""},
    {"broker.log", NULL, CONFIG_DELETE, ERR_NONE, ""},
    {"root", NULL, CONFIG_DELETE, ERR_INVALID_REQUEST,
     "Removing the log level of the root logger is not allowed"},
    {"broker.log", "INFO", CONFIG_APPEND, ERR_INVALID_REQUEST,
     "APPEND operation is not allowed for the BROKER_LOGGER resource"},
    {"kafka.server", "INFO", CONFIG_SET, ERR_INVALID_CONFIG, "Logger kafka.server does not exist!"},
    {"broker.log", "LOUD", CONFIG_SET, ERR_INVALID_CONFIG,
     "Cannot set the log level of broker.log to LOUD as it is not a supported log level. Valid "
     "log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"},
};

static void changes_are_checked_as_in_kafka(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct config_change change = {bytes_of_text(cases[i].logger),
                                             cases[i].level == NULL ? BYTES_NULL
                                                                    : bytes_of_text(cases[i].level),
                                             (enum config_operation)cases[i].operation};
        char message[300] = "";

        assert_int_equal(config_logger_check(&change, message, sizeof(message)), cases[i].error);
        assert_string_equal(message, cases[i].message);
    }
}

static void a_change_takes_effect_below_it_and_can_be_taken_back(void **state) {
    struct config_change change = {bytes_of_text("broker"), bytes_of_text("DEBUG"), CONFIG_SET};

    (void)state;
    logger_set_level(LOG_LEVEL_ERROR);
    assert_string_equal(config_logger_level("broker.api"), "ERROR");
    config_logger_apply(&change);
    assert_string_equal(config_logger_level("broker.api"), "DEBUG");
    assert_string_equal(config_logger_level("client.net"), "ERROR");
    change.operation = CONFIG_DELETE;
    config_logger_apply(&change);
    assert_string_equal(config_logger_level("broker.api"), "ERROR");
}

static bool is_logger(const char *name) {
    for (size_t i = 0; i < config_logger_count; i++) {
        if (strcmp(config_loggers[i], name) == 0)
            return true;
    }
    return false;
}

/* The folders that barnabasd consists of are those that tests/tidy/arrows.txt lets it use. */
static void every_folder_of_the_broker_has_a_logger(void **state) {
    char path[4096], line[4096];
    size_t folders = 0;
    FILE *arrows;

    (void)state;
    snprintf(path, sizeof(path), "%s/tests/tidy/arrows.txt", getenv("BARNABAS_SOURCE"));
    arrows = fopen(path, "re");
    assert_non_null(arrows);
    while (fgets(line, sizeof(line), arrows) != NULL) {
        char *rest = NULL;
        if (strncmp(line, "broker: ", 8) != 0)
            continue;
        for (char *name = strtok_r(line + 8, " \n", &rest); name != NULL;
             name = strtok_r(NULL, " \n", &rest)) {
            for (char *slash = name; (slash = strchr(slash, '/')) != NULL;)
                *slash = '.';
            if (!is_logger(name))
                fail_msg("%s has no logger", name);
            folders++;
        }
    }
    fclose(arrows);
    /* Besides them: root, broker, controller. */
    assert_int_equal(folders + 3, config_logger_count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_checked_as_in_kafka),
        cmocka_unit_test(a_change_takes_effect_below_it_and_can_be_taken_back),
        cmocka_unit_test(every_folder_of_the_broker_has_a_logger),
    };

    return cmocka_run_group_tests_name("config_loggers", tests, NULL, NULL);
}
