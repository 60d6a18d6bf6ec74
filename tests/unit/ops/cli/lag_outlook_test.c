/* What follows from how far a group is behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/cli/lag_outlook.h"

#define NEVER LAG_OUTLOOK_UNKNOWN

static void what_follows(void **state) {
    static const struct {
        struct lag_facts facts;
        double behind, to_catch_up, to_loss;
    } cases[] = {
        /* now, lag, first unread, retention, gain, retention by size, of a record, written */
        {{100000, 0, -1, 50000, 5, -1, 0, -1}, 0, 0, NEVER},
        {{100000, -1, 90000, 50000, 5, -1, 0, -1}, NEVER, NEVER, NEVER},
        {{100000, 50, 90000, 50000, 5, -1, 0, -1}, 10, 10, 40},
        {{100000, 50, 90000, 10000, 0, -1, 0, -1}, 10, NEVER, 0},
        {{100000, 50, 90000, 9000, -3, -1, 0, -1}, 10, NEVER, 0}, /* may be gone at any moment */
        {{100000, 50, 90000, -1, 5, -1, 0, -1}, 10, 10, NEVER},
        {{100000, 50, -1, 50000, 5, -1, 0, -1}, NEVER, 10, NEVER},
        /* A clock that is ahead of ours. */
        {{100000, 50, 120000, 50000, 5, -1, 0, -1}, 0, 10, 70},
        {{100000, 50, 0, INT64_MAX, 5, -1, 0, -1}, 100, 10, (double)INT64_MAX / 1000 - 100},
        /* 5000 of 7000 bytes lie behind the first; 1000 a second are written, 500 since then. */
        {{100000, 50, 90000, -1, 0, 7000, 100, 10}, 10, NEVER, 2},
        {{100000, 50, 90000, -1, 0, 7000, 100, -1}, 10, NEVER, 4},
        {{100000, 50, -1, -1, 0, 7000, 100, 10}, NEVER, NEVER, 2},
        {{100000, 50, -1, -1, 0, 7000, 100, -1}, NEVER, NEVER, NEVER},
        {{100000, 50, 90000, -1, 0, 7000, 100, 0}, 10, NEVER, NEVER}, /* nothing more comes */
        {{100000, 50, 90000, -1, 0, 5000, 100, 0}, 10, NEVER, 0},
        {{100000, 50, 90000, -1, 0, 7000, 0, 10}, 10, NEVER, NEVER},
        /* The sooner of both. */
        {{100000, 50, 90000, 11000, 0, 7000, 100, 10}, 10, NEVER, 1},
        {{100000, 50, 90000, 50000, 0, 7000, 100, 10}, 10, NEVER, 2},
        {{100000, 50, 90000, 50000, 0, 7000, 100, 0}, 10, NEVER, 40},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lag_outlook outlook = lag_outlook_of(&cases[i].facts);

        assert_float_equal(outlook.seconds_behind, cases[i].behind, 0.001);
        assert_float_equal(outlook.seconds_to_catch_up, cases[i].to_catch_up, 0.001);
        assert_float_equal(outlook.seconds_to_loss, cases[i].to_loss, 0.001);
    }
}

static void in_words(void **state) {
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {-1, "-"},       {0, "0s"},         {0.54, "0.5s"},   {9.94, "9.9s"},
        {10.7, "10s"},   {59.9, "59s"},     {60, "1m00s"},    {3599, "59m59s"},
        {3600, "1h00m"}, {86399, "23h59m"}, {86400, "1d00h"}, {604800 + 7200, "7d02h"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lag_outlook_text(cases[i].seconds, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows),
        cmocka_unit_test(in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
