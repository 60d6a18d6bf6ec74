/* A follower's session passes over the partitions in which nothing happens, and over no other. */
#include "tests/unit/broker/replica/watch_fixture.h"

/* ---- What rests, and what ends it ---- */

static void what_nothing_happens_in_is_not_looked_at(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    append(&bench);
    catch_up(&bench);
    assert_int_equal(bench.other.high_watermark, 1);
    assert_rests(&bench.other);
    assert_rests(&bench.third);
    assert_int_equal(fetch_sessions_count(bench.sessions), 2);
    bench_done(&bench);
}

static void an_append(struct bench *bench) {
    append(bench);
}

static void a_deletion_of_records(struct bench *bench) {
    int32_t leader_epoch;
    int64_t required;

    assert_int_equal(partition_delete_records(bench->partition, 1, &required, &leader_epoch),
                     ERR_NONE);
}

static void retention(struct bench *bench) {
    bench->f.config.retention_ms = 1;
    bench->f.config.segment_ms = 1;
    partition_set_log_config(bench->partition, &bench->f.config);
    clock_manual_advance_ms(&bench->f.clock, 600000);
    partition_apply_retention(bench->partition);
    assert_true(log_start_offset(bench->log) > 0);
}

static void another_isr(struct bench *bench) {
    apply(bench, SELF, 1);
}

/* The state is the same; see take_assignment. */
static void another_assignment(struct bench *bench) {
    assign(bench, SELF, 1, 1);
}

static void another_leader_epoch(struct bench *bench) {
    bench->leader_epoch++;
    apply(bench, SELF, 3);
}

static void another_leader(struct bench *bench) {
    bench->leader_epoch++;
    apply(bench, THIRD, 3);
}

static void the_end_of_the_replica(struct bench *bench) {
    assert_int_equal(partition_retire(bench->partition, NULL, RETIRED_LOG_KEEP), ERR_NONE);
}

static void an_answer_of_the_controller(struct bench *bench) {
    const struct isr_proposal proposal = {0};

    (void)partition_isr_answer(bench->partition, &proposal, ERR_INVALID_REQUEST, NULL);
}

static void another_registration(struct bench *bench) {
    bench->other.broker_epoch++;
}

static void a_request_that_names_it(struct bench *bench) {
    bench->other.says_it = true;
}

static void a_disk_that_fails(struct bench *bench) {
    struct batch_spec spec = {.records = 1, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct partition_append options = {.arena = &bench->f.arena, .leader_epoch = 5};
    struct log_append_result result;
    int32_t leader_epoch;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);

    assert_int_not_equal(
        partition_append_as_leader(bench->partition, bytes, size, &options, &result, &leader_epoch),
        ERR_NONE);
    free(bytes);
}

static void (*const events[])(struct bench *bench) = {
    an_append,
    a_deletion_of_records,
    retention,
    another_isr,
    another_assignment,
    another_leader_epoch,
    another_leader,
    the_end_of_the_replica,
    an_answer_of_the_controller,
    a_disk_that_fails,
    another_registration, /* from here on it is the next request that says so */
    a_request_that_names_it,
};

#define EVENTS_THAT_WAKE 10

static void whatever_may_change_an_answer_ends_the_rest(void **state) {
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        struct bench bench;
        bench_init(&bench);
        append(&bench);
        catch_up(&bench);
        assert_rests(&bench.other);
        events[i](&bench);
        fetch(&bench.other);
        assert_int_equal(bench.other.looked_at, 1);
        assert_int_equal(bench.other.resting, 0);
        bench_done(&bench);
    }
}

/* Whatever it is: no watch would tell the fetch of what happens next. */
static void a_fetch_that_waits_is_woken_by_all_of_it(void **state) {
    (void)state;

    for (size_t i = 0; i < EVENTS_THAT_WAKE; i++) {
        struct fetch_context context;
        struct waiter waiter = {0};
        struct fetch_item *items;
        struct bench bench;
        int32_t count;

        bench_init(&bench);
        append(&bench);
        catch_up(&bench);
        begin(&bench.other, &context);
        assert_int_equal(context.item_count, 0);
        waiter.executor = &bench.other.executor;
        assert_true(fetch_context_wait(&context, &waiter));
        events[i](&bench);
        assert_int_equal(sem_trywait(&bench.other.posted), 0);
        assert_false(fetch_context_stop_waiting(&context, &waiter));
        assert_int_equal(fetch_context_take_roused(&context, &bench.other.arena, &items, &count),
                         ERR_NONE);
        assert_int_equal(count, 1);
        fetch_context_done(&context);
        bench_done(&bench);
    }
}

static void who_stops_waiting_is_not_woken(void **state) {
    struct fetch_context context;
    struct waiter waiter = {0};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    begin(&bench.other, &context);
    waiter.executor = &bench.other.executor;
    assert_true(fetch_context_wait(&context, &waiter));
    assert_true(fetch_context_stop_waiting(&context, &waiter));
    append(&bench);
    assert_int_not_equal(sem_trywait(&bench.other.posted), 0);
    fetch_context_done(&context);
    bench_done(&bench);
}

static void nobody_begins_to_wait_for_what_has_happened(void **state) {
    struct fetch_context context;
    struct waiter waiter = {0};
    struct fetch_item *items;
    struct bench bench;
    int32_t count;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    begin(&bench.other, &context);
    append(&bench);
    waiter.executor = &bench.other.executor;
    assert_false(fetch_context_wait(&context, &waiter));
    assert_int_equal(fetch_context_take_roused(&context, &bench.other.arena, &items, &count),
                     ERR_NONE);
    assert_int_equal(count, 1);
    serve(&bench.other, &context, &items[0], false);
    assert_int_equal(bench.other.item.fetch_offset, 1);
    fetch_context_done(&context);
    bench_done(&bench);
}

