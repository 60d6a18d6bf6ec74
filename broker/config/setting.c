#include "broker/config/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "client/base/check.h"

/* ---- Text ---- */

static bool is_blank(uint8_t c) {
    return c <= ' ';
}

struct bytes setting_trim(struct bytes text) {
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

bool setting_next_item(struct bytes *rest, struct bytes *item) {
    const uint8_t *comma;

    if (rest->data == NULL || (rest->size == 0))
        return false;
    comma = memchr(rest->data, ',', rest->size);
    if (comma == NULL) {
        *item = setting_trim(*rest);
        *rest = BYTES_NULL;
        return true;
    }
    *item = setting_trim(bytes_of(rest->data, (size_t)(comma - rest->data)));
    rest->size -= (size_t)(comma + 1 - rest->data);
    rest->data = comma + 1;
    if (rest->size == 0) /* Java's split drops what is empty at the end. */
        *rest = BYTES_NULL;
    return true;
}

static bool equal_ignoring_case(struct bytes a, const char *b) {
    return a.size == strlen(b) && strncasecmp((const char *)a.data, b, a.size) == 0;
}

/* The position of `name` in a comma-separated list without blanks, or -1. */
static int index_in(const char *names, struct bytes name) {
    struct bytes rest = bytes_of_text(names), item;

    for (int i = 0; setting_next_item(&rest, &item); i++) {
        if (bytes_equal(item, name))
            return i;
    }
    return -1;
}

/* ---- Finding rows ---- */

const struct setting *setting_find(const struct setting *settings, size_t count, struct bytes key) {
    /* Describing all topics looks for keys millions of times: most differ in these places. */
    for (size_t i = 0; key.size > 0 && i < count; i++) {
        const char *other = settings[i].key;
        if ((uint8_t)other[0] == key.data[0] && strlen(other) == key.size &&
            memcmp(other, key.data, key.size) == 0)
            return &settings[i];
    }
    return NULL;
}

/* Besides the defaults of topics' settings. */
static const char *const live_keys[] = {"max.connections",
                                        "max.connections.per.ip",
                                        "max.connections.per.ip.overrides",
                                        "barnabas.slow.request.log.ms",
                                        "transaction.partition.verification.enable",
                                        "producer.id.expiration.ms",
                                        "log.cleaner.threads",
                                        "log.cleaner.dedupe.buffer.size",
                                        "log.cleaner.io.buffer.size",
                                        "log.cleaner.io.buffer.load.factor",
                                        "log.cleaner.io.max.bytes.per.second",
                                        "log.cleaner.backoff.ms"};

bool setting_is_live(const struct setting *row) {
    if (row->status != SETTING_SUPPORTED || row->scope == SETTING_READ_ONLY)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(live_keys); i++) {
        if (strcmp(row->key, live_keys[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < topic_config_setting_count; i++) {
        const struct setting *of_topic = &topic_config_settings[i];
        if (of_topic->status == SETTING_SUPPORTED && strcmp(of_topic->broker_key, row->key) == 0)
            return true;
    }
    return false;
}

#define KEY_SIZE_MAX 96

/* How many characters must be inserted, removed or changed, or swapped with their neighbour, to
 * make one of the other. */
static size_t distance(struct bytes a, struct bytes b) {
    size_t rows[3][KEY_SIZE_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *oldest = before;

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t cost = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            if (above[j] + 1 < cost)
                cost = above[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1] && before[j - 2] + 1 < cost)
                cost = before[j - 2] + 1;
            row[j] = cost;
        }
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.size];
}

const char *setting_nearest(const struct setting *settings, size_t count, struct bytes key) {
    const char *nearest = NULL;
    size_t least = key.size / 4 + 1; /* further than that is no slip of the finger */

    if (key.size > KEY_SIZE_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct bytes candidate = bytes_of_text(settings[i].key);
        size_t difference =
            candidate.size > key.size ? candidate.size - key.size : key.size - candidate.size;
        if (difference > least || candidate.size > KEY_SIZE_MAX)
            continue;
        difference = distance(key, candidate);
        if (difference < least || (difference == least && nearest == NULL)) {
            least = difference;
            nearest = settings[i].key;
        }
    }
    return nearest;
}

/* ---- Checking values ---- */

static void range(const struct setting *setting, int64_t *min, int64_t *max) {
    *min = setting->limits->min;
    *max = setting->limits->max;
    if (setting->type == CONFIG_TYPE_INT || setting->type == CONFIG_TYPE_SHORT) {
        int64_t type_min = setting->type == CONFIG_TYPE_INT ? INT32_MIN : INT16_MIN;
        int64_t type_max = setting->type == CONFIG_TYPE_INT ? INT32_MAX : INT16_MAX;
        *min = *min < type_min ? type_min : *min;
        *max = *max > type_max ? type_max : *max;
    }
}

#define NUMBER_SIZE_MAX 64

static bool parse_whole_number(struct bytes text, int64_t *number) {
    char copy[NUMBER_SIZE_MAX + 1];
    char *end;
    long long parsed;

    if (text.size == 0 || text.size > NUMBER_SIZE_MAX)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    parsed = strtoll(copy, &end, 10);
    if (errno != 0 || end != copy + text.size || is_blank((uint8_t)copy[0]))
        return false;
    *number = parsed;
    return true;
}

static bool parse_real_number(struct bytes text, double *number) {
    char copy[NUMBER_SIZE_MAX + 1];
    char *end;
    double parsed;

    if (text.size == 0 || text.size > NUMBER_SIZE_MAX)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (strspn(copy, "0123456789+-.eE") != text.size)
        return false;
    parsed = strtod(copy, &end);
    if (end != copy + text.size || !isfinite(parsed))
        return false;
    *number = parsed;
    return true;
}

/* "*" or partition:broker,... */
static bool are_throttled_replicas(struct bytes text) {
    struct bytes rest = text, item;

    if (bytes_equal_text(text, "*"))
        return true;
    while (setting_next_item(&rest, &item)) {
        const uint8_t *colon = memchr(item.data, ':', item.size);
        int64_t partition, broker;

        if (colon == NULL)
            return false;
        size_t at = (size_t)(colon - item.data);
        if (!parse_whole_number(bytes_of(item.data, at), &partition) || partition < 0 ||
            !parse_whole_number(bytes_of(colon + 1, item.size - at - 1), &broker) || broker < 0)
            return false;
    }
    return true;
}

static bool parse_subset(const char *names, struct bytes text, int64_t *bits) {
    struct bytes rest = text, item;

    *bits = 0;
    while (setting_next_item(&rest, &item)) {
        int index = index_in(names, item);
        if (index < 0)
            return false;
        *bits |= INT64_C(1) << index;
    }
    return true;
}

static bool parse_text(const struct setting *setting, struct bytes text,
                       union setting_value *value) {
    switch (setting->limits->format) {
    case SETTING_FORMAT_ONE_OF:
        value->number = index_in(setting->limits->values, text);
        return value->number >= 0;
    case SETTING_FORMAT_SUBSET_OF:
        return parse_subset(setting->limits->values, text, &value->number);
    case SETTING_FORMAT_THROTTLED_REPLICAS:
        return are_throttled_replicas(text);
    case SETTING_FORMAT_ANY:
    case SETTING_FORMAT_RANGE:
    case SETTING_FORMAT_RANGE_OR_MINUS_ONE:
        break;
    }
    return true;
}

bool setting_parse(const struct setting *setting, struct bytes text, union setting_value *value) {
    int64_t min, max;

    value->number = 0;
    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        value->boolean = equal_ignoring_case(text, "true");
        return value->boolean || equal_ignoring_case(text, "false");
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_LONG:
        range(setting, &min, &max);
        if (!parse_whole_number(text, &value->number))
            return false;
        if (setting->limits->format == SETTING_FORMAT_RANGE_OR_MINUS_ONE && value->number == -1)
            return true;
        return value->number >= min && value->number <= max;
    case CONFIG_TYPE_DOUBLE:
        if (!parse_real_number(text, &value->real))
            return false;
        return setting->limits->format != SETTING_FORMAT_RANGE ||
               (value->real >= (double)setting->limits->min &&
                value->real <= (double)setting->limits->max);
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        return parse_text(setting, text, value);
    }
    return false;
}

