/* SyncGroup, row by row, and what follows of how the store of an assignment went. */
#include "tests/unit/broker/group/group_fixture.h"

/* ---- Refused ---- */

struct refusal {
    enum group_state state;
    struct ask ask;
    enum error error;
};

static void come_to(struct fixture *f, enum group_state wanted) {
    fixture_init(f);
    if (wanted == GROUP_EMPTY)
        return;
    if (wanted == GROUP_COMPLETING_REBALANCE)
        fixture_complete_join(f, "Ab");
    else
        fixture_make_stable(f, "Ab");
    if (wanted == GROUP_PREPARING_REBALANCE)
        JOIN(f, .gives = "C");
    if (wanted == GROUP_DEAD)
        group_unload(f->group, ERR_NOT_COORDINATOR);
    assert_int_equal(group_state(f->group), wanted);
}

static void who_is_no_member_of_the_generation_is_told_why(void **state) {
    static const struct refusal refusals[] = {
        {GROUP_DEAD, {.member = "A", .generation = 1}, ERR_COORDINATOR_NOT_AVAILABLE},
        {GROUP_EMPTY, {.member = "A", .generation = 0}, ERR_UNKNOWN_MEMBER_ID},
        {GROUP_PREPARING_REBALANCE, {.member = "A", .generation = 1}, ERR_REBALANCE_IN_PROGRESS},
        {GROUP_STABLE, {.member = "X", .generation = 1}, ERR_UNKNOWN_MEMBER_ID},
        {GROUP_STABLE, {.member = "X", .instance = "ib", .generation = 1}, ERR_FENCED_INSTANCE_ID},
        {GROUP_STABLE, {.member = "b", .instance = "o", .generation = 1}, ERR_UNKNOWN_MEMBER_ID},
        {GROUP_STABLE, {.member = "A", .generation = 0}, ERR_ILLEGAL_GENERATION},
        {GROUP_STABLE, {.member = "A", .generation = 2}, ERR_ILLEGAL_GENERATION},
        {GROUP_COMPLETING_REBALANCE, {.member = "A", .generation = 0}, ERR_ILLEGAL_GENERATION},
        {GROUP_COMPLETING_REBALANCE,
         {.member = "A", .generation = 1, .type = "connect"},
         ERR_INCONSISTENT_GROUP_PROTOCOL},
        {GROUP_COMPLETING_REBALANCE,
         {.member = "A", .generation = 1, .type = "consumer", .protocols = "sticky"},
         ERR_INCONSISTENT_GROUP_PROTOCOL},
        {GROUP_PREPARING_REBALANCE, {.member = "A", .generation = 0}, ERR_ILLEGAL_GENERATION},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct fixture f;
        int stores;
        come_to(&f, refusals[i].state);
        stores = f.stores_ever;
        assert_sync_failed(fixture_sync(&f, &refusals[i].ask), refusals[i].error);
        assert_int_equal(group_state(f.group), refusals[i].state);
        assert_int_equal(f.stores_ever, stores);
        fixture_done(&f);
    }
}

/* ---- Assignments ---- */

static void an_assignment_is_told_only_when_it_is_stored(void **state) {
    struct fixture f;
    struct answer *a, *b;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    a = SYNC(&f, .member = "A", .generation = 1, .type = "consumer", .protocols = "range",
             .assigns = "A=1 B=2");
    b = SYNC(&f, .member = "B", .generation = 1);
    assert_waits(a);
    assert_waits(b);
    assert_int_equal(f.store_count, 1);
    assert_int_equal(f.last_store.generation, 1);
    assert_string_equal(f.last_store.members, "A=1 B=2");
    assert_string_equal(f.last_store.leader, "A");
    assert_string_equal(f.last_store.protocol, "range");
    assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
    stored(&f, ERR_NONE);
    assert_synced(a, "1");
    assert_synced(b, "2");
    assert_string_equal(b->type, "consumer");
    assert_string_equal(b->protocol, "range");
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    assert_int_equal(group_state_ms(f.group), f.now.wall_ms);
    fixture_done(&f);
}

