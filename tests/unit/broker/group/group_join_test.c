/* JoinGroup, row by row: who is let in, who is told what, who makes the group rebalance. */
#include "tests/unit/broker/group/group_fixture.h"

/* ---- The first of a group ---- */

static void a_new_dynamic_member_is_given_an_id_first(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_refused(JOIN(&f, .gives = "A", .version = 4), ERR_MEMBER_ID_REQUIRED, "A");
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    assert_int_equal(group_member_count(f.group), 0);
    assert_false(group_is_unused(f.group));
    assert_waits(JOIN(&f, .member = "A", .version = 4));
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    assert_int_equal(group_member_count(f.group), 1);
    fixture_done(&f);
}

static void old_clients_and_static_members_join_without_an_id(void **state) {
    static const struct ask asks[] = {
        {.gives = "A", .version = 0},
        {.gives = "A", .version = 3},
        {.gives = "A", .instance = "i", .version = 5},
        {.gives = "A", .instance = "i", .version = 9},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(asks); i++) {
        struct fixture f;
        fixture_init(&f);
        assert_waits(fixture_join(&f, &asks[i]));
        assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
        fixture_done(&f);
    }
}

static void an_id_that_nobody_gave_is_unknown(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_refused(JOIN(&f, .member = "X"), ERR_UNKNOWN_MEMBER_ID, "X");
    assert_refused(JOIN(&f, .member = "X", .instance = "i"), ERR_UNKNOWN_MEMBER_ID, "X");
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    fixture_make_stable(&f, "AB");
    assert_refused(JOIN(&f, .member = "X"), ERR_UNKNOWN_MEMBER_ID, "X");
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    fixture_done(&f);
}

static void a_dead_group_takes_nobody(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    group_unload(f.group, ERR_NOT_COORDINATOR);
    assert_refused(JOIN(&f, .gives = "A"), ERR_COORDINATOR_NOT_AVAILABLE, "");
    assert_refused(JOIN(&f, .member = "A"), ERR_COORDINATOR_NOT_AVAILABLE, "A");
    fixture_done(&f);
}

/* ---- Protocols ---- */

static void an_empty_group_wants_a_type_and_a_protocol(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_refused(JOIN(&f, .gives = "A", .type = ""), ERR_INCONSISTENT_GROUP_PROTOCOL, "");
    assert_refused(JOIN(&f, .gives = "A", .protocols = ""), ERR_INCONSISTENT_GROUP_PROTOCOL, "");
    assert_waits(JOIN(&f, .gives = "A", .type = "connect", .protocols = "any"));
    fixture_done(&f);
}

static void others_share_the_type_and_a_protocol_that_all_know(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_waits(JOIN(&f, .gives = "A", .protocols = "x y"));
    assert_waits(JOIN(&f, .gives = "B", .protocols = "y z"));
    assert_refused(JOIN(&f, .gives = "C", .type = "connect", .protocols = "y"),
                   ERR_INCONSISTENT_GROUP_PROTOCOL, "");
    assert_refused(JOIN(&f, .gives = "C", .protocols = "x z"), ERR_INCONSISTENT_GROUP_PROTOCOL, "");
    assert_refused(JOIN(&f, .gives = "C", .protocols = ""), ERR_INCONSISTENT_GROUP_PROTOCOL, "");
    /* A member that comes back is asked, too. */
    assert_refused(JOIN(&f, .member = "A", .protocols = "x"), ERR_INCONSISTENT_GROUP_PROTOCOL, "A");
    assert_int_equal(group_member_count(f.group), 2);
    fixture_done(&f);
}

static void the_next_first_member_may_bring_another_type(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    stored(&f, ERR_NONE);
    assert_true(bytes_equal_text(group_protocol_type(f.group), "consumer"));
    assert_waits(JOIN(&f, .gives = "B", .type = "connect"));
    assert_true(bytes_equal_text(group_protocol_type(f.group), "connect"));
    fixture_done(&f);
}

