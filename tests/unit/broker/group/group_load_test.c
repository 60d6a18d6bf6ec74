/* What the next coordinator makes of a group's record, and what can be seen of a group. */
#include "tests/unit/broker/group/group_fixture.h"

#define MEMBERS_MAX 8

/* The record of `f->group` as it is now, loaded into a new group, which takes its place: as if the
 * coordinator had moved. */
static void move(struct fixture *f) {
    struct group *old = f->group;
    struct group_record record;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    assert_int_equal(group_record_of(old, &arena, &record), ERR_NONE);
    fixture_new_group(f);
    group_load(f->group, &record);
    group_start(f->group, f->now);
    group_unload(old, ERR_NOT_COORDINATOR);
    group_free(old);
    arena_done(&arena);
}

static void members_go_on_with_the_next_coordinator(void **state) {
    struct fixture f;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "aBc");
    pass(&f, SESSION_MS - 1);
    move(&f);
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    assert_int_equal(group_generation(f.group), 1);
    /* Sessions begin anew. */
    pass(&f, SESSION_MS - 1);
    assert_int_equal(heartbeat(&f, "a", "ia", 1), ERR_NONE);
    assert_int_equal(heartbeat(&f, "B", NULL, 1), ERR_NONE);
    assert_synced(
        SYNC(&f, .member = "B", .generation = 1, .type = "consumer", .protocols = "range"), "b");
    assert_synced(SYNC(&f, .member = "c", .instance = "ic", .generation = 1), "c");
    /* An unchanged follower does not make the others join anew. */
    assert_joined(JOIN(&f, .member = "B"), "B", 1, "a", "");
    assert_int_equal(group_state(f.group), GROUP_STABLE);
    fixture_done(&f);
}

static void the_leader_leads_on(void **state) {
    struct fixture f;
    struct answer *a, *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "AB");
    move(&f);
    a = JOIN(&f, .member = "A");
    assert_waits(a);
    b = JOIN(&f, .member = "B");
    assert_joined(a, "A", 2, "A", "A B");
    assert_joined(b, "B", 2, "A", "");
    fixture_done(&f);
}

static void a_static_member_may_come_back_to_the_next_coordinator(void **state) {
    struct fixture f;
    struct answer *back;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "Ab");
    move(&f);
    back = JOIN(&f, .gives = "N", .instance = "ib", .version = 9);
    stored(&f, ERR_NONE);
    assert_joined(back, "N", 1, "A", "");
    fixture_done(&f);
}

static void an_empty_group_stays_empty_with_its_generation(void **state) {
    struct fixture f;
    struct answer *a;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "A");
    assert_int_equal(leave(&f, "A", NULL), ERR_NONE);
    f.now.wall_ms += 12345;
    move(&f);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    assert_int_equal(group_generation(f.group), 2);
    assert_int_equal(group_state_ms(f.group), f.now.wall_ms - 12345);
    assert_true(bytes_equal_text(group_protocol_type(f.group), "consumer"));
    assert_true(bytes_is_null(group_protocol_name(f.group)));
    a = JOIN(&f, .gives = "B");
    pass(&f, DELAY_MS);
    assert_joined(a, "B", 3, "B", "B");
    fixture_done(&f);
}

static void a_group_that_is_too_large_now_joins_anew(void **state) {
    struct fixture f;
    struct answer *b;
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "ABC");
    f.settings.size_max = 2;
    move(&f);
    assert_int_equal(group_state(f.group), GROUP_PREPARING_REBALANCE);
    /* So that the surplus may commit first. */
    assert_int_equal(group_check_commit(f.group, bytes_of_text("C"), BYTES_NULL, 1, false, f.now),
                     ERR_NONE);
    JOIN(&f, .member = "C");
    b = JOIN(&f, .member = "B");
    assert_refused(JOIN(&f, .member = "A"), ERR_GROUP_MAX_SIZE_REACHED, "");
    assert_int_equal(b->count, 1);
    assert_int_equal(group_member_count(f.group), 2);
    fixture_done(&f);
}

/* Records that no coordinator of ours writes. */
static void an_odd_record_is_made_the_best_of(void **state) {
    struct group_record_member members[] = {
        {.id = bytes_of_text("A"),
         .subscription = bytes_of_text("x"),
         .rebalance_timeout_ms = REBALANCE_MS,
         .session_timeout_ms = SESSION_MS},
        {.id = bytes_of_text("A"), .subscription = bytes_of_text("y"), .session_timeout_ms = 10000},
        {.id = bytes_of_text("B"), .session_timeout_ms = -5},
    };
    const struct group_record record = {
        .protocol_type = bytes_of_text(""),
        .generation = 7,
        .protocol = BYTES_NULL,
        .leader = bytes_of_text("gone"),
        .state_ms = -1,
        .members = members,
        .member_count = 3,
    };
    struct fixture f;
    (void)state;

    fixture_init(&f);
    group_load(f.group, &record);
    group_start(f.group, f.now);
    assert_int_equal(group_member_count(f.group), 2);
    pass(&f, 0);
    assert_int_equal(group_member_count(f.group), 1);
    assert_int_equal(heartbeat(&f, "A", NULL, 7), ERR_REBALANCE_IN_PROGRESS);
    pass(&f, SESSION_MS + REBALANCE_MS);
    assert_int_equal(group_state(f.group), GROUP_EMPTY);
    assert_waits(JOIN(&f, .gives = "N"));
    fixture_done(&f);
}

