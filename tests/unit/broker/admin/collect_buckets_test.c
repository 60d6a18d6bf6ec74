/* Proves that a histogram's buckets are cumulative, with bounds in seconds, and nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/admin/collect.h"

static struct exposition out;

static bool has(const char *line) {
    return memmem(out.data, out.size, line, strlen(line)) != NULL;
}

static void each_time_is_counted_from_its_bound_on(void **unused) {
    static struct histogram histogram;
    struct histogram_snapshot all = {0};

    (void)unused;
    histogram_record_ns(&histogram, 3000);                   /* 3 us */
    histogram_record_ns(&histogram, 1023 * 1000);            /* just below 1,024 us */
    histogram_record_ns(&histogram, 1024 * 1000);            /* just not */
    histogram_record_ns(&histogram, INT64_C(3600000000000)); /* an hour */
    histogram_snapshot_add(&all, &histogram);
    exposition_init(&out);
    exposition_family(&out, "x_seconds", METRIC_HISTOGRAM, "X.");
    collect_buckets(&out, "acks", "all", &all);
    assert_true(
        has("# TYPE x_seconds histogram\nx_seconds_bucket{acks=\"all\",le=\"1.6e-05\"} 1\n"));
    assert_true(has("x_seconds_bucket{acks=\"all\",le=\"0.000512\"} 1\n"));
    assert_true(has("x_seconds_bucket{acks=\"all\",le=\"0.001024\"} 2\n"));
    assert_true(has("x_seconds_bucket{acks=\"all\",le=\"0.002048\"} 3\n"));
    assert_true(has("x_seconds_bucket{acks=\"all\",le=\"67.108864\"} 3\n"));
    assert_true(has("x_seconds_bucket{acks=\"all\",le=\"+Inf\"} 4\n"));
    assert_true(has("x_seconds_sum{acks=\"all\"} 3600.00205\n"));
    assert_true(has("x_seconds_count{acks=\"all\"} 4\n"));
    exposition_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_time_is_counted_from_its_bound_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
