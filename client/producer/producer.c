#include "client/producer/producer.h"

#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/producer/outgoing.h"

/* What a record costs beside its bytes, at most: length, attributes, timestamp, offset, sizes. */
#define RECORD_OVERHEAD_BYTES 40
#define HEADER_OVERHEAD_BYTES 10

#define TOPIC_NAME_MAX 249

/* Every broker has heard of a new partition long before. */
#define NEW_PARTITION_MS_MAX 5000

static void policy_init(struct send_policy *policy, const struct settings *s) {
    policy->codec = s->compression;
    policy->idempotent = s->idempotence;
    policy->transactional = s->transactional_id[0] != '\0';
    policy->batch_bytes = s->batch_bytes;
    policy->linger_ms = s->linger_ms;
    policy->retries = s->retries;
    policy->in_flight_max = s->in_flight_max;
    policy->delivery_timeout_ms = s->delivery_timeout_ms;
}

int barnabas_producer_open(const struct barnabas_config *config, struct barnabas_producer **opened,
                           struct barnabas_reason *reason) {
    struct barnabas_producer *producer = calloc(1, sizeof(*producer));
    struct barnabas_reason found = {""};
    struct settings settings = config->settings;
    enum error error;

    if (producer == NULL)
        return ERR_OUT_OF_MEMORY;
    error = settings_check_producer(&settings, found.text, sizeof(found.text));
    if (error == ERR_NONE)
        error = handle_open(&producer->handle, &settings, &config->log, &found);
    reason_set(reason, found.text);
    if (error != ERR_NONE) {
        free(producer);
        return error;
    }
    producer->settings = &producer->handle.settings;
    producer->interceptors = config->producer_interceptors;
    policy_init(&producer->policy, producer->settings);
    mutex_init(&producer->intercepting);
    mutex_init(&producer->lock);
    condition_init(&producer->changed);
    TAILQ_INIT(&producer->topic_list);
    TAILQ_INIT(&producer->active);
    TAILQ_INIT(&producer->finished);
    rng_seed_from_kernel(&producer->rng);
    transactor_init(producer);
    sender_init(producer);
    error = handle_start(&producer->handle, "barnabas-prod");
    if (error != ERR_NONE) {
        barnabas_producer_close(producer, 0);
        return error;
    }
    *opened = producer;
    return ERR_NONE;
}

/* --- sending ----------------------------------------------------------------------------- */

static struct topic_queue *topic_find(struct barnabas_producer *producer, const char *name)
    REQUIRES(producer->lock) {
    struct topic_queue *topic;

    HASH_FIND_STR(producer->topics, name, topic);
    return topic;
}

static enum error topic_get(struct barnabas_producer *producer, const char *name,
                            struct topic_queue **found) REQUIRES(producer->lock) {
    struct topic_queue *topic = topic_find(producer, name);
    enum error error;

    if (topic == NULL) {
        if ((error = topic_queue_new(name, &topic)) != ERR_NONE)
            return error;
        HASH_ADD_KEYPTR(hh, producer->topics, topic->name, strlen(topic->name), topic);
        if (!HASH_WAS_ADDED(hh, topic)) {
            topic_queue_free(topic);
            return ERR_OUT_OF_MEMORY;
        }
        TAILQ_INSERT_TAIL(&producer->topic_list, topic, next);
    }
    *found = topic;
    return ERR_NONE;
}

enum error producer_enqueue(struct barnabas_producer *producer, struct topic_queue *topic,
                            const struct new_record *record, int64_t now_ms, bool *wake) {
    struct partition_queue *queue;
    int32_t partition;
    enum error error;

    error = topic_queue_choose(topic, producer->settings->partitioner, &producer->rng,
                               producer->policy.batch_bytes, record, &partition);
    if (error != ERR_NONE)
        return error;
    queue = topic->partitions[partition];
    error = partition_queue_append(queue, &producer->policy, now_ms, record->timestamp, record->key,
                                   record->value, record->headers, record->header_count,
                                   record->charged_bytes, record->report, wake);
    if (error == ERR_NONE && !queue->active) {
        queue->active = true;
        TAILQ_INSERT_TAIL(&producer->active, queue, next_active);
    }
    return error;
}

