/* The wheel, against a clock that the test moves: everything expires once, never early. */
#include "broker/server/timer_wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/base/rng.h"

#define START_MS 1000003

static int64_t drain_at(struct timer_wheel *wheel, int64_t now_ms) {
    int64_t count = 0;

    while (timer_wheel_pop(wheel, now_ms) != NULL)
        count++;
    return count;
}

static void an_entry_expires_at_its_time_and_not_before(void **state) {
    static const int64_t delays[] = {0, 1, 9, 10, 11, 499, 500, 5119, 5120, 5121, 30000, 600000};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(delays); i++) {
        struct timer_wheel wheel;
        struct timer_wheel_entry entry = {0};
        int64_t now_ms = START_MS;

        timer_wheel_init(&wheel, now_ms);
        assert_int_equal(timer_wheel_wait_ms(&wheel, now_ms), -1);
        timer_wheel_add(&wheel, &entry, now_ms, delays[i]);
        while (timer_wheel_pop(&wheel, now_ms) == NULL) {
            int64_t wait_ms = timer_wheel_wait_ms(&wheel, now_ms);

            assert_true(wait_ms >= 0 && wait_ms <= TIMER_WHEEL_TICK_MS * TIMER_WHEEL_SLOT_COUNT);
            now_ms += wait_ms == 0 ? 1 : wait_ms;
        }
        assert_true(now_ms >= START_MS + delays[i]);
        assert_true(now_ms <= START_MS + delays[i] + 2 * TIMER_WHEEL_TICK_MS);
        assert_int_equal(timer_wheel_wait_ms(&wheel, now_ms), -1);
    }
}

static void a_cancelled_entry_never_expires(void **state) {
    struct timer_wheel wheel;
    struct timer_wheel_entry a = {0}, b = {0};

    (void)state;
    timer_wheel_init(&wheel, START_MS);
    timer_wheel_cancel(&wheel, &a); /* was never added */
    timer_wheel_add(&wheel, &a, START_MS, 100);
    timer_wheel_add(&wheel, &b, START_MS, 100);
    timer_wheel_cancel(&wheel, &a);
    timer_wheel_cancel(&wheel, &a);
    assert_ptr_equal(timer_wheel_pop(&wheel, START_MS + 200), &b);
    assert_null(timer_wheel_pop(&wheel, START_MS + 10000));
}

static void an_entry_that_is_due_can_still_be_cancelled(void **state) {
    struct timer_wheel wheel;
    struct timer_wheel_entry entries[2] = {{.due_tick = 0}};
    struct timer_wheel_entry *popped;

    (void)state;
    timer_wheel_init(&wheel, START_MS);
    timer_wheel_add(&wheel, &entries[0], START_MS, 50);
    timer_wheel_add(&wheel, &entries[1], START_MS, 50);
    popped = timer_wheel_pop(&wheel, START_MS + 60);
    assert_non_null(popped);
    assert_int_equal(timer_wheel_wait_ms(&wheel, START_MS + 60), 0);
    timer_wheel_cancel(&wheel, popped == &entries[0] ? &entries[1] : &entries[0]);
    assert_null(timer_wheel_pop(&wheel, START_MS + 60));
    assert_int_equal(timer_wheel_wait_ms(&wheel, START_MS + 60), -1);
}

static void adding_again_moves_an_entry(void **state) {
    struct timer_wheel wheel;
    struct timer_wheel_entry entry = {0};

    (void)state;
    timer_wheel_init(&wheel, START_MS);
    timer_wheel_add(&wheel, &entry, START_MS, 10);
    timer_wheel_add(&wheel, &entry, START_MS, 1000);
    assert_null(timer_wheel_pop(&wheel, START_MS + 900));
    assert_ptr_equal(timer_wheel_pop(&wheel, START_MS + 1020), &entry);
}

static void entries_of_many_turns_survive_one_long_sleep(void **state) {
    struct timer_wheel wheel;
    struct timer_wheel_entry entries[100];

    (void)state;
    memset(entries, 0, sizeof(entries));
    timer_wheel_init(&wheel, START_MS);
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
        timer_wheel_add(&wheel, &entries[i], START_MS, (int64_t)i * 1000);
    assert_int_equal(drain_at(&wheel, START_MS + 49990), 50);
    assert_int_equal(drain_at(&wheel, START_MS + 10000000), 50);
}

/* Compares with the simplest thing that could work: an array of due times. */
static void random_use_agrees_with_a_plain_array(void **state) {
    struct timer_wheel wheel;
    struct timer_wheel_entry entries[64];
    int64_t due_ms[64];
    int64_t now_ms = START_MS;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7);
    memset(entries, 0, sizeof(entries));
    memset(due_ms, 0, sizeof(due_ms));
    timer_wheel_init(&wheel, now_ms);
    for (int step = 0; step < 200000; step++) {
        size_t i = (size_t)rng_below(&rng, ARRAY_COUNT(entries));
        struct timer_wheel_entry *entry;

        switch (rng_below(&rng, 4)) {
        case 0: {
            int64_t delay_ms = (int64_t)rng_below(&rng, 20000);
            timer_wheel_add(&wheel, &entries[i], now_ms, delay_ms);
            due_ms[i] = now_ms + delay_ms;
            break;
        }
        case 1:
            timer_wheel_cancel(&wheel, &entries[i]);
            due_ms[i] = 0;
            break;
        default:
            now_ms += (int64_t)rng_below(&rng, 50);
            while ((entry = timer_wheel_pop(&wheel, now_ms)) != NULL) {
                size_t index = (size_t)(entry - entries);
                assert_true(due_ms[index] != 0 && due_ms[index] <= now_ms);
                due_ms[index] = 0;
            }
            for (size_t j = 0; j < ARRAY_COUNT(entries); j++)
                assert_true(due_ms[j] == 0 || due_ms[j] > now_ms - 2 * TIMER_WHEEL_TICK_MS);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_expires_at_its_time_and_not_before),
        cmocka_unit_test(a_cancelled_entry_never_expires),
        cmocka_unit_test(an_entry_that_is_due_can_still_be_cancelled),
        cmocka_unit_test(adding_again_moves_an_entry),
        cmocka_unit_test(entries_of_many_turns_survive_one_long_sleep),
        cmocka_unit_test(random_use_agrees_with_a_plain_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
