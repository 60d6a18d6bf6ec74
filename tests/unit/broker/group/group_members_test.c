/* Heartbeat, LeaveGroup, the checks of commits, time. */
#include "tests/unit/broker/group/group_fixture.h"

#define UNKNOWN ERR_UNKNOWN_MEMBER_ID
#define FENCED  ERR_FENCED_INSTANCE_ID

/* A group with a dynamic member A, which leads, and a static one b of instance "ib". */
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

/* ---- Heartbeat ---- */

struct beat {
    enum group_state state;
    const char *member;
    const char *instance;
    int32_t generation;
    enum error error;
};

static void a_heartbeat_is_told_how_the_group_is(void **state) {
    static const struct beat beats[] = {
        {GROUP_DEAD, "A", NULL, 1, ERR_COORDINATOR_NOT_AVAILABLE},
        {GROUP_EMPTY, "A", NULL, 0, UNKNOWN},
        {GROUP_PREPARING_REBALANCE, "A", NULL, 1, ERR_REBALANCE_IN_PROGRESS},
        {GROUP_COMPLETING_REBALANCE, "A", NULL, 1, ERR_NONE},
        {GROUP_STABLE, "A", NULL, 1, ERR_NONE},
        {GROUP_STABLE, "b", NULL, 1, ERR_NONE},
        {GROUP_STABLE, "b", "ib", 1, ERR_NONE},
        {GROUP_STABLE, "X", NULL, 1, UNKNOWN},
        {GROUP_STABLE, "X", "ib", 1, FENCED},
        {GROUP_STABLE, "A", "ib", 1, FENCED},
        {GROUP_STABLE, "b", "other", 1, UNKNOWN},
        {GROUP_STABLE, "", NULL, 1, UNKNOWN},
        {GROUP_STABLE, "A", NULL, 0, ERR_ILLEGAL_GENERATION},
        {GROUP_STABLE, "A", NULL, 2, ERR_ILLEGAL_GENERATION},
        {GROUP_STABLE, "X", NULL, 2, UNKNOWN},
        {GROUP_PREPARING_REBALANCE, "A", NULL, 0, ERR_ILLEGAL_GENERATION},
        {GROUP_PREPARING_REBALANCE, "X", "ib", 1, FENCED},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(beats); i++) {
        struct fixture f;
        come_to(&f, beats[i].state);
        assert_int_equal(heartbeat(&f, beats[i].member, beats[i].instance, beats[i].generation),
                         beats[i].error);
        fixture_done(&f);
    }
}

/* ---- LeaveGroup ---- */

struct leaving {
    enum group_state state;
    const char *member;
    const char *instance;
    enum error error;
    int left; /* members */
};

static void who_leaves_is_removed_at_once(void **state) {
    static const struct leaving leavings[] = {
        {GROUP_DEAD, "A", NULL, ERR_COORDINATOR_NOT_AVAILABLE, 0},
        {GROUP_EMPTY, "A", NULL, UNKNOWN, 0},
        {GROUP_STABLE, "A", NULL, ERR_NONE, 1},
        {GROUP_STABLE, "b", NULL, ERR_NONE, 1},
        {GROUP_STABLE, "b", "ib", ERR_NONE, 1},
        {GROUP_STABLE, "", "ib", ERR_NONE, 1}, /* by an operator */
        {GROUP_STABLE, "", "other", UNKNOWN, 2},
        {GROUP_STABLE, "", NULL, UNKNOWN, 2},
        {GROUP_STABLE, "X", NULL, UNKNOWN, 2},
        {GROUP_STABLE, "X", "ib", FENCED, 2},
        {GROUP_STABLE, "A", "ib", FENCED, 2},
        {GROUP_COMPLETING_REBALANCE, "b", NULL, ERR_NONE, 1},
        {GROUP_PREPARING_REBALANCE, "C", NULL, ERR_NONE, 2},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(leavings); i++) {
        struct fixture f;
        come_to(&f, leavings[i].state);
        assert_int_equal(leave(&f, leavings[i].member, leavings[i].instance), leavings[i].error);
        assert_int_equal(group_member_count(f.group), leavings[i].left);
        if (leavings[i].error != ERR_NONE)
            assert_int_equal(group_state(f.group), leavings[i].state);
        else
            assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
        fixture_done(&f);
    }
}

static void the_join_of_who_leaves_is_answered(void **state) {
    struct fixture f;
    struct answer *c, *a, *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    c = JOIN(&f, .gives = "C");
    assert_int_equal(leave(&f, "C", NULL), ERR_NONE);
    assert_int_equal(c->count, 1);
    assert_int_equal(c->error, UNKNOWN);
    /* The rebalance that it began ends with who is left. */
    a = JOIN(&f, .member = "A");
    assert_waits(a);
    b = JOIN(&f, .member = "B");
    assert_joined(a, "A", 2, "A", "A B");
    assert_joined(b, "B", 2, "A", "");
    fixture_done(&f);
}

