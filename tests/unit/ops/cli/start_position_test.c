#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/cli/start_position.h"

static void positions_are_read_as_operators_write_them(void **state) {
    static const struct {
        const char *text;
        enum barnabas_position_kind kind;
        int64_t value;
    } cases[] = {
        {"beginning", BARNABAS_FROM_BEGINNING, 0},
        {"end", BARNABAS_FROM_END, 0},
        {"0", BARNABAS_FROM_OFFSET, 0},
        {"9223372036854775807", BARNABAS_FROM_OFFSET, INT64_MAX},
        {"@1700000000", BARNABAS_FROM_TIME, 1700000000000},
        {"@1700000000123", BARNABAS_FROM_TIME, 1700000000123},
        {"@0", BARNABAS_FROM_TIME, 0},
        {"-90s", BARNABAS_FROM_TIME, 1700000000000 - 90000},
        {"-2h", BARNABAS_FROM_TIME, 1700000000000 - 7200000},
        {"-1d", BARNABAS_FROM_TIME, 1700000000000 - 86400000},
        {"2023-11-14T22:13:20Z", BARNABAS_FROM_TIME, 1700000000000},
        {"2023-11-14T22:13:20", BARNABAS_FROM_TIME, 1700000000000},
        {"2023-11-14T22:13:20.5Z", BARNABAS_FROM_TIME, 1700000000500},
        {"2023-11-14T22:13:20.1239Z", BARNABAS_FROM_TIME, 1700000000123},
        {"2023-11-15T00:13:20+02:00", BARNABAS_FROM_TIME, 1700000000000},
        {"2023-11-14T20:13:20-0200", BARNABAS_FROM_TIME, 1700000000000},
        {"2023-11-14T22:13", BARNABAS_FROM_TIME, 1699999980000},
        {"2023-11-14", BARNABAS_FROM_TIME, 1699920000000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct barnabas_position position;

        assert_true(start_position_parse(cases[i].text, 1700000000000, &position));
        assert_int_equal(position.kind, cases[i].kind);
        assert_int_equal(position.value, cases[i].value);
    }
}

static void anything_else_is_none(void **state) {
    static const char *const texts[] = {
        "",
        "start",
        "-5",
        "-h",
        "-2y",
        "-99999999999d",
        "@",
        "@-1",
        "@1.5",
        "1x",
        "0x1",
        "+1",
        " 1",
        "2023-13-01",
        "2023-1",
        "2023-11-14T22",
        "2023-11-14T22:13:20Zulu",
        "2023-11-14T22:13:20+2",
        "yesterday",
        "99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct barnabas_position position;

        if (start_position_parse(texts[i], 1700000000000, &position))
            fail_msg("\"%s\" was taken", texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_read_as_operators_write_them),
        cmocka_unit_test(anything_else_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
