/*
 * One structured line per event, on standard error:
 *
 *   2026-11-20T21:00:00.123Z INFO isr_shrunk topic=orders partition=3 leader_epoch=7
 *
 * The event is a name in snake case, the rest key=value. Strings from outside must be given
 * through LOG_QUOTED, which escapes them.
 *
 * Threads: any; a line is written with one write(2).
 */
#ifndef CLIENT_BASE_LOGGER_H
#define CLIENT_BASE_LOGGER_H

#include <inttypes.h>

#include "client/base/bytes.h"
#include "client/base/check.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Lines below `level` are dropped. Default: INFO. */
void logger_set_level(enum log_level level);

/* Parses "debug", "info", "warn" or "error". */
bool logger_level_from_text(const char *text, enum log_level *level);

bool logger_enabled(enum log_level level);

void logger_write(enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);

struct log_quoted {
    char text[256];
};

/* The bytes in double quotes with everything but printable ASCII escaped; cut at 200. */
struct log_quoted logger_quote(struct bytes value);

/* For "%s". */
#define LOG_QUOTED(bytes)      (logger_quote(bytes).text)
#define LOG_QUOTED_TEXT(text_) (logger_quote(bytes_of_text(text_)).text)

#define LOG_AT(level, event, ...) \
    (logger_enabled(level) ? logger_write(level, event, __VA_ARGS__) : (void)0)
#define LOG_DEBUG(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define LOG_INFO(event, ...)  LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_WARN(event, ...)  LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_ERROR(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