static void when_the_last_missing_one_leaves_the_join_completes(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    a = JOIN(&f, .member = "A");
    assert_waits(a);
    assert_int_equal(leave(&f, "B", NULL), ERR_NONE);
    assert_joined(a, "A", 2, "A", "A");
    fixture_done(&f);
}

static void the_next_one_leads_when_the_leader_leaves(void **state) {
    struct fixture f;
    struct answer *b, *c;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "ABC");
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    c = JOIN(&f, .member = "C");
    b = JOIN(&f, .member = "B");
    assert_joined(b, "B", 2, "B", "B C");
    assert_joined(c, "C", 2, "B", "");
    fixture_done(&f);
}

static void who_has_only_an_id_may_give_it_back(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    JOIN(&f, .gives = "B", .version = 4);
    a = JOIN(&f, .member = "A");
    assert_waits(a);
    assert_int_equal(leave(&f, "B", NULL), ERR_NONE);
    assert_joined(a, "A", 2, "A", "A");
    fixture_done(&f);
}

static void a_group_that_all_have_left_is_empty_and_that_is_stored(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    f.now.wall_ms += 5;
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    assert_int_equal(group_state_ms(f.group), f.now.wall_ms);
    assert_int_equal(group_generation(f.group), 2);
    assert_string_equal(f.last_store.members, "");
    assert_string_equal(f.last_store.leader, "null");
    assert_string_equal(f.last_store.protocol, "null");
    assert_int_equal(f.last_store.generation, 2);
    stored(&f, ERR_NOT_LEADER_OR_FOLLOWER); /* nobody waits for it */
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    assert_true(group_is_unused(f.group));
    fixture_done(&f);
}

/* ---- Commits ---- */

struct commit_check {
    enum group_state state;
    const char *member;
    const char *instance;
    int32_t generation;
    enum error plain;
    enum error transactional;
};

static void a_commit_is_made_by_members_of_the_generation_or_where_nobody_is(void **state) {
    static const struct commit_check checks[] = {
        {GROUP_DEAD, "", NULL, -1, ERR_COORDINATOR_NOT_AVAILABLE, ERR_COORDINATOR_NOT_AVAILABLE},
        {GROUP_EMPTY, "", NULL, -1, ERR_NONE, ERR_NONE},
        {GROUP_EMPTY, "X", NULL, -1, ERR_NONE, ERR_NONE},
        {GROUP_EMPTY, "X", NULL, 0, UNKNOWN, UNKNOWN},
        {GROUP_EMPTY, "X", NULL, 3, UNKNOWN, UNKNOWN},
        {GROUP_STABLE, "A", NULL, 1, ERR_NONE, ERR_NONE},
        {GROUP_STABLE, "b", "ib", 1, ERR_NONE, ERR_NONE},
        {GROUP_STABLE, "", NULL, -1, UNKNOWN, ERR_NONE},
        {GROUP_STABLE, "A", NULL, -1, ERR_ILLEGAL_GENERATION, ERR_ILLEGAL_GENERATION},
        {GROUP_STABLE, "A", NULL, 0, ERR_ILLEGAL_GENERATION, ERR_ILLEGAL_GENERATION},
        {GROUP_STABLE, "X", NULL, 1, UNKNOWN, UNKNOWN},
        {GROUP_STABLE, "", NULL, 1, UNKNOWN, UNKNOWN},
        {GROUP_STABLE, "X", "ib", 1, FENCED, FENCED},
        {GROUP_STABLE, "b", "other", 1, UNKNOWN, UNKNOWN},
        {GROUP_STABLE, "", "ib", -1, FENCED, FENCED},
        /* Its last records before it joins anew. */
        {GROUP_PREPARING_REBALANCE, "A", NULL, 1, ERR_NONE, ERR_NONE},
        {GROUP_COMPLETING_REBALANCE, "A", NULL, 1, ERR_REBALANCE_IN_PROGRESS, ERR_NONE},
        {GROUP_COMPLETING_REBALANCE, "A", NULL, 0, ERR_ILLEGAL_GENERATION, ERR_ILLEGAL_GENERATION},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        const struct commit_check *check = &checks[i];
        struct fixture f;
        come_to(&f, check->state);
        assert_int_equal(group_check_commit(f.group, bytes_of_text(check->member),
                                            bytes_of_text(check->instance), check->generation,
                                            false, f.now),
                         check->plain);
        assert_int_equal(group_check_commit(f.group, bytes_of_text(check->member),
                                            bytes_of_text(check->instance), check->generation, true,
                                            f.now),
                         check->transactional);
        fixture_done(&f);
    }
}

/* ---- Sessions ---- */

enum sign { SILENCE, HEARTBEAT, COMMIT, SYNC_AGAIN };