/* Waits for room in the buffer. On the background thread, where waiting would be for ever, and
 * with max.block.ms=0, a full buffer fails at once. */
static enum error charge(struct barnabas_producer *producer, size_t bytes)
    REQUIRES(producer->lock) {
    const struct settings *s = producer->settings;
    int64_t deadline_ms = handle_deadline(s->block_ms_max);
    enum error error;

    if ((int64_t)bytes > s->buffer_bytes)
        return ERR_MESSAGE_TOO_LARGE;
    while (!producer->closing && (int64_t)(producer->buffered_bytes + bytes) > s->buffer_bytes) {
        if (s->block_ms_max == 0 || loop_is_current(producer->handle.loop))
            return ERR_OUT_OF_MEMORY;
        if (!condition_wait(&producer->changed, &producer->lock, deadline_ms))
            return ERR_OUT_OF_MEMORY;
    }
    if (producer->closing)
        return ERR_CANCELLED;
    if (producer->policy.transactional &&
        (error = transaction_may_send(&producer->transactor.state)) != ERR_NONE)
        return error;
    producer->buffered_bytes += bytes;
    return ERR_NONE;
}

static bool topic_is_plausible(const char *name) {
    size_t size = name == NULL ? 0 : strlen(name);

    return size > 0 && size <= TOPIC_NAME_MAX;
}

/* `paid` bytes are charged already; 0: nothing is. */
static enum error record_accept(struct barnabas_producer *producer, const char *name,
                                const struct new_record *record, size_t paid, bool *wake)
    REQUIRES(producer->lock) {
    int64_t now_ms = clock_monotonic_ms(clock_system());
    struct topic_queue *topic;
    enum error error;

    if (paid > 0)
        producer->buffered_bytes += record->charged_bytes - paid;
    else if ((error = charge(producer, record->charged_bytes)) != ERR_NONE)
        return error;
    error = topic_get(producer, name, &topic);
    if (error == ERR_NONE) {
        if (topic->partition_count > 0 && STAILQ_EMPTY(&topic->waiting)) {
            error = producer_enqueue(producer, topic, record, now_ms, wake);
        } else {
            error = topic_queue_wait(topic, record, now_ms);
            *wake = true;
        }
    }
    if (error != ERR_NONE)
        producer->buffered_bytes -= record->charged_bytes;
    else
        producer->outstanding++;
    producer->statistics.accepted += error == ERR_NONE;
    return error;
}

static size_t charge_of(const struct barnabas_record *record) {
    size_t bytes = RECORD_OVERHEAD_BYTES + record->key_size + record->value_size;

    for (size_t i = 0; i < record->header_count; i++)
        bytes +=
            HEADER_OVERHEAD_BYTES + record->headers[i].key_size + record->headers[i].value_size;
    return bytes;
}

/* An empty value is not null: it needs an address, whatever the caller gave for nothing. */
static struct bytes view_of(const void *data, size_t size) {
    return data == NULL ? BYTES_NULL : bytes_of(data, size);
}

