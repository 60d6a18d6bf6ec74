/*
 * One structured line per event, on standard error:
 *
 *   2026-11-20T21:00:00.123Z INFO isr_shrunk topic=orders partition=3 leader_epoch=7
 *
 * The event is a name in snake case, the rest key=value. Strings from outside must be given
 * through LOG_QUOTED, which escapes them.
 *
 * Each folder of the sources has a logger of its name with dots, "broker.replica" (the build
 * defines LOG_MODULE). It has the level that was set for it, else that of the nearest one above,
 * "broker", else that of "root". Levels may change at any time; a line that is not written costs
 * two plain loads.
 *
 * Threads: any; a line is written with one write(2).
 */
#ifndef CLIENT_BASE_LOGGER_H
#define CLIENT_BASE_LOGGER_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "client/base/bytes.h"
#include "client/base/check.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

#define LOGGER_ROOT      "root"
#define LOGGER_NAME_SIZE 64

/* The level of the root logger: of all that have no other. Default: INFO. */
void logger_set_level(enum log_level level);

/* The level of one logger and those below it. False: too many have one of their own, or the name is
 * too long. */
MUST_CHECK bool logger_set_level_of(const char *name, enum log_level level);
/* It has that of the one above again; not for the root. */
void logger_unset_level_of(const char *name);

/* The level in force for that name, whether anybody logs by it or not. */
enum log_level logger_level_of(const char *name);

/* Parses "debug", "info", "warn" or "error". */
bool logger_level_from_text(const char *text, enum log_level *level);

#ifndef LOG_MODULE
#define LOG_MODULE LOGGER_ROOT
#endif

/* What the lines of one source file know of the level in force. */
struct logger_view {
    const char *name;
    atomic_int threshold;
    atomic_uint generation; /* of the levels that `threshold` is from; 0: none yet */
};

extern atomic_uint logger_generation; /* counts changes of levels */
void logger_view_refresh(struct logger_view *view);

static struct logger_view logger_view_here __attribute__((unused)) = {LOG_MODULE, 0, 0};

static inline bool logger_enabled(enum log_level level) {
    if (atomic_load_explicit(&logger_view_here.generation, memory_order_acquire) !=
        atomic_load_explicit(&logger_generation, memory_order_relaxed))
        logger_view_refresh(&logger_view_here);
    return (int)level >= atomic_load_explicit(&logger_view_here.threshold, memory_order_relaxed);
}

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
