#include "client/base/logger.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "client/base/sync.h"

#define LINE_BYTES_MAX 2048

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

/* ---- Levels ---- */

#define LEVELS_MAX 64 /* loggers with a level of their own */

struct own_level {
    char name[LOGGER_NAME_SIZE];
    enum log_level level;
};

static struct {
    struct mutex lock;
    enum log_level root;                 /* lock */
    struct own_level levels[LEVELS_MAX]; /* lock */
    size_t count;                        /* lock */
} loggers = {.lock = {PTHREAD_MUTEX_INITIALIZER}, .root = LOG_LEVEL_INFO};

atomic_uint logger_generation = 1;

/* Under the lock. */
static struct own_level *find_own(const char *name) {
    for (size_t i = 0; i < loggers.count; i++) {
        if (strcmp(loggers.levels[i].name, name) == 0)
            return &loggers.levels[i];
    }
    return NULL;
}

/* Whether `name` is that logger, or below it. */
static bool is_below(const char *name, const char *above) {
    size_t size = strlen(above);

    return strncmp(name, above, size) == 0 && (name[size] == '\0' || name[size] == '.');
}

/* Under the lock: the longest name counts. */
static enum log_level find_level(const char *name) {
    enum log_level level = loggers.root;
    size_t longest = 0;

    for (size_t i = 0; i < loggers.count; i++) {
        const struct own_level *own = &loggers.levels[i];
        if (strlen(own->name) > longest && is_below(name, own->name)) {
            longest = strlen(own->name);
            level = own->level;
        }
    }
    return level;
}

/* Under the lock. */
static void note_change(void) {
    atomic_fetch_add_explicit(&logger_generation, 1, memory_order_relaxed);
}

void logger_set_level(enum log_level level) {
    mutex_lock(&loggers.lock);
    loggers.root = level;
    note_change();
    mutex_unlock(&loggers.lock);
}

bool logger_set_level_of(const char *name, enum log_level level) {
    struct own_level *own;
    bool is_set = true;

    if (strcmp(name, LOGGER_ROOT) == 0) {
        logger_set_level(level);
        return true;
    }
    mutex_lock(&loggers.lock);
    own = find_own(name);
    if (own == NULL && loggers.count < LEVELS_MAX && strlen(name) < LOGGER_NAME_SIZE) {
        own = &loggers.levels[loggers.count++];
        snprintf(own->name, sizeof(own->name), "%s", name);
    }
    is_set = own != NULL;
    if (is_set)
        own->level = level;
    note_change();
    mutex_unlock(&loggers.lock);
    return is_set;
}

void logger_unset_level_of(const char *name) {
    struct own_level *own;

    mutex_lock(&loggers.lock);
    own = find_own(name);
    if (own != NULL)
        *own = loggers.levels[--loggers.count];
    note_change();
    mutex_unlock(&loggers.lock);
}

enum log_level logger_level_of(const char *name) {
    enum log_level level;

    mutex_lock(&loggers.lock);
    level = find_level(name);
    mutex_unlock(&loggers.lock);
    return level;
}

void logger_view_refresh(struct logger_view *view) {
    mutex_lock(&loggers.lock);
    atomic_store_explicit(&view->threshold, (int)find_level(view->name), memory_order_relaxed);
    atomic_store_explicit(&view->generation,
                          atomic_load_explicit(&logger_generation, memory_order_relaxed),
                          memory_order_release);
    mutex_unlock(&loggers.lock);
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

/* ---- Lines ---- */

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
