#include "broker/log/log_folder.h"

#include <ctype.h>
#include <stdio.h>

#include "client/base/check.h"

#define TOPIC_SIZE_MAX 249
#define UNIQUE_DIGITS  32
#define TAIL_SIZE      64

static const struct {
    const char *suffix;
    enum log_folder_kind kind;
} suffixes[] = {
    {"-delete", LOG_FOLDER_DELETED},
    {"-stray", LOG_FOLDER_STRAY},
    {"-future", LOG_FOLDER_FUTURE},
};

bool log_folder_topic_is_valid(struct bytes topic) {
    if (topic.size == 0 || topic.size > TOPIC_SIZE_MAX || bytes_equal_text(topic, ".") ||
        bytes_equal_text(topic, ".."))
        return false;
    for (size_t i = 0; i < topic.size; i++) {
        uint8_t c = topic.data[i];
        if (!isalnum(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static bool parse_current(const char *name, size_t size, struct bytes *topic, int32_t *partition) {
    const char *dash = memrchr(name, '-', size);
    int64_t number = 0;

    if (dash == NULL || dash + 1 == name + size ||
        !log_folder_topic_is_valid(bytes_of(name, (size_t)(dash - name))))
        return false;
    for (const char *digit = dash + 1; digit < name + size; digit++) {
        if (!isdigit((unsigned char)*digit))
            return false;
        number = number * 10 + (*digit - '0');
        if (number > INT32_MAX)
            return false;
    }
    *topic = bytes_of(name, (size_t)(dash - name));
    *partition = (int32_t)number;
    return true;
}

/* "<anything>-<anything>.<anything>" before the suffix, as Kafka's pattern has it. */
static bool has_aside_form(const char *name, size_t size) {
    const char *dot = memrchr(name, '.', size);
    const char *dash;

    if (dot == NULL || dot == name || dot + 1 == name + size)
        return false;
    dash = memrchr(name, '-', (size_t)(dot - name));
    return dash != NULL && dash != name && dash + 1 != dot;
}

enum log_folder_kind log_folder_parse(const char *name, struct bytes *topic, int32_t *partition) {
    size_t size = strlen(name);

    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        size_t suffix_size = strlen(suffixes[i].suffix);
        if (size <= suffix_size || strcmp(name + size - suffix_size, suffixes[i].suffix) != 0)
            continue;
        size -= suffix_size;
        if (!has_aside_form(name, size))
            return LOG_FOLDER_UNKNOWN;
        if (suffixes[i].kind == LOG_FOLDER_FUTURE &&
            !parse_current(name, (size_t)((const char *)memrchr(name, '.', size) - name), topic,
                           partition))
            return LOG_FOLDER_UNKNOWN;
        return suffixes[i].kind;
    }
    return parse_current(name, size, topic, partition) ? LOG_FOLDER_CURRENT : LOG_FOLDER_UNKNOWN;
}

void log_folder_name(struct bytes topic, int32_t partition, char name[LOG_FOLDER_NAME_MAX + 1]) {
    int size = snprintf(name, LOG_FOLDER_NAME_MAX + 1, "%.*s-%d", BYTES_FORMAT(topic), partition);

    CHECK(size <= LOG_FOLDER_NAME_MAX);
}

/* "-<partition>.<unique><suffix>" */
static size_t format_tail(int32_t partition, const struct uuid *unique, enum log_folder_kind kind,
                          char tail[TAIL_SIZE]) {
    char hex[UNIQUE_DIGITS + 1];
    const char *suffix = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++)
        if (suffixes[i].kind == kind)
            suffix = suffixes[i].suffix;
    CHECK(suffix != NULL);
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", unique->bytes[i]);
    return (size_t)snprintf(tail, TAIL_SIZE, "-%d.%s%s", partition, hex, suffix);
}

void log_folder_name_aside(struct bytes topic, int32_t partition, const struct uuid *unique,
                           enum log_folder_kind kind, char name[LOG_FOLDER_NAME_MAX + 1]) {
    char tail[TAIL_SIZE];
    size_t topic_size = LOG_FOLDER_NAME_MAX - format_tail(partition, unique, kind, tail);

    CHECK(kind != LOG_FOLDER_FUTURE || topic.size <= topic_size);
    if (topic.size < topic_size)
        topic_size = topic.size;
    snprintf(name, LOG_FOLDER_NAME_MAX + 1, "%.*s%s", (int)topic_size, (const char *)topic.data,
             tail);
}

bool log_folder_future_fits(struct bytes topic, int32_t partition) {
    const struct uuid any = {{0}};
    char tail[TAIL_SIZE];

    return topic.size + format_tail(partition, &any, LOG_FOLDER_FUTURE, tail) <=
           LOG_FOLDER_NAME_MAX;
}
