/* Up to where a partition may be committed, whatever the order in which work ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/base/rng.h"
#include "client/patterns/offset_book.h"

static void nothing_begun_is_nothing_to_commit(void **state) {
    struct offset_book book;

    (void)state;
    offset_book_init(&book);
    assert_int_equal(offset_book_committable(&book), -1);
    assert_true(offset_book_is_idle(&book));
    assert_int_equal(offset_book_begin(&book, 7), ERR_NONE);
    assert_int_equal(offset_book_committable(&book), 7);
    offset_book_end(&book, 7);
    assert_int_equal(offset_book_committable(&book), 8);
    assert_true(offset_book_is_idle(&book));
    offset_book_done(&book);
}

static void gaps_of_the_log_do_not_hold_it_up(void **state) {
    static const int64_t offsets[] = {3, 9, 10, 40};
    struct offset_book book;

    (void)state;
    offset_book_init(&book);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(offset_book_begin(&book, offsets[i]), ERR_NONE);
    offset_book_end(&book, 9);
    offset_book_end(&book, 40);
    assert_int_equal(offset_book_committable(&book), 3);
    offset_book_end(&book, 3);
    assert_int_equal(offset_book_committable(&book), 10);
    offset_book_end(&book, 10);
    assert_int_equal(offset_book_committable(&book), 41);
    offset_book_done(&book);
}

/* Beside a flag per offset: begins and ends in any order, with many at work at once. */
static void any_order_gives_the_first_that_has_not_ended(void **state) {
    enum { OFFSETS = 3000 };
    static bool ended[OFFSETS];
    struct rng rng;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct offset_book book;
        int64_t begun = 0;
        int64_t first = 0;

        rng_seed(&rng, seed);
        offset_book_init(&book);
        memset(ended, 0, sizeof(ended));
        while (first < OFFSETS) {
            int64_t pick = first + (int64_t)rng_below(&rng, (uint64_t)(begun - first) + 1);

            if (pick == begun || rng_below(&rng, 3) == 0) {
                if (begun < OFFSETS)
                    assert_int_equal(offset_book_begin(&book, begun++), ERR_NONE);
                continue;
            }
            if (!ended[pick])
                offset_book_end(&book, pick);
            ended[pick] = true;
            while (first < begun && ended[first])
                first++;
            assert_int_equal(offset_book_committable(&book), first);
            assert_int_equal(offset_book_is_idle(&book), first == begun);
        }
        offset_book_done(&book);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_begun_is_nothing_to_commit),
        cmocka_unit_test(gaps_of_the_log_do_not_hold_it_up),
        cmocka_unit_test(any_order_gives_the_first_that_has_not_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
