/* A member's life in a group, told as stories: what happens, and what the member does next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/group/membership.h"

#define NOW 1000000

static const struct membership_options options = {
    .heartbeat_interval_ms = 3000, .poll_interval_ms_max = 300000, .retry_ms = 100};

static void assert_needs(struct membership *m, int64_t now_ms, enum membership_need need) {
    int64_t at_ms = INT64_MAX;

    assert_int_equal(membership_next(m, now_ms, &at_ms), need);
    /* Asking again at once gives the same. */
    assert_int_equal(membership_next(m, now_ms, &at_ms), need);
}

/* Subscribed, prepared, with a JoinGroup under way. */
static void begin_join(struct membership *m, const struct membership_options *of) {
    membership_init(m, of);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_NOTHING);
    membership_subscribe(m);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_PREPARATION);
    membership_prepared(m);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_JOIN);
    membership_begin(m, MEMBERSHIP_NEEDS_JOIN);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_NOTHING);
}

/* As above, and then a member of generation 5 in peace. */
static void settle(struct membership *m, const struct membership_options *of) {
    begin_join(m, of);
    membership_on_join(m, ERR_NONE, bytes_of_text("m-1"), 5, false, NOW);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_SYNC);
    membership_begin(m, MEMBERSHIP_NEEDS_SYNC);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_NOTHING);
    membership_on_sync(m, ERR_NONE, NOW);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_ADOPTION);
    membership_adopted(m);
    assert_needs(m, NOW, MEMBERSHIP_NEEDS_NOTHING);
    assert_int_equal(m->generation_id, 5);
}

static void beat(struct membership *m, int64_t now_ms, enum error answer) {
    assert_needs(m, now_ms, MEMBERSHIP_NEEDS_HEARTBEAT);
    membership_begin(m, MEMBERSHIP_NEEDS_HEARTBEAT);
    membership_on_heartbeat(m, answer, now_ms);
}

static void a_new_member_joins_again_with_the_id_it_is_given(void **state) {
    struct membership m;

    (void)state;
    begin_join(&m, &options);
    assert_int_equal(membership_id(&m).size, 0);
    membership_on_join(&m, ERR_MEMBER_ID_REQUIRED, bytes_of_text("m-7"), -1, false, NOW);
    assert_true(bytes_equal_text(membership_id(&m), "m-7"));
    assert_false(membership_has_place(&m));
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_JOIN);
}

static void a_settled_member_beats_at_its_interval(void **state) {
    struct membership m;
    int64_t at_ms = INT64_MAX;

    (void)state;
    settle(&m, &options);
    (void)membership_next(&m, NOW, &at_ms);
    assert_int_equal(at_ms, NOW + 3000);
    assert_needs(&m, NOW + 2999, MEMBERSHIP_NEEDS_NOTHING);
    beat(&m, NOW + 3000, ERR_NONE);
    assert_needs(&m, NOW + 5999, MEMBERSHIP_NEEDS_NOTHING);
    beat(&m, NOW + 6000, ERR_REQUEST_TIMED_OUT);
    assert_needs(&m, NOW + 6100, MEMBERSHIP_NEEDS_HEARTBEAT);
}

static void what_a_heartbeat_is_answered_decides_what_comes_next(void **state) {
    static const struct {
        enum error answer;
        enum membership_state state;
        bool lost, keeps_id, keeps_place;
    } cases[] = {
        {ERR_NONE, MEMBERSHIP_STABLE, false, true, true},
        {ERR_REBALANCE_IN_PROGRESS, MEMBERSHIP_PREPARING, false, true, true},
        {ERR_ILLEGAL_GENERATION, MEMBERSHIP_PREPARING, true, true, false},
        {ERR_UNKNOWN_MEMBER_ID, MEMBERSHIP_PREPARING, true, false, false},
        {ERR_FENCED_INSTANCE_ID, MEMBERSHIP_FAILED, true, false, false},
        {ERR_GROUP_AUTHORIZATION_FAILED, MEMBERSHIP_FAILED, true, false, false},
        {ERR_CONNECTION_LOST, MEMBERSHIP_STABLE, false, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct membership m;
        int64_t at_ms = INT64_MAX;

        settle(&m, &options);
        beat(&m, NOW + 3000, cases[i].answer);
        (void)membership_next(&m, NOW + 3000, &at_ms);
        assert_int_equal(m.state, cases[i].state);
        assert_int_equal(m.lost, cases[i].lost);
        assert_int_equal(membership_id(&m).size > 0, cases[i].keeps_id);
        assert_int_equal(membership_has_place(&m), cases[i].keeps_place);
    }
}

static void while_the_application_gives_up_its_partitions_the_member_still_beats(void **state) {
    struct membership m;

    (void)state;
    settle(&m, &options);
    beat(&m, NOW + 3000, ERR_REBALANCE_IN_PROGRESS);
    assert_needs(&m, NOW + 3000, MEMBERSHIP_NEEDS_PREPARATION);
    beat(&m, NOW + 6000, ERR_REBALANCE_IN_PROGRESS);
    membership_prepared(&m);
    assert_needs(&m, NOW + 6000, MEMBERSHIP_NEEDS_JOIN);
    /* The join under way is also the one that the last beat asked for. */
    membership_begin(&m, MEMBERSHIP_NEEDS_JOIN);
    membership_on_join(&m, ERR_NONE, bytes_of_text("m-1"), 6, true, NOW + 7000);
    membership_on_sync(&m, ERR_NONE, NOW + 7000);
    membership_adopted(&m);
    assert_needs(&m, NOW + 7000, MEMBERSHIP_NEEDS_NOTHING);
    assert_true(m.is_leader);
}

static void a_rebalance_during_an_adoption_waits_for_its_end(void **state) {
    struct membership m;

    (void)state;
    begin_join(&m, &options);
    membership_on_join(&m, ERR_NONE, bytes_of_text("m-1"), 5, false, NOW);
    membership_on_sync(&m, ERR_NONE, NOW);
    beat(&m, NOW + 3000, ERR_REBALANCE_IN_PROGRESS);
    assert_needs(&m, NOW + 3000, MEMBERSHIP_NEEDS_ADOPTION);
    membership_adopted(&m);
    assert_needs(&m, NOW + 3000, MEMBERSHIP_NEEDS_PREPARATION);
}

static void a_sync_of_a_past_generation_joins_again(void **state) {
    struct membership m;

    (void)state;
    begin_join(&m, &options);
    membership_on_join(&m, ERR_NONE, bytes_of_text("m-1"), 5, false, NOW);
    membership_on_sync(&m, ERR_REBALANCE_IN_PROGRESS, NOW);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_JOIN);
    membership_begin(&m, MEMBERSHIP_NEEDS_JOIN);
    membership_on_join(&m, ERR_REQUEST_TIMED_OUT, BYTES_NULL, -1, false, NOW);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_NOTHING);
    assert_needs(&m, NOW + 100, MEMBERSHIP_NEEDS_JOIN);
}

