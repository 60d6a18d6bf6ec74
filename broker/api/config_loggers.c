#include "broker/api/config_loggers.h"

#include <stdio.h>

#include "client/base/logger.h"

const char *const config_loggers[] = {
    LOGGER_ROOT,          "broker",           "broker.admin",   "broker.api",     "broker.config",
    "broker.control",     "broker.group",     "broker.journal", "broker.lag",     "broker.log",
    "broker.metadata",    "broker.metrics",   "broker.peer",    "broker.replica", "broker.server",
    "broker.transaction", "client.base",      "client.net",     "client.wire",    "controller",
    "controller.core",    "controller.shell", "zk-schema",
};
const size_t config_logger_count = ARRAY_COUNT(config_loggers);

/* Kafka's; what we have no level for is the nearest one. */
static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"DEBUG", LOG_LEVEL_DEBUG}, {"INFO", LOG_LEVEL_INFO},   {"WARN", LOG_LEVEL_WARN},
    {"ERROR", LOG_LEVEL_ERROR}, {"TRACE", LOG_LEVEL_DEBUG}, {"FATAL", LOG_LEVEL_ERROR},
};

const char *config_logger_level(const char *logger) {
    return levels[logger_level_of(logger)].name;
}

static const char *find_logger(struct bytes name) {
    for (size_t i = 0; i < config_logger_count; i++) {
        if (bytes_equal_text(name, config_loggers[i]))
            return config_loggers[i];
    }
    return NULL;
}

static bool find_level(struct bytes name, enum log_level *level) {
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        if (bytes_equal_text(name, levels[i].name)) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

enum error config_logger_check(const struct config_change *change, char *message, size_t size) {
    const char *logger = find_logger(change->key);
    enum log_level level;

    if (change->operation != CONFIG_SET && change->operation != CONFIG_DELETE) {
        snprintf(message, size, "%s operation is not allowed for the BROKER_LOGGER resource",
                 change->operation == CONFIG_APPEND ? "APPEND" : "SUBTRACT");
        return ERR_INVALID_REQUEST;
    }
    if (logger == NULL) {
        snprintf(message, size, "Logger %.*s does not exist!", BYTES_FORMAT(change->key));
        return ERR_INVALID_CONFIG;
    }
    if (change->operation == CONFIG_DELETE) {
        if (strcmp(logger, LOGGER_ROOT) != 0)
            return ERR_NONE;
        snprintf(message, size, "Removing the log level of the root logger is not allowed");
        return ERR_INVALID_REQUEST;
    }
    if (!find_level(change->value, &level)) {
        snprintf(message, size,
                 "Cannot set the log level of %s to %.*s as it is not a supported log level. "
                 "Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
                 logger, BYTES_FORMAT(change->value));
        return ERR_INVALID_CONFIG;
    }
    return ERR_NONE;
}

void config_logger_apply(const struct config_change *change) {
    const char *logger = find_logger(change->key);
    enum log_level level;

    CHECK(logger != NULL);
    if (change->operation == CONFIG_SET && find_level(change->value, &level))
        CHECK(logger_set_level_of(logger, level)); /* there are fewer than have room */
    else
        logger_unset_level_of(logger);
    LOG_WARN("log_level_changed", "logger=%s level=%s", logger, config_logger_level(logger));
}
