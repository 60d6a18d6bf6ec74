#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ops/cli/table.h"

static void text_goes_left_and_numbers_go_right(void **state) {
    static const int32_t numbers[] = {1, 20, 3};
    struct table *table = table_new("TOPIC SIZE# REPLICAS");
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    table_text(table, "a-long-name");
    table_number(table, 5);
    table_numbers(table, numbers, 3);
    table_text(table, "b");
    table_number(table, 123456);
    table_numbers(table, NULL, 0);
    table_text(table, "a row that is not whole");
    table_print(table, out);
    fclose(out);
    assert_string_equal(text, "TOPIC                      SIZE  REPLICAS\n"
                              "a-long-name                   5  1,20,3\n"
                              "b                        123456  -\n");
    free(text);
    table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_left_and_numbers_go_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
