#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/cli/partition_name.h"

static void topics_and_partitions_are_told_apart(void **state) {
    static const struct {
        const char *text;
        bool fine;
        const char *topic;
        int32_t partition;
    } cases[] = {
        {"orders", true, "orders", PARTITION_ALL},
        {"orders:0", true, "orders", 0},
        {"orders:2147483647", true, "orders", INT32_MAX},
        {"orders:2147483648", false, NULL, 0},
        {"orders:99999999999999999999", false, NULL, 0},
        {"orders:", false, NULL, 0},
        {"orders:x", false, NULL, 0},
        {":1", false, NULL, 0},
        {"", false, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct partition_name name;

        assert_int_equal(partition_name_parse(cases[i].text, &name), cases[i].fine);
        if (!cases[i].fine)
            continue;
        assert_string_equal(name.topic, cases[i].topic);
        assert_int_equal(name.partition, cases[i].partition);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_and_partitions_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
