/* Sessions of fetchers: what a request means in one, and what an answer may leave out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/replica/fetch_session.h"

#define SLOTS       2
#define EVICTION_MS 120000

static struct fetch_sessions *sessions;
static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    return fetch_sessions_new(SLOTS, &sessions) == ERR_NONE ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    fetch_sessions_free(sessions);
    arena_done(&arena);
    return 0;
}

static struct fetch_item item(int32_t index, int64_t fetch_offset) {
    return (struct fetch_item){
        .topic = bytes_of_text("topic"), .index = index, .fetch_offset = fetch_offset};
}

/* The context's session ends with fetch_context_done. */
static enum error begin(int32_t session_id, int32_t epoch, const struct fetch_item *items,
                        int32_t count, struct fetch_context *context) {
    struct fetch_session_request request = {
        .session_id = session_id, .session_epoch = epoch, .items = items, .item_count = count};

    return fetch_context_begin(sessions, &request, &arena, context);
}

static int32_t open_session(const struct fetch_item *items, int32_t count) {
    struct fetch_context context;

    assert_int_equal(begin(0, 0, items, count, &context), ERR_NONE);
    assert_int_equal(context.item_count, count);
    assert_false(context.is_incremental);
    fetch_context_done(&context);
    return context.session_id;
}

static void a_session_remembers_what_was_asked_for(void **state) {
    const struct fetch_item items[] = {item(0, 10), item(1, 20)};
    const struct fetch_item moved = item(1, 25);
    struct fetch_context context;
    int32_t id = open_session(items, 2);
    (void)state;

    assert_int_not_equal(id, 0);
    assert_int_equal(begin(id, 1, &moved, 1, &context), ERR_NONE);
    assert_true(context.is_incremental);
    assert_int_equal(context.session_id, id);
    assert_int_equal(context.item_count, 2);
    assert_int_equal(context.items[0].fetch_offset, 10);
    assert_int_equal(context.items[1].fetch_offset, 25);
    assert_true(bytes_equal_text(context.items[1].topic, "topic"));
    fetch_context_done(&context);
}

