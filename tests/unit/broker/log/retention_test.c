/* Which segments may go: by log start, size and age; never what the high watermark has not passed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/log/retention.h"
#include "client/base/check.h"

#define NOW 1000000

/* Three full segments of ten records and 100 bytes, and an active one with `active_bytes`. */
static size_t count_of(const struct retention_rules *rules, int64_t active_bytes) {
    const struct retention_segment segments[] = {
        {10, 100, NOW - 400},
        {20, 100, NOW - 300},
        {30, 100, NOW - 200},
        {active_bytes > 0 ? 40 : 30, active_bytes, active_bytes > 0 ? NOW - 100 : -1},
    };

    return retention_count(segments, ARRAY_COUNT(segments), rules);
}

static void segments_go_from_the_oldest_on_while_a_rule_says_so(void **state) {
    static const struct {
        const char *what;
        struct retention_rules rules;
        int64_t active_bytes;
        size_t count;
    } cases[] = {
        {"no rule", {0, 40, true, -1, -1, NOW, NULL}, 100, 0},
        {"age of the first", {0, 40, true, 350, -1, NOW, NULL}, 100, 1},
        {"exactly as old as allowed", {0, 40, true, 400, -1, NOW, NULL}, 100, 0},
        {"all are too old", {0, 40, true, 0, -1, NOW, NULL}, 100, 4},
        {"an empty active one stays", {0, 30, true, 0, -1, NOW, NULL}, 0, 3},
        {"the clock is behind", {0, 40, true, 350, -1, NOW - 1000, NULL}, 100, 0},
        {"size just fits", {0, 40, true, -1, 400, NOW, NULL}, 100, 0},
        {"one byte less is not a segment", {0, 40, true, -1, 301, NOW, NULL}, 100, 0},
        {"a segment too much", {0, 40, true, -1, 300, NOW, NULL}, 100, 1},
        {"nothing may stay", {0, 40, true, -1, 0, NOW, NULL}, 100, 4},
        {"size or age", {0, 40, true, 350, 200, NOW, NULL}, 100, 2},
        {"the high watermark holds them", {0, 15, true, 0, -1, NOW, NULL}, 100, 1},
        {"below the log start", {20, 40, true, -1, -1, NOW, NULL}, 100, 2},
        {"the log start lies in the third", {25, 40, true, -1, -1, NOW, NULL}, 100, 2},
        {"all but the active one", {40, 40, true, -1, -1, NOW, NULL}, 100, 3},
        {"that one, too, if it is too old", {40, 40, true, 50, -1, NOW, NULL}, 100, 4},
        {"not for age without the policy", {0, 40, false, 0, 0, NOW, NULL}, 100, 0},
        {"below the log start without the policy", {10, 40, false, 0, 0, NOW, NULL}, 100, 1},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t count = count_of(&cases[i].rules, cases[i].active_bytes);
        if (count != cases[i].count)
            fail_msg("%s: %zu instead of %zu", cases[i].what, count, cases[i].count);
    }
}

static void one_segment_that_stays_keeps_all_behind_it(void **state) {
    const struct retention_segment segments[] = {{10, 100, NOW}, {20, 100, 0}, {30, 100, 0}};
    const struct retention_rules rules = {0, 30, true, 100, -1, NOW, NULL};
    (void)state;

    assert_int_equal(retention_count(segments, ARRAY_COUNT(segments), &rules), 0);
}

static void a_guard_holds_back_what_is_not_read_within_its_budget(void **state) {
    static const struct {
        const char *what;
        struct retention_guard guard;
        int64_t log_start_offset;
        size_t count;
    } cases[] = {
        {"all is read", {40, 1000}, 0, 3},
        {"nothing is read", {0, 1000}, 0, 0},
        {"the second is being read", {15, 1000}, 0, 1},
        {"the first is read to its end", {10, 1000}, 0, 1},
        {"there is room for one", {0, 199}, 0, 2},
        {"there is just room for two", {0, 200}, 0, 1},
        {"there is no room", {0, 0}, 0, 3},
        {"what lies before the log start goes", {0, 1000}, 20, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        /* The first three are too old. */
        const struct retention_rules rules = {
            cases[i].log_start_offset, 40, true, 150, -1, NOW, &cases[i].guard};
        if (count_of(&rules, 100) != cases[i].count)
            fail_msg("%s: %zu", cases[i].what, count_of(&rules, 100));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_go_from_the_oldest_on_while_a_rule_says_so),
        cmocka_unit_test(a_guard_holds_back_what_is_not_read_within_its_budget),
        cmocka_unit_test(one_segment_that_stays_keeps_all_behind_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
