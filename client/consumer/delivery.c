/* From fetched entries to messages: the polling thread's half. */
#include <stdlib.h>

#include "client/consumer/consumer.h"

/* Bound of the headers of one poll's messages. */
#define HEADERS_ARENA_BYTES ((size_t)64 << 20)

/* A batch that decompresses to more than this is not believed. */
#define BATCH_BYTES_MAX ((size_t)1 << 30)

enum error delivery_init(struct delivery *delivery, const struct settings *settings) {
    arena_init(&delivery->headers, HEADERS_ARENA_BYTES);
    STAILQ_INIT(&delivery->handed_out);
    delivery->messages = calloc((size_t)settings->poll_records_max, sizeof(*delivery->messages));
    return delivery->messages == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
}

void delivery_release(struct barnabas_consumer *consumer) {
    struct delivery *delivery = &consumer->delivery;
    struct fetched_entry *entry;

    while ((entry = STAILQ_FIRST(&delivery->handed_out)) != NULL) {
        STAILQ_REMOVE_HEAD(&delivery->handed_out, next);
        fetched_entry_free(consumer, entry);
    }
    while (delivery->plain_count > 0)
        free(delivery->plain[--delivery->plain_count]);
    arena_reset(&delivery->headers);
    delivery->poll++;
    delivery->message_count = 0;
    delivery->event_count = 0;
}

static void drop_current(struct delivery *delivery) {
    if (delivery->current == NULL)
        return;
    fetched_walk_done(&delivery->walk);
    STAILQ_INSERT_TAIL(&delivery->handed_out, delivery->current, next);
    delivery->current = NULL;
}

void delivery_done(struct barnabas_consumer *consumer) {
    struct delivery *delivery = &consumer->delivery;

    drop_current(delivery);
    delivery_release(consumer);
    arena_done(&delivery->headers);
    free(delivery->plain);
    free(delivery->messages);
    free(delivery->events);
}

static bool is_stale(const struct fetched_entry *entry) {
    return entry->generation != entry->partition->reader.generation;
}

bool delivery_is_ready(const struct barnabas_consumer *consumer) {
    const struct fetched_entry *current = consumer->delivery.current;
    const struct fetched_entry *entry;

    if (current != NULL && !is_stale(current) && !current->partition->reader.paused)
        return true;
    STAILQ_FOREACH (entry, &consumer->ready, next)
        if (is_stale(entry) || !entry->partition->reader.paused)
            return true;
    return false;
}

/* An event holds behind the messages of its poll, so nothing of its partition may follow it there:
 * take_entry sees to that. */
static enum error add_event(struct delivery *delivery, struct consumed_partition *partition,
                            const struct barnabas_event *event) {
    size_t capacity = delivery->event_capacity == 0 ? 8 : delivery->event_capacity * 2;
    struct barnabas_event *more;

    if (delivery->event_count == delivery->event_capacity) {
        more = reallocarray(delivery->events, capacity, sizeof(*more));
        if (more == NULL)
            return ERR_OUT_OF_MEMORY;
        delivery->events = more;
        delivery->event_capacity = capacity;
    }
    partition->told_in_poll = delivery->poll;
    delivery->events[delivery->event_count++] = *event;
    return ERR_NONE;
}

/* For the batch that is walked next, so that keeping it cannot fail. */
static enum error reserve_plain(struct delivery *delivery) {
    size_t capacity = delivery->plain_capacity == 0 ? 8 : delivery->plain_capacity * 2;
    uint8_t **more;

    if (delivery->plain_count < delivery->plain_capacity)
        return ERR_NONE;
    more = reallocarray(delivery->plain, capacity, sizeof(uint8_t *));
    if (more == NULL)
        return ERR_OUT_OF_MEMORY;
    delivery->plain = more;
    delivery->plain_capacity = capacity;
    return ERR_NONE;
}

/* Messages point into it until the next poll. */
static void keep_plain(struct delivery *delivery, uint8_t *plain) {
    if (plain == NULL)
        return;
    CHECK(delivery->plain_count < delivery->plain_capacity);
    delivery->plain[delivery->plain_count++] = plain;
}

