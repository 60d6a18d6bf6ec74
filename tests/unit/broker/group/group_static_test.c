/* Static members (KIP-345, KIP-814): they come back under a new id, and nobody need notice. */
#include "tests/unit/broker/group/group_fixture.h"

#define BACK(f, id, inst, ver) JOIN((f), .gives = (id), .instance = (inst), .version = (ver))

/* ---- In a stable group ---- */

struct comeback {
    const char *instance;
    int version;
    const char *leader;
    const char *members;
    bool skip_assignment;
};

static void who_comes_back_takes_its_place_without_a_rebalance(void **state) {
    static const struct comeback cases[] = {
        {"ib", 9, "a", "", false},
        {"ib", 5, "a", "", false},
        {"ia", 9, "N", "N/ia b/ib", true},
        /* It would take itself for the leader, and assign, if it were told that it leads. */
        {"ia", 5, "a", "", false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bool is_a = strcmp(cases[i].instance, "ia") == 0;
        struct fixture f;
        struct answer *back;
        fixture_init(&f);
        fixture_make_stable(&f, "ab");
        back = BACK(&f, "N", cases[i].instance, cases[i].version);
        assert_waits(back); /* until its new id is stored */
        assert_int_equal(f.store_count, 1);
        assert_string_equal(f.last_store.leader, is_a ? "N" : "a");
        assert_non_null(strstr(f.last_store.members, is_a ? "N=a" : "N=b"));
        stored(&f, ERR_NONE);
        assert_int_equal(back->count, 1);
        assert_int_equal(back->error, ERR_NONE);
        assert_int_equal(back->generation, 1);
        assert_string_equal(back->member, "N");
        assert_string_equal(back->leader, cases[i].leader);
        if (!is_a)
            assert_string_equal(back->members, cases[i].members);
        assert_int_equal(back->skip_assignment, cases[i].skip_assignment);
        assert_int_equal(group_state(f.group), GROUP_STABLE);
        assert_synced(SYNC(&f, .member = "N", .instance = cases[i].instance, .generation = 1),
                      is_a ? "a" : "b");
        fixture_done(&f);
    }
}

static void a_leader_that_comes_back_is_told_all_members(void **state) {
    struct fixture f;
    struct answer *back;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "aBc");
    back = BACK(&f, "N", "ia", 9);
    stored(&f, ERR_NONE);
    assert_true(back->skip_assignment);
    assert_non_null(strstr(back->members, "N/ia"));
    assert_non_null(strstr(back->members, "B"));
    assert_non_null(strstr(back->members, "c/ic"));
    fixture_done(&f);
}

static void the_old_id_is_fenced(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "Ab");
    BACK(&f, "N", "ib", 9);
    stored(&f, ERR_NONE);
    assert_int_equal(heartbeat(&f, "b", "ib", 1), ERR_FENCED_INSTANCE_ID);
    assert_int_equal(leave(&f, "b", "ib"), ERR_FENCED_INSTANCE_ID);
    assert_sync_failed(SYNC(&f, .member = "b", .instance = "ib", .generation = 1),
                       ERR_FENCED_INSTANCE_ID);
    assert_refused(JOIN(&f, .member = "b", .instance = "ib"), ERR_FENCED_INSTANCE_ID, "b");
    assert_int_equal(heartbeat(&f, "N", "ib", 1), ERR_NONE);
    fixture_done(&f);
}

static void a_change_of_the_chosen_protocol_makes_all_join_anew(void **state) {
    struct fixture f;
    struct answer *back, *a;
    (void)state;

    fixture_init(&f);
    JOIN(&f, .gives = "A", .protocols = "x y");
    JOIN(&f, .gives = "b", .instance = "ib", .protocols = "x y");
    pass(&f, 2 * (int64_t)DELAY_MS);
    SYNC(&f, .member = "A", .generation = 1);
    SYNC(&f, .member = "b", .generation = 1);
    stored(&f, ERR_NONE);
    back = JOIN(&f, .gives = "N", .instance = "ib", .protocols = "y");
    assert_waits(back);
    assert_int_equal(f.store_count, 0);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    a = JOIN(&f, .member = "A", .protocols = "x y");
    assert_int_equal(a->generation, 2);
    assert_string_equal(a->protocol, "y");
    assert_string_equal(back->protocol, "y");
    fixture_done(&f);
}

/* ---- While others join or wait ---- */

static void while_the_group_prepares_it_waits_like_any_other(void **state) {
    struct fixture f;
    struct answer *old, *back, *a;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "Ab");
    old = JOIN(&f, .member = "b", .instance = "ib", .metadata = "other");
    back = BACK(&f, "N", "ib", 9);
    assert_int_equal(old->count, 1);
    assert_int_equal(old->error, ERR_FENCED_INSTANCE_ID);
    assert_waits(back);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    a = JOIN(&f, .member = "A");
    assert_joined(a, "A", 2, "A", "A N/ib");
    assert_joined(back, "N", 2, "A", "");
    fixture_done(&f);
}

