/* Interceptors and stamps, from producers of several threads to a consumer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <barnabas/barnabas.h>

#include "tests/unit/client/cluster_double.h"

#define TIMEOUT_MS 30000
#define SENDERS    4
#define RECORDS    2000

static struct barnabas_config *config_of(const struct cluster_double *cluster) {
    struct barnabas_config *config = barnabas_config_new();

    barnabas_config_set(config, "bootstrap.servers", cluster->bootstrap, NULL);
    barnabas_config_set(config, "retry.backoff.ms", "5", NULL);
    barnabas_config_set(config, "reconnect.backoff.ms", "5", NULL);
    return config;
}

static int send_text(struct barnabas_producer *producer, int32_t partition, const char *text) {
    struct barnabas_header header = {"of the sender", 13, "x", 1};
    struct barnabas_record record = {
        .topic = "t",
        .partition = partition,
        .value = text,
        .value_size = strlen(text),
        .timestamp = BARNABAS_TIMESTAMP_NOW,
        .headers = &header,
        .header_count = 1,
    };

    return barnabas_producer_send(producer, &record, NULL, NULL);
}

static void *send_all(void *argument) {
    struct barnabas_producer *producer = argument;

    for (int i = 0; i < RECORDS; i++)
        CHECK(send_text(producer, i % DOUBLE_PARTITIONS, "value") == BARNABAS_OK);
    return NULL;
}

/* Reads `count` messages of all partitions from their beginning. */
static void read_all(struct cluster_double *cluster, struct barnabas_config *config, size_t count,
                     void (*take)(void *context, const struct barnabas_message *message),
                     void *context) {
    struct barnabas_consumer *consumer;
    struct barnabas_polled polled;

    (void)cluster;
    assert_int_equal(barnabas_consumer_open(config, &consumer, NULL), BARNABAS_OK);
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++)
        assert_int_equal(barnabas_consumer_assign(
                             consumer, "t", i, (struct barnabas_position){BARNABAS_FROM_OFFSET, 0}),
                         BARNABAS_OK);
    for (size_t seen = 0; seen < count; seen += polled.message_count) {
        assert_int_equal(barnabas_consumer_poll(consumer, TIMEOUT_MS, &polled), BARNABAS_OK);
        assert_true(polled.message_count > 0);
        for (size_t i = 0; i < polled.message_count; i++)
            take(context, &polled.messages[i]);
    }
    barnabas_consumer_close(consumer);
}

static void check_stamp(void *context, const struct barnabas_message *message) {
    enum barnabas_stamp_verdict verdict;

    assert_int_equal(message->header_count, 2);
    assert_memory_equal(message->headers[0].key, "of the sender", 13);
    assert_int_equal(barnabas_stamp_checker_take(context, message, &verdict), BARNABAS_OK);
    assert_int_equal(verdict, BARNABAS_STAMP_NEXT);
}

/* Several threads, connections that break, retries: stamps are in the order of the log. */
static void stamps_follow_the_order_of_the_log(void **state) {
    struct cluster_double *cluster = cluster_double_start();
    struct barnabas_config *config = config_of(cluster);
    struct barnabas_producer_interceptor interceptor;
    struct barnabas_stamp_checker *checker;
    struct barnabas_stamp_count count;
    struct barnabas_producer *producer;
    struct barnabas_stamper *stamper;
    pthread_t threads[SENDERS];

    (void)state;
    assert_int_equal(barnabas_stamper_new("sender", &stamper), BARNABAS_OK);
    interceptor = barnabas_stamper_interceptor(stamper);
    assert_int_equal(barnabas_config_add_producer_interceptor(config, &interceptor), BARNABAS_OK);
    assert_int_equal(barnabas_producer_open(config, &producer, NULL), BARNABAS_OK);
    double_add_fault(cluster, API_PRODUCE, FAULT_DROP_AFTER, ERR_NONE);
    double_add_fault(cluster, API_PRODUCE, FAULT_ERROR, ERR_NOT_ENOUGH_REPLICAS);
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, producer), 0);
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(barnabas_producer_flush(producer, TIMEOUT_MS), BARNABAS_OK);
    barnabas_producer_close(producer, 0);
    barnabas_config_free(config);

    config = config_of(cluster);
    assert_int_equal(barnabas_stamp_checker_new(true, &checker), BARNABAS_OK);
    read_all(cluster, config, SENDERS * RECORDS, check_stamp, checker);
    for (size_t i = 0; i < DOUBLE_PARTITIONS; i++) {
        assert_true(barnabas_stamp_checker_at(checker, i, &count));
        assert_string_equal(count.producer, barnabas_stamper_name(stamper));
        assert_int_equal(count.received, barnabas_stamper_count(stamper, "t", count.partition));
        assert_int_equal(count.lost + count.duplicated + count.reordered, 0);
    }
    assert_false(barnabas_stamp_checker_at(checker, DOUBLE_PARTITIONS, &count));
    assert_int_equal(barnabas_stamper_unstamped(stamper), 0);
    barnabas_stamp_checker_free(checker);
    barnabas_stamper_free(stamper);
    barnabas_config_free(config);
    cluster_double_stop(cluster);
}