static void epochs_count_up_and_nothing_else_is_accepted(void **state) {
    const struct fetch_item items[] = {item(0, 10)};
    struct fetch_context context;
    int32_t id = open_session(items, 1);
    (void)state;

    assert_int_equal(begin(id, 2, NULL, 0, &context), ERR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(begin(id, 1, NULL, 0, &context), ERR_NONE);
    fetch_context_done(&context);
    assert_int_equal(begin(id, 1, NULL, 0, &context), ERR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(begin(id, 2, NULL, 0, &context), ERR_NONE);
    fetch_context_done(&context);
    assert_int_equal(begin(id == 1 ? 2 : id - 1, 1, NULL, 0, &context),
                     ERR_FETCH_SESSION_ID_NOT_FOUND);
}

static void who_changes_to_topic_ids_needs_a_new_session(void **state) {
    const struct fetch_item items[] = {item(0, 10)};
    struct fetch_session_request request = {.session_epoch = 1, .uses_topic_ids = true};
    struct fetch_context context;
    (void)state;

    request.session_id = open_session(items, 1);
    assert_int_equal(fetch_context_begin(sessions, &request, &arena, &context),
                     ERR_FETCH_SESSION_TOPIC_ID_ERROR);
}

static void the_last_epoch_closes_a_session_and_the_first_replaces_it(void **state) {
    const struct fetch_item items[] = {item(0, 10)};
    struct fetch_context context;
    int32_t id = open_session(items, 1);
    (void)state;

    assert_int_equal(begin(id, 0, items, 1, &context), ERR_NONE);
    assert_int_not_equal(context.session_id, 0);
    assert_int_equal(fetch_sessions_count(sessions), 1);
    id = context.session_id;
    fetch_context_done(&context);
    assert_int_equal(begin(id, -1, items, 1, &context), ERR_NONE);
    assert_int_equal(context.session_id, 0);
    assert_int_equal(context.item_count, 1);
    fetch_context_done(&context);
    assert_int_equal(fetch_sessions_count(sessions), 0);
}

static void a_session_without_partitions_is_none(void **state) {
    const struct fetch_item items[] = {item(0, 10)};
    struct fetch_session_request request = {
        .session_epoch = 1, .forgotten = items, .forgotten_count = 1};
    struct fetch_context context;
    (void)state;

    assert_int_equal(open_session(items, 0), 0);
    request.session_id = open_session(items, 1);
    assert_int_equal(fetch_context_begin(sessions, &request, &arena, &context), ERR_NONE);
    assert_int_equal(context.item_count, 0);
    assert_int_equal(context.session_id, 0);
    fetch_context_done(&context);
    assert_int_equal(fetch_sessions_count(sessions), 0);
}

static void an_answer_leaves_out_what_has_not_changed(void **state) {
    static const struct {
        struct fetch_answer answer;
        bool is_included;
    } turns[] = {
        {{.high_watermark = 5, .log_start_offset = 0}, true}, /* new to the session */
        {{.high_watermark = 5, .log_start_offset = 0}, false},
        {{.high_watermark = 6, .log_start_offset = 0}, true}, /* the high watermark moved */
        {{.high_watermark = 6, .log_start_offset = 2}, true}, /* the log start moved */
        {{.high_watermark = 6, .log_start_offset = 2}, false},
        {{.high_watermark = 6, .log_start_offset = 2, .has_records = true}, true},
        {{.high_watermark = 6, .log_start_offset = 2, .has_error = true}, true},
        {{.high_watermark = 6, .log_start_offset = 2}, true}, /* the error is over */
        {{.high_watermark = 6, .log_start_offset = 2, .must_send = true}, true},
        {{.high_watermark = 6, .log_start_offset = 2}, false},
    };
    const struct fetch_item items[] = {item(0, 10)};
    struct fetch_context context;
    int32_t id = open_session(items, 1);
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(turns); i++) {
        assert_int_equal(begin(id, (int32_t)i + 1, NULL, 0, &context), ERR_NONE);
        assert_int_equal(fetch_context_includes(&context, &items[0], &turns[i].answer),
                         turns[i].is_included);
        fetch_context_done(&context);
    }
}

static void who_got_records_is_served_last_the_next_time(void **state) {
    const struct fetch_item items[] = {item(0, 10), item(1, 20)};
    const struct fetch_answer records = {.has_records = true};
    struct fetch_context context;
    int32_t id = open_session(items, 2);
    (void)state;

    assert_int_equal(begin(id, 1, NULL, 0, &context), ERR_NONE);
    assert_true(fetch_context_includes(&context, &items[0], &records));
    fetch_context_done(&context);
    assert_int_equal(begin(id, 2, NULL, 0, &context), ERR_NONE);
    assert_int_equal(context.items[0].index, 1);
    assert_int_equal(context.items[1].index, 0);
    fetch_context_done(&context);
}

static int32_t open_at(int64_t now_ms, bool is_follower, int32_t count) {
    const struct fetch_item items[] = {item(0, 0), item(1, 0), item(2, 0)};
    struct fetch_session_request request = {
        .is_follower = is_follower, .items = items, .item_count = count, .now_ms = now_ms};
    struct fetch_context context;

    assert_int_equal(fetch_context_begin(sessions, &request, &arena, &context), ERR_NONE);
    assert_int_equal(context.item_count, count);
    fetch_context_done(&context);
    return context.session_id;
}

static void without_a_free_slot_a_fetch_has_no_session(void **state) {
    (void)state;

    assert_int_not_equal(open_at(0, false, 2), 0);
    assert_int_not_equal(open_at(0, false, 2), 0);
    assert_int_equal(open_at(1000, false, 3), 0);
    assert_int_equal(fetch_sessions_count(sessions), SLOTS);
}

static void idle_sessions_and_those_worth_less_make_room(void **state) {
    (void)state;

    assert_int_not_equal(open_at(0, false, 2), 0);
    assert_int_not_equal(open_at(0, false, 2), 0);
    assert_int_not_equal(open_at(EVICTION_MS + 1, false, 1), 0); /* one was idle for too long */
    assert_int_not_equal(open_at(EVICTION_MS + 1, true, 1), 0);  /* followers go first */
    assert_int_equal(open_at(EVICTION_MS + 2, false, 1), 0);
    assert_int_equal(fetch_sessions_count(sessions), SLOTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_remembers_what_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epochs_count_up_and_nothing_else_is_accepted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_changes_to_topic_ids_needs_a_new_session, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_last_epoch_closes_a_session_and_the_first_replaces_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_without_partitions_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_leaves_out_what_has_not_changed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_got_records_is_served_last_the_next_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_free_slot_a_fetch_has_no_session, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(idle_sessions_and_those_worth_less_make_room, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