static void while_assignments_are_awaited_it_makes_all_join_anew(void **state) {
    struct fixture f;
    struct answer *sync, *leader;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "Ab");
    sync = SYNC(&f, .member = "b", .instance = "ib", .generation = 1);
    leader = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1");
    assert_waits(BACK(&f, "N", "ib", 9));
    assert_sync_failed(sync, ERR_FENCED_INSTANCE_ID);
    assert_sync_failed(leader, ERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    fixture_done(&f);
}

static void in_its_first_join_it_may_come_back_and_wait_for_longer_than_its_session(void **state) {
    struct fixture f;
    struct answer *back;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    JOIN(&f, .gives = "b", .instance = "ib");
    back = BACK(&f, "N", "ib", 9);
    for (int turn = 0; turn < 4; turn++) {
        assert_int_equal(heartbeat(&f, "A", NULL, 1), ERR_REBALANCE_IN_PROGRESS);
        pass(&f, SESSION_MS - 1);
    }
    assert_waits(back);
    JOIN(&f, .member = "A");
    assert_joined(back, "N", 2, "A", "");
    fixture_done(&f);
}

/* ---- Its new id cannot be stored ---- */

static void a_comeback_that_cannot_be_stored_has_not_happened(void **state) {
    struct fixture f;
    struct answer *back;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "aB");
    back = JOIN(&f, .gives = "N", .instance = "ia", .version = 9, .metadata = "other",
                .session_ms = 20000);
    stored(&f, ERR_NOT_COORDINATOR);
    assert_int_equal(back->count, 1);
    assert_int_equal(back->error, ERR_NOT_COORDINATOR);
    assert_string_equal(back->member, "");
    assert_string_equal(back->members, "");
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    assert_int_equal(heartbeat(&f, "a", "ia", 1), ERR_NONE);
    assert_int_equal(heartbeat(&f, "N", "ia", 1), ERR_FENCED_INSTANCE_ID);
    assert_synced(SYNC(&f, .member = "a", .instance = "ia", .generation = 1), "a");
    /* It leads on, with what it had sent before: unchanged for B. */
    assert_joined(JOIN(&f, .member = "B"), "B", 1, "a", "");
    assert_int_equal(heartbeat(&f, "B", NULL, 1), ERR_NONE);
    pass(&f, SESSION_MS);
    assert_int_equal(group_state(f.group), GROUP_EMPTY); /* its old session timeout */
    fixture_done(&f);
}

static void a_rebalance_in_between_answers_the_comeback(void **state) {
    static const enum error outcomes[] = {ERR_NONE, ERR_NOT_COORDINATOR};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        struct fixture f;
        struct answer *back, *a;
        fixture_init(&f);
        fixture_make_stable(&f, "Ab");
        back = BACK(&f, "N", "ib", 9);
        a = JOIN(&f, .member = "A");
        assert_joined(a, "A", 2, "A", "A N/ib");
        assert_joined(back, "N", 2, "A", "");
        stored(&f, outcomes[i]);
        assert_int_equal(heartbeat(&f, "N", "ib", 2), ERR_NONE);
        fixture_done(&f);
    }
}

/* The outcome comes when the next generation is stable already: as by a journal that tells of a
 * time-out late. The member has been told its new id; nothing may take it back. */
static void a_late_outcome_takes_nothing_back_from_the_next_generation(void **state) {
    struct fixture f;
    struct answer *back;
    int64_t late;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "Ab");
    back = BACK(&f, "N", "ib", 9);
    late = f.stores[--f.store_count].ticket;
    JOIN(&f, .member = "A");
    assert_joined(back, "N", 2, "A", "");
    SYNC(&f, .member = "A", .generation = 2, .assigns = "N=new");
    SYNC(&f, .member = "N", .instance = "ib", .generation = 2);
    stored(&f, ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    group_stored(f.group, late, ERR_REBALANCE_IN_PROGRESS, f.now);
    assert_int_equal(heartbeat(&f, "N", "ib", 2), ERR_NONE);
    assert_synced(SYNC(&f, .member = "N", .instance = "ib", .generation = 2), "new");
    fixture_done(&f);
}

static void it_may_come_back_again_before_the_first_comeback_is_stored(void **state) {
    static const enum error outcomes[][2] = {
        {ERR_NONE, ERR_NONE},
        {ERR_NONE, ERR_NOT_COORDINATOR},
        {ERR_NOT_COORDINATOR, ERR_NONE},
        {ERR_NOT_COORDINATOR, ERR_NOT_COORDINATOR},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        struct fixture f;
        struct answer *first, *second;
        fixture_init(&f);
        fixture_make_stable(&f, "Ab");
        first = BACK(&f, "M", "ib", 9);
        second = BACK(&f, "N", "ib", 9);
        assert_int_equal(first->count, 1);
        assert_int_equal(first->error, ERR_FENCED_INSTANCE_ID);
        stored(&f, outcomes[i][0]);
        stored(&f, outcomes[i][1]);
        assert_int_equal(second->count, 1);
        assert_int_equal(second->error, outcomes[i][1]);
        assert_int_equal(heartbeat(&f, "N", "ib", 1),
                         outcomes[i][1] == ERR_NONE ? ERR_NONE : ERR_FENCED_INSTANCE_ID);
        assert_int_equal(group_member_count(f.group), 2);
        fixture_done(&f);
    }
}

