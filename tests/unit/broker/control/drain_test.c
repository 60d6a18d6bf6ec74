/* Proves when a broker that is about to stop asks the controller, and when it may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/control/drain.h"

struct seen {
    struct drain drain;
    int asked, ready;
    int64_t armed_ms;
};

static void ask(void *context) {
    ((struct seen *)context)->asked++;
}

static void arm(void *context, int64_t ms) {
    ((struct seen *)context)->armed_ms = ms;
}

static void on_ready(void *context) {
    ((struct seen *)context)->ready++;
}

static void begin(struct seen *seen, int32_t tries_max, struct drain_view view) {
    struct drain_port port = {ask, arm, on_ready, seen};
    struct drain_settings settings = {tries_max, 5000};

    *seen = (struct seen){0};
    drain_init(&seen->drain, &port, &settings);
    drain_begin(&seen->drain, &view);
}

static struct drain_view view(int32_t controller_id, size_t other_brokers, size_t led) {
    return (struct drain_view){controller_id, other_brokers, led};
}

static void test_it_goes_when_the_news_of_the_last_move_has_come(void **state) {
    struct seen seen;

    (void)state;
    begin(&seen, 3, view(1, 2, 7));
    assert_int_equal(seen.asked, 1);
    drain_on_answer(&seen.drain, ERR_NONE, 0);
    assert_int_equal(seen.ready, 0);
    drain_on_view(&seen.drain, &(struct drain_view){1, 2, 1});
    assert_int_equal(seen.ready, 0);
    drain_on_view(&seen.drain, &(struct drain_view){1, 2, 0});
    assert_int_equal(seen.ready, 1);
    drain_on_timer(&seen.drain);
    assert_int_equal(seen.ready, 1);
    assert_int_equal(seen.asked, 1);
}

static void test_it_does_not_wait_for_news_for_ever(void **state) {
    struct seen seen;

    (void)state;
    begin(&seen, 3, view(1, 2, 7));
    drain_on_answer(&seen.drain, ERR_NONE, 0);
    assert_int_equal(seen.armed_ms, DRAIN_SETTLE_MS);
    drain_on_timer(&seen.drain);
    assert_int_equal(seen.ready, 1);
}

static void test_nothing_is_asked_if_nobody_could_take_anything(void **state) {
    struct seen seen;

    (void)state;
    begin(&seen, 3, view(1, 0, 7));
    assert_int_equal(seen.asked, 0);
    assert_int_equal(seen.ready, 1);
}

static void test_nothing_is_asked_if_it_is_switched_off(void **state) {
    struct seen seen;

    (void)state;
    begin(&seen, 0, view(1, 2, 7));
    assert_int_equal(seen.asked, 0);
    assert_int_equal(seen.ready, 1);
}

/* What the controller answers each time, and how often it is asked until the broker goes. */
static const struct {
    const char *label;
    enum error error;
    size_t remaining;
} failures[] = {
    {"some remain", ERR_NONE, 2},
    {"it is no controller", ERR_NOT_CONTROLLER, 0},
    {"it was not reached", ERR_CONNECTION_FAILED, 0},
};

static void test_it_asks_as_often_as_it_may_and_then_goes_whatever_remains(void **state) {
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        print_message("%s\n", failures[i].label);
        begin(&seen, 3, view(1, 2, 7));
        for (int asked = 1; asked < 3; asked++) {
            assert_int_equal(seen.asked, asked);
            drain_on_answer(&seen.drain, failures[i].error, failures[i].remaining);
            assert_int_equal(seen.armed_ms, 5000);
            assert_int_equal(seen.asked, asked);
            drain_on_timer(&seen.drain);
        }
        drain_on_answer(&seen.drain, failures[i].error, failures[i].remaining);
        assert_int_equal(seen.asked, 3);
        assert_int_equal(seen.ready, 1);
    }
}

static void test_another_controller_is_asked_at_once(void **state) {
    struct seen seen;

    (void)state;
    begin(&seen, 3, view(1, 2, 7));
    drain_on_answer(&seen.drain, ERR_NOT_CONTROLLER, 0);
    drain_on_view(&seen.drain, &(struct drain_view){-1, 2, 7});
    assert_int_equal(seen.asked, 1);
    drain_on_view(&seen.drain, &(struct drain_view){3, 2, 7});
    assert_int_equal(seen.asked, 2);
    drain_on_view(&seen.drain, &(struct drain_view){1, 2, 7});
    assert_int_equal(seen.asked, 2);
}

static void test_it_goes_when_the_last_other_broker_has_gone(void **state) {
    struct seen seen;

    (void)state;
    begin(&seen, 3, view(1, 1, 7));
    drain_on_answer(&seen.drain, ERR_NONE, 7);
    drain_on_view(&seen.drain, &(struct drain_view){1, 0, 7});
    assert_int_equal(seen.ready, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_goes_when_the_news_of_the_last_move_has_come),
        cmocka_unit_test(test_it_does_not_wait_for_news_for_ever),
        cmocka_unit_test(test_nothing_is_asked_if_nobody_could_take_anything),
        cmocka_unit_test(test_nothing_is_asked_if_it_is_switched_off),
        cmocka_unit_test(test_it_asks_as_often_as_it_may_and_then_goes_whatever_remains),
        cmocka_unit_test(test_another_controller_is_asked_at_once),
        cmocka_unit_test(test_it_goes_when_the_last_other_broker_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
