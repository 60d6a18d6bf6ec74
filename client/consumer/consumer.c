#include "client/consumer/consumer.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC_NAME_MAX 249

/* --- opening and closing ----------------------------------------------------------------- */

int barnabas_consumer_open(const struct barnabas_config *config, struct barnabas_consumer **opened,
                           struct barnabas_reason *reason) {
    struct barnabas_consumer *consumer = calloc(1, sizeof(*consumer));
    struct barnabas_reason found = {""};
    enum error error;

    if (consumer == NULL)
        return ERR_OUT_OF_MEMORY;
    error = settings_check(&config->settings, found.text, sizeof(found.text));
    if (error == ERR_NONE)
        error = handle_open(&consumer->handle, &config->settings, &config->log, &found);
    reason_set(reason, found.text);
    if (error != ERR_NONE) {
        free(consumer);
        return error;
    }
    consumer->settings = &consumer->handle.settings;
    consumer->interceptors = config->consumer_interceptors;
    mutex_init(&consumer->lock);
    condition_init(&consumer->changed);
    TAILQ_INIT(&consumer->topics);
    TAILQ_INIT(&consumer->partitions);
    STAILQ_INIT(&consumer->ready);
    block_pool_init(&consumer->blocks);
    fetcher_init(consumer);
    error = group_init(consumer, found.text, sizeof(found.text));
    reason_set(reason, found.text);
    if (error == ERR_NONE)
        error = delivery_init(&consumer->delivery, consumer->settings);
    if (error == ERR_NONE)
        error = handle_start(&consumer->handle, "barnabas-cons");
    if (error != ERR_NONE) {
        barnabas_consumer_close(consumer);
        return error;
    }
    *opened = consumer;
    return ERR_NONE;
}

static void consumer_on_stop(void *context) {
    fetcher_shut(context);
}

void barnabas_consumer_close(struct barnabas_consumer *consumer) {
    struct consumed_partition *partition;
    struct consumed_topic *topic;
    struct fetched_entry *entry;

    if (consumer == NULL)
        return;
    if (consumer->handle.running)
        group_close(consumer);
    handle_stop(&consumer->handle, consumer_on_stop, consumer);
    fetcher_done(consumer);
    group_done(consumer);
    delivery_done(consumer);
    while ((entry = STAILQ_FIRST(&consumer->ready)) != NULL) {
        STAILQ_REMOVE_HEAD(&consumer->ready, next);
        fetched_entry_free(consumer, entry);
    }
    while ((partition = TAILQ_FIRST(&consumer->partitions)) != NULL) {
        TAILQ_REMOVE(&consumer->partitions, partition, next);
        free(partition);
    }
    while ((topic = TAILQ_FIRST(&consumer->topics)) != NULL) {
        TAILQ_REMOVE(&consumer->topics, topic, next);
        free(topic->name);
        free(topic);
    }
    block_pool_done(&consumer->blocks);
    handle_close(&consumer->handle);
    condition_done(&consumer->changed);
    mutex_done(&consumer->lock);
    free(consumer);
}

/* --- topics and partitions --------------------------------------------------------------- */

static enum error topic_get(struct barnabas_consumer *consumer, const char *name,
                            struct consumed_topic **found) REQUIRES(consumer->lock) {
    struct consumed_topic *topic;

    TAILQ_FOREACH (topic, &consumer->topics, next)
        if (strcmp(topic->name, name) == 0)
            break;
    if (topic == NULL) {
        topic = calloc(1, sizeof(*topic));
        if (topic == NULL)
            return ERR_OUT_OF_MEMORY;
        topic->name = strdup(name);
        if (topic->name == NULL) {
            free(topic);
            return ERR_OUT_OF_MEMORY;
        }
        TAILQ_INSERT_TAIL(&consumer->topics, topic, next);
    }
    *found = topic;
    return ERR_NONE;
}

struct consumed_partition *consumed_partition_find(struct barnabas_consumer *consumer,
                                                   const char *topic, int32_t index) {
    struct consumed_partition *partition;

    TAILQ_FOREACH (partition, &consumer->partitions, next)
        if (partition->index == index && strcmp(partition->topic->name, topic) == 0)
            return partition;
    return NULL;
}