/* ---- To look at ---- */

struct seen {
    int count;
    char text[TEXT_MAX];
};

static void see(void *context, const struct group_member_view *member) {
    struct seen *seen = context;
    size_t used = strlen(seen->text);

    seen->count++;
    snprintf(seen->text + used, sizeof(seen->text) - used, "%.*s/%.*s/%.*s%.*s/%.*s/%.*s ",
             BYTES_FORMAT(member->id), BYTES_FORMAT(member->instance_id),
             BYTES_FORMAT(member->client_id), BYTES_FORMAT(member->client_host),
             BYTES_FORMAT(member->metadata), BYTES_FORMAT(member->assignment));
}

static void members_are_shown_in_the_order_of_their_joining(void **state) {
    struct fixture f;
    struct seen seen = {0};
    (void)state;

    fixture_init(&f);
    fixture_make_stable(&f, "Cb");
    group_each_member(f.group, see, &seen);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.text, "C//client/127.0.0.1//c b/ib/client/127.0.0.1//b ");
    fixture_done(&f);
}

/* i16 version, [str topic] */
#define SUBSCRIBES_T "\0\1\0\0\0\1\0\1t"
#define NOT_READABLE "\0\1\0\0\0\2\0\1t"

struct subscription {
    const char *type;
    struct bytes metadata[2];
    bool is_subscribed[2]; /* to "t", to "u" */
    bool is_known;
};

static void join_with(struct fixture *f, const struct subscription *c, int i) {
    static const char *const ids[] = {"A", "B"};
    const struct group_protocol protocol = {bytes_of_text("range"), c->metadata[i]};
    const struct group_join join = {
        .member_id = bytes_of_text(""),
        .new_member_id = bytes_of_text(ids[i]),
        .client_id = bytes_of_text(""),
        .client_host = bytes_of_text(""),
        .rebalance_timeout_ms = REBALANCE_MS,
        .session_timeout_ms = SESSION_MS,
        .protocol_type = bytes_of_text(c->type),
        .protocols = &protocol,
        .protocol_count = 1,
        .joined = on_joined,
        .request = new_answer(f),
    };

    group_join(f->group, &join, f->now);
}

static void what_members_subscribe_to_is_known_if_all_of_it_can_be_read(void **state) {
    const struct bytes t = bytes_of(SUBSCRIBES_T, sizeof(SUBSCRIBES_T) - 1);
    const struct bytes bad = bytes_of(NOT_READABLE, sizeof(NOT_READABLE) - 1);
    const struct subscription cases[] = {
        {"consumer", {t, t}, {true, false}, true},
        {"consumer", {t, bad}, {true, true}, false},
        {"consumer", {bad, t}, {true, true}, false},
        {"connect", {t, t}, {false, false}, false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture f;
        fixture_init(&f);
        join_with(&f, &cases[i], 0);
        join_with(&f, &cases[i], 1);
        pass(&f, 2 * (int64_t)DELAY_MS);
        assert_int_equal(group_is_subscribed(f.group, bytes_of_text("t")),
                         cases[i].is_subscribed[0]);
        assert_int_equal(group_is_subscribed(f.group, bytes_of_text("u")),
                         cases[i].is_subscribed[1]);
        assert_int_equal(group_has_known_subscriptions(f.group), cases[i].is_known);
        fixture_done(&f);
    }
}

static void states_are_named_as_kafka_names_them(void **state) {
    (void)state;
    assert_string_equal(group_state_name(GROUP_EMPTY), "Empty");
    assert_string_equal(group_state_name(GROUP_PREPARING_REBALANCE), "PreparingRebalance");
    assert_string_equal(group_state_name(GROUP_COMPLETING_REBALANCE), "CompletingRebalance");
    assert_string_equal(group_state_name(GROUP_STABLE), "Stable");
    assert_string_equal(group_state_name(GROUP_DEAD), "Dead");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_go_on_with_the_next_coordinator),
        cmocka_unit_test(the_leader_leads_on),
        cmocka_unit_test(a_static_member_may_come_back_to_the_next_coordinator),
        cmocka_unit_test(an_empty_group_stays_empty_with_its_generation),
        cmocka_unit_test(a_group_that_is_too_large_now_joins_anew),
        cmocka_unit_test(an_odd_record_is_made_the_best_of),
        cmocka_unit_test(members_are_shown_in_the_order_of_their_joining),
        cmocka_unit_test(what_members_subscribe_to_is_known_if_all_of_it_can_be_read),
        cmocka_unit_test(states_are_named_as_kafka_names_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