/* The shortest text that is read as this number, as Java's; that of very large and very small
 * numbers is of another form. */
static struct bytes write_real(double number, struct bytes text, char room[CONFIG_ROOM_SIZE]) {
    size_t size = 0;

    if (fabs(number) >= 1e7 || (fabs(number) < 1e-3 && fabs(number) > 0))
        return text;
    for (int digits = 1; digits <= 17; digits++) {
        double read;
        size = (size_t)snprintf(room, CONFIG_ROOM_SIZE - 2, "%.*g", digits, number);
        if (strchr(room, 'e') == NULL && parse_real_number(bytes_of(room, size), &read) &&
            !(read < number) && !(read > number))
            break;
    }
    if (strchr(room, '.') == NULL)
        size += (size_t)snprintf(room + size, CONFIG_ROOM_SIZE - size, ".0");
    return bytes_of(room, size);
}

static struct bytes write_list(struct bytes text, char room[CONFIG_ROOM_SIZE]) {
    struct bytes rest = text, item;
    size_t size = 0;

    if (text.size >= CONFIG_ROOM_SIZE)
        return text;
    while (setting_next_item(&rest, &item)) {
        if (size > 0)
            room[size++] = ',';
        if (item.size > 0)
            memcpy(room + size, item.data, item.size);
        size += item.size;
    }
    return bytes_of(room, size);
}

