/* What reading a partition needs next, and what it makes of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/consumer/reader.h"

static const struct view_partition led_by_1 = {.leader_id = 1, .leader_epoch = 5};
static const struct view_partition led_by_2 = {.leader_id = 2, .leader_epoch = 6};
static const struct view_partition led_by_nobody = {.leader_id = VIEW_NO_LEADER, .leader_epoch = 6};

static struct reader_outcome outcome;

static struct reader reader_at(enum barnabas_position_kind kind, int64_t value) {
    struct reader reader;

    reader_init(&reader);
    reader_assign(&reader, (struct barnabas_position){kind, value}, 1000);
    return reader;
}

/* Reading at offset 50, after records of leader epoch 5. */
static struct reader reader_reading(void) {
    struct reader reader = reader_at(BARNABAS_FROM_OFFSET, 10);

    reader_on_records(&reader, 50, 5, 5, 100, &outcome);
    assert_false(outcome.tell);
    return reader;
}

static void assert_end_told(int64_t offset) {
    assert_true(outcome.tell);
    assert_int_equal(outcome.kind, BARNABAS_END_REACHED);
    assert_int_equal(outcome.offset, offset);
}

static enum reader_need next(struct reader *reader, const struct view_partition *partition) {
    int64_t at_ms = INT64_MAX;

    return reader_next(reader, partition, ERR_NONE, 0, &at_ms, &outcome);
}