static enum error add_headers(struct delivery *delivery, const struct record *record,
                              struct barnabas_message *message) {
    struct bytes rest = record->headers;
    struct record_header from;
    struct barnabas_header *headers;

    if (record->header_count == 0)
        return ERR_NONE;
    headers = arena_alloc(&delivery->headers, (size_t)record->header_count, sizeof(*headers));
    if (headers == NULL)
        return ERR_OUT_OF_MEMORY;
    message->headers = headers;
    while (message->header_count < (size_t)record->header_count && record_header_next(&rest, &from))
        headers[message->header_count++] = (struct barnabas_header){
            from.key.data, from.key.size, from.value.data, from.value.size};
    return ERR_NONE;
}

static enum error add_message(struct delivery *delivery, const struct record *record,
                              const struct record_batch *batch) {
    const struct consumed_partition *partition = delivery->current->partition;
    struct barnabas_message *message = &delivery->messages[delivery->message_count];
    enum error error;

    *message = (struct barnabas_message){
        .topic = partition->topic->name,
        .partition = partition->index,
        .leader_epoch = batch->partition_leader_epoch,
        .offset = record->offset,
        .timestamp = record->timestamp,
        .timestamp_type = (batch->attributes & RECORD_BATCH_LOG_APPEND_TIME) != 0
                              ? BARNABAS_LOG_APPEND_TIME
                              : BARNABAS_CREATE_TIME,
        .key = record->key.data,
        .key_size = record->key.size,
        .value = record->value.data,
        .value_size = record->value.size,
    };
    if ((error = add_headers(delivery, record, message)) == ERR_NONE)
        delivery->message_count++;
    return error;
}

/* The position is behind what was walked, or was moved (-1: it was not). */
static void note_position(struct barnabas_consumer *consumer, int64_t moved_to) {
    struct delivery *delivery = &consumer->delivery;
    struct consumed_partition *partition = delivery->current->partition;

    mutex_lock(&consumer->lock);
    if (!is_stale(delivery->current)) {
        partition->position = fetched_walk_position(&delivery->walk);
        if (delivery->walked_epoch >= 0)
            partition->position_epoch = delivery->walked_epoch;
        if (moved_to >= 0)
            partition->position = moved_to;
    }
    mutex_unlock(&consumer->lock);
}

/* The partition cannot be read on: its records make no sense. */
static enum error fail_current(struct barnabas_consumer *consumer, enum error error) {
    struct delivery *delivery = &consumer->delivery;
    struct consumed_partition *partition = delivery->current->partition;
    struct reader_outcome outcome = {0};
    struct barnabas_event event = {
        .kind = BARNABAS_PARTITION_FAILED,
        .topic = partition->topic->name,
        .partition = partition->index,
        .offset = fetched_walk_position(&delivery->walk),
        .error = error,
    };

    /* Of the batch in which it ends, too, there may be messages. */
    keep_plain(delivery, delivery->walk.iterator.plain);
    delivery->walk.iterator.plain = NULL;
    note_position(consumer, -1);
    mutex_lock(&consumer->lock);
    if (!is_stale(delivery->current)) {
        /* What was fetched behind it must not be delivered either. */
        partition->reader.generation++;
        partition->buffered_bytes = 0;
        reader_fail(&partition->reader, error, &outcome);
    }
    mutex_unlock(&consumer->lock);
    drop_current(delivery);
    return add_event(delivery, partition, &event);
}

/* Walks the current entry until it ends or the messages are full. */
static enum error walk_current(struct barnabas_consumer *consumer) {
    struct delivery *delivery = &consumer->delivery;
    enum error error = ERR_NONE;

