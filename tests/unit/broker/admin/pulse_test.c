/* Threads that do not answer are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/admin/pulse.h"
#include "client/base/check.h"

/* A thread that runs its tasks when it is told to. */
struct lazy {
    struct executor executor;
    struct task *waiting;
    int posted;
};

static void post(struct executor *executor, struct task *task) {
    struct lazy *lazy = CONTAINER_OF(executor, struct lazy, executor);

    assert_null(lazy->waiting); /* nobody is asked twice */
    lazy->waiting = task;
    lazy->posted++;
}

static void turn(struct lazy *lazy) {
    struct task *task = lazy->waiting;

    lazy->waiting = NULL;
    task->run(task);
}

static void who_does_not_answer_is_stuck(void **state) {
    struct lazy one = {.executor.post = post}, other = {.executor.post = post};
    struct pulse pulse = {0};
    int64_t silent_ms;
    (void)state;

    assert_null(pulse_stuck(&pulse, 5000, 0, &silent_ms));
    pulse_watch(&pulse, "one", &one.executor);
    pulse_watch(&pulse, "other", &other.executor);
    assert_null(pulse_stuck(&pulse, 1000000, 10, &silent_ms)); /* not asked yet */
    pulse_ask(&pulse, 1000);
    assert_int_equal(pulse_delay_ns(&pulse, 0), 0);
    turn(&one);
    assert_string_equal(pulse_name(&pulse, 0), "one");
    assert_true(pulse_delay_ns(&pulse, 0) > 0);
    assert_int_equal(pulse_delay_ns(&pulse, 1), 0);
    pulse_ask(&pulse, 2000);
    assert_int_equal(one.posted, 2);
    assert_int_equal(other.posted, 1);
    assert_null(pulse_stuck(&pulse, 11000, 10000, &silent_ms));
    assert_string_equal(pulse_stuck(&pulse, 11001, 10000, &silent_ms), "other");
    assert_int_equal(silent_ms, 10001);
    /* Both: the longest. */
    assert_string_equal(pulse_stuck(&pulse, 20000, 10000, &silent_ms), "other");
    assert_int_equal(silent_ms, 19000);
    turn(&other);
    assert_string_equal(pulse_stuck(&pulse, 20000, 10000, &silent_ms), "one");
    turn(&one);
    assert_null(pulse_stuck(&pulse, 20000, 10000, &silent_ms));
    pulse_ask(&pulse, 20000);
    assert_null(pulse_stuck(&pulse, 20001, 10000, &silent_ms));
    pulse_done(&pulse);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_answer_is_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
