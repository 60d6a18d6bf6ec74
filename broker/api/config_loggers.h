/*
 * The loggers of this broker as Kafka's BROKER_LOGGER resources: their names, and their levels in
 * Kafka's words. Changes hold until the broker ends.
 *
 * Threads: any. Source: Apache Kafka 3.9, Log4jController, LogLevelConfig;
 * ConfigAdminManager.validateLogLevelConfigs.
 */
#ifndef BROKER_API_CONFIG_LOGGERS_H
#define BROKER_API_CONFIG_LOGGERS_H

#include <stddef.h>

#include "broker/config/config_change.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

/* "root", which stands above all, and one per folder: "broker", "broker.api" ... */
extern const char *const config_loggers[];
extern const size_t config_logger_count;

/* The level in force: "DEBUG", "INFO", "WARN", "ERROR". */
const char *config_logger_level(const char *logger);

/* Whether the change may be made. Errors, with `message`: INVALID_CONFIG (there is no such logger,
 * or level), INVALID_REQUEST (what Kafka does not do to loggers). */
MUST_CHECK enum error config_logger_check(const struct config_change *change, char *message,
                                          size_t size);
/* Makes a change that was checked. */
void config_logger_apply(const struct config_change *change);

#endif