static void show(struct fixture *f, enum sign sign, const char *member) {
    switch (sign) {
    case SILENCE:
        break;
    case HEARTBEAT:
        (void)heartbeat(f, member, NULL, 1);
        break;
    case COMMIT:
        assert_int_equal(
            group_check_commit(f->group, bytes_of_text(member), BYTES_NULL, 1, false, f->now),
            ERR_NONE);
        break;
    case SYNC_AGAIN:
        SYNC(f, .member = member, .generation = 1);
        break;
    }
}

struct life {
    enum group_state state;
    enum sign sign;
    bool lives;
};

static void a_member_lives_as_long_as_it_gives_signs_of_life(void **state) {
    static const struct life lives[] = {
        {GROUP_STABLE, SILENCE, false},
        {GROUP_STABLE, HEARTBEAT, true},
        {GROUP_STABLE, COMMIT, true},
        {GROUP_STABLE, SYNC_AGAIN, true},
        {GROUP_PREPARING_REBALANCE, COMMIT, true},
        {GROUP_PREPARING_REBALANCE, HEARTBEAT, true},
        {GROUP_PREPARING_REBALANCE, SILENCE, false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(lives); i++) {
        struct fixture f;
        come_to(&f, lives[i].state);
        for (int turn = 0; turn < 4; turn++) {
            (void)heartbeat(&f, "A", NULL, 1);
            pass(&f, SESSION_MS / 2);
            show(&f, lives[i].sign, "b");
        }
        assert_int_equal(leave(&f, "b", NULL), lives[i].lives ? ERR_NONE : UNKNOWN);
        fixture_done(&f);
    }
}

static void a_session_ends_after_its_time_and_not_before(void **state) {
    struct fixture f;
    (void)state;

    come_to(&f, GROUP_STABLE);
    assert_int_equal(heartbeat(&f, "A", NULL, 1), ERR_NONE);
    assert_int_equal(heartbeat(&f, "b", NULL, 1), ERR_NONE);
    pass(&f, SESSION_MS - 1);
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    pass(&f, 1);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    fixture_done(&f);
}

static void who_waits_for_an_answer_does_not_expire(void **state) {
    struct fixture f;
    struct answer *join, *sync;
    (void)state;

    /* A join: B keeps the rebalance waiting for longer than A's session. */
    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    join = JOIN(&f, .member = "A");
    for (int turn = 0; turn < 5; turn++) {
        pass(&f, SESSION_MS - 1);
        assert_int_equal(heartbeat(&f, "B", NULL, 1), ERR_REBALANCE_IN_PROGRESS);
    }
    assert_waits(join);
    JOIN(&f, .member = "B");
    assert_joined(join, "A", 2, "A", "A B");

    /* A sync: the leader thinks for longer than B's session. */
    sync = SYNC(&f, .member = "B", .generation = 2);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(heartbeat(&f, "A", NULL, 2), ERR_NONE);
        pass(&f, SESSION_MS - 1);
    }
    SYNC(&f, .member = "A", .generation = 2, .assigns = "B=mine");
    stored(&f, ERR_NONE);
    assert_synced(sync, "mine");

    /* From then on its session counts again. */
    assert_int_equal(heartbeat(&f, "A", NULL, 2), ERR_NONE);
    pass(&f, SESSION_MS - 1);
    assert_int_equal(heartbeat(&f, "A", NULL, 2), ERR_NONE);
    pass(&f, 1);
    assert_int_equal(heartbeat(&f, "B", NULL, 2), UNKNOWN);
    fixture_done(&f);
}

static void a_new_member_waits_no_longer_than_five_minutes(void **state) {
    struct fixture f;
    struct answer *b;
    (void)state;

    fixture_init(&f);
    JOIN(&f, .gives = "A", .rebalance_ms = 1800000, .session_ms = 1000000);
    pass(&f, DELAY_MS);
    SYNC(&f, .member = "A", .generation = 1);
    stored(&f, ERR_NONE);
    b = JOIN(&f, .gives = "B");
    pass(&f, 299999);
    assert_waits(b);
    pass(&f, 1);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->error, UNKNOWN);
    assert_int_equal(group_member_count(f.group), 1);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heartbeat_is_told_how_the_group_is),
        cmocka_unit_test(who_leaves_is_removed_at_once),
        cmocka_unit_test(the_join_of_who_leaves_is_answered),
        cmocka_unit_test(when_the_last_missing_one_leaves_the_join_completes),
        cmocka_unit_test(the_next_one_leads_when_the_leader_leaves),
        cmocka_unit_test(who_has_only_an_id_may_give_it_back),
        cmocka_unit_test(a_group_that_all_have_left_is_empty_and_that_is_stored),
        cmocka_unit_test(a_commit_is_made_by_members_of_the_generation_or_where_nobody_is),
        cmocka_unit_test(a_member_lives_as_long_as_it_gives_signs_of_life),
        cmocka_unit_test(a_session_ends_after_its_time_and_not_before),
        cmocka_unit_test(who_waits_for_an_answer_does_not_expire),
        cmocka_unit_test(a_new_member_waits_no_longer_than_five_minutes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
