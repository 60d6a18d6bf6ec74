/* Offsets of old consumers, as Kafka writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zk-schema/consumer_offset_znode.h"

static void paths_are_kafkas(void **state) {
    static const struct {
        const char *group, *topic;
        int32_t partition;
        const char *path; /* NULL: there is none */
    } cases[] = {
        {"g", "orders", 0, "/consumers/g/offsets/orders/0"},
        {"g", "orders", -1, "/consumers/g/offsets/orders/-1"},
        {"a/b", "t", 2147483647, "/consumers/a/b/offsets/t/2147483647"},
        {"gr\xc3\xbc\xc3\x9f", "t", 1, "/consumers/gr\xc3\xbc\xc3\x9f/offsets/t/1"},
        {"...", "t", 1, "/consumers/.../offsets/t/1"},
        {"", "t", 0, NULL},
        {"g", "", 0, NULL},
        {"/g", "t", 0, NULL},
        {"g/", "t", 0, NULL},
        {".", "t", 0, NULL},
        {"a/../b", "t", 0, NULL},
        {"a\nb", "t", 0, NULL},
        {"g", "t\x7f", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes group = bytes_of_text(cases[i].group), topic = bytes_of_text(cases[i].topic);
        char path[200];

        assert_true(consumer_offset_path_size(group, topic) < sizeof(path));
        assert_int_equal(consumer_offset_path(group, topic, cases[i].partition, path,
                                              consumer_offset_path_size(group, topic)),
                         cases[i].path != NULL);
        if (cases[i].path != NULL)
            assert_string_equal(path, cases[i].path);
    }
}

static void a_zero_in_a_name_is_not_its_end(void **state) {
    char path[200];

    (void)state;
    assert_false(consumer_offset_path(bytes_of((const uint8_t *)"a\0b", 3), bytes_of_text("t"), 0,
                                      path, sizeof(path)));
    assert_false(consumer_offset_path(bytes_of_text("g"), bytes_of((const uint8_t *)"t\0", 2), 0,
                                      path, sizeof(path)));
}

static void offsets_are_decimal(void **state) {
    static const int64_t offsets[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    static const char *const bad[] = {"",    " 1",   "1 ",
                                      "x",   "1x",   "9223372036854775808",
                                      "--1", "0x10", "123456789012345678901234567890"};
    char text[CONSUMER_OFFSET_TEXT_SIZE];
    int64_t offset;

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        assert_true(consumer_offset_decode(consumer_offset_encode(offsets[i], text), &offset));
        assert_int_equal(offset, offsets[i]);
    }
    assert_true(consumer_offset_decode(bytes_of_text("+7"), &offset)); /* Java's parseLong */
    assert_int_equal(offset, 7);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(consumer_offset_decode(bytes_of_text(bad[i]), &offset));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_kafkas),
        cmocka_unit_test(a_zero_in_a_name_is_not_its_end),
        cmocka_unit_test(offsets_are_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
