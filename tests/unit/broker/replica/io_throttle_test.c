/* A rate is kept, and nothing is saved up for later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/replica/io_throttle.h"

static void who_waits_as_told_keeps_the_rate(void **state) {
    struct io_throttle throttle = {.bytes_per_second = 100000};
    int64_t now_ms = 1000;
    int64_t used = 0;
    (void)state;

    for (int i = 0; i < 1000; i++) {
        size_t bytes = (size_t)(1 + i % 7 * 500);
        used += (int64_t)bytes;
        now_ms += io_throttle_use(&throttle, bytes, now_ms);
    }
    /* Fractions of a ms are not waited for at once, but not forgotten either. */
    assert_in_range(now_ms - 1000, used / 100 - 1, used / 100 + 1);
}

static void what_was_not_used_is_not_saved_up(void **state) {
    struct io_throttle throttle = {.bytes_per_second = 1000};
    (void)state;

    assert_int_equal(io_throttle_use(&throttle, 500, 0), 500);
    assert_int_equal(io_throttle_use(&throttle, 500, 100000), 500);
    assert_int_equal(io_throttle_use(&throttle, 500, 100500), 500);
    assert_int_equal(io_throttle_use(&throttle, 500, 100600), 900);
}

static void without_a_rate_nobody_waits(void **state) {
    struct io_throttle throttle = {.bytes_per_second = 1.7976931348623157E308};
    struct io_throttle none = {.bytes_per_second = 0};
    (void)state;

    assert_int_equal(io_throttle_use(&throttle, SIZE_MAX, 5), 0);
    assert_int_equal(io_throttle_use(&none, SIZE_MAX, 5), 0);
}

static void a_tiny_rate_waits_an_hour_at_most(void **state) {
    struct io_throttle throttle = {.bytes_per_second = 1E-300};
    (void)state;

    assert_int_equal(io_throttle_use(&throttle, 1 << 20, 5), 3600000);
    assert_int_equal(io_throttle_use(&throttle, 1 << 20, 3600005), 3600000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_as_told_keeps_the_rate),
        cmocka_unit_test(what_was_not_used_is_not_saved_up),
        cmocka_unit_test(without_a_rate_nobody_waits),
        cmocka_unit_test(a_tiny_rate_waits_an_hour_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
