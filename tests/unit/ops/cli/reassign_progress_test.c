/* How far data has moved, in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/cli/reassign_progress.h"

static void the_rate_is_that_of_the_last_ten_seconds(void **state) {
    struct reassign_progress progress = {.count = 0};
    char text[256];
    (void)state;

    reassign_progress_note(&progress, 1000, 0, 10000000000);
    assert_int_equal(reassign_progress_rate(&progress), 0);
    assert_int_equal(reassign_progress_seconds_left(&progress), -1);
    assert_string_equal(reassign_progress_text(&progress, text, sizeof(text)),
                        "0 B of 10.0 GB copied, 10.0 GB left, 0 B/s, nobody knows how long");
    reassign_progress_note(&progress, 2000, 50000000, 10000000000);
    assert_int_equal(reassign_progress_rate(&progress), 50000000);
    /* Slower from here on: after ten seconds nothing else counts. */
    for (int i = 1; i <= 30; i++)
        reassign_progress_note(&progress, 2000 + i * 1000, 50000000 + i * 1000000, 10000000000);
    assert_int_equal(reassign_progress_rate(&progress), 1000000);
    assert_string_equal(reassign_progress_text(&progress, text, sizeof(text)),
                        "80.0 MB of 10.0 GB copied, 9.9 GB left, 1.0 MB/s, 2 h 45 min to go");
}

static void many_looks_do_not_matter(void **state) {
    struct reassign_progress progress = {.count = 0};
    (void)state;

    for (int i = 0; i <= 1000; i++)
        reassign_progress_note(&progress, i * 100, i * 200, 1000000);
    assert_int_equal(reassign_progress_rate(&progress), 2000);
    assert_int_equal(reassign_progress_seconds_left(&progress), 400);
}

static void what_stands_still_or_falls_has_no_rate(void **state) {
    struct reassign_progress progress = {.count = 0};
    (void)state;

    reassign_progress_note(&progress, 0, 500, 1000);
    reassign_progress_note(&progress, 1000, 500, 1000);
    assert_int_equal(reassign_progress_rate(&progress), 0);
    reassign_progress_note(&progress, 2000, 100, 1000);
    assert_int_equal(reassign_progress_rate(&progress), 0);
    assert_int_equal(reassign_progress_seconds_left(&progress), -1);
    reassign_progress_note(&progress, 3000, 1000, 1000);
    assert_int_equal(reassign_progress_seconds_left(&progress), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_is_that_of_the_last_ten_seconds),
        cmocka_unit_test(many_looks_do_not_matter),
        cmocka_unit_test(what_stands_still_or_falls_has_no_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
