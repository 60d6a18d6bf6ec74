#include "broker/log/log_folder.h"

#include <ctype.h>
#include <stdio.h>

#include "client/base/check.h"

#define TOPIC_SIZE_MAX 249
#define UNIQUE_DIGITS  32

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

static bool parse_current(const char *name, struct bytes *topic, int32_t *partition) {
    const char *dash = strrchr(name, '-');
    int64_t number = 0;

    if (dash == NULL || dash[1] == '\0' ||
        !log_folder_topic_is_valid(bytes_of(name, (size_t)(dash - name))))
        return false;
    for (const char *digit = dash + 1; *digit != '\0'; digit++) {
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
        if (size > suffix_size && strcmp(name + size - suffix_size, suffixes[i].suffix) == 0)
            return has_aside_form(name, size - suffix_size) ? suffixes[i].kind : LOG_FOLDER_UNKNOWN;
    }
    return parse_current(name, topic, partition) ? LOG_FOLDER_CURRENT : LOG_FOLDER_UNKNOWN;
}

void log_folder_name(struct bytes topic, int32_t partition, char name[LOG_FOLDER_NAME_MAX + 1]) {
    int size = snprintf(name, LOG_FOLDER_NAME_MAX + 1, "%.*s-%d", BYTES_FORMAT(topic), partition);

    CHECK(size <= LOG_FOLDER_NAME_MAX);
}

void log_folder_name_aside(struct bytes topic, int32_t partition, const struct uuid *unique,
                           enum log_folder_kind kind, char name[LOG_FOLDER_NAME_MAX + 1]) {
    char hex[UNIQUE_DIGITS + 1];
    char tail[64];
    size_t topic_size;
    int tail_size;

    CHECK(kind == LOG_FOLDER_DELETED || kind == LOG_FOLDER_STRAY);
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", unique->bytes[i]);
    tail_size = snprintf(tail, sizeof(tail), "-%d.%s%s", partition, hex,
                         kind == LOG_FOLDER_DELETED ? "-delete" : "-stray");
    topic_size = LOG_FOLDER_NAME_MAX - (size_t)tail_size;
    if (topic.size < topic_size)
        topic_size = topic.size;
    snprintf(name, LOG_FOLDER_NAME_MAX + 1, "%.*s%s", (int)topic_size, (const char *)topic.data,
             tail);
}
