/*
 * The shell of retry topics: poll, handle, put copies of what failed into the next topic, commit.
 *
 * A message that is not handled now, because it is not due or because something went wrong before
 * it, is gone back to: its partition is set to its offset, and what was polled behind it is left.
 * So what is committed is always what was polled: everything before that was dealt with.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/base/check.h"
#include "client/base/clock.h"
#include "client/base/error.h"
#include "client/patterns/partition_key.h"
#include "client/patterns/retry_plan.h"

#define COMMIT_MS_MAX 10000

/* A partition that waits until its next message is due, or was stopped within this poll. */
struct held_partition {
    TAILQ_ENTRY(held_partition) next;
    struct partition_key key;
    int64_t due_ms; /* wall clock; paused until then */
    bool stopped;   /* what this poll brought of it behind the offset it is at does not count */
};

struct barnabas_retry {
    struct barnabas_consumer *consumer;
    struct barnabas_producer *producer;
    struct barnabas_retry_options options;
    char topic[250];
    barnabas_handler *handler;
    void *context;
    TAILQ_HEAD(, held_partition) held;
    int copy_error; /* of the copy that is on its way */
};

/* --- opening ----------------------------------------------------------------------------- */

static struct held_partition *held_find(struct barnabas_retry *retry, const char *topic,
                                        int32_t partition) {
    struct partition_key key = partition_key_of(topic, partition);
    struct held_partition *held;

    TAILQ_FOREACH (held, &retry->held, next)
        if (memcmp(&held->key, &key, sizeof(key)) == 0)
            return held;
    return NULL;
}

static void held_drop(struct barnabas_retry *retry, struct held_partition *held) {
    TAILQ_REMOVE(&retry->held, held, next);
    free(held);
}

/* Whoever gets them begins anew; partitions come unpaused. */
static void on_rebalance(void *context, struct barnabas_consumer *consumer,
                         enum barnabas_rebalance_kind kind,
                         const struct barnabas_topic_partition *partitions, size_t count) {
    struct barnabas_retry *retry = context;

    (void)consumer;
    (void)kind;
    for (size_t i = 0; i < count; i++) {
        struct held_partition *held =
            held_find(retry, partitions[i].topic, partitions[i].partition);

        if (held != NULL)
            held_drop(retry, held);
    }
}

static int subscribe(struct barnabas_retry *retry) {
    char names[BARNABAS_RETRY_DELAYS_MAX + 1][250];
    const char *topics[BARNABAS_RETRY_DELAYS_MAX + 1] = {retry->topic};
    size_t delay_count = retry->options.delay_count;

    if (!barnabas_retry_topic(retry->topic, 0, names[0]))
        return ERR_INVALID_TOPIC_EXCEPTION;
    for (size_t i = 1; i <= delay_count; i++) {
        if (!barnabas_retry_topic(retry->topic, i, names[i]))
            return ERR_INVALID_TOPIC_EXCEPTION;
        topics[i] = names[i];
    }
    return barnabas_consumer_subscribe(retry->consumer, topics, delay_count + 1, on_rebalance,
                                       retry);
}

