/*
 * The coordinator over its journal: what it has acknowledged the next one knows; what could not be
 * written is told as Kafka tells it; who waits is answered whatever happens to the leadership.
 */
#include "tests/unit/broker/group/group_coordinator_fixture.h"

/* ---- Where a group is served ---- */

static void requests_are_served_where_the_partition_is_led_and_loaded(void **state) {
    struct op op = {.group = "g", .member = "m", .generation = 1};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    assert_int_equal(check(&bench, "g"), ERR_NOT_COORDINATOR); /* there is no topic yet */
    lead(&bench, 0);
    give_up(&bench, 1);
    assert_int_equal(heartbeat(&bench, "g", "m", 1), ERR_NOT_COORDINATOR);
    assert_int_equal(leave(&bench, "g", "m"), ERR_NOT_COORDINATOR);
    assert_int_equal(commit(&bench, "g", "t", 0, 1), ERR_NOT_COORDINATOR);
    assert_int_equal(delete_group(&bench, "g"), ERR_NOT_COORDINATOR);
    assert_int_equal(sync_group(&bench, op).error, ERR_NOT_COORDINATOR);
    bench_end(&bench);
}

static void while_it_loads_members_are_kept_quiet(void **state) {
    struct op op = {.group = "g", .member = "m", .generation = 1};
    struct op join = {.group = "g"};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    hold_background(&bench.f);
    decide(&bench.f, (struct leadership){SELF, 0, 1});
    bench_tell(&bench);
    wait_until(&bench, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(heartbeat(&bench, "g", "m", 1), ERR_NONE);
    assert_int_equal(sync_group(&bench, op).error, ERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(leave(&bench, "g", "m"), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(commit(&bench, "g", "t", 0, 1), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    begin_join(&bench, &join);
    op_wait(&join);
    assert_int_equal(join.error, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    release_background(&bench.f);
    wait_until(&bench, ERR_NONE);
    bench_end(&bench);
}

static void a_group_that_is_not_there_has_no_members(void **state) {
    struct op op = {.group = "g", .member = "m", .generation = 1};
    struct op commits = {.group = "g", .member = "m", .generation = 3, .topic = "t"};
    struct op join = {.group = "g", .member = "m"};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(heartbeat(&bench, "g", "m", 1), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(sync_group(&bench, op).error, ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave(&bench, "g", "m"), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit_as(&bench, commits, NO_PRODUCER, ""), ERR_ILLEGAL_GENERATION);
    begin_join(&bench, &join);
    op_wait(&join);
    assert_int_equal(join.error, ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(state_of(&bench, "g"), -1);
    assert_int_equal(delete_group(&bench, "g"), ERR_GROUP_ID_NOT_FOUND);
    bench_end(&bench);
}

/* ---- What is acknowledged stays ---- */

static void commits_are_known_to_the_next_coordinator(void **state) {
    static const char *const groups[] = {"a", "b", "c", "d", "e"};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    for (int64_t offset = 1; offset <= 20; offset++)
        for (size_t i = 0; i < ARRAY_COUNT(groups); i++)
            assert_int_equal(commit(&bench, groups[i], "t", (int32_t)i, offset), ERR_NONE);
    move(&bench, 1);
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
        assert_int_equal(committed(&bench, groups[i], "t", (int32_t)i), 20);
        assert_int_equal(committed(&bench, groups[i], "t", (int32_t)i + 1), NONE_FOUND);
        assert_int_equal(state_of(&bench, groups[i]), GROUP_EMPTY);
    }
    bench_end(&bench);
}

static void members_are_known_to_the_next_coordinator(void **state) {
    struct op member = {.group = "g"};
    struct op again;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    make_member(&bench, &member);
    move(&bench, 1);
    assert_int_equal(state_of(&bench, "g"), GROUP_STABLE);
    assert_int_equal(heartbeat(&bench, "g", member.id, 1), ERR_NONE);
    again = sync_group(&bench, (struct op){.group = "g", .member = member.id, .generation = 1});
    assert_int_equal(again.error, ERR_NONE);
    assert_string_equal(again.assigned, "mine");
    assert_int_equal(leave(&bench, "g", member.id), ERR_NONE);
    assert_int_equal(state_of(&bench, "g"), GROUP_EMPTY);
    move(&bench, 3);
    assert_int_equal(state_of(&bench, "g"), GROUP_EMPTY);
    assert_int_equal(heartbeat(&bench, "g", member.id, 1), ERR_UNKNOWN_MEMBER_ID);
    bench_end(&bench);
}

static void ids_are_the_clients_or_the_instances_with_a_uuid(void **state) {
    struct op dynamic = {.group = "g"}, is_static = {.group = "h", .instance = "inst"};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    make_member(&bench, &dynamic);
    make_member(&bench, &is_static);
    assert_memory_equal(dynamic.id, "client-", 7);
    assert_memory_equal(is_static.id, "inst-", 5);
    assert_int_equal(strlen(dynamic.id), 7 + 36);
    assert_int_equal(strlen(is_static.id), 5 + 36);
    for (int i = 8; i <= 23; i += 5)
        assert_int_equal(dynamic.id[7 + i], '-');
    assert_string_not_equal(dynamic.id + 7, is_static.id + 5);
    bench_end(&bench);
}

static void session_timeouts_are_bounded(void **state) {
    static const int64_t timeouts[] = {5999, 1800001};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    for (size_t i = 0; i < ARRAY_COUNT(timeouts); i++) {
        struct op join = {.group = "g", .offset = timeouts[i]};
        begin_join(&bench, &join);
        op_wait(&join);
        assert_int_equal(join.error, ERR_INVALID_SESSION_TIMEOUT);
    }
    assert_int_equal(state_of(&bench, "g"), -1);
    bench_end(&bench);
}

/* The loop's timers go by the machine's clock, the group by the test's: which is ahead. */
static void sessions_end_by_themselves(void **state) {
    int64_t deadline_ms = fixture_deadline_ms();
    struct op member = {.group = "g", .offset = 50};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench.config.group.session_timeout_ms_min = 1;
    bench_start(&bench);
    lead(&bench, 0);
    make_member(&bench, &member);
    shared_clock_advance(&bench.f.clock, 1000);
    while (state_of(&bench, "g") != GROUP_EMPTY)
        assert_true(clock_monotonic_ms(clock_system()) < deadline_ms);
    bench_end(&bench);
}

/* ---- What cannot be written ---- */

static void a_commit_that_cannot_be_replicated_is_not_acknowledged(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(commit(&bench, "g", "t", 0, 1), ERR_NONE);
    bench.f.min_isr = 2;
    lead(&bench, 1);
    assert_int_equal(commit(&bench, "g", "t", 0, 2), ERR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(committed(&bench, "g", "t", 0), 1);
    bench_end(&bench);
}

static void a_commit_that_takes_too_long_is_not_acknowledged(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench.config.commit_timeout_ms = 20;
    bench_start(&bench);
    lead_with(&bench, 0, 2);
    assert_int_equal(commit(&bench, "g", "t", 0, 2), ERR_REQUEST_TIMED_OUT);
    assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
    bench_end(&bench);
}

static void a_commit_is_not_seen_before_it_is_replicated(void **state) {
    struct op op = {.group = "g", .topic = "t", .offset = 7, .generation = -1};
    struct committing committing;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead_with(&bench, 0, 2);
    begin_commit(&bench, &committing, &op, NO_PRODUCER, "");
    assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
    assert_int_equal(op.answers, 0);
    decide(&bench.f, (struct leadership){SELF, 0, 1}); /* the other one is out of the ISR */
    op_wait(&op);
    assert_int_equal(op.error, ERR_NONE);
    assert_int_equal(committed(&bench, "g", "t", 0), 7);
    bench_end(&bench);
}

static void a_commit_under_way_is_answered_when_the_leadership_is_lost(void **state) {
    struct op op = {.group = "g", .topic = "t", .offset = 7, .generation = -1};
    struct committing committing;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead_with(&bench, 0, 2);
    begin_commit(&bench, &committing, &op, NO_PRODUCER, "");
    give_up(&bench, 1);
    op_wait(&op);
    assert_int_equal(op.error, ERR_NOT_COORDINATOR);
    bench_end(&bench);
}

static void an_assignment_that_cannot_be_replicated_is_not_told(void **state) {
    struct op member = {.group = "g"}, sync;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench.f.min_isr = 2;
    bench_start(&bench);
    lead(&bench, 0);
    begin_join(&bench, &member);
    op_wait(&member);
    assert_int_equal(member.error, ERR_NONE);
    sync = sync_group(&bench, (struct op){.group = "g",
                                          .member = member.id,
                                          .generation = 1,
                                          .assignment = bytes_of_text("mine")});
    assert_int_equal(sync.error, ERR_COORDINATOR_NOT_AVAILABLE);
    assert_string_equal(sync.assigned, "");
    assert_int_equal(state_of(&bench, "g"), GROUP_PREPARING_REBALANCE);
    bench_end(&bench);
}

static void an_assignment_that_is_too_large_is_refused(void **state) {
    struct op member = {.group = "g"}, sync;
    size_t size = 2 << 20; /* more than max.message.bytes */
    uint8_t *large = calloc(1, size);
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    begin_join(&bench, &member);
    op_wait(&member);
    sync = sync_group(&bench, (struct op){.group = "g",
                                          .member = member.id,
                                          .generation = 1,
                                          .assignment = bytes_of(large, size)});
    assert_int_equal(sync.error, ERR_UNKNOWN_SERVER_ERROR);
    free(large);
    bench_end(&bench);
}

static void metadata_is_bounded_as_java_counts_it(void **state) {
    static const struct {
        const char *metadata;
        enum error error;
    } cases[] = {
        {"0123456789", ERR_NONE},
        {"0123456789a", ERR_OFFSET_METADATA_TOO_LARGE},
        {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
         ERR_NONE}, /* ten of two bytes */
        {"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
         ERR_NONE}, /* five of two units */
        {"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80x",
         ERR_OFFSET_METADATA_TOO_LARGE},
    };
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct op op = {
            .group = "g", .topic = "t", .partition = (int32_t)i, .offset = 1, .generation = -1};
        assert_int_equal(commit_as(&bench, op, NO_PRODUCER, cases[i].metadata), cases[i].error);
        assert_int_equal(committed(&bench, "g", "t", (int32_t)i),
                         cases[i].error == ERR_NONE ? 1 : NONE_FOUND);
    }
    bench_end(&bench);
}

/* ---- The end ---- */

static void who_waits_is_answered_when_the_coordinator_stops(void **state) {
    struct op first = {.group = "g"}, second = {.group = "g"};
    struct op commits = {.group = "h", .topic = "t", .offset = 7, .generation = -1};
    struct committing committing;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    make_member(&bench, &first);
    begin_join(&bench, &second); /* waits for the first */
    lead_with(&bench, 0, 2);
    begin_commit(&bench, &committing, &commits, NO_PRODUCER, "");
    bench_stop(&bench);
    op_wait(&second);
    assert_int_equal(second.error, ERR_NOT_COORDINATOR);
    bench_done(&bench);
    op_wait(&commits);
    assert_int_equal(commits.error, ERR_NOT_COORDINATOR);
}

static void run_commit_and_marker(void *context) {
    struct committing *committing = context;
    struct bench *bench = committing->op->bench;
    const struct group_marker marker = {
        .offset = INT64_MAX,
        .producer_id = committing->commit.producer_id,
        .partition = coordinator_partition(committing->commit.group_id, bench->f.partition_count),
        .is_commit = true,
    };

    run_commit(committing);
    group_coordinator_end_transaction(bench->coordinator, &marker);
}

/* Before it is told that it was refused, the transaction of the producer that took over ends. */
static void what_a_fenced_producer_commits_never_counts(void **state) {
    struct op newer = {.group = "g", .topic = "t", .generation = -1, .producer_epoch = 5};
    struct op older = {.group = "g", .topic = "t", .generation = -1, .producer_epoch = 4};
    struct committing committing;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    newer.offset = 10;
    older.offset = 99;
    assert_int_equal(commit_as(&bench, newer, 7, ""), ERR_NONE);
    make_commit(&bench, &committing, &older, 7, "");
    call_on(group_coordinator_executor(bench.coordinator), run_commit_and_marker, &committing);
    op_wait(&older);
    assert_int_equal(older.error, ERR_INVALID_PRODUCER_EPOCH);
    assert_int_equal(committed(&bench, "g", "t", 0), 10);
    bench_end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_served_where_the_partition_is_led_and_loaded),
        cmocka_unit_test(while_it_loads_members_are_kept_quiet),
        cmocka_unit_test(a_group_that_is_not_there_has_no_members),
        cmocka_unit_test(commits_are_known_to_the_next_coordinator),
        cmocka_unit_test(members_are_known_to_the_next_coordinator),
        cmocka_unit_test(ids_are_the_clients_or_the_instances_with_a_uuid),
        cmocka_unit_test(session_timeouts_are_bounded),
        cmocka_unit_test(sessions_end_by_themselves),
        cmocka_unit_test(a_commit_that_cannot_be_replicated_is_not_acknowledged),
        cmocka_unit_test(a_commit_that_takes_too_long_is_not_acknowledged),
        cmocka_unit_test(a_commit_is_not_seen_before_it_is_replicated),
        cmocka_unit_test(a_commit_under_way_is_answered_when_the_leadership_is_lost),
        cmocka_unit_test(an_assignment_that_cannot_be_replicated_is_not_told),
        cmocka_unit_test(an_assignment_that_is_too_large_is_refused),
        cmocka_unit_test(what_a_fenced_producer_commits_never_counts),
        cmocka_unit_test(metadata_is_bounded_as_java_counts_it),
        cmocka_unit_test(who_waits_is_answered_when_the_coordinator_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
