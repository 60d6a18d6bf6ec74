/* Percentiles, and the pace that they are measured at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/latency_histogram.h"
#include "ops/cli/pace.h"
#include "ops/output/progress.h"

static struct latency_histogram histogram;

static void percentiles_are_right_to_one_percent(void **state) {
    static const struct {
        int64_t scale_ns; /* values are 1 to 10,000 times this */
    } cases[] = {{1}, {37}, {1000}, {1234567}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static const double percents[] = {1, 50, 90, 99, 99.9, 99.99, 100};

        memset(&histogram, 0, sizeof(histogram));
        for (int64_t value = 10000; value > 0; value--)
            latency_histogram_add(&histogram, value * cases[i].scale_ns);
        for (size_t j = 0; j < sizeof(percents) / sizeof(percents[0]); j++) {
            double exact = percents[j] * 100 * (double)cases[i].scale_ns;
            double told = (double)latency_histogram_ns(&histogram, percents[j]);

            assert_true(told >= exact * 0.999);
            assert_true(told <= exact * 1.01);
        }
        assert_int_equal(histogram.max_ns, 10000 * cases[i].scale_ns);
        assert_true(latency_histogram_mean_ns(&histogram) == 5000.5 * (double)cases[i].scale_ns);
    }
}

static void small_values_are_exact_and_huge_ones_are_not_lost(void **state) {
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    assert_int_equal(latency_histogram_ns(&histogram, 50), 0);
    latency_histogram_add(&histogram, -5);
    assert_int_equal(latency_histogram_ns(&histogram, 100), 0);
    latency_histogram_add(&histogram, 100);
    assert_int_equal(latency_histogram_ns(&histogram, 100), 100);
    latency_histogram_add(&histogram, INT64_MAX);
    latency_histogram_add(&histogram, INT64_C(1) << 42);
    assert_int_equal(histogram.count, 4);
    assert_int_equal(latency_histogram_ns(&histogram, 50), 100);
    assert_true(latency_histogram_ns(&histogram, 99) > INT64_C(1) << 41);
}

static void things_are_due_at_their_rate_without_drift(void **state) {
    (void)state;
    assert_int_equal(pace_due_ns(5, 1, 0), 5);
    assert_int_equal(pace_due_ns(5, 1, 3), 3000000005);
    assert_int_equal(pace_due_ns(0, 3, 1), 333333333);
    assert_int_equal(pace_due_ns(0, 3, 3), 1000000000);
    assert_int_equal(pace_due_ns(0, 7, 7000000), INT64_C(1000000000000000));
    assert_int_equal(pace_due_ns(0, 1000000000, UINT64_C(5000000001)), 5000000001);
}

static void the_bar_fills(void **state) {
    char bar[13];

    (void)state;
    progress_bar(bar, 10, 0, 8);
    assert_string_equal(bar, "[          ]");
    progress_bar(bar, 10, 4, 8);
    assert_string_equal(bar, "[#####     ]");
    progress_bar(bar, 10, 9, 8);
    assert_string_equal(bar, "[##########]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_right_to_one_percent),
        cmocka_unit_test(small_values_are_exact_and_huge_ones_are_not_lost),
        cmocka_unit_test(things_are_due_at_their_rate_without_drift),
        cmocka_unit_test(the_bar_fills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
