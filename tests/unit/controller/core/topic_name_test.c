#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/topic_name.h"

#include "client/base/check.h"

static void a_name_is_1_to_249_of_a_few_characters(void **state) {
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        {"orders", true}, {"a.b_c-D9", true},  {"__consumer_offsets", true},
        {"...", true},    {"", false},         {".", false},
        {"..", false},    {"a b", false},      {"a/b", false},
        {"a\nb", false},  {"\xc3\xa4", false},
    };
    char longest[TOPIC_NAME_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        if (controller_topic_name_is_valid(bytes_of_text(cases[i].name)) != cases[i].valid)
            fail_msg("\"%s\"", cases[i].name);
    memset(longest, 'x', sizeof(longest));
    assert_true(controller_topic_name_is_valid(bytes_of(longest, TOPIC_NAME_BYTES_MAX)));
    assert_false(controller_topic_name_is_valid(bytes_of(longest, TOPIC_NAME_BYTES_MAX + 1)));
    assert_false(controller_topic_name_is_valid(BYTES_NULL));
    assert_false(controller_topic_name_is_valid(bytes_of("a\0b", 3)));
}

static void what_is_wrong_is_said_in_kafkas_words(void **state) {
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"", "Topic name is invalid: the empty string is not allowed"},
        {"..", "Topic name is invalid: '..' is not allowed"},
        {"a b", "Topic name is invalid: 'a b' contains one or more characters other than ASCII "
                "alphanumerics, '.', '_' and '-'"},
    };
    char message[TOPIC_NAME_MESSAGE_SIZE], longer[TOPIC_NAME_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        controller_topic_name_explain(bytes_of_text(cases[i].name), message, sizeof(message));
        assert_string_equal(message, cases[i].message);
    }
    memset(longer, 'x', sizeof(longer));
    controller_topic_name_explain(bytes_of(longer, sizeof(longer)), message, sizeof(message));
    assert_non_null(strstr(message, "x' is longer than the max allowed length 249"));
}

static void names_that_differ_in_dots_and_underscores_fold_alike(void **state) {
    char a[4], b[4];

    (void)state;
    controller_topic_name_fold(bytes_of_text("a.b_"), a);
    controller_topic_name_fold(bytes_of_text("a_b."), b);
    assert_memory_equal(a, b, 4);
    controller_topic_name_fold(bytes_of_text("a-b_"), b);
    assert_memory_not_equal(a, b, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_1_to_249_of_a_few_characters),
        cmocka_unit_test(what_is_wrong_is_said_in_kafkas_words),
        cmocka_unit_test(names_that_differ_in_dots_and_underscores_fold_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
