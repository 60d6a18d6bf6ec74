/* Proves that what threads count adds up, of a topic and of all topics; under tsan, without races.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/metrics/counting_thread.h"
#include "broker/metrics/traffic_meter.h"

#define THREADS (2 * COUNTING_THREADS_MAX) /* so that some share their cells */
#define TIMES   20000

static uint64_t total(const struct traffic_meter *meter, enum traffic kind) {
    struct traffic_totals totals;

    traffic_meter_read(meter, &totals);
    return totals.of[kind];
}

static void *count(void *context) {
    for (int i = 0; i < TIMES; i++) {
        traffic_meter_add(context, TRAFFIC_BYTES_IN, 3);
        traffic_meter_add(context, TRAFFIC_MESSAGES_IN, 1);
    }
    return NULL;
}

static void many_threads_lose_nothing(void **unused) {
    struct traffic_meter *all = traffic_meter_new(NULL);
    struct traffic_meter *topics[] = {traffic_meter_new(all), traffic_meter_new(all)};
    pthread_t threads[THREADS];

    (void)unused;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, topics[i % 2]), 0);
    /* A reader sees numbers that only grow. */
    for (uint64_t seen = 0, now; seen < (uint64_t)THREADS * TIMES; seen = now) {
        now = total(all, TRAFFIC_MESSAGES_IN);
        assert_true(now >= seen);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(total(topics[i], TRAFFIC_MESSAGES_IN), THREADS / 2 * TIMES);
        assert_int_equal(total(topics[i], TRAFFIC_BYTES_IN), THREADS / 2 * TIMES * 3);
        assert_int_equal(total(topics[i], TRAFFIC_BYTES_OUT), 0);
    }
    assert_int_equal(total(all, TRAFFIC_BYTES_IN), THREADS * TIMES * 3);
    traffic_meter_unref(topics[0]);
    traffic_meter_unref(topics[1]);
    traffic_meter_unref(all);
}

static void the_total_outlives_a_topic(void **unused) {
    struct traffic_meter *all = traffic_meter_new(NULL);
    struct traffic_meter *topic = traffic_meter_new(all);

    (void)unused;
    traffic_meter_add(topic, TRAFFIC_BYTES_OUT, 7);
    traffic_meter_ref(topic);
    traffic_meter_unref(topic);
    traffic_meter_add(topic, TRAFFIC_BYTES_OUT, 1);
    traffic_meter_unref(topic);
    assert_int_equal(total(all, TRAFFIC_BYTES_OUT), 8);
    traffic_meter_unref(all);
    traffic_meter_unref(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_lose_nothing),
        cmocka_unit_test(the_total_outlives_a_topic),
    };

    return cmocka_run_group_tests_name("traffic_meter", tests, NULL, NULL);
}
