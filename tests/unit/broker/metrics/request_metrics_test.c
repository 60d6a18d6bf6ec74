/* Proves what is told of requests that were observed; under tsan, without races. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/metrics/counting_thread.h"
#include "broker/metrics/request_metrics.h"

#define KIND    7
#define THREADS (2 * COUNTING_THREADS_MAX)
#define TIMES   2000

static const struct request_observation observed = {
    .kind = KIND,
    .version = 3,
    .request_bytes = 100,
    .response_bytes = 10,
    .ns = {[REQUEST_TIME_TOTAL] = 9000000,
           [REQUEST_TIME_LOCAL] = 2000000,
           [REQUEST_TIME_REMOTE] = 6000000,
           [REQUEST_TIME_QUEUE] = 500000,
           [REQUEST_TIME_RESPONSE_QUEUE] = 250000,
           [REQUEST_TIME_SEND] = 1000000},
};

static void a_request_is_told_with_its_version_bytes_and_times(void **unused) {
    struct request_metrics *metrics = request_metrics_new();
    struct request_totals *totals = malloc(sizeof(*totals));
    struct request_observation odd = observed;

    (void)unused;
    assert_false(request_metrics_read(metrics, KIND, totals));
    request_metrics_observe(metrics, &observed);
    request_metrics_observe(metrics, &observed);
    odd.version = 4711;
    request_metrics_observe(metrics, &odd);
    odd.version = -1;
    request_metrics_observe(metrics, &odd);
    assert_true(request_metrics_read(metrics, KIND, totals));
    assert_false(request_metrics_read(metrics, KIND + 1, totals));
    assert_true(request_metrics_read(metrics, KIND, totals));
    assert_int_equal(totals->requests[3], 2);
    assert_int_equal(totals->requests[REQUEST_VERSIONS_MAX - 1], 2);
    assert_int_equal(totals->request_bytes, 400);
    assert_int_equal(totals->response_bytes, 40);
    assert_int_equal(totals->times[REQUEST_TIME_TOTAL].count, 4);
    assert_int_equal(totals->times[REQUEST_TIME_TOTAL].sum_us, 36000);
    assert_int_equal(totals->times[REQUEST_TIME_LOCAL].sum_us, 8000);
    assert_int_equal(totals->times[REQUEST_TIME_REMOTE].sum_us, 24000);
    assert_int_equal(totals->times[REQUEST_TIME_SEND].sum_us, 4000);
    free(totals);
    request_metrics_free(metrics);
}

static void errors_are_told_by_their_code(void **unused) {
    struct request_metrics *metrics = request_metrics_new();
    struct request_totals *totals = malloc(sizeof(*totals));

    (void)unused;
    request_metrics_error(metrics, KIND, -1);
    request_metrics_error(metrics, KIND, 6);
    request_metrics_error(metrics, KIND, 6);
    request_metrics_error(metrics, KIND, REQUEST_ERRORS_MAX - 2);
    request_metrics_error(metrics, KIND, REQUEST_ERRORS_MAX - 1);
    request_metrics_error(metrics, KIND, -2);
    request_metrics_error(metrics, KIND, INT16_MAX);
    assert_true(request_metrics_read(metrics, KIND, totals));
    assert_int_equal(totals->errors[0], 1);
    assert_int_equal(totals->errors[7], 2);
    assert_int_equal(totals->errors[REQUEST_ERRORS_MAX - 1], 1);
    free(totals);
    request_metrics_free(metrics);
}

static void *observe(void *context) {
    for (int i = 0; i < TIMES; i++) {
        request_metrics_observe(context, &observed);
        request_metrics_error(context, KIND, 6);
    }
    return NULL;
}

static void many_threads_lose_nothing(void **unused) {
    struct request_metrics *metrics = request_metrics_new();
    struct request_totals *totals = malloc(sizeof(*totals));
    pthread_t threads[THREADS];
    uint64_t seen = 0;

    (void)unused;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, observe, metrics), 0);
    while (seen < (uint64_t)THREADS * TIMES) {
        (void)request_metrics_read(metrics, KIND, totals);
        assert_true(totals->requests[3] >= seen);
        seen = totals->requests[3];
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(request_metrics_read(metrics, KIND, totals));
    assert_int_equal(totals->errors[7], THREADS * TIMES);
    assert_int_equal(totals->times[REQUEST_TIME_TOTAL].count, THREADS * TIMES);
    free(totals);
    request_metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_told_with_its_version_bytes_and_times),
        cmocka_unit_test(errors_are_told_by_their_code),
        cmocka_unit_test(many_threads_lose_nothing),
    };

    return cmocka_run_group_tests_name("request_metrics", tests, NULL, NULL);
}