/* What an interceptor did, and was told. */
struct watcher {
    char too_large[2 << 20];
    atomic_int sent;
    atomic_int acked;
    atomic_int failed;
    int last_error;
};

static void watch_send(void *context, struct barnabas_outgoing *outgoing) {
    struct barnabas_record *record = barnabas_outgoing_record(outgoing);
    struct watcher *watcher = context;

    assert_true(record->partition >= 0);
    watcher->sent++;
    if (record->value_size == 3 && memcmp(record->value, "big", 3) == 0) {
        record->value = watcher->too_large;
        record->value_size = sizeof(watcher->too_large);
    } else if (record->value_size == 6) {
        record->value = "changed";
        record->value_size = 7;
    }
}

static void watch_ack(void *context, const struct barnabas_delivery *delivery) {
    struct watcher *watcher = context;

    watcher->acked++;
    if (delivery->error != BARNABAS_OK) {
        watcher->failed++;
        watcher->last_error = delivery->error;
    }
}

static void each_record_that_was_shown_is_acknowledged_once(void **state) {
    static struct watcher watcher;
    const struct barnabas_producer_interceptor interceptor = {watch_send, watch_ack, &watcher};
    struct cluster_double *cluster = cluster_double_start();
    struct barnabas_config *config = config_of(cluster);
    struct barnabas_producer *producer;

    (void)state;
    for (int i = 0; i < BARNABAS_INTERCEPTORS_MAX; i++) {
        const struct barnabas_producer_interceptor nothing = {NULL, NULL, NULL};

        assert_int_equal(
            barnabas_config_add_producer_interceptor(config, i == 0 ? &interceptor : &nothing),
            BARNABAS_OK);
    }
    assert_int_equal(barnabas_config_add_producer_interceptor(config, &interceptor),
                     BARNABAS_INVALID_REQUEST);
    assert_int_equal(barnabas_producer_open(config, &producer, NULL), BARNABAS_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_text(producer, BARNABAS_PARTITION_ANY, "to be!"), BARNABAS_OK);
    assert_int_equal(send_text(producer, 0, "big"), BARNABAS_MESSAGE_TOO_LARGE);
    assert_int_equal(watcher.last_error, BARNABAS_MESSAGE_TOO_LARGE);
    assert_int_equal(send_text(producer, 1000, "value"), BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(barnabas_producer_flush(producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(watcher.sent, 101);
    assert_int_equal(watcher.acked, 101);
    assert_int_equal(watcher.failed, 1);
    barnabas_producer_close(producer, 0);
    barnabas_config_free(config);
    cluster_double_stop(cluster);
}

/* Leaves every second message, and says so in its key. */
static size_t leave_half(void *context, struct barnabas_message *messages, size_t count) {
    size_t *seen = context;
    size_t left = 0;

    for (size_t i = 0; i < count; i++)
        if ((*seen)++ % 2 == 0) {
            messages[i].key = "left";
            messages[left++] = messages[i];
        }
    return left;
}

static void check_left(void *context, const struct barnabas_message *message) {
    size_t *left = context;

    assert_string_equal(message->key, "left");
    (*left)++;
}

static void consumers_may_leave_messages_out(void **state) {
    struct cluster_double *cluster = cluster_double_start();
    struct barnabas_config *config = config_of(cluster);
    struct barnabas_consumer_interceptor interceptor = {.on_consume = leave_half};
    struct barnabas_producer *producer;
    size_t seen = 0;
    size_t left = 0;

    (void)state;
    assert_int_equal(barnabas_producer_open(config, &producer, NULL), BARNABAS_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_text(producer, 0, "value"), BARNABAS_OK);
    barnabas_producer_close(producer, TIMEOUT_MS);
    interceptor.context = &seen;
    assert_int_equal(barnabas_config_set(config, "max.poll.records", "1", NULL), BARNABAS_OK);
    assert_int_equal(barnabas_config_add_consumer_interceptor(config, &interceptor), BARNABAS_OK);
    read_all(cluster, config, 50, check_left, &left);
    assert_int_equal(left, 50);
    barnabas_config_free(config);
    cluster_double_stop(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_follow_the_order_of_the_log),
        cmocka_unit_test(each_record_that_was_shown_is_acknowledged_once),
        cmocka_unit_test(consumers_may_leave_messages_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