static void followers_wait_for_the_leader(void **state) {
    struct fixture f;
    struct answer *b;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    /* Only the leader assigns. */
    b = SYNC(&f, .member = "B", .generation = 1, .assigns = "A=mine B=mine");
    assert_waits(b);
    assert_int_equal(f.stores_ever, 0);
    SYNC(&f, .member = "A", .generation = 1, .assigns = "B=2");
    stored(&f, ERR_NONE);
    assert_synced(b, "2");
    fixture_done(&f);
}

static void who_is_not_named_is_assigned_nothing_and_strangers_are_ignored(void **state) {
    struct fixture f;
    struct answer *a, *b, *c;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "ABC");
    a = SYNC(&f, .member = "A", .generation = 1, .assigns = "X=9 C=3 C=4");
    b = SYNC(&f, .member = "B", .generation = 1);
    c = SYNC(&f, .member = "C", .generation = 1);
    stored(&f, ERR_NONE);
    assert_synced(a, "");
    assert_synced(b, "");
    assert_synced(c, "4");
    fixture_done(&f);
}

static void who_asks_later_is_told_the_same(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    assert_synced(SYNC(&f, .member = "B", .generation = 1), "b");
    assert_synced(SYNC(&f, .member = "A", .generation = 1, .assigns = "A=x B=y"), "a");
    assert_synced(SYNC(&f, .member = "B", .generation = 1), "b");
    assert_int_equal(f.stores_ever, 1);
    fixture_done(&f);
}

static void a_second_request_of_a_waiting_member_replaces_the_first(void **state) {
    struct fixture f;
    struct answer *first, *second;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    first = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1");
    second = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=2");
    assert_sync_failed(first, ERR_REBALANCE_IN_PROGRESS);
    assert_waits(second);
    while (f.store_count > 0)
        stored(&f, ERR_NONE);
    /* What is told is what was stored. */
    assert_synced(second, "1");
    assert_string_equal(f.last_store.members, "A=1 B=");
    fixture_done(&f);
}

/* ---- The store fails ---- */

static void after_a_failed_store_all_are_told_and_join_anew(void **state) {
    struct fixture f;
    struct answer *a, *b, *next;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "ABC");
    a = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1 B=2 C=3");
    b = SYNC(&f, .member = "B", .generation = 1);
    stored(&f, ERR_COORDINATOR_NOT_AVAILABLE);
    assert_sync_failed(a, ERR_COORDINATOR_NOT_AVAILABLE);
    assert_sync_failed(b, ERR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    assert_sync_failed(SYNC(&f, .member = "C", .generation = 1), ERR_REBALANCE_IN_PROGRESS);

    next = JOIN(&f, .member = "B");
    JOIN(&f, .member = "C");
    JOIN(&f, .member = "A");
    assert_joined(next, "B", 2, "A", "");
    b = SYNC(&f, .member = "B", .generation = 2);
    SYNC(&f, .member = "A", .generation = 2, .assigns = "C=9");
    stored(&f, ERR_NONE);
    assert_synced(b, ""); /* nothing is left of what could not be stored */
    fixture_done(&f);
}

static void a_member_that_goes_while_it_is_stored_makes_all_join_anew(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    a = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1 B=2");
    assert_int_equal(leave(&f, "B", NULL), ERR_NONE);
    assert_sync_failed(a, ERR_REBALANCE_IN_PROGRESS);
    stored(&f, ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    fixture_done(&f);
}

static void the_outcome_of_an_older_store_does_not_answer_the_next_generation(void **state) {
    static const enum error outcomes[] = {ERR_NONE, ERR_NOT_COORDINATOR};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        struct fixture f;
        struct answer *b;
        fixture_init(&f);
        fixture_complete_join(&f, "AB");
        SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1 B=2");
        JOIN(&f, .member = "B", .metadata = "other");
        JOIN(&f, .member = "A");
        assert_int_equal(group_generation(f.group), 2);
        b = SYNC(&f, .member = "B", .generation = 2);
        SYNC(&f, .member = "A", .generation = 2, .assigns = "A=3 B=4");
        assert_int_equal(f.store_count, 2);
        stored(&f, outcomes[i]);
        assert_waits(b);
        assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
        stored(&f, ERR_NONE);
        assert_synced(b, "4");
        fixture_done(&f);
    }
}

