/* What follows from where a group and a log are, and how fast they move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/lag/lag_estimate.h"

static struct lag_facts facts_at(int64_t committed, int64_t log_end) {
    return (struct lag_facts){
        .now_ms = 1000000,
        .first_unread_ms = 940000,
        .record_bytes = 100,
        .retention = {true, 3600000, -1},
        .progress = {.is_begun = true, .committed = committed, .log_end = log_end},
    };
}

static void rates_come_with_the_second_look(void **state) {
    struct lag_progress progress = {0};

    (void)state;
    lag_progress_update(&progress, 1000, 100, 200);
    assert_false(progress.has_rates);
    lag_progress_update(&progress, 3000, 120, 210);
    assert_true(progress.has_rates);
    assert_float_equal(progress.consumed_per_second, 10, 0.001);
    assert_float_equal(progress.produced_per_second, 5, 0.001);
    /* Each look counts for half; going back counts as standing still. */
    lag_progress_update(&progress, 4000, 50, 210);
    assert_float_equal(progress.consumed_per_second, 5, 0.001);
    assert_float_equal(progress.produced_per_second, 2.5, 0.001);
    /* No time has passed. */
    lag_progress_update(&progress, 4000, 90, 220);
    assert_float_equal(progress.consumed_per_second, 5, 0.001);
}

static void who_is_not_behind_loses_nothing(void **state) {
    struct lag_facts facts = facts_at(200, 200);
    struct lag_estimate estimate = lag_estimate_of(&facts);

    (void)state;
    assert_int_equal(estimate.records, 0);
    assert_float_equal(estimate.seconds_behind, 0, 0.001);
    assert_float_equal(estimate.seconds_to_catch_up, 0, 0.001);
    assert_float_equal(estimate.seconds_to_loss, LAG_UNKNOWN, 0.001);
    /* An offset that was committed past the end. */
    facts = facts_at(300, 200);
    assert_int_equal(lag_estimate_of(&facts).records, 0);
}

static void age_is_that_of_the_first_unread_record(void **state) {
    struct lag_facts facts = facts_at(100, 200);
    struct lag_estimate estimate = lag_estimate_of(&facts);

    (void)state;
    assert_int_equal(estimate.records, 100);
    assert_float_equal(estimate.seconds_behind, 60, 0.001);
    assert_float_equal(estimate.seconds_to_loss, 3540, 0.001);
    facts.first_unread_ms = 1000001; /* a producer's clock is ahead */
    assert_float_equal(lag_estimate_of(&facts).seconds_behind, 0, 0.001);
    facts.first_unread_ms = INT64_MIN + 1; /* of before all times, if one believes it */
    assert_true(lag_estimate_of(&facts).seconds_behind > 1e15);
    facts.first_unread_ms = LAG_UNKNOWN_MS;
    estimate = lag_estimate_of(&facts);
    assert_float_equal(estimate.seconds_behind, LAG_UNKNOWN, 0.001);
    assert_float_equal(estimate.seconds_to_loss, LAG_UNKNOWN, 0.001);
}

static void catching_up_needs_to_gain(void **state) {
    struct lag_facts facts = facts_at(100, 200);

    (void)state;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_catch_up, LAG_UNKNOWN, 0.001);
    facts.progress.has_rates = true;
    facts.progress.consumed_per_second = 15;
    facts.progress.produced_per_second = 5;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_catch_up, 10, 0.001);
    facts.progress.produced_per_second = 15;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_catch_up, LAG_UNKNOWN, 0.001);
}

static void the_nearer_bound_of_retention_counts(void **state) {
    struct lag_facts facts = facts_at(100, 200);

    (void)state;
    facts.progress.has_rates = true;
    facts.progress.produced_per_second = 10;
    facts.retention.size_max = 20000; /* 100 records of 100 bytes lie behind, 1000 bytes/s come */
    assert_float_equal(lag_estimate_of(&facts).seconds_to_loss, 10, 0.001);
    facts.retention.size_max = 10000;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_loss, 0, 0.001);
    facts.retention.size_max = 20000;
    facts.retention.age_ms = 65000;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_loss, 5, 0.001);
    facts.retention.age_ms = -1;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_loss, 10, 0.001);
    facts.progress.produced_per_second = 0;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_loss, LAG_UNKNOWN, 0.001);
    facts.retention.deletes = false;
    facts.retention.age_ms = 1;
    assert_float_equal(lag_estimate_of(&facts).seconds_to_loss, LAG_UNKNOWN, 0.001);
}

static void a_loss_is_told_once(void **state) {
    struct lag_loss loss = {0};
    int64_t told_end = 0;

    (void)state;
    assert_false(lag_find_loss(20, 20, &told_end, &loss));
    assert_true(lag_find_loss(20, 50, &told_end, &loss));
    assert_int_equal(loss.first_offset, 20);
    assert_int_equal(loss.last_offset, 49);
    assert_false(lag_find_loss(20, 50, &told_end, &loss));
    /* More is gone: only that. */
    assert_true(lag_find_loss(20, 60, &told_end, &loss));
    assert_int_equal(loss.first_offset, 50);
    assert_int_equal(loss.last_offset, 59);
    assert_false(lag_find_loss(70, 65, &told_end, &loss));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_come_with_the_second_look),
        cmocka_unit_test(who_is_not_behind_loses_nothing),
        cmocka_unit_test(age_is_that_of_the_first_unread_record),
        cmocka_unit_test(catching_up_needs_to_gain),
        cmocka_unit_test(the_nearer_bound_of_retention_counts),
        cmocka_unit_test(a_loss_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