static void each_position_is_looked_up_in_its_way(void **state) {
    static const struct {
        enum barnabas_position_kind kind;
        int64_t value;
        enum reader_need need;
        int64_t timestamp;
    } cases[] = {
        {BARNABAS_FROM_BEGINNING, 0, NEED_OFFSET, TIMESTAMP_EARLIEST},
        {BARNABAS_FROM_END, 0, NEED_OFFSET, TIMESTAMP_LATEST},
        {BARNABAS_FROM_TIME, 17, NEED_OFFSET, 17},
        {BARNABAS_FROM_OFFSET, 17, NEED_RECORDS, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct reader reader = reader_at(cases[i].kind, cases[i].value);

        assert_int_equal(next(&reader, &led_by_1), cases[i].need);
        assert_int_equal(reader.timestamp, cases[i].timestamp);
        if (cases[i].need == NEED_OFFSET) {
            reader_on_offset(&reader, ERR_NONE, 30, 5, 0, &outcome);
            assert_false(outcome.tell);
            assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
            assert_int_equal(reader.fetch_offset, 30);
        }
    }
}

static void a_time_behind_the_last_record_is_the_end(void **state) {
    struct reader reader = reader_at(BARNABAS_FROM_TIME, 17);

    (void)state;
    reader_on_offset(&reader, ERR_NONE, -1, -1, 0, &outcome);
    assert_int_equal(next(&reader, &led_by_1), NEED_OFFSET);
    assert_int_equal(reader.timestamp, TIMESTAMP_LATEST);
}

static void only_one_thing_is_asked_at_a_time(void **state) {
    struct reader reader = reader_at(BARNABAS_FROM_OFFSET, 17);

    (void)state;
    reader.asking = true;
    assert_int_equal(next(&reader, &led_by_1), NEED_NOTHING);
}

static void without_a_leader_it_waits_for_one(void **state) {
    struct reader reader = reader_at(BARNABAS_FROM_OFFSET, 17);

    (void)state;
    assert_int_equal(next(&reader, &led_by_nobody), NEED_LEADER);
    assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
}

static void an_unknown_partition_fails_in_the_end(void **state) {
    static const struct {
        enum error topic_error;
        int64_t now_ms;
        enum reader_need need;
        bool failed;
        enum error error;
    } cases[] = {
        {ERR_NONE, 0, NEED_LEADER, false, ERR_NONE},
        {ERR_NONE, 1000, NEED_NOTHING, true, ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {ERR_LEADER_NOT_AVAILABLE, 999, NEED_LEADER, false, ERR_NONE},
        {ERR_TOPIC_AUTHORIZATION_FAILED, 0, NEED_NOTHING, true, ERR_TOPIC_AUTHORIZATION_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct reader reader = reader_at(BARNABAS_FROM_OFFSET, 17);
        int64_t at_ms = INT64_MAX;

        assert_int_equal(
            reader_next(&reader, NULL, cases[i].topic_error, cases[i].now_ms, &at_ms, &outcome),
            cases[i].need);
        assert_int_equal(outcome.tell, cases[i].failed);
        assert_int_equal(outcome.error, cases[i].error);
        assert_int_equal(at_ms, cases[i].failed ? INT64_MAX : 1000);
        if (cases[i].failed)
            assert_int_equal(next(&reader, &led_by_1), NEED_NOTHING);
    }
}

static void a_newer_leader_is_asked_where_our_epoch_ended(void **state) {
    static const struct {
        const char *label;
        int32_t epoch;
        int64_t end_offset;
        enum offset_reset policy;
        enum reader_need need;
        int64_t fetch_offset;
        bool tell;
        enum barnabas_event_kind kind;
    } cases[] = {
        {"has all", 5, 60, OFFSET_RESET_NONE, NEED_RECORDS, 50, false, 0},
        {"ends where we are", 5, 50, OFFSET_RESET_NONE, NEED_RECORDS, 50, false, 0},
        {"was cut", 5, 40, OFFSET_RESET_LATEST, NEED_RECORDS, 40, true, BARNABAS_POSITION_RESET},
        {"was cut, no policy", 5, 40, OFFSET_RESET_NONE, NEED_NOTHING, 50, true,
         BARNABAS_PARTITION_FAILED},
        {"knows no such epoch", -1, -1, OFFSET_RESET_EARLIEST, NEED_OFFSET, 50, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct reader reader = reader_reading();

        assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
        assert_int_equal(next(&reader, &led_by_2), NEED_VALIDATION);
        reader_on_epoch_end(&reader, ERR_NONE, cases[i].epoch, cases[i].end_offset, 6,
                            cases[i].policy, 0, &outcome);
        assert_int_equal(outcome.tell, cases[i].tell);
        if (outcome.tell)
            assert_int_equal(outcome.kind, cases[i].kind);
        assert_int_equal(next(&reader, &led_by_2), cases[i].need);
        assert_int_equal(reader.fetch_offset, cases[i].fetch_offset);
    }
}

static void out_of_range_follows_the_policy(void **state) {
    static const struct {
        enum offset_reset policy;
        enum reader_need need;
        int64_t timestamp;
    } cases[] = {
        {OFFSET_RESET_EARLIEST, NEED_OFFSET, TIMESTAMP_EARLIEST},
        {OFFSET_RESET_LATEST, NEED_OFFSET, TIMESTAMP_LATEST},
        {OFFSET_RESET_NONE, NEED_NOTHING, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct reader reader = reader_reading();

        reader_on_fetch_error(&reader, ERR_OFFSET_OUT_OF_RANGE, cases[i].policy, 0, &outcome);
        assert_int_equal(outcome.tell, cases[i].policy == OFFSET_RESET_NONE);
        assert_int_equal(next(&reader, &led_by_1), cases[i].need);
        assert_int_equal(reader.timestamp, cases[i].timestamp);
        if (cases[i].need != NEED_OFFSET)
            continue;
        reader_on_offset(&reader, ERR_NONE, 70, 5, 0, &outcome);
        assert_true(outcome.tell);
        assert_int_equal(outcome.kind, BARNABAS_POSITION_RESET);
        assert_int_equal(outcome.offset, 70);
        assert_int_equal(outcome.error, ERR_OFFSET_OUT_OF_RANGE);
    }
}

static void passing_errors_are_asked_again_after_a_pause(void **state) {
    struct reader reader = reader_reading();
    int64_t at_ms = INT64_MAX;

    (void)state;
    reader.asking = true;
    reader_on_fetch_error(&reader, ERR_NOT_LEADER_OR_FOLLOWER, OFFSET_RESET_NONE, 100, &outcome);
    assert_true(outcome.refresh);
    assert_false(outcome.tell);
    assert_int_equal(reader_next(&reader, &led_by_1, ERR_NONE, 99, &at_ms, &outcome), NEED_NOTHING);
    assert_int_equal(at_ms, 100);
    assert_int_equal(reader_next(&reader, &led_by_1, ERR_NONE, 100, &at_ms, &outcome),
                     NEED_RECORDS);
}

static void lasting_errors_end_the_reading(void **state) {
    struct reader reader = reader_reading();

    (void)state;
    reader_on_fetch_error(&reader, ERR_TOPIC_AUTHORIZATION_FAILED, OFFSET_RESET_LATEST, 100,
                          &outcome);
    assert_true(outcome.tell);
    assert_int_equal(outcome.kind, BARNABAS_PARTITION_FAILED);
    assert_int_equal(outcome.offset, 50);
    assert_int_equal(next(&reader, &led_by_1), NEED_NOTHING);
}

static void the_end_is_told_once_until_more_has_come(void **state) {
    struct reader reader = reader_reading();

    (void)state;
    reader_on_records(&reader, 60, 5, 5, 60, &outcome);
    assert_false(outcome.tell);
    assert_int_equal(next(&reader, &led_by_1), NEED_OFFSET);
    assert_int_equal(reader.timestamp, TIMESTAMP_LATEST);
    reader_on_offset(&reader, ERR_NONE, 60, 5, 0, &outcome);
    assert_end_told(60);
    assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
    reader_on_records(&reader, -1, -1, 5, 60, &outcome);
    assert_false(outcome.tell);
    reader_on_records(&reader, 70, 5, 5, 80, &outcome);
    assert_false(outcome.tell);
    reader_on_records(&reader, 80, 5, 5, 80, &outcome);
    assert_end_told(80);
}

static void an_empty_partition_is_at_its_end_at_once(void **state) {
    struct reader reader = reader_at(BARNABAS_FROM_OFFSET, 0);

    (void)state;
    reader_on_records(&reader, -1, -1, 5, 0, &outcome);
    assert_false(outcome.tell);
    reader_on_offset(&reader, ERR_NONE, 0, 5, 0, &outcome);
    assert_end_told(0);
}

static void an_end_that_the_leader_does_not_know_yet_is_read_on(void **state) {
    struct reader reader = reader_reading();
    int64_t at_ms = INT64_MAX;

    (void)state;
    reader_on_records(&reader, -1, -1, 5, 50, &outcome);
    reader_on_offset(&reader, ERR_OFFSET_NOT_AVAILABLE, -1, -1, 100, &outcome);
    assert_false(outcome.tell);
    assert_int_equal(next(&reader, &led_by_1), NEED_NOTHING);
    assert_int_equal(reader_next(&reader, &led_by_1, ERR_NONE, 100, &at_ms, &outcome),
                     NEED_RECORDS);
    /* Now it knows, and there is more than the fetch told. */
    reader_on_records(&reader, -1, -1, 5, 50, &outcome);
    reader_on_offset(&reader, ERR_NONE, 60, 5, 0, &outcome);
    assert_false(outcome.tell);
    /* A replica that is behind tells an end that is none. */
    reader_on_records(&reader, 55, 5, 5, 55, &outcome);
    assert_false(outcome.tell);
    assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
    reader_on_records(&reader, 60, 5, 5, 60, &outcome);
    assert_end_told(60);
}

static void each_leader_is_asked_for_its_end(void **state) {
    struct reader reader = reader_reading();

    (void)state;
    reader_on_records(&reader, -1, -1, 5, 50, &outcome);
    reader_on_offset(&reader, ERR_NONE, 50, 5, 0, &outcome);
    assert_end_told(50);
    reader_on_records(&reader, 60, 5, 6, 60, &outcome);
    assert_false(outcome.tell);
    /* While the end is asked for, another leads: its log may have been cut. */
    assert_int_equal(next(&reader, &(struct view_partition){.leader_id = 1, .leader_epoch = 7}),
                     NEED_VALIDATION);
}

static void a_lasting_error_of_the_end_fails_the_partition(void **state) {
    struct reader reader = reader_reading();

    (void)state;
    reader_on_records(&reader, -1, -1, 5, 50, &outcome);
    reader_on_offset(&reader, ERR_TOPIC_AUTHORIZATION_FAILED, -1, -1, 100, &outcome);
    assert_true(outcome.tell);
    assert_int_equal(outcome.kind, BARNABAS_PARTITION_FAILED);
    assert_int_equal(outcome.error, ERR_TOPIC_AUTHORIZATION_FAILED);
}

static void who_does_not_ask_for_the_end_is_not_held_up(void **state) {
    struct reader reader = reader_reading();

    (void)state;
    reader_on_records(&reader, 60, 5, 5, -1, &outcome);
    assert_false(outcome.tell);
    assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
}

static void a_paused_partition_asks_for_nothing(void **state) {
    struct reader reader = reader_reading();

    (void)state;
    reader.paused = true;
    assert_int_equal(next(&reader, &led_by_1), NEED_NOTHING);
    reader.paused = false;
    assert_int_equal(next(&reader, &led_by_1), NEED_RECORDS);
}

static void each_assignment_is_a_generation(void **state) {
    struct reader reader = reader_reading();
    uint64_t generation = reader.generation;

    (void)state;
    reader_assign(&reader, (struct barnabas_position){BARNABAS_FROM_END, 0}, 1000);
    assert_true(reader.generation > generation);
    generation = reader.generation;
    reader_unassign(&reader);
    assert_true(reader.generation > generation);
    assert_int_equal(next(&reader, &led_by_1), NEED_NOTHING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_position_is_looked_up_in_its_way),
        cmocka_unit_test(a_time_behind_the_last_record_is_the_end),
        cmocka_unit_test(only_one_thing_is_asked_at_a_time),
        cmocka_unit_test(without_a_leader_it_waits_for_one),
        cmocka_unit_test(an_unknown_partition_fails_in_the_end),
        cmocka_unit_test(a_newer_leader_is_asked_where_our_epoch_ended),
        cmocka_unit_test(out_of_range_follows_the_policy),
        cmocka_unit_test(passing_errors_are_asked_again_after_a_pause),
        cmocka_unit_test(lasting_errors_end_the_reading),
        cmocka_unit_test(the_end_is_told_once_until_more_has_come),
        cmocka_unit_test(an_empty_partition_is_at_its_end_at_once),
        cmocka_unit_test(an_end_that_the_leader_does_not_know_yet_is_read_on),
        cmocka_unit_test(each_leader_is_asked_for_its_end),
        cmocka_unit_test(a_lasting_error_of_the_end_fails_the_partition),
        cmocka_unit_test(who_does_not_ask_for_the_end_is_not_held_up),
        cmocka_unit_test(a_paused_partition_asks_for_nothing),
        cmocka_unit_test(each_assignment_is_a_generation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
