/* How long a rebalance takes: the first one of a group, and the later ones. */
#include "tests/unit/broker/group/group_fixture.h"

/* ---- The first: others are given time to come ---- */

static void the_first_rebalance_waits_for_the_initial_delay(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    a = JOIN(&f, .gives = "A");
    pass(&f, DELAY_MS - 1);
    assert_waits(a);
    pass(&f, 1);
    assert_joined(a, "A", 1, "A", "A");
    fixture_done(&f);
}

static void without_a_delay_it_is_over_at_once(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    f.settings.initial_rebalance_delay_ms = 0;
    a = JOIN(&f, .gives = "A");
    pass(&f, 0);
    assert_joined(a, "A", 1, "A", "A");
    fixture_done(&f);
}

struct prolongation {
    int64_t comes_ms[6]; /* others, after the first; 0: no more */
    int32_t rebalance_ms;
    int64_t completes_ms;
};

static void each_newcomer_prolongs_the_delay_up_to_the_rebalance_timeout(void **state) {
    static const struct prolongation cases[] = {
        {{0}, 60000, 3000},
        {{1}, 60000, 6000},
        {{2999}, 60000, 6000},
        {{1, 2}, 60000, 6000},
        {{1, 3001}, 60000, 9000},
        {{1, 3001, 6001, 9001, 12001}, 60000, 18000},
        {{1, 3001, 6001, 9001, 12001}, 10000, 10000},
        {{1, 3001}, 7000, 7000},
        {{1, 3001}, 4000, 4000},
        {{1}, 2000, 3000}, /* the delay itself is not cut */
        {{1, 6001}, 60000, 6000},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct prolongation *c = &cases[i];
        struct fixture f;
        struct answer *first;
        int64_t at_ms = 0;
        fixture_init(&f);
        first = JOIN(&f, .gives = "A", .rebalance_ms = c->rebalance_ms, .session_ms = 60000);
        for (int j = 0; c->comes_ms[j] != 0 && c->comes_ms[j] < c->completes_ms; j++) {
            const char id[] = {(char)('B' + j), '\0'};
            pass(&f, c->comes_ms[j] - at_ms);
            at_ms = c->comes_ms[j];
            JOIN(&f, .gives = id, .rebalance_ms = 1000);
        }
        pass(&f, c->completes_ms - at_ms - 1);
        assert_waits(first);
        pass(&f, 1);
        assert_int_equal(first->count, 1);
        assert_int_equal(group_generation(f.group), 1);
        fixture_done(&f);
    }
}

static void a_group_that_was_used_before_is_not_given_more_time(void **state) {
    struct fixture f;
    struct answer *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    b = JOIN(&f, .gives = "B");
    pass(&f, 1);
    JOIN(&f, .gives = "C");
    pass(&f, DELAY_MS - 1);
    assert_int_equal(b->count, 1);
    fixture_done(&f);
}

static void members_that_give_up_during_the_delay_leave_it_running(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    JOIN(&f, .gives = "A");
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    assert_waits(JOIN(&f, .gives = "B"));
    pass(&f, 2 * (int64_t)DELAY_MS);
    assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
    fixture_done(&f);

    fixture_init(&f);
    JOIN(&f, .gives = "A");
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    pass(&f, DELAY_MS);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    fixture_done(&f);
}

/* ---- Later ones: all are waited for, but not forever ---- */

static void who_does_not_come_back_in_time_is_removed(void **state) {
    struct fixture f;
    struct answer *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "ABC"); /* A leads */
    b = JOIN(&f, .member = "B", .metadata = "other");
    JOIN(&f, .member = "C");
    for (int turn = 0; turn < REBALANCE_MS / 5000; turn++) {
        assert_waits(b);
        (void)heartbeat(&f, "A", NULL, 1); /* it lives, but does not come */
        pass(&f, 5000);
    }
    assert_joined(b, "B", 2, "B", "B C");
    assert_int_equal(heartbeat(&f, "A", NULL, 2), ERR_UNKNOWN_MEMBER_ID);
    fixture_done(&f);
}

static void the_longest_rebalance_timeout_counts(void **state) {
    struct fixture f;
    struct answer *c;
    (void)state;

    fixture_init(&f);
    JOIN(&f, .gives = "A", .rebalance_ms = 5000, .session_ms = 60000);
    JOIN(&f, .gives = "B", .rebalance_ms = 20000, .session_ms = 60000);
    pass(&f, 2 * (int64_t)DELAY_MS);
    SYNC(&f, .member = "A", .generation = 1);
    SYNC(&f, .member = "B", .generation = 1);
    stored(&f, ERR_NONE);
    c = JOIN(&f, .gives = "C", .rebalance_ms = 1000);
    pass(&f, 19999);
    assert_waits(c);
    pass(&f, 1);
    assert_joined(c, "C", 2, "C", "C");
    fixture_done(&f);
}

static void who_dies_meanwhile_is_not_waited_for(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    a = JOIN(&f, .member = "A");
    pass(&f, SESSION_MS - 1);
    assert_waits(a);
    pass(&f, 1);
    assert_joined(a, "A", 2, "A", "A");
    fixture_done(&f);
}

