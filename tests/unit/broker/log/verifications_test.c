/* Guards: each is good for one producer, until it is removed, and never comes again. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/verifications.h"

#define A 1000
#define B 2000

static uint64_t begin(struct verifications *verifications, int64_t producer_id,
                      int16_t producer_epoch, int32_t base_sequence, int64_t now_ms) {
    uint64_t guard = 0;

    assert_int_equal(verifications_begin(verifications, producer_id, producer_epoch, base_sequence,
                                         now_ms, &guard),
                     ERR_NONE);
    assert_true(guard != 0);
    return guard;
}

static void a_guard_is_good_until_it_is_removed_and_never_comes_again(void **state) {
    struct verifications verifications = {0};
    uint64_t first, other, second;

    (void)state;
    assert_false(verifications_match(&verifications, A, 0));
    first = begin(&verifications, A, 0, 0, 1);
    other = begin(&verifications, B, 0, 0, 1);
    assert_true(first != other);
    assert_int_equal(begin(&verifications, A, 0, 7, 2), first);
    assert_true(verifications_match(&verifications, A, first));
    assert_false(verifications_match(&verifications, A, other));
    assert_false(verifications_match(&verifications, A, 0));
    verifications_remove(&verifications, A);
    verifications_remove(&verifications, A);
    assert_false(verifications_match(&verifications, A, first));
    second = begin(&verifications, A, 0, 0, 3);
    assert_true(second != first && second != other);
    assert_false(verifications_match(&verifications, A, first));
    assert_true(verifications_match(&verifications, B, other));
    verifications_clear(&verifications);
    assert_false(verifications_match(&verifications, B, other));
    assert_true(begin(&verifications, B, 0, 0, 3) > second);
    verifications_clear(&verifications);
}

/* What waits with a lower sequence must go first; a new epoch begins anew. */
static void the_lowest_sequence_of_the_newest_epoch_goes_first(void **state) {
    static const struct {
        const char *label;
        int16_t epoch;
        int32_t sequence;
        int32_t lowest;
    } steps[] = {
        {"the first that waits", 3, 10, 10},      {"a later one changes nothing", 3, 15, 10},
        {"an earlier one is the first", 3, 5, 5}, {"an older epoch says nothing", 2, 0, 5},
        {"a newer epoch begins anew", 4, 8, 8},
    };
    struct verifications verifications = {0};

    (void)state;
    assert_false(verifications_is_early(&verifications, A, 100));
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        (void)begin(&verifications, A, steps[i].epoch, steps[i].sequence, 0);
        if (verifications_is_early(&verifications, A, steps[i].lowest) ||
            !verifications_is_early(&verifications, A, steps[i].lowest + 1))
            fail_msg("%s", steps[i].label);
    }
    verifications_clear(&verifications);
}

static void what_nobody_came_back_for_is_forgotten(void **state) {
    struct verifications verifications = {0};
    uint64_t guards[100];

    (void)state;
    for (int i = 0; i < 100; i++)
        guards[i] = begin(&verifications, i, 0, 0, i);
    verifications_expire(&verifications, 149, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(verifications_match(&verifications, i, guards[i]), i >= 50);
    verifications_expire(&verifications, 1000, 100);
    assert_null(verifications.by_producer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guard_is_good_until_it_is_removed_and_never_comes_again),
        cmocka_unit_test(the_lowest_sequence_of_the_newest_epoch_goes_first),
        cmocka_unit_test(what_nobody_came_back_for_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
