#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/replica/replication_quota.h"

/* Takes 1000 bytes whenever it may, looking every `step_ms`; returns what it took. */
static int64_t take_for(struct replication_quota *quota, int64_t from_ms, int64_t for_ms,
                        int64_t step_ms, int64_t bytes) {
    int64_t taken = 0;

    for (int64_t now_ms = from_ms; now_ms < from_ms + for_ms; now_ms += step_ms) {
        if (replication_quota_is_exceeded(quota, now_ms))
            continue;
        replication_quota_record(quota, bytes, now_ms);
        taken += bytes;
    }
    return taken;
}

static void assert_near(int64_t value, int64_t wanted) {
    if (value < wanted * 97 / 100 || value > wanted * 103 / 100)
        fail_msg("%lld is not near %lld", (long long)value, (long long)wanted);
}

static void the_rate_holds(void **state) {
    struct replication_quota quota;
    (void)state;

    replication_quota_init(&quota);
    replication_quota_set(&quota, 10000);
    assert_near(take_for(&quota, 1000000, 100000, 10, 1000), 1000000);
    /* Larger bites, at longer intervals. */
    assert_near(take_for(&quota, 1100000, 200000, 500, 8000), 2000000);
    replication_quota_done(&quota);
}

static void what_was_not_taken_is_not_saved_up(void **state) {
    struct replication_quota quota;
    (void)state;

    replication_quota_init(&quota);
    replication_quota_set(&quota, 10000);
    assert_true(take_for(&quota, 1000000, 1000, 1, 1000) <= 11000);
    assert_true(take_for(&quota, 2000000, 1000, 1, 1000) <= 11000);
    replication_quota_done(&quota);
}

static void without_a_rate_there_is_no_bound(void **state) {
    struct replication_quota quota;
    (void)state;

    replication_quota_init(&quota);
    replication_quota_record(&quota, INT64_MAX / 4, 5000);
    assert_false(replication_quota_is_exceeded(&quota, 5000));
    replication_quota_set(&quota, 0);
    assert_true(replication_quota_is_exceeded(&quota, 5000));
    assert_false(replication_quota_is_exceeded(&quota, 5000 + 11000)); /* all of it is over */
    replication_quota_done(&quota);
}

static void lists_name_replicas(void **state) {
    (void)state;
    assert_true(throttled_replicas_contain("*", 7, 3));
    assert_true(throttled_replicas_contain("0:1,7:3", 7, 3));
    assert_true(throttled_replicas_contain("7:3,0:1", 7, 3));
    assert_false(throttled_replicas_contain("7:31,73:3,3:7", 7, 3));
    assert_false(throttled_replicas_contain("", 7, 3));
    assert_false(throttled_replicas_contain("7", 7, 3));
    assert_false(throttled_replicas_contain("7:", 7, 3));
    assert_false(throttled_replicas_contain("x:3", 7, 3));
    assert_false(throttled_replicas_contain("1:1;7:3", 7, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_holds),
        cmocka_unit_test(what_was_not_taken_is_not_saved_up),
        cmocka_unit_test(without_a_rate_there_is_no_bound),
        cmocka_unit_test(lists_name_replicas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
