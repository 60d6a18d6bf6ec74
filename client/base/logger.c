#include "client/base/logger.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
static atomic_int threshold = LOG_LEVEL_INFO;

void logger_set_level(enum log_level level) {
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool logger_level_from_text(const char *text, enum log_level *level) {
    for (size_t i = 0; i < ARRAY_COUNT(level_names); i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool logger_enabled(enum log_level level) {
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static size_t bounded(int printed, size_t room) {
    if (printed < 0)
        return 0;
    return (size_t)printed < room ? (size_t)printed : room - 1;
}

void logger_write(enum log_level level, const char *event, const char *format, ...) {
    char line[LINE_BYTES_MAX];
    struct timespec now;
    struct tm parts;
    size_t size;
    va_list arguments;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &parts);
    size += bounded(snprintf(line + size, sizeof(line) - size, ".%03ldZ %s %s ",
                             now.tv_nsec / 1000000, level_names[level], event),
                    sizeof(line) - size);
    va_start(arguments, format);
    size += bounded(vsnprintf(line + size, sizeof(line) - size, format, arguments),
                    sizeof(line) - size);
    va_end(arguments);
    line[size++] = '\n';
    /* Nowhere is left to report that the log itself cannot be written. */
    ssize_t ignored = write(STDERR_FILENO, line, size);
    (void)ignored;
}

struct log_quoted logger_quote(struct bytes value) {
    static const char hex[] = "0123456789abcdef";
    struct log_quoted quoted;
    size_t at = 0;

    quoted.text[at++] = '"';
    for (size_t i = 0; i < value.size && at < 200; i++) {
        uint8_t c = value.data[i];
        if (c == '"' || c == '\\') {
            quoted.text[at++] = '\\';
            quoted.text[at++] = (char)c;
        } else if (c >= 0x20 && c < 0x7f) {
            quoted.text[at++] = (char)c;
        } else {
            quoted.text[at++] = '\\';
            quoted.text[at++] = 'x';
            quoted.text[at++] = hex[c >> 4];
            quoted.text[at++] = hex[c & 15];
        }
    }
    quoted.text[at++] = '"';
    quoted.text[at] = '\0';
    return quoted;
}
