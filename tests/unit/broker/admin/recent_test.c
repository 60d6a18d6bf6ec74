/* Proves that times of more than two notes ago are forgotten, and later ones are not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/admin/recent.h"

#define KIND 5

static const struct histogram zk_latency; /* nothing */

static void observe(struct request_metrics *metrics, int64_t ms) {
    const struct request_observation observation = {.kind = KIND,
                                                    .ns = {[REQUEST_TIME_TOTAL] = ms * 1000000}};

    request_metrics_observe(metrics, &observation);
}

/* Of the largest time that is still remembered. */
static double largest_ms(const struct recent *recent, const struct request_metrics *metrics) {
    struct request_totals *totals = malloc(sizeof(*totals));
    struct histogram_snapshot *difference = malloc(sizeof(*difference));
    double ms;

    assert_true(request_metrics_read(metrics, KIND, totals));
    recent_since(recent, KIND, totals, REQUEST_TIME_TOTAL, difference);
    ms = histogram_quantile_ms(difference, 1);
    free(difference);
    free(totals);
    return ms;
}

static void what_is_long_past_is_forgotten(void **unused) {
    struct request_metrics *metrics = request_metrics_new();
    struct recent recent = {0};

    (void)unused;
    recent_note(&recent, metrics, &zk_latency, NULL);
    observe(metrics, 1000);
    assert_true(largest_ms(&recent, metrics) >= 1000);
    recent_note(&recent, metrics, &zk_latency, NULL);
    observe(metrics, 10);
    assert_true(largest_ms(&recent, metrics) >= 1000);
    recent_note(&recent, metrics, &zk_latency, NULL);
    assert_true(largest_ms(&recent, metrics) >= 10);
    assert_true(largest_ms(&recent, metrics) < 12);
    recent_note(&recent, metrics, &zk_latency, NULL);
    assert_true(isnan(largest_ms(&recent, metrics)));
    observe(metrics, 3);
    assert_true(largest_ms(&recent, metrics) < 4);
    recent_done(&recent);
    request_metrics_free(metrics);
}

static void a_reactor_has_worked_since_the_note_before_the_last(void **unused) {
    struct recent recent = {0};

    (void)unused;
    recent.noted_ns_before = recent.noted_ns_last = 1000;
    assert_true(recent_busy_share(&recent, 1, 50, 1100) == 0.5);
    recent_note_busy(&recent, (int64_t[]){10, 50}, 2, 1100);
    assert_true(recent_busy_share(&recent, 1, 100, 1200) == 0.5);
    recent_note_busy(&recent, (int64_t[]){20, 60}, 2, 1200);
    assert_true(recent_busy_share(&recent, 0, 10, 1300) == 0);
    assert_true(recent_busy_share(&recent, 1, 100, 1300) == 0.25);
    assert_true(recent_busy_share(&recent, 1, 1000, 1300) == 1);
    recent_done(&recent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_long_past_is_forgotten),
        cmocka_unit_test(a_reactor_has_worked_since_the_note_before_the_last),
    };

    return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