static void who_is_removed_while_its_comeback_is_stored_is_told(void **state) {
    static const enum error outcomes[] = {ERR_NONE, ERR_NOT_COORDINATOR};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        struct fixture f;
        struct answer *back;
        fixture_init(&f);
        fixture_make_stable(&f, "Ab");
        back = BACK(&f, "N", "ib", 9);
        assert_int_equal(leave(&f, "", "ib"), ERR_NONE);
        assert_int_equal(back->count, 1);
        assert_int_equal(back->error, ERR_UNKNOWN_MEMBER_ID);
        stored(&f, outcomes[i]);
        assert_int_equal(group_member_count(f.group), 1);
        fixture_done(&f);
    }
}

/* ---- Being away ---- */

static void a_static_member_that_is_away_is_kept_until_it_does_not_sync(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    /* Others rebalance without it: it stays a member. */
    fixture_init(&f);
    JOIN(&f, .gives = "A", .rebalance_ms = 2000);
    JOIN(&f, .gives = "b", .instance = "ib", .rebalance_ms = 2000);
    pass(&f, DELAY_MS); /* no longer than the longest rebalance timeout */
    SYNC(&f, .member = "A", .generation = 1);
    SYNC(&f, .member = "b", .generation = 1);
    stored(&f, ERR_NONE);
    a = JOIN(&f, .member = "A", .rebalance_ms = 2000);
    pass(&f, 2000);
    assert_joined(a, "A", 2, "A", "A b/ib");
    SYNC(&f, .member = "A", .generation = 2, .assigns = "b=x");
    stored(&f, ERR_NONE);
    pass(&f, 1999);
    assert_int_equal(group_member_count(f.group), 2);
    pass(&f, 1);
    assert_int_equal(group_member_count(f.group), 1);
    assert_int_equal(leave(&f, "", "ib"), ERR_UNKNOWN_MEMBER_ID);
    fixture_done(&f);
}

static void if_only_static_members_are_left_and_none_comes_the_group_waits_for_them(void **state) {
    struct fixture f;
    struct answer *back;
    (void)state;

    fixture_init(&f);
    JOIN(&f, .gives = "A", .rebalance_ms = 1000);
    JOIN(&f, .gives = "b", .instance = "ib", .rebalance_ms = 1000, .session_ms = 60000);
    pass(&f, DELAY_MS);
    SYNC(&f, .member = "A", .generation = 1);
    SYNC(&f, .member = "b", .generation = 1);
    stored(&f, ERR_NONE);
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    pass(&f, 10000);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    assert_int_equal(group_generation(f.group), 1);
    back = JOIN(&f, .member = "b", .instance = "ib");
    assert_joined(back, "b", 2, "b", "b/ib");
    fixture_done(&f);
}

/* A rebalance timeout of nothing does not make the coordinator spin meanwhile: pass() counts. */
static void waiting_for_static_members_takes_no_time_of_the_processor(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    JOIN(&f, .gives = "A", .rebalance_ms = 1);
    JOIN(&f, .gives = "b", .instance = "ib", .rebalance_ms = -1, .session_ms = 60000);
    pass(&f, DELAY_MS);
    SYNC(&f, .member = "A", .generation = 1);
    SYNC(&f, .member = "b", .generation = 1);
    stored(&f, ERR_NONE);
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    pass(&f, 50000);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    pass(&f, 10000);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_back_takes_its_place_without_a_rebalance),
        cmocka_unit_test(a_leader_that_comes_back_is_told_all_members),
        cmocka_unit_test(the_old_id_is_fenced),
        cmocka_unit_test(a_change_of_the_chosen_protocol_makes_all_join_anew),
        cmocka_unit_test(while_the_group_prepares_it_waits_like_any_other),
        cmocka_unit_test(while_assignments_are_awaited_it_makes_all_join_anew),
        cmocka_unit_test(in_its_first_join_it_may_come_back_and_wait_for_longer_than_its_session),
        cmocka_unit_test(a_comeback_that_cannot_be_stored_has_not_happened),
        cmocka_unit_test(a_rebalance_in_between_answers_the_comeback),
        cmocka_unit_test(a_late_outcome_takes_nothing_back_from_the_next_generation),
        cmocka_unit_test(it_may_come_back_again_before_the_first_comeback_is_stored),
        cmocka_unit_test(who_is_removed_while_its_comeback_is_stored_is_told),
        cmocka_unit_test(a_static_member_that_is_away_is_kept_until_it_does_not_sync),
        cmocka_unit_test(if_only_static_members_are_left_and_none_comes_the_group_waits_for_them),
        cmocka_unit_test(waiting_for_static_members_takes_no_time_of_the_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
