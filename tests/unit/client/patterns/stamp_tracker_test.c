/* What a sequence of numbers says of loss, duplicates and order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/base/rng.h"
#include "client/patterns/stamp_tracker.h"

static void sequences_tell_what_happened(void **state) {
    static const struct {
        const char *label;
        uint64_t taken[8];
        size_t count;
        uint64_t received, missing, duplicated, reordered;
    } cases[] = {
        {"all in order", {0, 1, 2, 3}, 4, 4, 0, 0, 0},
        {"one is missing", {0, 1, 3, 4}, 4, 4, 1, 0, 0},
        {"the first are missing", {5}, 1, 1, 5, 0, 0},
        {"one comes late", {0, 2, 1, 3}, 4, 4, 0, 0, 1},
        {"one comes twice", {0, 1, 1, 2}, 4, 3, 0, 1, 0},
        {"late, and then again", {0, 2, 1, 1}, 4, 3, 0, 1, 1},
        {"a run comes twice", {0, 1, 2, 0, 1, 2, 3}, 7, 4, 0, 3, 0},
        {"the middle of a gap", {0, 6, 3}, 3, 3, 4, 0, 1},
        {"both ends of a gap", {0, 6, 1, 5, 3}, 5, 5, 2, 0, 3},
        {"all in reverse", {3, 2, 1, 0}, 4, 4, 0, 0, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stamp_tracker tracker;
        enum barnabas_stamp_verdict verdict;

        print_message("%s\n", cases[i].label);
        stamp_tracker_init(&tracker, 0);
        for (size_t j = 0; j < cases[i].count; j++)
            assert_int_equal(stamp_tracker_take(&tracker, cases[i].taken[j], &verdict), ERR_NONE);
        assert_int_equal(tracker.received, cases[i].received);
        assert_int_equal(tracker.missing, cases[i].missing);
        assert_int_equal(tracker.duplicated, cases[i].duplicated);
        assert_int_equal(tracker.reordered, cases[i].reordered);
        stamp_tracker_done(&tracker);
    }
}

/* Beside one flag per number, in any order, with repetitions. */
static void any_order_gives_what_flags_give(void **state) {
    enum { NUMBERS = 600, TAKES = 900 };
    struct rng rng;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        bool seen[NUMBERS] = {false};
        uint64_t received = 0;
        uint64_t next = 0;
        struct stamp_tracker tracker;

        rng_seed(&rng, seed);
        stamp_tracker_init(&tracker, 0);
        for (int i = 0; i < TAKES; i++) {
            uint64_t number = rng_below(&rng, NUMBERS);
            enum barnabas_stamp_verdict expected = BARNABAS_STAMP_LATE;
            enum barnabas_stamp_verdict verdict;

            if (number >= next)
                expected = number == next ? BARNABAS_STAMP_NEXT : BARNABAS_STAMP_GAP;
            else if (seen[number])
                expected = BARNABAS_STAMP_DUPLICATE;
            received += !seen[number];
            seen[number] = true;
            next = number >= next ? number + 1 : next;
            assert_int_equal(stamp_tracker_take(&tracker, number, &verdict), ERR_NONE);
            assert_int_equal(verdict, expected);
            assert_int_equal(tracker.received, received);
            assert_int_equal(tracker.missing, next - received);
        }
        stamp_tracker_done(&tracker);
    }
}

static void gaps_are_bounded_and_the_oldest_is_forgotten(void **state) {
    struct stamp_tracker tracker;
    enum barnabas_stamp_verdict verdict;

    (void)state;
    stamp_tracker_init(&tracker, 0);
    for (uint64_t i = 0; i <= STAMP_GAPS_MAX; i++) /* 1, 3, 5: each leaves a gap before it */
        assert_int_equal(stamp_tracker_take(&tracker, 2 * i + 1, &verdict), ERR_NONE);
    assert_int_equal(tracker.gap_count, STAMP_GAPS_MAX);
    assert_int_equal(tracker.missing, STAMP_GAPS_MAX + 1);
    assert_int_equal(stamp_tracker_take(&tracker, 0, &verdict), ERR_NONE);
    assert_int_equal(verdict, BARNABAS_STAMP_DUPLICATE);
    assert_int_equal(stamp_tracker_take(&tracker, 2, &verdict), ERR_NONE);
    assert_int_equal(verdict, BARNABAS_STAMP_LATE);
    assert_int_equal(tracker.missing, STAMP_GAPS_MAX);
    stamp_tracker_done(&tracker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_tell_what_happened),
        cmocka_unit_test(any_order_gives_what_flags_give),
        cmocka_unit_test(gaps_are_bounded_and_the_oldest_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