struct vote {
    const char *lists[4];
    const char *chosen;
};

static void the_protocol_that_most_prefer_among_the_common_ones_is_chosen(void **state) {
    static const struct vote votes[] = {
        {{"x", NULL}, "x"},
        {{"x y", "y x", "y x", NULL}, "y"},
        {{"x y", "y x", "x y", NULL}, "x"},
        {{"z x", "y x", NULL}, "x"},              /* the only one that all know */
        {{"z y x", "w x y", "w x y", NULL}, "x"}, /* votes go to the first common one */
        {{"x y", "y x", NULL}, "x"},              /* a tie: the first member's preference */
        {{"w x", "z x", "w z x", NULL}, "x"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(votes); i++) {
        struct fixture f;
        struct answer *first = NULL;
        fixture_init(&f);
        for (int j = 0; votes[i].lists[j] != NULL; j++) {
            const char id[] = {(char)('A' + j), '\0'};
            struct answer *answer = JOIN(&f, .gives = id, .protocols = votes[i].lists[j]);
            first = first == NULL ? answer : first;
        }
        pass(&f, 3 * (int64_t)DELAY_MS);
        assert_int_equal(first->count, 1);
        assert_string_equal(first->protocol, votes[i].chosen);
        assert_true(bytes_equal_text(group_protocol_name(f.group), votes[i].chosen));
        fixture_done(&f);
    }
}

/* ---- The join completes ---- */

static void the_leader_alone_is_told_the_members_with_what_they_sent(void **state) {
    struct fixture f;
    struct answer *a, *b, *c;
    (void)state;

    fixture_init(&f);
    a = JOIN(&f, .gives = "A", .metadata = "of A");
    b = JOIN(&f, .gives = "B", .metadata = "of B");
    c = JOIN(&f, .gives = "C", .metadata = "of C", .instance = "i");
    pass(&f, 2 * (int64_t)DELAY_MS);
    assert_joined(a, "A", 1, "A", "A B C/i");
    assert_string_equal(a->metadata, "of A of B of C");
    assert_joined(b, "B", 1, "A", "");
    assert_joined(c, "C", 1, "A", "");
    assert_string_equal(b->type, "consumer");
    assert_string_equal(b->protocol, "range");
    assert_false(a->skip_assignment);
    assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
    fixture_done(&f);
}

static void a_second_request_of_a_waiting_member_replaces_the_first(void **state) {
    struct fixture f;
    struct answer *first, *second;
    (void)state;

    fixture_init(&f);
    first = JOIN(&f, .gives = "A", .metadata = "old");
    second = JOIN(&f, .member = "A", .metadata = "new");
    assert_int_equal(first->count, 1);
    assert_int_not_equal(first->error, ERR_NONE);
    pass(&f, DELAY_MS);
    assert_joined(second, "A", 1, "A", "A");
    assert_string_equal(second->metadata, "new");
    fixture_done(&f);
}

static void a_rebalance_ends_when_all_have_come_back(void **state) {
    struct fixture f;
    struct answer *a, *b, *c;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    c = JOIN(&f, .gives = "C");
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    b = JOIN(&f, .member = "B");
    assert_waits(b);
    a = JOIN(&f, .member = "A");
    assert_joined(a, "A", 2, "A", "A B C");
    assert_joined(b, "B", 2, "A", "");
    assert_joined(c, "C", 2, "A", "");
    fixture_done(&f);
}

static void who_is_to_come_with_its_id_is_waited_for(void **state) {
    struct fixture f;
    struct answer *a, *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    assert_refused(JOIN(&f, .gives = "B", .version = 4), ERR_MEMBER_ID_REQUIRED, "B");
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    a = JOIN(&f, .member = "A"); /* the leader asks anew */
    assert_waits(a);
    b = JOIN(&f, .member = "B", .version = 4);
    assert_joined(a, "A", 2, "A", "A B");
    assert_joined(b, "B", 2, "A", "");
    fixture_done(&f);
}

static void who_never_comes_with_its_id_is_waited_for_no_longer_than_its_session(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    assert_refused(JOIN(&f, .gives = "B", .version = 4), ERR_MEMBER_ID_REQUIRED, "B");
    a = JOIN(&f, .member = "A");
    pass(&f, SESSION_MS - 1);
    assert_waits(a);
    pass(&f, 1);
    assert_joined(a, "A", 2, "A", "A");
    assert_refused(JOIN(&f, .member = "B", .version = 4), ERR_UNKNOWN_MEMBER_ID, "B");
    fixture_done(&f);
}

/* ---- Members that ask again ---- */

static void while_assignments_are_awaited_who_changed_nothing_is_answered_at_once(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    assert_joined(JOIN(&f, .member = "B"), "B", 1, "A", "");
    assert_joined(JOIN(&f, .member = "A"), "A", 1, "A", "A B");
    assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
    fixture_done(&f);
}

static void while_assignments_are_awaited_who_changed_makes_all_join_anew(void **state) {
    struct fixture f;
    struct answer *sync;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    sync = SYNC(&f, .member = "B", .generation = 1);
    assert_waits(JOIN(&f, .member = "A", .metadata = "other"));
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    assert_sync_failed(sync, ERR_REBALANCE_IN_PROGRESS);
    fixture_done(&f);
}

struct again {
    const char *member;
    const char *metadata;
    const char *protocols;
    bool is_answered;
};

static void in_a_stable_group_a_leader_or_a_change_makes_all_join_anew(void **state) {
    static const struct again cases[] = {
        {"A", "", "range", false}, {"B", "other", "range", false}, {"B", "", "range other", false},
        {"B", "", "range", true},  {"A", "other", "range", false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture f;
        struct answer *answer;
        fixture_init(&f);
        fixture_make_stable(&f, "AB");
        answer = JOIN(&f, .member = cases[i].member, .metadata = cases[i].metadata,
                      .protocols = cases[i].protocols);
        if (cases[i].is_answered)
            assert_joined(answer, "B", 1, "A", "");
        else
            assert_waits(answer);
        assert_int_equal(group_state(f.group),
                         cases[i].is_answered ? GROUP_STABLE : GROUP_PREPARING_REBALANCE);
        fixture_done(&f);
    }
}

static void a_new_member_makes_a_group_rebalance_that_awaits_assignments(void **state) {
    struct fixture f;
    struct answer *sync;
    (void)state;

    fixture_init(&f);
    fixture_complete_join(&f, "AB");
    sync = SYNC(&f, .member = "A", .generation = 1, .assigns = "A=1 B=2");
    assert_waits(JOIN(&f, .gives = "C"));
    assert_sync_failed(sync, ERR_REBALANCE_IN_PROGRESS);
    /* What was on its way to the journal counts no more. */
    stored(&f, ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    JOIN(&f, .member = "A");
    JOIN(&f, .member = "B");
    assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
    assert_waits(SYNC(&f, .member = "B", .generation = 2));
    fixture_done(&f);
}

/* ---- Size ---- */

static void a_full_group_takes_no_more(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    f.settings.size_max = 2;
    assert_waits(JOIN(&f, .gives = "A"));
    assert_waits(JOIN(&f, .gives = "B"));
    assert_refused(JOIN(&f, .gives = "C"), ERR_GROUP_MAX_SIZE_REACHED, "");
    assert_int_equal(f.answers[0].count, 0);
    fixture_done(&f);

    fixture_init(&f);
    f.settings.size_max = 2;
    fixture_complete_join(&f, "AB");
    assert_refused(JOIN(&f, .gives = "C"), ERR_GROUP_MAX_SIZE_REACHED, "");
    assert_int_equal(group_state(f.group), GROUP_COMPLETING_REBALANCE);
    SYNC(&f, .member = "A", .generation = 1);
    stored(&f, ERR_NONE);
    assert_refused(JOIN(&f, .gives = "C"), ERR_GROUP_MAX_SIZE_REACHED, "");
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    assert_joined(JOIN(&f, .member = "B"), "B", 1, "A", "");
    fixture_done(&f);
}

static void of_a_group_that_is_too_large_the_last_ones_are_refused(void **state) {
    struct fixture f;
    struct answer *a, *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "ABC");
    f.settings.size_max = 2;
    a = JOIN(&f, .member = "A");
    b = JOIN(&f, .member = "B");
    assert_refused(JOIN(&f, .member = "C"), ERR_GROUP_MAX_SIZE_REACHED, "");
    assert_joined(a, "A", 2, "A", "A B");
    assert_joined(b, "B", 2, "A", "");
    fixture_done(&f);
}

/* As Kafka's handleJoinGroup, which removes a refused id also from those that are awaited. */
static void who_was_given_an_id_and_is_refused_is_awaited_no_more(void **state) {
    struct fixture f;
    struct answer *a, *c;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    f.settings.size_max = 2;
    assert_refused(JOIN(&f, .gives = "C", .version = 4), ERR_MEMBER_ID_REQUIRED, "C");
    assert_refused(JOIN(&f, .gives = "D", .version = 4), ERR_MEMBER_ID_REQUIRED, "D");
    c = JOIN(&f, .member = "C", .version = 4);
    a = JOIN(&f, .member = "A", .version = 4);
    assert_waits(a);
    assert_refused(JOIN(&f, .member = "D", .version = 4), ERR_GROUP_MAX_SIZE_REACHED, "");
    assert_joined(a, "A", 2, "A", "A C");
    assert_joined(c, "C", 2, "A", "");
    fixture_done(&f);
}

static void a_member_that_waits_may_ask_again_in_a_full_group(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    f.settings.size_max = 1;
    JOIN(&f, .gives = "A");
    assert_waits(JOIN(&f, .member = "A"));
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_dynamic_member_is_given_an_id_first),
        cmocka_unit_test(old_clients_and_static_members_join_without_an_id),
        cmocka_unit_test(an_id_that_nobody_gave_is_unknown),
        cmocka_unit_test(a_dead_group_takes_nobody),
        cmocka_unit_test(an_empty_group_wants_a_type_and_a_protocol),
        cmocka_unit_test(others_share_the_type_and_a_protocol_that_all_know),
        cmocka_unit_test(the_next_first_member_may_bring_another_type),
        cmocka_unit_test(the_protocol_that_most_prefer_among_the_common_ones_is_chosen),
        cmocka_unit_test(the_leader_alone_is_told_the_members_with_what_they_sent),
        cmocka_unit_test(a_second_request_of_a_waiting_member_replaces_the_first),
        cmocka_unit_test(a_rebalance_ends_when_all_have_come_back),
        cmocka_unit_test(who_is_to_come_with_its_id_is_waited_for),
        cmocka_unit_test(who_never_comes_with_its_id_is_waited_for_no_longer_than_its_session),
        cmocka_unit_test(while_assignments_are_awaited_who_changed_nothing_is_answered_at_once),
        cmocka_unit_test(while_assignments_are_awaited_who_changed_makes_all_join_anew),
        cmocka_unit_test(in_a_stable_group_a_leader_or_a_change_makes_all_join_anew),
        cmocka_unit_test(a_new_member_makes_a_group_rebalance_that_awaits_assignments),
        cmocka_unit_test(a_full_group_takes_no_more),
        cmocka_unit_test(of_a_group_that_is_too_large_the_last_ones_are_refused),
        cmocka_unit_test(who_was_given_an_id_and_is_refused_is_awaited_no_more),
        cmocka_unit_test(a_member_that_waits_may_ask_again_in_a_full_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