struct bytes setting_canonical(const struct setting *setting, struct bytes text,
                               char room[CONFIG_ROOM_SIZE]) {
    struct bytes trimmed = setting_trim(text);
    union setting_value value;

    if (bytes_is_null(text) || !setting_parse(setting, trimmed, &value))
        return text;
    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        return bytes_of_text(value.boolean ? "true" : "false");
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_LONG:
        return bytes_of(room, (size_t)snprintf(room, CONFIG_ROOM_SIZE, "%" PRId64, value.number));
    case CONFIG_TYPE_DOUBLE:
        return write_real(value.real, trimmed, room);
    case CONFIG_TYPE_LIST:
        return write_list(trimmed, room);
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    return trimmed;
}

bool setting_same(const struct setting *setting, struct bytes a, struct bytes b) {
    union setting_value value_a, value_b;

    if (bytes_is_null(a) || bytes_is_null(b))
        return bytes_is_null(a) && bytes_is_null(b);
    if (bytes_equal(a, b))
        return true;
    if (!setting_parse(setting, a, &value_a) || !setting_parse(setting, b, &value_b))
        return false;
    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        return value_a.boolean == value_b.boolean;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_LONG:
        return value_a.number == value_b.number;
    case CONFIG_TYPE_DOUBLE:
        return !(value_a.real < value_b.real) && !(value_a.real > value_b.real);
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    return false;
}

/* ---- What is allowed, in words ---- */

static void append_names(char *text, size_t size, const char *names) {
    struct bytes rest = bytes_of_text(names), item;
    size_t at = strlen(text);

    for (int i = 0; setting_next_item(&rest, &item) && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%.*s", i == 0 ? "" : ", ",
                               BYTES_FORMAT(item));
}

static void allowed_text(const struct setting *setting, char *text, size_t size) {
    switch (setting->limits->format) {
    case SETTING_FORMAT_ONE_OF:
        snprintf(text, size, "one of ");
        append_names(text, size, setting->limits->values);
        return;
    case SETTING_FORMAT_SUBSET_OF:
        snprintf(text, size, "a list of any of ");
        append_names(text, size, setting->limits->values);
        return;
    case SETTING_FORMAT_THROTTLED_REPLICAS:
        snprintf(text, size, "* or a list of partition:broker");
        return;
    case SETTING_FORMAT_ANY:
    case SETTING_FORMAT_RANGE:
    case SETTING_FORMAT_RANGE_OR_MINUS_ONE:
        break;
    }
    snprintf(text, size, "%s", setting->type == CONFIG_TYPE_LIST ? "a list" : "any text");
}

void setting_allowed(const struct setting *setting, char *text, size_t size) {
    int64_t min, max;

    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        snprintf(text, size, "true or false");
        return;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_LONG:
        range(setting, &min, &max);
        snprintf(text, size, "a whole number from %lld to %lld%s", (long long)min, (long long)max,
                 setting->limits->format == SETTING_FORMAT_RANGE_OR_MINUS_ONE ? ", or -1" : "");
        return;
    case CONFIG_TYPE_DOUBLE:
        if (setting->limits->format == SETTING_FORMAT_RANGE)
            snprintf(text, size, "a number from %lld to %lld", (long long)setting->limits->min,
                     (long long)setting->limits->max);
        else
            snprintf(text, size, "a number");
        return;
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        allowed_text(setting, text, size);
        return;
    }
}