enum error consumed_partition_get(struct barnabas_consumer *consumer, const char *name,
                                  int32_t index, struct consumed_partition **found) {
    struct consumed_partition *partition = consumed_partition_find(consumer, name, index);
    struct consumed_topic *topic;
    enum error error;

    if (partition == NULL) {
        if ((error = topic_get(consumer, name, &topic)) != ERR_NONE)
            return error;
        partition = calloc(1, sizeof(*partition));
        if (partition == NULL)
            return ERR_OUT_OF_MEMORY;
        partition->topic = topic;
        partition->index = index;
        partition->near_replica_id = -1;
        partition->near_known_id = -1;
        partition->position = -1;
        partition->position_epoch = -1;
        partition->committed = -1;
        reader_init(&partition->reader);
        TAILQ_INSERT_TAIL(&consumer->partitions, partition, next);
    }
    *found = partition;
    return ERR_NONE;
}

static bool topic_is_plausible(const char *name) {
    size_t size = name == NULL ? 0 : strlen(name);

    return size > 0 && size <= TOPIC_NAME_MAX;
}

bool consumed_position_is_plausible(struct barnabas_position position) {
    switch (position.kind) {
    case BARNABAS_FROM_BEGINNING:
    case BARNABAS_FROM_END:
        return true;
    case BARNABAS_FROM_OFFSET:
    case BARNABAS_FROM_TIME:
        return position.value >= 0;
    }
    return false;
}

void consumed_partition_assign(struct barnabas_consumer *consumer,
                               struct consumed_partition *partition,
                               struct barnabas_position position) {
    reader_assign(&partition->reader, position,
                  handle_deadline(consumer->settings->request_timeout_ms));
    partition->buffered_bytes = 0;
    partition->position = position.kind == BARNABAS_FROM_OFFSET ? position.value : -1;
    partition->position_epoch = -1;
}

void consumed_partition_unassign(struct consumed_partition *partition) {
    reader_unassign(&partition->reader);
    partition->buffered_bytes = 0;
    partition->position = -1;
    partition->position_epoch = -1;
    partition->committed = -1;
    partition->owned = false;
}

