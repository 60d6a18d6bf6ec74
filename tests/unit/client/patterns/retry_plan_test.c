/* Where a message that failed goes, and when it is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/patterns/parallel_job.h"
#include "client/patterns/retry_plan.h"
#include "client/patterns/tokens.h"

static void topics_are_told_apart(void **state) {
    char name[250];
    char longest[250];

    (void)state;
    assert_true(barnabas_retry_topic("orders", 2, name));
    assert_string_equal(name, "orders.retry-2");
    assert_true(barnabas_retry_topic("orders", 0, name));
    assert_string_equal(name, "orders.dead-letter");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[237] = '\0';
    assert_true(barnabas_retry_topic(longest, 0, name));
    longest[237] = 'x';
    longest[238] = '\0';
    assert_false(barnabas_retry_topic(longest, 0, name));
    assert_int_equal(retry_level_of("orders", 2, "orders"), 0);
    assert_int_equal(retry_level_of("orders", 2, "orders.retry-2"), 2);
    assert_int_equal(retry_level_of("orders", 2, "orders.retry-3"), -1);
    assert_int_equal(retry_level_of("orders", 2, "other"), -1);
}

static void levels_follow_each_other_to_the_dead_letters(void **state) {
    const struct barnabas_retry_options options = {"t", 2, {100, 2000}};

    (void)state;
    assert_int_equal(retry_next_level(0, 2, BARNABAS_HANDLE_AGAIN), 1);
    assert_int_equal(retry_next_level(1, 2, BARNABAS_HANDLE_AGAIN), 2);
    assert_int_equal(retry_next_level(2, 2, BARNABAS_HANDLE_AGAIN), 0);
    assert_int_equal(retry_next_level(0, 2, BARNABAS_HANDLE_GIVE_UP), 0);
    assert_int_equal(retry_next_level(0, 0, BARNABAS_HANDLE_AGAIN), 0);
    assert_true(retry_due_ms(&options, 0, 50) < 0);
    assert_int_equal(retry_due_ms(&options, 1, 50), 150);
    assert_int_equal(retry_due_ms(&options, 2, 50), 2050);
    assert_int_equal(retry_due_ms(&options, 2, INT64_MAX - 1), INT64_MAX);
}

static void no_setting_takes_a_promise_back(void **state) {
    static const char *const settings[][3] = {
        {"acks", "1", "all"},           {"enable.auto.commit", "true", "false"},
        {"transactional.id", "id", ""}, {"delivery.reports", "poll", "thread"},
        {"group.id", "g", "g"},
    };
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_config *own;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        assert_int_equal(barnabas_config_set(config, settings[i][0], settings[i][1], NULL),
                         BARNABAS_OK);
    assert_int_equal(retry_config_of(config, &own), BARNABAS_OK);
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        assert_string_equal(barnabas_config_get(own, settings[i][0]), settings[i][2]);
    barnabas_config_free(own);
    barnabas_config_free(config);
}

static void the_header_keeps_where_a_message_was_first(void **state) {
    struct barnabas_message message = {.topic = "orders", .partition = 3, .offset = 17};
    char value[RETRY_HEADER_VALUE_MAX];
    struct barnabas_header headers[] = {{"other", 5, "x", 1},
                                        {BARNABAS_RETRY_HEADER, 14, value, 0}};
    struct barnabas_attempt attempt;
    char topic[250];

    (void)state;
    attempt = retry_attempt_of(&message, topic);
    assert_int_equal(attempt.failures, 0);
    headers[1].value_size = retry_header_write(value, &attempt);
    message = (struct barnabas_message){.topic = "orders.retry-1",
                                        .partition = 0,
                                        .offset = 4,
                                        .headers = headers,
                                        .header_count = 2};
    attempt = retry_attempt_of(&message, topic);
    assert_int_equal(attempt.failures, 1);
    assert_string_equal(attempt.topic, "orders");
    assert_int_equal(attempt.partition, 3);
    assert_int_equal(attempt.offset, 17);
}

static void a_header_that_is_none_is_left_alone(void **state) {
    static const char *const values[] = {"", "1", "1 t 2", "x t 2 3", "1 t 2 3 4", "1 t 2 3x"};
    char topic[250];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct barnabas_header header = {BARNABAS_RETRY_HEADER, 14, values[i],
                                               strlen(values[i])};
        const struct barnabas_message message = {
            .topic = "t", .partition = 1, .offset = 2, .headers = &header, .header_count = 1};
        struct barnabas_attempt attempt = retry_attempt_of(&message, topic);

        assert_int_equal(attempt.failures, 0);
        assert_int_equal(attempt.offset, 2);
    }
}

static void records_are_worth_their_number(void **state) {
    struct tokens tokens = {10, 0};

    (void)state;
    assert_int_equal(tokens_of_value("25", 2), 25);
    assert_int_equal(tokens_of_value("25", 1), 2);
    assert_int_equal(tokens_of_value("", 0), 0);
    assert_int_equal(tokens_of_value(NULL, 0), 0);
    assert_int_equal(tokens_of_value("-1", 2), 0);
    assert_int_equal(tokens_of_value("1 ", 2), 0);
    assert_true(tokens_of_value("18446744073709551615", 20) == UINT64_MAX);
    assert_int_equal(tokens_of_value("18446744073709551616", 20), 0);
    tokens_add(&tokens, 4);
    assert_false(tokens_take(&tokens, 5));
    assert_true(tokens_take(&tokens, 3));
    tokens_add(&tokens, UINT64_MAX);
    assert_int_equal(tokens.level, 10);
}

static void a_key_has_one_worker_and_workers_have_many_keys(void **state) {
    size_t messages_of[4] = {0};
    char key[2] = "a";

    (void)state;
    for (int i = 0; i < 400; i++) {
        struct barnabas_message message = {.partition = i % 3, .offset = i};

        if (i >= 200) {
            key[0] = (char)('0' + i % 50);
            message.key = key;
            message.key_size = 1;
            assert_int_equal(parallel_worker_of(&message, 4), parallel_worker_of(&message, 4));
        }
        messages_of[parallel_worker_of(&message, 4)]++;
    }
    for (size_t i = 0; i < 4; i++)
        assert_in_range(messages_of[i], 60, 140);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_setting_takes_a_promise_back),
        cmocka_unit_test(topics_are_told_apart),
        cmocka_unit_test(levels_follow_each_other_to_the_dead_letters),
        cmocka_unit_test(the_header_keeps_where_a_message_was_first),
        cmocka_unit_test(a_header_that_is_none_is_left_alone),
        cmocka_unit_test(records_are_worth_their_number),
        cmocka_unit_test(a_key_has_one_worker_and_workers_have_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