static void a_group_that_dies_of_silence_is_empty_and_that_is_stored(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "ABC");
    pass(&f, SESSION_MS);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    assert_int_equal(group_generation(f.group), 2);
    assert_int_equal(f.store_count, 1);
    assert_string_equal(f.last_store.members, "");
    assert_true(group_next_deadline(f.group) == GROUP_NO_DEADLINE);
    fixture_done(&f);
}

/* Two rebalances, one after the other, as cooperative assignors need them (KIP-429). */
static void the_next_rebalance_may_begin_when_the_last_is_hardly_over(void **state) {
    struct fixture f;
    struct answer *a, *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    b = JOIN(&f, .gives = "B", .metadata = "owns nothing");
    a = JOIN(&f, .member = "A", .metadata = "owns all");
    assert_string_equal(a->metadata, "owns all owns nothing");
    SYNC(&f, .member = "A", .generation = 2, .assigns = "A=half B=");
    SYNC(&f, .member = "B", .generation = 2);
    stored(&f, ERR_NONE);
    a = JOIN(&f, .member = "A", .metadata = "owns half");
    b = JOIN(&f, .member = "B", .metadata = "owns nothing");
    assert_joined(a, "A", 3, "A", "A B");
    assert_joined(b, "B", 3, "A", "");
    assert_string_equal(a->metadata, "owns half owns nothing");
    fixture_done(&f);
}

/* ---- Why they begin ---- */

#define TWO "range sticky"

/* Each takes a stable group of A, which leads, and the static b, into the next rebalance. */

static void comes(struct fixture *f) {
    JOIN(f, .gives = "C");
}

static void goes(struct fixture *f) {
    assert_int_equal(leave(f, "A", NULL), ERR_NONE);
}

static void is_silent(struct fixture *f) {
    pass(f, SESSION_MS);
}

static void wants_more(struct fixture *f) {
    JOIN(f, .member = "b", .instance = "ib", .metadata = "more topics", .protocols = TWO);
}

static void leads_anew(struct fixture *f) {
    JOIN(f, .member = "A", .protocols = TWO);
}

static void returns_with_less(struct fixture *f) {
    JOIN(f, .gives = "B", .instance = "ib", .protocols = "sticky");
}

static void is_one_too_many(struct fixture *f) {
    f->settings.size_max = 1;
    group_start(f->group, f->now);
}

static void is_not_stored(struct fixture *f) {
    leads_anew(f);
    JOIN(f, .member = "b", .instance = "ib", .protocols = TWO);
    SYNC(f, .member = "A", .generation = 2);
    stored(f, ERR_NOT_ENOUGH_REPLICAS);
}

static void make_both_stable(struct fixture *f) {
    JOIN(f, .gives = "A", .protocols = TWO);
    JOIN(f, .gives = "b", .instance = "ib", .protocols = TWO);
    pass(f, 2 * (int64_t)DELAY_MS);
    SYNC(f, .member = "A", .generation = 1, .assigns = "A=a b=b");
    SYNC(f, .member = "b", .instance = "ib", .generation = 1);
    stored(f, ERR_NONE);
    assert_int_equal(group_state(f->group), GROUP_STABLE);
}

static void each_beginning_has_its_reason(void **state) {
    static const struct {
        enum group_rebalance_reason reason;
        void (*happens)(struct fixture *f);
    } cases[] = {
        {GROUP_REBALANCE_JOINED, comes},         {GROUP_REBALANCE_LEFT, goes},
        {GROUP_REBALANCE_EXPIRED, is_silent},    {GROUP_REBALANCE_CHANGED, wants_more},
        {GROUP_REBALANCE_LEADER, leads_anew},    {GROUP_REBALANCE_RETURNED, returns_with_less},
        {GROUP_REBALANCE_SIZE, is_one_too_many}, {GROUP_REBALANCE_STORE, is_not_stored},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t before[GROUP_REBALANCE_REASONS];
        struct fixture f;

        fixture_init(&f);
        make_both_stable(&f);
        for (int r = 0; r < GROUP_REBALANCE_REASONS; r++)
            before[r] = group_rebalance_count(f.group, (enum group_rebalance_reason)r);
        assert_int_equal(before[GROUP_REBALANCE_JOINED], 1);
        cases[i].happens(&f);
        for (int r = 0; r < GROUP_REBALANCE_REASONS; r++) {
            bool is_it = r == (int)cases[i].reason ||
                         (cases[i].happens == is_not_stored && r == GROUP_REBALANCE_LEADER);
            assert_int_equal(group_rebalance_count(f.group, (enum group_rebalance_reason)r),
                             before[r] + is_it);
        }
        fixture_done(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rebalance_waits_for_the_initial_delay),
        cmocka_unit_test(without_a_delay_it_is_over_at_once),
        cmocka_unit_test(each_newcomer_prolongs_the_delay_up_to_the_rebalance_timeout),
        cmocka_unit_test(a_group_that_was_used_before_is_not_given_more_time),
        cmocka_unit_test(members_that_give_up_during_the_delay_leave_it_running),
        cmocka_unit_test(who_does_not_come_back_in_time_is_removed),
        cmocka_unit_test(the_longest_rebalance_timeout_counts),
        cmocka_unit_test(who_dies_meanwhile_is_not_waited_for),
        cmocka_unit_test(a_group_that_dies_of_silence_is_empty_and_that_is_stored),
        cmocka_unit_test(the_next_rebalance_may_begin_when_the_last_is_hardly_over),
        cmocka_unit_test(each_beginning_has_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
