#include "client/patterns/retry_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TOPIC_NAME_MAX 249

int retry_config_of(const struct barnabas_config *config, struct barnabas_config **own) {
    static const char *const settings[][2] = {
        {"enable.auto.commit", "false"},
        {"acks", "all"}, /* a copy is stored before the original is committed */
        {"transactional.id", ""},
        {"delivery.reports", "thread"},
    };
    struct barnabas_config *copy = barnabas_config_copy(config);

    if (copy == NULL)
        return BARNABAS_OUT_OF_MEMORY;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        int error = barnabas_config_set(copy, settings[i][0], settings[i][1], NULL);

        if (error != BARNABAS_OK) {
            barnabas_config_free(copy);
            return error;
        }
    }
    *own = copy;
    return BARNABAS_OK;
}

bool barnabas_retry_topic(const char *topic, size_t level, char name[250]) {
    int size = level == 0 ? snprintf(name, 250, "%s.dead-letter", topic)
                          : snprintf(name, 250, "%s.retry-%zu", topic, level);

    return size > 0 && size <= TOPIC_NAME_MAX;
}

int retry_level_of(const char *topic, size_t delay_count, const char *name) {
    char expected[250];

    if (strcmp(topic, name) == 0)
        return 0;
    for (size_t level = 1; level <= delay_count; level++)
        if (barnabas_retry_topic(topic, level, expected) && strcmp(expected, name) == 0)
            return (int)level;
    return -1;
}

size_t retry_next_level(size_t level, size_t delay_count, enum barnabas_handled handled) {
    return handled == BARNABAS_HANDLE_GIVE_UP || level >= delay_count ? 0 : level + 1;
}

int64_t retry_due_ms(const struct barnabas_retry_options *options, size_t level,
                     int64_t timestamp_ms) {
    if (level == 0)
        return INT64_MIN;
    /* Whoever wrote it could put any time there. */
    if (timestamp_ms > INT64_MAX - options->delays_ms[level - 1])
        return INT64_MAX;
    return timestamp_ms + options->delays_ms[level - 1];
}

bool retry_header_is(const struct barnabas_header *header) {
    return header->key_size == strlen(BARNABAS_RETRY_HEADER) && header->value != NULL &&
           memcmp(header->key, BARNABAS_RETRY_HEADER, header->key_size) == 0;
}

/* "ATTEMPTS TOPIC PARTITION OFFSET"; false if it is not. */
static bool header_read(const struct barnabas_header *header, char topic[250],
                        struct barnabas_attempt *attempt) {
    char text[RETRY_HEADER_VALUE_MAX];
    int used = 0;

    if (header->value_size >= sizeof(text))
        return false;
    memcpy(text, header->value, header->value_size);
    text[header->value_size] = '\0';
    if (sscanf(text, "%" SCNu32 " %249s %" SCNd32 " %" SCNd64 "%n", &attempt->failures, topic,
               &attempt->partition, &attempt->offset, &used) != 4)
        return false;
    attempt->topic = topic;
    return text[used] == '\0';
}

struct barnabas_attempt retry_attempt_of(const struct barnabas_message *message, char topic[250]) {
    struct barnabas_attempt attempt;

    for (size_t i = 0; i < message->header_count; i++)
        if (retry_header_is(&message->headers[i]) &&
            header_read(&message->headers[i], topic, &attempt))
            return attempt;
    snprintf(topic, 250, "%s", message->topic);
    return (struct barnabas_attempt){0, topic, message->partition, message->offset};
}

size_t retry_header_write(char value[RETRY_HEADER_VALUE_MAX],
                          const struct barnabas_attempt *attempt) {
    return (size_t)snprintf(value, RETRY_HEADER_VALUE_MAX, "%" PRIu32 " %s %" PRId32 " %" PRId64,
                            attempt->failures + 1, attempt->topic, attempt->partition,
                            attempt->offset);
}
