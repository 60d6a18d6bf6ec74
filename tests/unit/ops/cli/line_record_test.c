#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/line_record.h"

static void lines_become_keys_and_values(void **state) {
    static const struct {
        const char *line;
        size_t size;
        const char *separator;
        const char *key;
        const char *value;
        size_t value_size;
    } cases[] = {
        {"a\n", 2, NULL, NULL, "a", 1},       {"a", 1, NULL, NULL, "a", 1},
        {"\n", 1, NULL, NULL, "", 0},         {"a\r\n", 3, NULL, NULL, "a\r", 2},
        {"a\0b\n", 4, NULL, NULL, "a\0b", 3}, {"k:v\n", 4, ":", "k", "v", 1},
        {"k:v:w\n", 6, ":", "k", "v:w", 3},   {":v\n", 3, ":", "", "v", 1},
        {"k:\n", 3, ":", "k", "", 0},         {"kv\n", 3, ":", NULL, "kv", 2},
        {"k=>v\n", 5, "=>", "k", "v", 1},     {"k:v\n", 4, "", NULL, "k:v", 3},
        {"k\n", 2, "\n", NULL, "k", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line_record record =
            line_record_split(cases[i].line, cases[i].size, cases[i].separator);

        if (cases[i].key == NULL) {
            assert_null(record.key);
        } else {
            assert_int_equal(record.key_size, strlen(cases[i].key));
            assert_memory_equal(record.key, cases[i].key, record.key_size);
        }
        assert_int_equal(record.value_size, cases[i].value_size);
        assert_memory_equal(record.value, cases[i].value, record.value_size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_keys_and_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