int barnabas_retry_open(const struct barnabas_config *config,
                        const struct barnabas_retry_options *options, barnabas_handler *handler,
                        void *context, struct barnabas_retry **opened,
                        struct barnabas_reason *reason) {
    struct barnabas_config *own = NULL;
    struct barnabas_retry *retry;
    int error;

    if (options->delay_count > BARNABAS_RETRY_DELAYS_MAX)
        return ERR_INVALID_REQUEST;
    if (strlen(options->topic) >= sizeof(retry->topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    retry = calloc(1, sizeof(*retry));
    if (retry == NULL)
        return ERR_OUT_OF_MEMORY;
    TAILQ_INIT(&retry->held);
    memcpy(retry->topic, options->topic, strlen(options->topic) + 1);
    retry->options = *options;
    retry->options.topic = retry->topic;
    retry->handler = handler;
    retry->context = context;
    error = retry_config_of(config, &own);
    if (error == ERR_NONE)
        error = barnabas_producer_open(own, &retry->producer, reason);
    if (error == ERR_NONE)
        error = barnabas_consumer_open(own, &retry->consumer, reason);
    if (error == ERR_NONE)
        error = subscribe(retry);
    if (error == ERR_NONE) {
        *opened = retry;
        retry = NULL; /* handed over */
    }
    barnabas_retry_close(retry);
    barnabas_config_free(own);
    return error;
}

void barnabas_retry_close(struct barnabas_retry *retry) {
    struct held_partition *held;

    if (retry == NULL)
        return;
    barnabas_consumer_close(retry->consumer);
    barnabas_producer_close(retry->producer, 0);
    while ((held = TAILQ_FIRST(&retry->held)) != NULL)
        held_drop(retry, held);
    free(retry);
}

/* --- copies ------------------------------------------------------------------------------ */

static void on_copied(void *context, const struct barnabas_delivery *delivery) {
    struct barnabas_retry *retry = context;

    retry->copy_error = delivery->error; /* read after the flush */
}

/* Puts a copy into the topic of that level and waits until it is stored. */
static int copy_to(struct barnabas_retry *retry, size_t level,
                   const struct barnabas_message *message, const struct barnabas_attempt *attempt) {
    struct barnabas_header *headers = calloc(message->header_count + 1, sizeof(*headers));
    char value[RETRY_HEADER_VALUE_MAX];
    char topic[250];
    struct barnabas_record record = {
        .topic = topic,
        .partition = BARNABAS_PARTITION_ANY,
        .key = message->key,
        .key_size = message->key_size,
        .value = message->value,
        .value_size = message->value_size,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
        .headers = headers,
    };
    int error = ERR_OUT_OF_MEMORY;

    if (headers == NULL)
        return error;
    for (size_t i = 0; i < message->header_count; i++)
        if (!retry_header_is(&message->headers[i]))
            headers[record.header_count++] = message->headers[i];
    headers[record.header_count++] =
        (struct barnabas_header){BARNABAS_RETRY_HEADER, strlen(BARNABAS_RETRY_HEADER), value,
                                 retry_header_write(value, attempt)};
    CHECK(barnabas_retry_topic(retry->topic, level, topic));
    retry->copy_error = ERR_NONE;
    error = barnabas_producer_send(retry->producer, &record, on_copied, retry);
    if (error == ERR_NONE)
        error = barnabas_producer_flush(retry->producer, -1); /* records have their own limit */
    free(headers);
    return error == ERR_NONE ? retry->copy_error : error;
}

/* --- handling ---------------------------------------------------------------------------- */

/* Goes back to the message; its partition is paused until `due_ms`. */
static int hold(struct barnabas_retry *retry, const struct barnabas_message *message,
                int64_t due_ms) {
    struct held_partition *held = held_find(retry, message->topic, message->partition);
    int error;

    if (held == NULL) {
        held = calloc(1, sizeof(*held));
        if (held == NULL)
            return ERR_OUT_OF_MEMORY;
        held->key = partition_key_of(message->topic, message->partition);
        TAILQ_INSERT_TAIL(&retry->held, held, next);
    }
    held->due_ms = due_ms;
    held->stopped = true;
    error = barnabas_consumer_pause(retry->consumer, message->topic, message->partition);
    if (error == ERR_NONE)
        error = barnabas_consumer_seek(
            retry->consumer, message->topic, message->partition,
            (struct barnabas_position){BARNABAS_FROM_OFFSET, message->offset});
    return error;
}

static int handle(struct barnabas_retry *retry, const struct barnabas_message *message) {
    size_t delay_count = retry->options.delay_count;
    int found = retry_level_of(retry->topic, delay_count, message->topic);
    size_t level = found < 0 ? 0 : (size_t)found;
    char topic[250];
    struct barnabas_attempt attempt = retry_attempt_of(message, topic);
    int64_t due_ms = retry_due_ms(&retry->options, level, message->timestamp);
    enum barnabas_handled handled;

    if (due_ms > clock_wall_ms(clock_system()))
        return hold(retry, message, due_ms);
    handled = retry->handler(retry->context, message, &attempt);
    if (handled == BARNABAS_HANDLED)
        return ERR_NONE;
    return copy_to(retry, retry_next_level(level, delay_count, handled), message, &attempt);
}

/* Commits what was dealt with. If that is refused because of a rebalance, it comes again. */
static int commit(struct barnabas_retry *retry) {
    int error = barnabas_consumer_commit(retry->consumer, NULL, 0, COMMIT_MS_MAX);

    return error == ERR_REBALANCE_IN_PROGRESS || error == ERR_ILLEGAL_GENERATION ||
                   error == ERR_UNKNOWN_MEMBER_ID
               ? ERR_NONE
               : error;
}

static int handle_all(struct barnabas_retry *retry, const struct barnabas_polled *polled) {
    struct held_partition *held;
    int error = ERR_NONE;
    int commit_error;

    TAILQ_FOREACH (held, &retry->held, next)
        held->stopped = false;
    for (size_t i = 0; i < polled->message_count; i++) {
        const struct barnabas_message *message = &polled->messages[i];

        held = held_find(retry, message->topic, message->partition);
        if (held != NULL && held->stopped)
            continue;
        if (error == ERR_NONE)
            error = handle(retry, message);
        if (error != ERR_NONE)
            (void)hold(retry, message, INT64_MIN); /* the error is already known */
    }
    for (size_t i = 0; i < polled->event_count && error == ERR_NONE; i++)
        if (polled->events[i].kind == BARNABAS_PARTITION_FAILED)
            error = polled->events[i].error;
    commit_error = polled->message_count == 0 ? ERR_NONE : commit(retry);
    return error == ERR_NONE ? commit_error : error;
}

/* Lets go of what is due; the time until the next one is, at most `wait_ms`. */
static int64_t resume_due(struct barnabas_retry *retry, int64_t wait_ms) {
    int64_t now_ms = clock_wall_ms(clock_system());
    struct held_partition *held = TAILQ_FIRST(&retry->held);

    while (held != NULL) {
        struct held_partition *next = TAILQ_NEXT(held, next);

        if (held->due_ms <= now_ms) {
            /* It may be somebody else's by now. */
            (void)barnabas_consumer_resume(retry->consumer, held->key.topic, held->key.partition);
            held_drop(retry, held);
        } else if (held->due_ms - now_ms < wait_ms) {
            wait_ms = held->due_ms - now_ms;
        }
        held = next;
    }
    return wait_ms;
}

int barnabas_retry_run(struct barnabas_retry *retry, int64_t timeout_ms) {
    int64_t end_ms = clock_monotonic_ms(clock_system()) + timeout_ms;
    struct barnabas_polled polled;
    int64_t left_ms;
    int error = ERR_NONE;

    while (error == ERR_NONE && (left_ms = end_ms - clock_monotonic_ms(clock_system())) >= 0) {
        left_ms = resume_due(retry, left_ms);
        error = barnabas_consumer_poll(retry->consumer, left_ms, &polled);
        if (error == ERR_NONE)
            error = handle_all(retry, &polled);
        if (error == ERR_NONE && timeout_ms == 0)
            break;
    }
    return error;
}