    while (delivery->message_count < (size_t)consumer->settings->poll_records_max) {
        struct record record;
        struct record_batch batch;
        uint8_t *plain = NULL;
        enum fetched_step step;

        if ((error = reserve_plain(delivery)) != ERR_NONE)
            return fail_current(consumer, error);
        step = fetched_walk_next(&delivery->walk, &record, &batch, &plain, &error);
        if (step == FETCHED_RECORD) {
            error = add_message(delivery, &record, &batch);
            delivery->walked_epoch = batch.partition_leader_epoch;
        } else if (step == FETCHED_BATCH) {
            keep_plain(delivery, plain);
        } else if (step == FETCHED_END) {
            const struct fetched_entry *entry = delivery->current;

            note_position(consumer, entry->has_event && entry->event.kind == BARNABAS_POSITION_RESET
                                        ? entry->event.offset
                                        : -1);
            if (delivery->current->has_event)
                error =
                    add_event(delivery, delivery->current->partition, &delivery->current->event);
            drop_current(delivery);
            return error;
        }
        /* Also where memory is out: going on would leave a gap that nobody sees. */
        if (error != ERR_NONE)
            return fail_current(consumer, error);
    }
    note_position(consumer, -1);
    return ERR_NONE;
}

/* Takes the first entry that may be delivered; drops those that no longer count. */
static struct fetched_entry *take_entry(struct barnabas_consumer *consumer)
    REQUIRES(consumer->lock) {
    struct fetched_entry *entry = STAILQ_FIRST(&consumer->ready);

    while (entry != NULL) {
        struct fetched_entry *next = STAILQ_NEXT(entry, next);
        bool stale = is_stale(entry);

        if (stale || (!entry->partition->reader.paused &&
                      entry->partition->told_in_poll != consumer->delivery.poll)) {
            STAILQ_REMOVE(&consumer->ready, entry, fetched_entry, next);
            consumer->buffered_bytes -= entry->size;
            if (!stale) {
                entry->partition->buffered_bytes -= entry->size;
                return entry;
            }
            fetched_entry_free(consumer, entry);
        }
        entry = next;
    }
    return NULL;
}

/* Back to where it came from, to be walked on when its partition is resumed. */
static void put_back_current(struct barnabas_consumer *consumer) REQUIRES(consumer->lock) {
    struct delivery *delivery = &consumer->delivery;
    struct fetched_entry *entry = delivery->current;

    entry->from_offset = fetched_walk_position(&delivery->walk);
    fetched_walk_done(&delivery->walk);
    delivery->current = NULL;
    STAILQ_INSERT_HEAD(&consumer->ready, entry, next);
    consumer->buffered_bytes += entry->size;
    entry->partition->buffered_bytes += entry->size;
}

static bool begin_entry(struct barnabas_consumer *consumer) {
    const struct settings *s = consumer->settings;
    struct delivery *delivery = &consumer->delivery;
    const struct fetched_options options = {
        .check_crcs = s->check_crcs,
        .committed_only = s->isolation == ISOLATION_READ_COMMITTED,
        .batch_bytes_max = BATCH_BYTES_MAX,
    };
    struct fetched_entry *entry;

    mutex_lock(&consumer->lock);
    if (delivery->current != NULL && !is_stale(delivery->current) &&
        delivery->current->partition->reader.paused)
        put_back_current(consumer);
    entry = delivery->current != NULL && !is_stale(delivery->current) ? delivery->current
                                                                      : take_entry(consumer);
    mutex_unlock(&consumer->lock);
    if (entry == delivery->current)
        return entry != NULL;
    drop_current(delivery);
    if (entry == NULL)
        return false;
    delivery->current = entry;
    delivery->walked_epoch = -1;
    fetched_walk_init(&delivery->walk, &options, bytes_of(entry->records, entry->size),
                      entry->from_offset, entry->aborted, entry->aborted_count);
    return true;
}

enum error delivery_collect(struct barnabas_consumer *consumer) {
    enum error error;

    while (consumer->delivery.message_count < (size_t)consumer->settings->poll_records_max &&
           begin_entry(consumer))
        if ((error = walk_current(consumer)) != ERR_NONE)
            return error;
    return ERR_NONE;
}