static void who_polls_too_late_leaves_and_comes_back_with_the_next_poll(void **state) {
    struct membership m;

    (void)state;
    settle(&m, &options);
    membership_poll_ended(&m, NOW);
    beat(&m, NOW + 299999, ERR_NONE);
    assert_needs(&m, NOW + 300000, MEMBERSHIP_NEEDS_LEAVE);
    membership_begin(&m, MEMBERSHIP_NEEDS_LEAVE);
    membership_on_leave(&m);
    assert_needs(&m, NOW + 400000, MEMBERSHIP_NEEDS_NOTHING);
    assert_int_equal(m.state, MEMBERSHIP_ASLEEP);
    membership_poll_began(&m);
    assert_needs(&m, NOW + 400000, MEMBERSHIP_NEEDS_PREPARATION);
    assert_true(m.lost);
}

static void a_static_member_neither_leaves_late_nor_in_the_end(void **state) {
    struct membership_options of = options;
    struct membership m;

    (void)state;
    of.is_static = true;
    settle(&m, &of);
    membership_poll_ended(&m, NOW);
    assert_needs(&m, NOW + 300000, MEMBERSHIP_NEEDS_NOTHING);
    assert_int_equal(m.state, MEMBERSHIP_ASLEEP);
    settle(&m, &of);
    membership_unsubscribe(&m);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_NOTHING);
    assert_int_equal(m.state, MEMBERSHIP_OUT);
}

static void who_unsubscribes_leaves_and_may_come_back(void **state) {
    struct membership m;

    (void)state;
    settle(&m, &options);
    membership_unsubscribe(&m);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_LEAVE);
    membership_begin(&m, MEMBERSHIP_NEEDS_LEAVE);
    membership_subscribe(&m);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_NOTHING);
    membership_on_leave(&m);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_PREPARATION);
    assert_false(m.lost);
    assert_int_equal(membership_id(&m).size, 0);
}

static void a_refused_commit_counts_for_its_own_generation_only(void **state) {
    struct membership m;

    (void)state;
    settle(&m, &options);
    membership_on_refusal(&m, ERR_UNKNOWN_MEMBER_ID, 4);
    assert_int_equal(m.state, MEMBERSHIP_STABLE);
    membership_on_refusal(&m, ERR_OFFSET_METADATA_TOO_LARGE, 5);
    assert_int_equal(m.state, MEMBERSHIP_STABLE);
    membership_on_refusal(&m, ERR_UNKNOWN_MEMBER_ID, 5);
    assert_needs(&m, NOW, MEMBERSHIP_NEEDS_PREPARATION);
    assert_true(m.lost);
}

static void a_group_that_refuses_for_good_is_left_until_a_new_subscription(void **state) {
    struct membership m;

    (void)state;
    begin_join(&m, &options);
    membership_on_join(&m, ERR_INCONSISTENT_GROUP_PROTOCOL, BYTES_NULL, -1, false, NOW);
    assert_needs(&m, NOW + 100000, MEMBERSHIP_NEEDS_NOTHING);
    assert_int_equal(m.error, ERR_INCONSISTENT_GROUP_PROTOCOL);
    membership_subscribe(&m);
    assert_needs(&m, NOW + 100000, MEMBERSHIP_NEEDS_PREPARATION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_member_joins_again_with_the_id_it_is_given),
        cmocka_unit_test(a_settled_member_beats_at_its_interval),
        cmocka_unit_test(what_a_heartbeat_is_answered_decides_what_comes_next),
        cmocka_unit_test(while_the_application_gives_up_its_partitions_the_member_still_beats),
        cmocka_unit_test(a_rebalance_during_an_adoption_waits_for_its_end),
        cmocka_unit_test(a_sync_of_a_past_generation_joins_again),
        cmocka_unit_test(who_polls_too_late_leaves_and_comes_back_with_the_next_poll),
        cmocka_unit_test(a_static_member_neither_leaves_late_nor_in_the_end),
        cmocka_unit_test(who_unsubscribes_leaves_and_may_come_back),
        cmocka_unit_test(a_refused_commit_counts_for_its_own_generation_only),
        cmocka_unit_test(a_group_that_refuses_for_good_is_left_until_a_new_subscription),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