static enum error record_check(const struct barnabas_producer *producer,
                               const struct barnabas_record *record) {
    if (!topic_is_plausible(record->topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (record->partition < BARNABAS_PARTITION_ANY || record->timestamp < BARNABAS_TIMESTAMP_NOW ||
        record->header_count > INT16_MAX)
        return ERR_INVALID_REQUEST;
    if (record->key_size > INT32_MAX || record->value_size > INT32_MAX ||
        (int64_t)charge_of(record) > producer->settings->request_bytes_max)
        return ERR_MESSAGE_TOO_LARGE;
    return ERR_NONE;
}

static struct record_header *headers_of(const struct barnabas_record *record) {
    struct record_header *headers = calloc(record->header_count + 1, sizeof(*headers));

    if (headers == NULL)
        return NULL;
    for (size_t i = 0; i < record->header_count; i++) {
        const struct barnabas_header *from = &record->headers[i];

        headers[i].key = bytes_of(from->key == NULL ? "" : from->key, from->key_size);
        headers[i].value = view_of(from->value, from->value_size);
    }
    return headers;
}

/* A partition that has just been added is not known yet: metadata is asked for until it is. The
 * topic is known. */
static bool partition_appears(struct barnabas_producer *producer,
                              const struct barnabas_record *record) {
    int64_t wait_ms = producer->settings->block_ms_max < NEW_PARTITION_MS_MAX
                          ? producer->settings->block_ms_max
                          : NEW_PARTITION_MS_MAX;
    int64_t deadline_ms = handle_deadline(wait_ms);
    bool in_time = !loop_is_current(producer->handle.loop);
    const struct topic_queue *topic;
    bool known;

    mutex_lock(&producer->lock);
    topic = topic_find(producer, record->topic);
    while (!(known = record->partition < topic->partition_count) && !producer->closing) {
        producer->refresh_wanted = true;
        mutex_unlock(&producer->lock);
        sender_wake(producer);
        mutex_lock(&producer->lock);
        if (!in_time)
            break;
        in_time = condition_wait(&producer->changed, &producer->lock, deadline_ms);
    }
    mutex_unlock(&producer->lock);
    return known;
}

static enum error record_send(struct barnabas_producer *producer,
                              const struct barnabas_record *record, size_t paid,
                              barnabas_delivered *delivered, void *context) {
    struct record_header *headers = NULL;
    struct new_record new_record;
    bool wake = false;
    enum error error;

    if (record->header_count > 0 && (headers = headers_of(record)) == NULL)
        return ERR_OUT_OF_MEMORY;
    new_record = (struct new_record){
        .partition = record->partition,
        .timestamp = record->timestamp,
        .key = view_of(record->key, record->key_size),
        .value = view_of(record->value, record->value_size),
        .headers = headers,
        .header_count = (int32_t)record->header_count,
        .charged_bytes = charge_of(record),
    };
    if (record->timestamp == BARNABAS_TIMESTAMP_NOW)
        new_record.timestamp = clock_wall_ms(clock_system());
    new_record.report = (struct report){delivered, context, new_record.timestamp};
    do {
        mutex_lock(&producer->lock);
        error = record_accept(producer, record->topic, &new_record, paid, &wake);
        mutex_unlock(&producer->lock);
    } while (error == ERR_UNKNOWN_TOPIC_OR_PARTITION && paid == 0 &&
             partition_appears(producer, record));
    if (wake)
        sender_wake(producer);
    free(headers);
    return error;
}

/* Waits until it is known to which partition the record goes, and for room for `bytes`. */
static enum error record_place(struct barnabas_producer *producer, struct barnabas_record *record,
                               size_t bytes) {
    int64_t wait_ms = loop_is_current(producer->handle.loop) ? 0 : producer->settings->block_ms_max;
    struct new_record placed = {
        .partition = record->partition,
        .key = view_of(record->key, record->key_size),
        .charged_bytes = bytes,
    };
    struct topic_queue *topic;
    int32_t count = 0;
    enum error error = ERR_NONE;

    mutex_lock(&producer->lock);
    topic = topic_find(producer, record->topic);
    count = topic == NULL ? 0 : topic->partition_count;
    mutex_unlock(&producer->lock);
    if (count == 0)
        error = barnabas_producer_partition_count(producer, record->topic, wait_ms, &count);
    if (error != ERR_NONE)
        return error;
    if (record->partition >= count && !partition_appears(producer, record))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    mutex_lock(&producer->lock);
    if ((error = charge(producer, bytes)) == ERR_NONE) {
        error = topic_queue_choose(topic_find(producer, record->topic),
                                   producer->settings->partitioner, &producer->rng,
                                   producer->policy.batch_bytes, &placed, &record->partition);
        if (error != ERR_NONE)
            producer->buffered_bytes -= bytes;
    }
    mutex_unlock(&producer->lock);
    return error;
}

/* What interceptors made of the record. It is queued before another one may pass them, so that
 * they see the records of a partition in the order of its queue. */
static enum error record_send_changed(struct barnabas_producer *producer,
                                      const struct barnabas_record *record, size_t paid,
                                      barnabas_delivered *delivered, void *context) {
    enum error error = record_check(producer, record);

    if (error == ERR_NONE)
        return record_send(producer, record, paid, delivered, context);
    mutex_lock(&producer->lock);
    producer->buffered_bytes -= paid;
    condition_broadcast(&producer->changed);
    mutex_unlock(&producer->lock);
    return error;
}

static enum error record_intercept(struct barnabas_producer *producer,
                                   const struct barnabas_record *record,
                                   barnabas_delivered *delivered, void *context) {
    size_t paid = charge_of(record);
    struct barnabas_outgoing outgoing;
    struct barnabas_delivery refused;
    enum error error;

    outgoing_init(&outgoing, record);
    if ((error = record_place(producer, &outgoing.record, paid)) != ERR_NONE)
        return error;
    mutex_lock(&producer->intercepting);
    outgoing_show(&outgoing, &producer->interceptors);
    outgoing.record.topic = record->topic;
    error = record_send_changed(producer, &outgoing.record, paid, delivered, context);
    mutex_unlock(&producer->intercepting);
    refused = (struct barnabas_delivery){error, record->topic, outgoing.record.partition,
                                         BARNABAS_OFFSET_UNKNOWN, record->timestamp};
    if (error != ERR_NONE)
        interceptors_ack(&producer->interceptors, &refused);
    outgoing_done(&outgoing);
    return error;
}

int barnabas_producer_send(struct barnabas_producer *producer, const struct barnabas_record *record,
                           barnabas_delivered *delivered, void *context) {
    enum error error = record_check(producer, record);

    if (error != ERR_NONE)
        return error;
    if (producer->interceptors.count > 0)
        return record_intercept(producer, record, delivered, context);
    return record_send(producer, record, 0, delivered, context);
}

/* --- reporting --------------------------------------------------------------------------- */

/* Room is made before the callbacks run, so that they can send. */
static void release(struct barnabas_producer *producer, const struct batch *batch)
    REQUIRES(producer->lock) {
    struct barnabas_producer_statistics *statistics = &producer->statistics;

    if (batch->error == ERR_NONE) {
        statistics->delivered += (uint64_t)batch->record_count;
        statistics->stored_bytes += batch->size;
    } else {
        statistics->failed += (uint64_t)batch->record_count;
    }
    producer->buffered_bytes -= batch->charged_bytes;
}

static size_t report_all(struct barnabas_producer *producer, struct batch_list *batches)
    EXCLUDES(producer->lock) {
    struct batch *batch;
    size_t reported = 0;

    while ((batch = TAILQ_FIRST(batches)) != NULL) {
        TAILQ_REMOVE(batches, batch, next);
        batch_report(batch, &producer->interceptors);
        reported += (size_t)batch->record_count;
        batch_free(batch);
    }
    mutex_lock(&producer->lock);
    producer->outstanding -= reported;
    condition_broadcast(&producer->changed);
    mutex_unlock(&producer->lock);
    return reported;
}

void producer_report(struct barnabas_producer *producer, struct batch_list *batches) {
    bool polled = producer->settings->delivery_reports == DELIVERY_REPORTS_POLL;
    struct batch *batch;

    if (TAILQ_EMPTY(batches))
        return;
    mutex_lock(&producer->lock);
    TAILQ_FOREACH (batch, batches, next) {
        release(producer, batch);
        /* Before the last record is off the books, and the transaction could be committed. */
        if (batch->error != ERR_NONE && producer->policy.transactional)
            transaction_on_failure(&producer->transactor.state, batch->error,
                                   batch->base_sequence >= 0);
    }
    if (polled)
        TAILQ_CONCAT(&producer->finished, batches, next);
    condition_broadcast(&producer->changed);
    mutex_unlock(&producer->lock);
    if (!polled)
        report_all(producer, batches);
}

static size_t poll_until(struct barnabas_producer *producer, int64_t deadline_ms) {
    struct batch_list batches = TAILQ_HEAD_INITIALIZER(batches);

    mutex_lock(&producer->lock);
    while (TAILQ_EMPTY(&producer->finished) &&
           condition_wait(&producer->changed, &producer->lock, deadline_ms))
        continue;
    TAILQ_CONCAT(&batches, &producer->finished, next);
    mutex_unlock(&producer->lock);
    return report_all(producer, &batches);
}

size_t barnabas_producer_poll(struct barnabas_producer *producer, int64_t timeout_ms) {
    return poll_until(producer, handle_deadline(timeout_ms));
}

size_t barnabas_producer_outstanding(struct barnabas_producer *producer) {
    size_t outstanding;

    mutex_lock(&producer->lock);
    outstanding = producer->outstanding;
    mutex_unlock(&producer->lock);
    return outstanding;
}

void barnabas_producer_statistics(struct barnabas_producer *producer,
                                  struct barnabas_producer_statistics *statistics) {
    mutex_lock(&producer->lock);
    *statistics = producer->statistics;
    statistics->outstanding = producer->outstanding;
    statistics->buffered_bytes = producer->buffered_bytes;
    mutex_unlock(&producer->lock);
}

void producer_run_callbacks(struct barnabas_producer *producer) {
    while (!TAILQ_EMPTY(&producer->finished)) {
        mutex_unlock(&producer->lock);
        (void)poll_until(producer, 0); /* how many does not matter here */
        mutex_lock(&producer->lock);
    }
}

bool producer_wait(struct barnabas_producer *producer, int64_t deadline_ms) {
    if (TAILQ_EMPTY(&producer->finished))
        return condition_wait(&producer->changed, &producer->lock, deadline_ms);
    producer_run_callbacks(producer);
    return true;
}

int barnabas_producer_flush(struct barnabas_producer *producer, int64_t timeout_ms) {
    int64_t deadline_ms = handle_deadline(timeout_ms);
    bool in_time = true;
    size_t left;

    mutex_lock(&producer->lock);
    producer->flushing++;
    mutex_unlock(&producer->lock);
    sender_wake(producer);
    mutex_lock(&producer->lock);
    while (producer->outstanding > 0 && in_time)
        in_time = producer_wait(producer, deadline_ms);
    left = producer->outstanding;
    producer->flushing--;
    mutex_unlock(&producer->lock);
    return left == 0 ? ERR_NONE : ERR_REQUEST_TIMED_OUT;
}

int barnabas_producer_partition_count(struct barnabas_producer *producer, const char *name,
                                      int64_t timeout_ms, int32_t *count) {
    int64_t deadline_ms = handle_deadline(timeout_ms);
    struct topic_queue *topic;
    bool in_time = true;
    enum error error;

    if (!topic_is_plausible(name))
        return ERR_INVALID_TOPIC_EXCEPTION;
    mutex_lock(&producer->lock);
    if ((error = topic_get(producer, name, &topic)) == ERR_NONE) {
        mutex_unlock(&producer->lock);
        sender_wake(producer);
        mutex_lock(&producer->lock);
        while (topic->partition_count == 0 && in_time &&
               (topic->error == ERR_NONE || error_is_retriable(topic->error)))
            in_time = condition_wait(&producer->changed, &producer->lock, deadline_ms);
        error = topic->error;
        if (topic->partition_count > 0) {
            *count = topic->partition_count;
            error = ERR_NONE;
        } else if (error == ERR_NONE) {
            error = producer->trouble != ERR_NONE ? producer->trouble : ERR_REQUEST_TIMED_OUT;
        }
    }
    mutex_unlock(&producer->lock);
    return error;
}

/* --- closing ----------------------------------------------------------------------------- */

static void producer_on_stop(void *context) {
    sender_shut(context);
}

void barnabas_producer_close(struct barnabas_producer *producer, int64_t timeout_ms) {
    struct topic_queue *topic;

    if (producer == NULL)
        return;
    mutex_lock(&producer->lock);
    producer->closing = true;
    condition_broadcast(&producer->changed);
    mutex_unlock(&producer->lock);
    if (producer->handle.running) {
        if (producer->policy.transactional)
            transactor_close(producer, timeout_ms);
        (void)barnabas_producer_flush(producer, timeout_ms); /* what is left gets CANCELLED */
        handle_stop(&producer->handle, producer_on_stop, producer);
        mutex_lock(&producer->lock);
        producer_run_callbacks(producer);
        mutex_unlock(&producer->lock);
    }
    sender_done(producer);
    transactor_done(producer);
    HASH_CLEAR(hh, producer->topics);
    while ((topic = TAILQ_FIRST(&producer->topic_list)) != NULL) {
        TAILQ_REMOVE(&producer->topic_list, topic, next);
        topic_queue_free(topic);
    }
    handle_close(&producer->handle);
    condition_done(&producer->changed);
    mutex_done(&producer->lock);
    mutex_done(&producer->intercepting);
    free(producer);
}
