#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/record_format.h"

static void records_are_printed_as_the_format_says(void **state) {
    static const struct barnabas_header headers[] = {{"a", 1, "1", 1}, {"b", 1, NULL, 0}};
    static const struct barnabas_message message = {
        .topic = "t",
        .partition = 3,
        .offset = 42,
        .timestamp = 1700000000000,
        .key = NULL,
        .value = "v\0w",
        .value_size = 3,
        .headers = headers,
        .header_count = 2,
    };
    static const struct {
        const char *format;
        const char *text;
        size_t size;
    } cases[] = {
        {"%s\\n", "v\0w\n", 4},
        {"%t:%p@%o %T", "t:3@42 1700000000000", 20},
        {"[%k] %K %S", "[] -1 3", 7},
        {"%h%%", "a=1,b=%", 7},
        {"\\t\\r\\\\\\0\\x41\\xfF", "\t\r\\\0A\xff", 6},
        {"", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_null(record_format_check(cases[i].format));
        record_format_print(cases[i].format, &message, out);
        fclose(out);
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(text, cases[i].text, size);
        free(text);
    }
}

static void formats_that_cannot_be_printed_are_refused(void **state) {
    static const char *const formats[] = {"%", "%z", "\\", "\\q", "\\x4", "\\xg1", "a%s%"};

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        assert_non_null(record_format_check(formats[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_printed_as_the_format_says),
        cmocka_unit_test(formats_that_cannot_be_printed_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
