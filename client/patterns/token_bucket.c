/* The token bucket's shell: a consumer that is polled only while tokens are wanted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/base/clock.h"
#include "client/base/error.h"
#include "client/patterns/tokens.h"

#include <barnabas/token_bucket.h>

#define COMMIT_MS_MAX   10000
#define METADATA_MS_MAX 60000

struct barnabas_token_bucket {
    struct barnabas_consumer *consumer;
    bool grouped;
    int64_t age_ms_max;
    struct tokens tokens;
};

static int assign_all(struct barnabas_consumer *consumer, const char *topic) {
    int32_t count;
    int error = barnabas_consumer_partition_count(consumer, topic, METADATA_MS_MAX, &count);

    for (int32_t i = 0; error == ERR_NONE && i < count; i++)
        error = barnabas_consumer_assign(consumer, topic, i,
                                         (struct barnabas_position){BARNABAS_FROM_END, 0});
    return error;
}

int barnabas_token_bucket_open(const struct barnabas_config *config,
                               const struct barnabas_token_bucket_options *options,
                               struct barnabas_token_bucket **opened,
                               struct barnabas_reason *reason) {
    struct barnabas_token_bucket *bucket;
    struct barnabas_config *own;
    int error = ERR_OUT_OF_MEMORY;

    if (options->capacity == 0)
        return ERR_INVALID_REQUEST;
    bucket = calloc(1, sizeof(*bucket));
    own = barnabas_config_copy(config);
    if (bucket == NULL || own == NULL)
        goto out;
    bucket->tokens.capacity = options->capacity;
    bucket->age_ms_max = options->age_ms_max;
    bucket->grouped = barnabas_config_get(own, "group.id")[0] != '\0';
    error = barnabas_config_set(own, "enable.auto.commit", "false", reason);
    if (error == ERR_NONE)
        error = barnabas_consumer_open(own, &bucket->consumer, reason);
    if (error == ERR_NONE && bucket->grouped)
        error = barnabas_consumer_subscribe(bucket->consumer, &options->topic, 1, NULL, NULL);
    else if (error == ERR_NONE)
        error = assign_all(bucket->consumer, options->topic);
    if (error == ERR_NONE) {
        *opened = bucket;
        bucket = NULL; /* handed over */
    }
out:
    barnabas_token_bucket_close(bucket);
    barnabas_config_free(own);
    return error;
}

void barnabas_token_bucket_close(struct barnabas_token_bucket *bucket) {
    if (bucket == NULL)
        return;
    barnabas_consumer_close(bucket->consumer);
    free(bucket);
}

uint64_t barnabas_token_bucket_level(const struct barnabas_token_bucket *bucket) {
    return bucket->tokens.level;
}

/* Committed first: a crash between the two loses tokens, and the reverse would give them twice. */
static void take_over(struct barnabas_token_bucket *bucket, const struct barnabas_polled *polled) {
    int64_t oldest_ms =
        bucket->age_ms_max == 0 ? INT64_MIN : clock_wall_ms(clock_system()) - bucket->age_ms_max;

    if (polled->message_count == 0)
        return;
    if (bucket->grouped &&
        barnabas_consumer_commit(bucket->consumer, NULL, 0, COMMIT_MS_MAX) != ERR_NONE)
        return;
    for (size_t i = 0; i < polled->message_count; i++) {
        const struct barnabas_message *message = &polled->messages[i];

        if (message->timestamp >= oldest_ms)
            tokens_add(&bucket->tokens, tokens_of_value(message->value, message->value_size));
    }
}

int barnabas_token_bucket_take(struct barnabas_token_bucket *bucket, uint64_t tokens,
                               int64_t timeout_ms) {
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    int64_t left_ms = timeout_ms;
    struct barnabas_polled polled;
    int error = ERR_NONE;

    if (tokens > bucket->tokens.capacity)
        return ERR_INVALID_REQUEST;
    while (!tokens_take(&bucket->tokens, tokens)) {
        if (timeout_ms >= 0) {
            left_ms = timeout_ms - (clock_monotonic_ms(clock_system()) - begin_ms);
            if (left_ms < 0)
                return ERR_REQUEST_TIMED_OUT;
        }
        if ((error = barnabas_consumer_poll(bucket->consumer, left_ms, &polled)) != ERR_NONE)
            return error;
        take_over(bucket, &polled);
        for (size_t i = 0; i < polled.event_count; i++)
            if (polled.events[i].kind == BARNABAS_PARTITION_FAILED)
                return polled.events[i].error;
        if (polled.message_count == 0 && polled.event_count == 0 && left_ms == 0)
            return ERR_REQUEST_TIMED_OUT;
    }
    return ERR_NONE;
}

int barnabas_token_bucket_feed(struct barnabas_producer *producer, const char *topic,
                               uint64_t tokens, barnabas_delivered *delivered, void *context) {
    char value[24];
    struct barnabas_record record = {
        .topic = topic,
        .partition = BARNABAS_PARTITION_ANY,
        .value = value,
        .value_size = (size_t)snprintf(value, sizeof(value), "%" PRIu64, tokens),
        .timestamp = BARNABAS_TIMESTAMP_NOW,
    };

    return barnabas_producer_send(producer, &record, delivered, context);
}