static void what_may_have_something_to_tell_does_not_rest(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    append(&bench);
    for (int i = 0; i < 4; i++) {
        fetch(&bench.other); /* the third has nothing: the high watermark will move */
        assert_int_equal(bench.other.looked_at, 1);
    }
    catch_up(&bench);
    assert_rests(&bench.other);
    apply(&bench, SELF, 1); /* they are to be proposed for the ISR */
    for (int i = 0; i < 4; i++) {
        fetch(&bench.third);
        assert_int_equal(bench.third.looked_at, 1);
    }
    assert_int_equal(bench.proposals, 1);
    bench_done(&bench);
}

/* As when another partition of its topic changes. */
static void a_state_that_is_known_does_not_end_the_rest(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    assign(&bench, SELF, 3, 3);
    assert_rests(&bench.other);
    bench_done(&bench);
}

static void a_session_that_ends_watches_nothing(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    assert_rests(&bench.other);
    bench.other.leaves = true;
    fetch(&bench.other);
    assert_int_equal(bench.other.session_id, 0);
    assert_int_equal(fetch_sessions_count(bench.sessions), 1);
    append(&bench);
    bench_done(&bench); /* with the other session's watch fired, and never taken */
}

/* Followers do not do that. */
static void a_fetch_before_the_last_is_answered_does_no_harm(void **state) {
    struct fetch_context first, second;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    fetch(&bench.third);
    begin(&bench.other, &first);
    begin(&bench.other, &second);
    serve(&bench.other, &second, &second.items[0], true);
    fetch_context_done(&second);
    assert_int_equal(first.item_count, 1);
    serve(&bench.other, &first, &first.items[0], true);
    fetch_context_done(&first);
    assert_rests(&bench.other);
    append(&bench);
    fetch(&bench.other);
    assert_int_equal(bench.other.item.fetch_offset, 1);
    bench_done(&bench);
}

/* ---- Times: who is in sync ---- */

/* The follower's fetches say that it is there, without naming the partition. */
static void a_follower_that_rests_and_fetches_is_in_sync(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    clock_manual_advance_ms(&bench.f.clock, 10 * LAG_MS);
    assert_rests(&bench.other);
    assert_rests(&bench.third);
    append(&bench);
    clock_manual_advance_ms(&bench.f.clock, LAG_MS);
    partition_check_lag(bench.partition);
    assert_int_equal(bench.proposals, 0);
    clock_manual_advance_ms(&bench.f.clock, 1);
    partition_check_lag(bench.partition);
    assert_int_equal(bench.proposals, 1);
    bench_done(&bench);
}

static void a_follower_that_rests_and_is_gone_lags_with_the_next_append(void **state) {
    struct follower_delay delays[REPLICAS_MAX];
    struct isr_proposal proposal;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    clock_manual_advance_ms(&bench.f.clock, 10 * LAG_MS);
    assert_rests(&bench.third);
    partition_check_lag(bench.partition);
    assert_int_equal(bench.proposals, 0); /* it has all there is */
    append(&bench);
    assert_int_equal(partition_follower_delays(bench.partition, delays), 2);
    assert_int_equal(delays[0].ms, 10 * LAG_MS);
    assert_int_equal(delays[1].ms, 0);
    partition_check_lag(bench.partition);
    assert_true(partition_isr_proposal(bench.partition, &proposal));
    assert_int_equal(proposal.isr_count, 2);
    assert_int_equal(proposal.isr[1], THIRD);
    bench_done(&bench);
}

/* The log's end moves before the watches fire. */
static void between_an_append_and_its_watches_nobody_lags(void **state) {
    struct follower_delay delays[REPLICAS_MAX];
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    clock_manual_advance_ms(&bench.f.clock, 10 * LAG_MS);
    assert_rests(&bench.other);
    assert_rests(&bench.third);
    (void)append_records(&bench.f, bench.log, 1);
    assert_int_equal(partition_follower_delays(bench.partition, delays), 2);
    assert_int_equal(delays[0].ms, 0);
    partition_check_lag(bench.partition);
    assert_int_equal(bench.proposals, 0);
    bench_done(&bench);
}

static void what_a_follower_had_when_it_left_its_session_counts(void **state) {
    struct follower_delay delays[REPLICAS_MAX];
    struct bench bench;
    (void)state;

    bench_init(&bench);
    catch_up(&bench);
    clock_manual_advance_ms(&bench.f.clock, 10 * LAG_MS);
    bench.other.leaves = true;
    fetch(&bench.other);
    append(&bench);
    assert_int_equal(partition_follower_delays(bench.partition, delays), 2);
    assert_int_equal(delays[0].ms, 0);
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_happens_in_is_not_looked_at),
        cmocka_unit_test(whatever_may_change_an_answer_ends_the_rest),
        cmocka_unit_test(a_fetch_that_waits_is_woken_by_all_of_it),
        cmocka_unit_test(who_stops_waiting_is_not_woken),
        cmocka_unit_test(nobody_begins_to_wait_for_what_has_happened),
        cmocka_unit_test(what_may_have_something_to_tell_does_not_rest),
        cmocka_unit_test(a_state_that_is_known_does_not_end_the_rest),
        cmocka_unit_test(a_session_that_ends_watches_nothing),
        cmocka_unit_test(a_fetch_before_the_last_is_answered_does_no_harm),
        cmocka_unit_test(a_follower_that_rests_and_fetches_is_in_sync),
        cmocka_unit_test(a_follower_that_rests_and_is_gone_lags_with_the_next_append),
        cmocka_unit_test(between_an_append_and_its_watches_nobody_lags),
        cmocka_unit_test(what_a_follower_had_when_it_left_its_session_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
