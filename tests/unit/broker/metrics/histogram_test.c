/* Proves that every time finds its bucket, and what quantiles say of known times. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/metrics/histogram.h"

#define US 1000

static void buckets_have_no_gaps_and_are_an_eighth_wide(void **unused) {
    uint64_t begin = 0;

    (void)unused;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t end = histogram_bucket_end_us(i);

        assert_true(end >= begin);
        assert_int_equal(histogram_bucket(begin), i);
        assert_int_equal(histogram_bucket(end), i);
        assert_true(end - begin <= begin / 8);
        begin = end + 1;
    }
    assert_true(begin > UINT64_C(12) * 3600 * 1000000 / 2);
    assert_int_equal(histogram_bucket(begin), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void quantiles_are_those_of_what_was_recorded(void **unused) {
    static struct histogram histogram;
    static struct histogram_snapshot snapshot;

    (void)unused;
    histogram_snapshot_add(&snapshot, &histogram);
    assert_true(isnan(histogram_quantile_ms(&snapshot, 0.5)));
    for (int us = 1; us <= 1000; us++)
        histogram_record_ns(&histogram, us * US + 999);
    histogram_record_ns(&histogram, -5);
    memset(&snapshot, 0, sizeof(snapshot));
    histogram_snapshot_add(&snapshot, &histogram);
    assert_int_equal(snapshot.count, 1001);
    assert_int_equal(snapshot.sum_us, 500500);
    assert_true(histogram_quantile_ms(&snapshot, 0.5) >= 0.5);
    assert_true(histogram_quantile_ms(&snapshot, 0.5) <= 0.5 * 1.125);
    assert_true(histogram_quantile_ms(&snapshot, 0.99) >= 0.99);
    assert_true(histogram_quantile_ms(&snapshot, 0.99) <= 0.99 * 1.125);
    assert_true(histogram_quantile_ms(&snapshot, 0) == 0);
    assert_true(histogram_quantile_ms(&snapshot, 1) >= 1);
}

static void a_difference_knows_nothing_of_before(void **unused) {
    static struct histogram histogram;
    static struct histogram_snapshot before, now, difference;

    (void)unused;
    for (int i = 0; i < 1000; i++)
        histogram_record_ns(&histogram, INT64_C(1000000000));
    histogram_snapshot_add(&before, &histogram);
    histogram_record_ns(&histogram, 3 * US);
    histogram_snapshot_add(&now, &histogram);
    histogram_snapshot_since(&now, &before, &difference);
    assert_int_equal(difference.count, 1);
    assert_int_equal(difference.sum_us, 3);
    assert_true(histogram_quantile_ms(&difference, 0.999) == 0.003);
}

#define RECORDED 200000

static void *record(void *context) {
    for (int i = 0; i < RECORDED; i++)
        histogram_record_ns(context, i * US);
    return NULL;
}

/* Under tsan this proves that a reader disturbs nobody. */
static void snapshots_may_be_taken_while_it_is_written(void **unused) {
    static struct histogram histogram;
    uint64_t last = 0;
    pthread_t writer;

    (void)unused;
    assert_int_equal(pthread_create(&writer, NULL, record, &histogram), 0);
    while (last < RECORDED) {
        static struct histogram_snapshot snapshot;

        memset(&snapshot, 0, sizeof(snapshot));
        histogram_snapshot_add(&snapshot, &histogram);
        assert_true(snapshot.count >= last && snapshot.count <= RECORDED);
        last = snapshot.count;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

static void *record_shared(void *context) {
    for (int i = 0; i < RECORDED; i++)
        histogram_record_shared_ns(context, 5 * US);
    return NULL;
}

static void several_writers_may_share_one(void **unused) {
    static struct histogram histogram;
    static struct histogram_snapshot snapshot;
    pthread_t writers[3];

    (void)unused;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, record_shared, &histogram), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    histogram_snapshot_add(&snapshot, &histogram);
    assert_int_equal(snapshot.count, 3 * RECORDED);
    assert_int_equal(snapshot.buckets[5], 3 * RECORDED);
    assert_int_equal(snapshot.sum_us, 3 * RECORDED * 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_have_no_gaps_and_are_an_eighth_wide),
        cmocka_unit_test(quantiles_are_those_of_what_was_recorded),
        cmocka_unit_test(a_difference_knows_nothing_of_before),
        cmocka_unit_test(snapshots_may_be_taken_while_it_is_written),
        cmocka_unit_test(several_writers_may_share_one),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