static void an_unloaded_group_answers_all_and_ignores_its_stores(void **state) {
    struct fixture f;
    struct answer *join, *sync;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    sync = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1");
    group_unload(f.group, ERR_NOT_COORDINATOR);
    assert_sync_failed(sync, ERR_NOT_COORDINATOR);
    stored(&f, ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_DEAD);
    assert_true(group_next_deadline(f.group) == GROUP_NO_DEADLINE);
    fixture_done(&f);

    fixture_init(&f);
    join = JOIN(&f, .gives = "A");
    group_unload(f.group, ERR_NOT_COORDINATOR);
    assert_refused(join, ERR_NOT_COORDINATOR, "A");
    fixture_done(&f);
}

/* ---- Who does not sync ---- */

static void who_does_not_sync_in_time_is_removed(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB"); /* since DELAY_MS */
    SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1 B=2");
    stored(&f, ERR_NONE);
    for (int turn = 0; turn < REBALANCE_MS / 5000 - 1; turn++) {
        pass(&f, 5000);
        assert_int_equal(heartbeat(&f, "A", NULL, 1), ERR_NONE);
        assert_int_equal(heartbeat(&f, "B", NULL, 1), ERR_NONE);
    }
    pass(&f, 5000);
    assert_int_equal(heartbeat(&f, "B", NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    a = JOIN(&f, .member = "A");
    assert_joined(a, "A", 2, "A", "A");
    fixture_done(&f);
}

static void a_leader_that_does_not_sync_is_replaced(void **state) {
    struct fixture f;
    struct answer *b;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    b = SYNC(&f, .member = "B", .generation = 1);
    for (int turn = 0; turn < REBALANCE_MS / 5000; turn++) {
        (void)heartbeat(&f, "A", NULL, 1);
        pass(&f, 5000);
    }
    assert_sync_failed(b, ERR_REBALANCE_IN_PROGRESS);
    assert_joined(JOIN(&f, .member = "B"), "B", 2, "B", "B");
    fixture_done(&f);
}

static void when_all_have_synced_nobody_is_removed(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    for (int turn = 0; turn < 4 * REBALANCE_MS / 5000; turn++) {
        pass(&f, 5000);
        assert_int_equal(heartbeat(&f, "A", NULL, 1), ERR_NONE);
        assert_int_equal(heartbeat(&f, "B", NULL, 1), ERR_NONE);
    }
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_no_member_of_the_generation_is_told_why),
        cmocka_unit_test(an_assignment_is_told_only_when_it_is_stored),
        cmocka_unit_test(followers_wait_for_the_leader),
        cmocka_unit_test(who_is_not_named_is_assigned_nothing_and_strangers_are_ignored),
        cmocka_unit_test(who_asks_later_is_told_the_same),
        cmocka_unit_test(a_second_request_of_a_waiting_member_replaces_the_first),
        cmocka_unit_test(after_a_failed_store_all_are_told_and_join_anew),
        cmocka_unit_test(a_member_that_goes_while_it_is_stored_makes_all_join_anew),
        cmocka_unit_test(the_outcome_of_an_older_store_does_not_answer_the_next_generation),
        cmocka_unit_test(an_unloaded_group_answers_all_and_ignores_its_stores),
        cmocka_unit_test(who_does_not_sync_in_time_is_removed),
        cmocka_unit_test(a_leader_that_does_not_sync_is_replaced),
        cmocka_unit_test(when_all_have_synced_nobody_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
