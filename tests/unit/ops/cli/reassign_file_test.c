/* Reassignments as Kafka's tool writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/cli/reassign_file.h"

static bool read_text(const char *text, struct reassign_file *file) {
    char path[] = "/tmp/barnabas-reassign-XXXXXX";
    int fd = mkstemp(path);
    bool is_read;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    is_read = reassign_file_read(path, file);
    unlink(path);
    return is_read;
}

static void what_kafkas_tool_writes_is_read(void **state) {
    const struct reassign_file_row *row;
    struct reassign_file file;
    (void)state;

    assert_true(read_text("{\"version\":1,\"partitions\":["
                          "{\"topic\":\"b\",\"partition\":1,\"replicas\":[3,1],"
                          "\"log_dirs\":[\"any\",\"any\"]},"
                          "{\"topic\":\"a\",\"partition\":0,\"replicas\":[2]}]}",
                          &file));
    assert_int_equal(file.count, 2);
    row = reassign_file_find(&file, "b", 1);
    assert_non_null(row);
    assert_int_equal(row->replicas.count, 2);
    assert_int_equal(row->replicas.ids[0], 3);
    assert_int_equal(row->replicas.ids[1], 1);
    assert_non_null(reassign_file_find(&file, "a", 0));
    assert_null(reassign_file_find(&file, "a", 1));
    assert_null(reassign_file_find(&file, "c", 0));
    reassign_file_free(&file);
}

static void anything_else_is_refused(void **state) {
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"version\":1}",
        "{\"version\":2,\"partitions\":[]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"replicas\":[1]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"partition\":-1,\"replicas\":[1]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"replicas\":[]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"replicas\":[1,1]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"replicas\":[1],"
        "\"log_dirs\":[\"/data\"]}]}",
        "{\"version\":1,\"partitions\":[{\"topic\":\"a\",\"partition\":0,\"replicas\":[1]},"
        "{\"topic\":\"a\",\"partition\":0,\"replicas\":[2]}]}",
    };
    struct reassign_file file;
    (void)state;

    assert_non_null(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (read_text(texts[i], &file))
            fail_msg("%s", texts[i]);
        reassign_file_free(&file);
    }
    assert_false(reassign_file_read("/nowhere/plan.json", &file));
    reassign_file_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_kafkas_tool_writes_is_read),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