int barnabas_consumer_assign(struct barnabas_consumer *consumer, const char *topic, int32_t index,
                             struct barnabas_position position) {
    struct consumed_partition *partition;
    enum error error;

    if (!topic_is_plausible(topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (index < 0 || !consumed_position_is_plausible(position))
        return ERR_INVALID_REQUEST;
    mutex_lock(&consumer->lock);
    error = consumed_partition_get(consumer, topic, index, &partition);
    if (error == ERR_NONE)
        consumed_partition_assign(consumer, partition, position);
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
    return error;
}

/* Does `change` to an assigned partition. */
static int partition_change(struct barnabas_consumer *consumer, const char *topic, int32_t index,
                            void (*change)(struct consumed_partition *partition)) {
    struct consumed_partition *partition;
    enum error error = ERR_INVALID_REQUEST;

    mutex_lock(&consumer->lock);
    partition = topic == NULL ? NULL : consumed_partition_find(consumer, topic, index);
    if (partition != NULL && partition->reader.state != READER_IDLE) {
        change(partition);
        condition_broadcast(&consumer->changed);
        error = ERR_NONE;
    }
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
    return error;
}

static void change_pause(struct consumed_partition *partition) {
    partition->reader.paused = true;
}

static void change_resume(struct consumed_partition *partition) {
    partition->reader.paused = false;
}

int barnabas_consumer_unassign(struct barnabas_consumer *consumer, const char *topic,
                               int32_t partition) {
    return partition_change(consumer, topic, partition, consumed_partition_unassign);
}

int barnabas_consumer_pause(struct barnabas_consumer *consumer, const char *topic,
                            int32_t partition) {
    return partition_change(consumer, topic, partition, change_pause);
}

int barnabas_consumer_resume(struct barnabas_consumer *consumer, const char *topic,
                             int32_t partition) {
    return partition_change(consumer, topic, partition, change_resume);
}

int barnabas_consumer_progress(struct barnabas_consumer *consumer, const char *topic, int32_t index,
                               struct barnabas_progress *progress) {
    struct consumed_partition *partition;
    enum error error = ERR_INVALID_REQUEST;

    mutex_lock(&consumer->lock);
    partition = topic == NULL ? NULL : consumed_partition_find(consumer, topic, index);
    if (partition != NULL && partition->reader.state != READER_IDLE) {
        *progress = (struct barnabas_progress){
            .position = partition->position,
            .log_start_offset = partition->reader.log_start_offset,
            .high_watermark = partition->reader.high_watermark,
            .last_stable_offset = partition->reader.last_stable_offset,
        };
        error = ERR_NONE;
    }
    mutex_unlock(&consumer->lock);
    return error;
}

/* --- polling ----------------------------------------------------------------------------- */

/* Waits until there may be something to collect, or to do for the group. False when the time is
 * up. */
static bool wait_until_ready(struct barnabas_consumer *consumer, int64_t deadline_ms,
                             bool *woken_up) {
    bool in_time = true;

    mutex_lock(&consumer->lock);
    while (in_time && !consumer->woken_up && !delivery_is_ready(consumer) &&
           !group_needs_poll(consumer))
        in_time = condition_wait(&consumer->changed, &consumer->lock, deadline_ms);
    *woken_up = consumer->woken_up;
    consumer->woken_up = false;
    mutex_unlock(&consumer->lock);
    return in_time;
}

/* Each sees what those before it left. */
static void intercept(const struct consumer_interceptors *interceptors, struct delivery *delivery) {
    for (size_t i = 0; i < interceptors->count && delivery->message_count > 0; i++) {
        const struct barnabas_consumer_interceptor *interceptor = &interceptors->items[i];
        size_t left;

        if (interceptor->on_consume == NULL)
            continue;
        left = interceptor->on_consume(interceptor->context, delivery->messages,
                                       delivery->message_count);
        CHECK(left <= delivery->message_count);
        delivery->message_count = left;
    }
}

/* Until there are messages or events. What is ready may turn out to hold nothing: the rest of a
 * batch that was passed, say. */
static enum error poll_until(struct barnabas_consumer *consumer, int64_t deadline_ms) {
    struct delivery *delivery = &consumer->delivery;
    bool woken_up = false;
    bool in_time = true;
    enum error error;

    if ((error = group_poll(consumer)) != ERR_NONE)
        return error;
    while (in_time && error == ERR_NONE && delivery->message_count + delivery->event_count == 0) {
        in_time = wait_until_ready(consumer, deadline_ms, &woken_up);
        if (woken_up)
            return ERR_CANCELLED;
        if ((error = group_poll(consumer)) != ERR_NONE)
            return error;
        error = delivery_collect(consumer);
        intercept(&consumer->interceptors, delivery);
        fetcher_wake(consumer); /* there may be room again */
    }
    return error;
}

int barnabas_consumer_poll(struct barnabas_consumer *consumer, int64_t timeout_ms,
                           struct barnabas_polled *polled) {
    int64_t deadline_ms = handle_deadline(timeout_ms);
    struct delivery *delivery = &consumer->delivery;
    enum error error;

    *polled = (struct barnabas_polled){0};
    delivery_release(consumer);
    group_poll_begin(consumer);
    error = poll_until(consumer, deadline_ms);
    group_poll_end(consumer);
    if (error == ERR_CANCELLED)
        return error;
    mutex_lock(&consumer->lock);
    consumer->polled_messages += delivery->message_count;
    mutex_unlock(&consumer->lock);
    *polled = (struct barnabas_polled){
        .messages = delivery->messages,
        .message_count = delivery->message_count,
        .events = delivery->events,
        .event_count = delivery->event_count,
    };
    return error;
}

void barnabas_consumer_statistics(struct barnabas_consumer *consumer,
                                  struct barnabas_consumer_statistics *statistics) {
    mutex_lock(&consumer->lock);
    statistics->messages = consumer->polled_messages;
    statistics->fetched_bytes = consumer->fetched_bytes;
    statistics->buffered_bytes = consumer->buffered_bytes;
    mutex_unlock(&consumer->lock);
}

void barnabas_consumer_wake_up(struct barnabas_consumer *consumer) {
    mutex_lock(&consumer->lock);
    consumer->woken_up = true;
    condition_broadcast(&consumer->changed);
    mutex_unlock(&consumer->lock);
}

int barnabas_consumer_partition_count(struct barnabas_consumer *consumer, const char *name,
                                      int64_t timeout_ms, int32_t *count) {
    int64_t deadline_ms = handle_deadline(timeout_ms);
    struct consumed_topic *topic;
    bool in_time = true;
    enum error error;

    if (!topic_is_plausible(name))
        return ERR_INVALID_TOPIC_EXCEPTION;
    mutex_lock(&consumer->lock);
    error = topic_get(consumer, name, &topic);
    mutex_unlock(&consumer->lock);
    if (error != ERR_NONE)
        return error;
    fetcher_wake(consumer);
    mutex_lock(&consumer->lock);
    while (topic->partition_count == 0 && in_time &&
           (topic->error == ERR_NONE || error_is_retriable(topic->error)))
        in_time = condition_wait(&consumer->changed, &consumer->lock, deadline_ms);
    error = topic->error;
    if (topic->partition_count > 0) {
        *count = topic->partition_count;
        error = ERR_NONE;
    } else if (error == ERR_NONE) {
        error = consumer->trouble != ERR_NONE ? consumer->trouble : ERR_REQUEST_TIMED_OUT;
    }
    mutex_unlock(&consumer->lock);
    return error;
}
