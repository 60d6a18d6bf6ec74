#include "client/cluster/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    struct setting setting;
    size_t field_offset;
};

static const struct row rows[] = {
#define ROW_TEXT(field, key, initial, meaning) \
    {{key, SETTING_KIND_TEXT, initial, 0, 0, "", meaning}, offsetof(struct settings, field)},
#define ROW_NUMBER(field, key, initial, min, max, meaning) \
    {{key, SETTING_KIND_NUMBER, #initial, min, max, "", meaning}, offsetof(struct settings, field)},
#define ROW_BOOLEAN(field, key, initial, meaning)                                  \
    {{key, SETTING_KIND_BOOLEAN, (initial) ? "true" : "false", 0, 0, "", meaning}, \
     offsetof(struct settings, field)},
#define ROW_CHOICE(field, type, key, initial, choices, meaning) \
    {{key, SETTING_KIND_CHOICE, initial, 0, 0, choices, meaning}, offsetof(struct settings, field)},
    SETTING_LIST(ROW_TEXT, ROW_NUMBER, ROW_BOOLEAN, ROW_CHOICE)};

static_assert(ARRAY_COUNT(rows) <= 64, "settings.set has a bit for each key");

/* Every enum of a choice is stored as an int. */
static const struct {
    const char *name;
    int value;
} choice_values[] = {
    {"0", ACKS_NONE},
    {"1", ACKS_LEADER},
    {"all", ACKS_ALL},
    {"-1", ACKS_ALL},
    {"none", 0}, /* compression none */
    {"gzip", COMPRESSION_GZIP},
    {"snappy", COMPRESSION_SNAPPY},
    {"lz4", COMPRESSION_LZ4},
    {"zstd", COMPRESSION_ZSTD},
    {"default", PARTITIONER_DEFAULT},
    {"ignore_keys", PARTITIONER_IGNORE_KEYS},
    {"round_robin", PARTITIONER_ROUND_ROBIN},
    {"thread", DELIVERY_REPORTS_THREAD},
    {"poll", DELIVERY_REPORTS_POLL},
    {"earliest", OFFSET_RESET_EARLIEST},
    {"latest", OFFSET_RESET_LATEST},
    {"read_uncommitted", ISOLATION_READ_UNCOMMITTED},
    {"read_committed", ISOLATION_READ_COMMITTED},
};

/* A name means the same wherever it is a choice; that needs both nones to be the same number. */
static_assert((int)COMPRESSION_NONE == 0 && (int)OFFSET_RESET_NONE == 0, "none is 0");

static void *field_of(const struct row *row, const struct settings *s) {
    return (char *)(uintptr_t)s + row->field_offset;
}

size_t setting_count(void) {
    return ARRAY_COUNT(rows);
}

const struct setting *setting_at(size_t index) {
    CHECK(index < ARRAY_COUNT(rows));
    return &rows[index].setting;
}

static const struct row *row_find(const char *key) {
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strcmp(rows[i].setting.key, key) == 0)
            return &rows[i];
    return NULL;
}

/* The number of insertions, deletions and replacements between two short words. */
static size_t edit_distance(const char *a, const char *b) {
    size_t row[64];
    size_t b_size = strlen(b);

    if (b_size >= ARRAY_COUNT(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t replaced = diagonal + (a[i] != b[j]);
            size_t best = row[j] + 1 < row[j + 1] + 1 ? row[j] + 1 : row[j + 1] + 1;

            diagonal = row[j + 1];
            row[j + 1] = replaced < best ? replaced : best;
        }
    }
    return row[b_size];
}

static const char *nearest_key(const char *key) {
    const char *nearest = rows[0].setting.key;
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        size_t distance = edit_distance(key, rows[i].setting.key);

        if (distance < least) {
            least = distance;
            nearest = rows[i].setting.key;
        }
    }
    return nearest;
}

/* Whether `value` is one of "a|b|c". */
static bool choices_have(const char *choices, const char *value) {
    size_t size = strlen(value);

    for (const char *at = choices; size > 0; at++) {
        size_t span = strcspn(at, "|");

        if (span == size && memcmp(at, value, size) == 0)
            return true;
        at += span;
        if (*at == '\0')
            break;
    }
    return false;
}

static bool set_text(void *field, const char *value) {
    size_t size = strlen(value);

    if (size >= SETTING_TEXT_MAX)
        return false;
    memcpy(field, value, size + 1);
    return true;
}

static bool set_number(void *field, const struct setting *setting, const char *value) {
    char *end;
    intmax_t number;
    int64_t stored;

    errno = 0;
    number = strtoimax(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || isspace((unsigned char)value[0]))
        return false;
    if (number < setting->min || number > setting->max)
        return false;
    stored = number;
    memcpy(field, &stored, sizeof(stored));
    return true;
}

static bool set_boolean(void *field, const char *value) {
    bool on = strcasecmp(value, "true") == 0;

    if (!on && strcasecmp(value, "false") != 0)
        return false;
    memcpy(field, &on, sizeof(on));
    return true;
}

static bool set_choice(void *field, const struct setting *setting, const char *value) {
    if (!choices_have(setting->choices, value))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(choice_values); i++)
        if (strcmp(choice_values[i].name, value) == 0) {
            memcpy(field, &choice_values[i].value, sizeof(int));
            return true;
        }
    return false;
}

