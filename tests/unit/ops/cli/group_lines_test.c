/* Lines of a group's book, as they are read from a file and chosen from what is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/group_lines.h"

static bool read_text(struct group_lines *lines, const char *text, size_t *line_number) {
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    bool fine;

    assert_non_null(file);
    fine = group_lines_read(lines, file, line_number);
    fclose(file);
    return fine;
}

static void a_file_is_read_line_by_line(void **state) {
    struct group_lines lines = {0};
    size_t line_number;

    (void)state;
    assert_true(read_text(&lines,
                          "# topic,partition,offset\norders,1,17\n\r\nusers,0,0\r\norders,0,5",
                          &line_number));
    assert_int_equal(lines.count, 3);
    assert_int_equal(group_lines_find(&lines, "orders", 1)->offset, 17);
    assert_null(group_lines_find(&lines, "orders", 2));
    group_lines_sort(&lines);
    assert_string_equal(lines.items[0].topic, "orders");
    assert_int_equal(lines.items[0].partition, 0);
    assert_string_equal(lines.items[2].topic, "users");
    group_lines_done(&lines);
}

static void a_line_that_makes_no_sense_is_named(void **state) {
    static const struct {
        const char *text;
        size_t line;
    } cases[] = {
        {"orders,1", 1},
        {"orders,1,5\norders,x,5", 2},
        {"orders,1,-5", 1},
        {"orders,1,5 ", 1},
        {"orders,1,5,6", 1},
        {",1,5", 1},
        {"orders,2147483648,5", 1},
        {"orders,1,9223372036854775808", 1},
        {"orders,1,5\norders,1,6", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct group_lines lines = {0};
        size_t line_number;

        assert_false(read_text(&lines, cases[i].text, &line_number));
        assert_int_equal(line_number, cases[i].line);
        group_lines_done(&lines);
    }
}

static void only_what_is_meant_is_taken(void **state) {
    static const struct barnabas_offset items[] = {
        {.topic = "a", .partition = 0}, {.topic = "a", .partition = 1}, {.topic = "b"}};
    const struct barnabas_offsets offsets = {3, items};
    const char *const topics[] = {"a:1", "b", NULL};
    struct group_lines lines = {0};

    (void)state;
    assert_true(group_lines_take(&lines, &offsets, topics));
    assert_int_equal(lines.count, 2);
    assert_null(group_lines_find(&lines, "a", 0));
    group_lines_done(&lines);
    assert_true(group_lines_take(&lines, &offsets, NULL));
    assert_int_equal(lines.count, 3);
    group_lines_done(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_line_by_line),
        cmocka_unit_test(a_line_that_makes_no_sense_is_named),
        cmocka_unit_test(only_what_is_meant_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
