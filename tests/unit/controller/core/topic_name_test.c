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
        if ((controller_topic_name_fault(bytes_of_text(cases[i].name)) == NULL) != cases[i].valid)
            fail_msg("\"%s\"", cases[i].name);
    memset(longest, 'x', sizeof(longest));
    assert_null(controller_topic_name_fault(bytes_of(longest, TOPIC_NAME_BYTES_MAX)));
    assert_non_null(controller_topic_name_fault(bytes_of(longest, TOPIC_NAME_BYTES_MAX + 1)));
    assert_non_null(controller_topic_name_fault(BYTES_NULL));
    assert_non_null(controller_topic_name_fault(bytes_of("a\0b", 3)));
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
        cmocka_unit_test(names_that_differ_in_dots_and_underscores_fold_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
