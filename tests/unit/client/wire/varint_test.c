#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/wire/varint.h"
#include "tests/unit/client/wire/hex.h"

static const struct {
    int64_t value;
    const char *bytes;
} cases[] = {
    {0, "00"},
    {-1, "01"},
    {1, "02"},
    {63, "7e"},
    {-64, "7f"},
    {64, "80 01"},
    {-65, "81 01"},
    {300, "d8 04"},
    {8191, "fe 7f"},
    {8192, "80 80 01"},
    {INT32_MAX, "fe ff ff ff 0f"},
    {INT32_MIN, "ff ff ff ff 0f"},
    {(int64_t)INT32_MAX + 1, "80 80 80 80 10"},
    {INT64_MAX, "fe ff ff ff ff ff ff ff ff 01"},
    {INT64_MIN, "ff ff ff ff ff ff ff ff ff 01"},
};

static bool fits_32_bits(int64_t value) {
    return value >= INT32_MIN && value <= INT32_MAX;
}

static void numbers_have_their_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex expected = hex_of(cases[i].bytes);
        uint8_t written[VARLONG_BYTES_MAX];

        assert_int_equal(varlong_size(cases[i].value), expected.size);
        assert_int_equal(varlong_write(written, cases[i].value) - written, expected.size);
        assert_memory_equal(written, expected.data, expected.size);
    }
}

static void bytes_give_their_numbers(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex = hex_of(cases[i].bytes);
        struct bytes rest = hex_bytes(&hex);
        int64_t value_64;
        int32_t value_32;

        assert_true(varlong_take(&rest, &value_64));
        assert_int_equal(value_64, cases[i].value);
        assert_int_equal(rest.size, 0);
        if (!fits_32_bits(cases[i].value))
            continue;
        rest = hex_bytes(&hex);
        assert_true(varint_take(&rest, &value_32));
        assert_int_equal(value_32, cases[i].value);
        assert_int_equal(rest.size, 0);
    }
}

static void a_number_that_is_cut_or_too_long_moves_nothing(void **state) {
    static const char *const longs[] = {"", "80", "ff ff ff ff ff ff ff ff ff",
                                        "80 80 80 80 80 80 80 80 80 80 00"};
    static const char *const ints[] = {"", "80", "ff ff ff ff", "80 80 80 80 80 00"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(longs); i++) {
        struct hex hex = hex_of(longs[i]);
        struct bytes rest = hex_bytes(&hex);
        int64_t value;

        assert_false(varlong_take(&rest, &value));
        assert_int_equal(rest.size, hex.size);
    }
    for (size_t i = 0; i < ARRAY_COUNT(ints); i++) {
        struct hex hex = hex_of(ints[i]);
        struct bytes rest = hex_bytes(&hex);
        int32_t value;

        assert_false(varint_take(&rest, &value));
        assert_int_equal(rest.size, hex.size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_their_bytes),
        cmocka_unit_test(bytes_give_their_numbers),
        cmocka_unit_test(a_number_that_is_cut_or_too_long_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
