/* Names of partition folders. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/log_folder.h"

static void names_are_taken_apart_as_kafka_does(void **state) {
    static const struct {
        const char *name;
        enum log_folder_kind kind;
        const char *topic;
        int32_t partition;
    } cases[] = {
        {"orders-0", LOG_FOLDER_CURRENT, "orders", 0},
        {"a-b-12", LOG_FOLDER_CURRENT, "a-b", 12},
        {"__consumer_offsets-49", LOG_FOLDER_CURRENT, "__consumer_offsets", 49},
        {"a.b-2147483647", LOG_FOLDER_CURRENT, "a.b", INT32_MAX},
        {"t--1", LOG_FOLDER_CURRENT, "t-", 1},
        {"t-2147483648", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"t", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"t-", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"-1", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"t-x", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"t-1x", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"lost+found", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"..-1", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"t-0.0123456789abcdef0123456789abcdef-delete", LOG_FOLDER_DELETED, NULL, 0},
        {"t-0.0123456789abcdef0123456789abcdef-stray", LOG_FOLDER_STRAY, NULL, 0},
        {"t-0.0123456789abcdef0123456789abcdef-future", LOG_FOLDER_FUTURE, "t", 0},
        {"a.b-c-7.0123456789abcdef0123456789abcdef-future", LOG_FOLDER_FUTURE, "a.b-c", 7},
        {"t-x.0123456789abcdef0123456789abcdef-future", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"t0-delete", LOG_FOLDER_UNKNOWN, NULL, 0},
        {"-delete", LOG_FOLDER_UNKNOWN, NULL, 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes topic;
        int32_t partition;
        if (log_folder_parse(cases[i].name, &topic, &partition) != cases[i].kind)
            fail_msg("%s", cases[i].name);
        if (cases[i].topic != NULL) {
            assert_true(bytes_equal_text(topic, cases[i].topic));
            assert_int_equal(partition, cases[i].partition);
        }
    }
}

static void names_set_aside_fit_and_are_known_again(void **state) {
    char topic[250];
    char name[LOG_FOLDER_NAME_MAX + 1];
    struct uuid unique = {{0xab, 1}};
    struct bytes parsed;
    int32_t partition;
    (void)state;

    memset(topic, 't', 249);
    topic[249] = '\0';
    log_folder_name_aside(bytes_of_text(topic), 1234567890, &unique, LOG_FOLDER_DELETED, name);
    assert_int_equal(strlen(name), 255);
    assert_int_equal(log_folder_parse(name, &parsed, &partition), LOG_FOLDER_DELETED);
    log_folder_name_aside(bytes_of_text("t"), 3, &unique, LOG_FOLDER_STRAY, name);
    assert_string_equal(name, "t-3.ab010000000000000000000000000000-stray");
    assert_int_equal(log_folder_parse(name, &parsed, &partition), LOG_FOLDER_STRAY);
}

static void topics_have_kafkas_letters(void **state) {
    char topic[251];
    (void)state;

    memset(topic, 'x', sizeof(topic));
    assert_true(log_folder_topic_is_valid(bytes_of(topic, 249)));
    assert_false(log_folder_topic_is_valid(bytes_of(topic, 250)));
    assert_false(log_folder_topic_is_valid(bytes_of(topic, 0)));
    assert_true(log_folder_topic_is_valid(bytes_of_text("A.b_c-9")));
    assert_false(log_folder_topic_is_valid(bytes_of_text("a/b")));
    assert_false(log_folder_topic_is_valid(bytes_of("a\0b", 3)));
    assert_false(log_folder_topic_is_valid(bytes_of_text(".")));
    assert_false(log_folder_topic_is_valid(bytes_of_text("..")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart_as_kafka_does),
        cmocka_unit_test(names_set_aside_fit_and_are_known_again),
        cmocka_unit_test(topics_have_kafkas_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