static bool set_field(const struct row *row, struct settings *s, const char *value) {
    void *field = field_of(row, s);

    switch (row->setting.kind) {
    case SETTING_KIND_TEXT:
        return set_text(field, value);
    case SETTING_KIND_NUMBER:
        return set_number(field, &row->setting, value);
    case SETTING_KIND_BOOLEAN:
        return set_boolean(field, value);
    case SETTING_KIND_CHOICE:
        return set_choice(field, &row->setting, value);
    }
    return false;
}

void settings_init(struct settings *settings) {
    memset(settings, 0, sizeof(*settings));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        CHECK(set_field(&rows[i], settings, rows[i].setting.initial));
}

static void say_allowed(const struct setting *setting, const char *value, char *reason,
                        size_t reason_size) {
    switch (setting->kind) {
    case SETTING_KIND_TEXT:
        snprintf(reason, reason_size, "%s: longer than %d bytes", setting->key,
                 SETTING_TEXT_MAX - 1);
        break;
    case SETTING_KIND_NUMBER:
        snprintf(reason, reason_size, "%s=%s: not a number from %" PRId64 " to %" PRId64,
                 setting->key, value, setting->min, setting->max);
        break;
    case SETTING_KIND_BOOLEAN:
        snprintf(reason, reason_size, "%s=%s: neither true nor false", setting->key, value);
        break;
    case SETTING_KIND_CHOICE:
        snprintf(reason, reason_size, "%s=%s: not one of %s", setting->key, value,
                 setting->choices);
        break;
    }
}

enum error settings_set(struct settings *settings, const char *key, const char *value, char *reason,
                        size_t reason_size) {
    const struct row *row = row_find(key);

    if (row == NULL) {
        snprintf(reason, reason_size, "unknown key %s; the nearest is %s", key, nearest_key(key));
        return ERR_CONFIG_INVALID;
    }
    if (!set_field(row, settings, value)) {
        say_allowed(&row->setting, value, reason, reason_size);
        return ERR_CONFIG_INVALID;
    }
    settings->set |= UINT64_C(1) << (row - rows);
    return ERR_NONE;
}

static const char *choice_text(const struct setting *setting, int value) {
    for (size_t i = 0; i < ARRAY_COUNT(choice_values); i++)
        if (choice_values[i].value == value &&
            choices_have(setting->choices, choice_values[i].name))
            return choice_values[i].name;
    return "";
}

bool settings_get(const struct settings *settings, const char *key, char text[SETTING_TEXT_MAX]) {
    const struct row *row = row_find(key);
    const void *field;
    int64_t number;
    int choice;

    if (row == NULL)
        return false;
    field = field_of(row, settings);
    switch (row->setting.kind) {
    case SETTING_KIND_TEXT:
        memcpy(text, field, SETTING_TEXT_MAX);
        break;
    case SETTING_KIND_NUMBER:
        memcpy(&number, field, sizeof(number));
        snprintf(text, SETTING_TEXT_MAX, "%" PRId64, number);
        break;
    case SETTING_KIND_BOOLEAN:
        snprintf(text, SETTING_TEXT_MAX, "%s", *(const bool *)field ? "true" : "false");
        break;
    case SETTING_KIND_CHOICE:
        memcpy(&choice, field, sizeof(choice));
        snprintf(text, SETTING_TEXT_MAX, "%s", choice_text(&row->setting, choice));
        break;
    }
    return true;
}

bool settings_was_set(const struct settings *settings, const char *key) {
    return (settings->set >> (row_find(key) - rows)) & 1;
}

enum error settings_check(const struct settings *settings, char *reason, size_t reason_size) {
    if (settings->bootstrap_servers[0] == '\0') {
        snprintf(reason, reason_size, "bootstrap.servers is not set");
        return ERR_CONFIG_INVALID;
    }
    return ERR_NONE;
}

enum error settings_check_producer(struct settings *settings, char *reason, size_t reason_size) {
    bool fits_idempotence =
        settings->acks == ACKS_ALL && settings->in_flight_max <= 5 && settings->retries > 0;
    enum error error;

    if ((error = settings_check(settings, reason, reason_size)) != ERR_NONE)
        return error;
    if (settings->idempotence && !fits_idempotence) {
        if (settings_was_set(settings, "enable.idempotence") ||
            settings->transactional_id[0] != '\0') {
            snprintf(reason, reason_size,
                     "enable.idempotence=true and transactional.id need acks=all, retries above 0 "
                     "and max.in.flight.requests.per.connection of at most 5");
            return ERR_CONFIG_INVALID;
        }
        settings->idempotence = false;
    }
    if (settings->transactional_id[0] != '\0' && !settings->idempotence) {
        snprintf(reason, reason_size, "transactional.id needs enable.idempotence=true");
        return ERR_CONFIG_INVALID;
    }
    if (settings->delivery_timeout_ms < settings->linger_ms + settings->request_timeout_ms) {
        if (settings_was_set(settings, "delivery.timeout.ms")) {
            snprintf(reason, reason_size,
                     "delivery.timeout.ms is below linger.ms + request.timeout.ms");
            return ERR_CONFIG_INVALID;
        }
        settings->delivery_timeout_ms = settings->linger_ms + settings->request_timeout_ms;
    }
    return ERR_NONE;
}
