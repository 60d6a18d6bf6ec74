/* Deletions of records as Kafka's tool reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/cli/delete_file.h"

static bool read_text(const char *text, struct group_lines *lines) {
    char path[] = "/tmp/barnabas-delete-XXXXXX";
    int fd = mkstemp(path);
    bool is_read;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    memset(lines, 0, sizeof(*lines));
    is_read = delete_file_read(path, lines);
    unlink(path);
    return is_read;
}

static void what_kafkas_tool_takes_is_read(void **state) {
    static const char *const texts[] = {
        "{\"partitions\":[{\"topic\":\"b\",\"partition\":1,\"offset\":-1},"
        "{\"topic\":\"a\",\"partition\":0,\"offset\":10}],\"version\":1}",
        "{\"partitions\":[{\"topic\":\"b\",\"partition\":1,\"offset\":-1},"
        "{\"topic\":\"a\",\"partition\":0,\"offset\":10}]}",
    };
    struct group_lines lines;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(read_text(texts[i], &lines));
        assert_int_equal(lines.count, 2);
        assert_int_equal(group_lines_find(&lines, "b", 1)->offset, -1);
        assert_int_equal(group_lines_find(&lines, "a", 0)->offset, 10);
        group_lines_done(&lines);
    }
}

static void anything_else_is_refused(void **state) {
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"version\":2,\"partitions\":[]}",
        "{\"partitions\":[{\"partition\":0,\"offset\":1}]}",
        "{\"partitions\":[{\"topic\":\"\",\"partition\":0,\"offset\":1}]}",
        "{\"partitions\":[{\"topic\":\"a\",\"partition\":-1,\"offset\":1}]}",
        "{\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"offset\":-2}]}",
        "{\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"offset\":\"1\"}]}",
        "{\"partitions\":[{\"topic\":\"a\",\"partition\":0}]}",
        ("{\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"offset\":1},"
         "{\"topic\":\"a\",\"partition\":0,\"offset\":2}]}"),
    };
    struct group_lines lines;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(read_text(texts[i], &lines));
        group_lines_done(&lines);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_kafkas_tool_takes_is_read),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
