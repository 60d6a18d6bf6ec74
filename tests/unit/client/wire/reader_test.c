#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/reader.h"
#include "tests/unit/client/wire/hex.h"

static struct wire_reader reader_of(const struct hex *hex) {
    struct wire_reader reader;

    wire_reader_init(&reader, hex_bytes(hex));
    return reader;
}

static void numbers_are_big_endian(void **state) {
    struct hex hex;
    struct wire_reader reader;

    (void)state;
    hex_parse(&hex, "00 01 02 | 80 | 8001 | fffe | 80000001 | 8000000000000001 | 3ff8000000000000"
                    "| 000102030405060708090a0b0c0d0e0f");
    reader = reader_of(&hex);
    assert_false(wire_read_bool(&reader));
    assert_true(wire_read_bool(&reader));
    assert_true(wire_read_bool(&reader)); /* any non-zero is true */
    assert_int_equal(wire_read_i8(&reader), INT8_MIN);
    assert_int_equal(wire_read_i16(&reader), INT16_MIN + 1);
    assert_int_equal(wire_read_u16(&reader), 0xfffe);
    assert_int_equal(wire_read_i32(&reader), INT32_MIN + 1);
    assert_true(wire_read_i64(&reader) == INT64_MIN + 1);
    assert_true(wire_read_f64(&reader) == 1.5);
    assert_memory_equal(wire_read_uuid(&reader).bytes, hex.data + hex.size - 16, 16);
    assert_int_equal(wire_reader_remaining(&reader), 0);
    assert_int_equal(reader.error, ERR_NONE);
}

static void numbers_that_are_cut_off_are_malformed(void **state) {
    static const uint8_t data[16];

    (void)state;
    for (int type = 0; type < 8; type++) {
        static const size_t sizes[] = {1, 1, 2, 2, 4, 8, 8, 16};
        struct wire_reader reader;
        int64_t value = 0;

        wire_reader_init(&reader, bytes_of(data, sizes[type] - 1));
        switch (type) {
        case 0:
            value = wire_read_bool(&reader);
            break;
        case 1:
            value = wire_read_i8(&reader);
            break;
        case 2:
            value = wire_read_i16(&reader);
            break;
        case 3:
            value = wire_read_u16(&reader);
            break;
        case 4:
            value = wire_read_i32(&reader);
            break;
        case 5:
            value = wire_read_i64(&reader);
            break;
        case 6:
            value = (int64_t)wire_read_f64(&reader);
            break;
        default:
            value = wire_read_uuid(&reader).bytes[0];
        }
        assert_int_equal(value, 0);
        assert_int_equal(reader.error, ERR_MALFORMED);
        assert_int_equal(wire_reader_remaining(&reader), 0);
    }
}

static void after_a_failure_everything_reads_as_zero(void **state) {
    struct hex hex;
    struct wire_reader reader;

    (void)state;
    hex_parse(&hex, "ffff | 01020304");
    reader = reader_of(&hex);
    (void)wire_read_string(&reader, false, false);
    assert_int_equal(reader.error, ERR_MALFORMED);
    assert_int_equal(wire_read_i32(&reader), 0);
    assert_int_equal(wire_read_uvarint(&reader), 0);
    assert_int_equal(wire_read_bytes(&reader, true, true).size, 0);
    assert_int_equal(wire_read_array_count(&reader, false, true, 1), 0);
    wire_fail(&reader, ERR_OUT_OF_MEMORY);
    assert_int_equal(reader.error, ERR_MALFORMED); /* the first one stays */
}

static void uvarints_are_at_most_32_bits(void **state) {
    static const struct {
        const char *label, *hex;
        enum error error;
        uint32_t value;
    } cases[] = {
        {"zero", "00", ERR_NONE, 0},
        {"one byte", "7f", ERR_NONE, 127},
        {"two bytes", "8001", ERR_NONE, 128},
        {"least significant group first", "ac02", ERR_NONE, 300},
        {"five bytes", "ffffffff0f", ERR_NONE, UINT32_MAX},
        {"longer than needed", "8000", ERR_NONE, 0},
        {"longer than needed, five bytes", "8180808000", ERR_NONE, 1},
        {"33 bits", "ffffffff1f", ERR_MALFORMED, 0},
        {"six bytes", "808080808000", ERR_MALFORMED, 0},
        {"a sixth byte announced", "8080808080", ERR_MALFORMED, 0},
        {"cut off", "80", ERR_MALFORMED, 0},
        {"empty", "", ERR_MALFORMED, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex;
        struct wire_reader reader;

        hex_parse(&hex, cases[i].hex);
        reader = reader_of(&hex);
        if (wire_read_uvarint(&reader) != cases[i].value || reader.error != cases[i].error)
            fail_msg("%s", cases[i].label);
    }
}

static void strings_and_bytes_know_null_and_their_bounds(void **state) {
    static const struct {
        const char *label, *hex;
        bool string, flexible, nullable;
        enum error error;
        const char *value; /* NULL for null */
    } cases[] = {
        {"string", "0003 'abc'", true, false, false, ERR_NONE, "abc"},
        {"empty string", "0000", true, false, true, ERR_NONE, ""},
        {"null string", "ffff", true, false, true, ERR_NONE, NULL},
        {"null string where it may not be", "ffff", true, false, false, ERR_MALFORMED, ""},
        {"string past the end", "0004 'abc'", true, false, false, ERR_MALFORMED, ""},
        {"string length cut off", "00", true, false, false, ERR_MALFORMED, ""},
        {"compact string", "04 'abc'", true, true, false, ERR_NONE, "abc"},
        {"empty compact string", "01", true, true, true, ERR_NONE, ""},
        {"null compact string", "00", true, true, true, ERR_NONE, NULL},
        {"null compact string where it may not be", "00", true, true, false, ERR_MALFORMED, ""},
        {"compact string past the end", "05 'abc'", true, true, false, ERR_MALFORMED, ""},
        {"compact string of 4 GiB", "ffffffff0f", true, true, false, ERR_MALFORMED, ""},
        {"bytes", "00000003 'abc'", false, false, false, ERR_NONE, "abc"},
        {"empty bytes", "00000000", false, false, true, ERR_NONE, ""},
        {"null bytes", "ffffffff", false, false, true, ERR_NONE, NULL},
        {"null bytes where they may not be", "ffffffff", false, false, false, ERR_MALFORMED, ""},
        {"bytes past the end", "00000004 'abc'", false, false, false, ERR_MALFORMED, ""},
        {"bytes of 2 GiB", "7fffffff 'abc'", false, false, false, ERR_MALFORMED, ""},
        {"compact bytes", "04 'abc'", false, true, false, ERR_NONE, "abc"},
        {"null compact bytes", "00", false, true, true, ERR_NONE, NULL},
        {"null compact bytes where they may not be", "00", false, true, false, ERR_MALFORMED, ""},
        {"compact bytes of 4 GiB", "ffffffff0f", false, true, true, ERR_MALFORMED, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex;
        struct wire_reader reader;
        struct bytes value;

        hex_parse(&hex, cases[i].hex);
        reader = reader_of(&hex);
        value = cases[i].string ? wire_read_string(&reader, cases[i].flexible, cases[i].nullable)
                                : wire_read_bytes(&reader, cases[i].flexible, cases[i].nullable);
        if (reader.error != cases[i].error || !bytes_equal_text(value, cases[i].value))
            fail_msg("%s", cases[i].label);
    }
}

static void a_compact_string_is_no_longer_than_an_old_one_could_be(void **state) {
    uint8_t data[3 + WIRE_STRING_BYTES_MAX + 1] = {0x80, 0x80, 0x02}; /* 32768 = 32767 + 1 */
    struct wire_reader reader;

    (void)state;
    wire_reader_init(&reader, bytes_of(data, sizeof(data)));
    assert_int_equal(wire_read_string(&reader, true, false).size, WIRE_STRING_BYTES_MAX);
    assert_int_equal(reader.error, ERR_NONE);
    data[0] = 0x81;
    wire_reader_init(&reader, bytes_of(data, sizeof(data)));
    assert_int_equal(wire_read_string(&reader, true, false).size, 0);
    assert_int_equal(reader.error, ERR_MALFORMED);
}

static void array_counts_fit_the_remaining_bytes(void **state) {
    static const struct {
        const char *label, *hex;
        bool flexible, nullable;
        size_t element_bytes_min;
        enum error error;
        int32_t count;
    } cases[] = {
        {"empty", "00000000", false, false, 4, ERR_NONE, 0},
        {"just enough", "00000002 0000000000000000", false, false, 4, ERR_NONE, 2},
        {"one byte short", "00000002 00000000000000", false, false, 4, ERR_MALFORMED, 0},
        {"two billion", "7fffffff 00", false, false, 1, ERR_MALFORMED, 0},
        {"null", "ffffffff", false, true, 4, ERR_NONE, -1},
        {"another negative number is null, too", "80000000", false, true, 4, ERR_NONE, -1},
        {"null where it may not be", "ffffffff", false, false, 4, ERR_MALFORMED, 0},
        {"compact empty", "01", true, false, 4, ERR_NONE, 0},
        {"compact just enough", "03 0000", true, false, 1, ERR_NONE, 2},
        {"compact one byte short", "03 00", true, false, 1, ERR_MALFORMED, 0},
        {"compact four billion", "ffffffff0f 00", true, false, 1, ERR_MALFORMED, 0},
        {"compact null", "00", true, true, 4, ERR_NONE, -1},
        {"compact null where it may not be", "00", true, false, 4, ERR_MALFORMED, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex;
        struct wire_reader reader;
        int32_t count;

        hex_parse(&hex, cases[i].hex);
        reader = reader_of(&hex);
        count = wire_read_array_count(&reader, cases[i].flexible, cases[i].nullable,
                                      cases[i].element_bytes_min);
        if (reader.error != cases[i].error || count != cases[i].count)
            fail_msg("%s", cases[i].label);
    }
}

static void an_array_past_the_arena_s_bound_is_out_of_memory(void **state) {
    struct arena arena;
    struct wire_reader reader;
    int32_t count = 1000;

    (void)state;
    arena_init(&arena, 4096);
    wire_reader_init(&reader, BYTES_NULL);
    assert_null(wire_allocate(&reader, &arena, &count, 8));
    assert_int_equal(count, 0);
    assert_int_equal(reader.error, ERR_OUT_OF_MEMORY);
    arena_done(&arena);
}

/* Reads one known field, tag 3, of four bytes. */
static int32_t read_tag_3(struct wire_reader *reader) {
    struct wire_tagged_fields fields = wire_read_tagged_fields(reader);
    int32_t value = -1;

    while (wire_next_tagged_field(reader, &fields)) {
        switch (fields.tag) {
        case 3:
            value = wire_read_i32(reader);
            break;
        default:
            wire_skip_tagged_field(reader);
        }
    }
    return value;
}

static void tagged_fields_are_walked(void **state) {
    static const struct {
        const char *label, *hex;
        enum error error;
        int32_t value;
        int8_t following; /* the byte after the section */
    } cases[] = {
        {"empty section", "00 | 07", ERR_NONE, -1, 7},
        {"known", "01 03 04 00000005 | 07", ERR_NONE, 5, 7},
        {"unknown", "01 04 02 aabb | 07", ERR_NONE, -1, 7},
        {"unknown and empty", "01 04 00 | 07", ERR_NONE, -1, 7},
        {"known between unknown", "03 00 01 aa 03 04 00000005 ff01 01 bb | 07", ERR_NONE, 5, 7},
        {"the largest tag", "01 ffffffff0f 00 | 07", ERR_NONE, -1, 7},
        {"tag twice", "02 03 04 00000005 03 04 00000006 | 07", ERR_MALFORMED, 5, 0},
        {"tags fall", "02 04 00 03 04 00000005 | 07", ERR_MALFORMED, -1, 0},
        {"data shorter than its size", "01 03 05 0000000500 | 07", ERR_MALFORMED, 5, 0},
        {"data longer than its size", "01 03 03 000000 05 | 07", ERR_MALFORMED, 0, 0},
        {"no data", "01 03 00 | 07", ERR_MALFORMED, 0, 0},
        {"size past the end", "01 04 03 aa | 07", ERR_MALFORMED, -1, 0},
        {"size of 4 GiB", "01 04 ffffffff0f aa | 07", ERR_MALFORMED, -1, 0},
        {"more fields announced than there are", "ffffffff0f 04 01 aa", ERR_MALFORMED, -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex;
        struct wire_reader reader;
        int32_t value;

        hex_parse(&hex, cases[i].hex);
        reader = reader_of(&hex);
        value = read_tag_3(&reader);
        if (value != cases[i].value || wire_read_i8(&reader) != cases[i].following ||
            reader.error != cases[i].error || wire_reader_remaining(&reader) != 0)
            fail_msg("%s", cases[i].label);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(numbers_that_are_cut_off_are_malformed),
        cmocka_unit_test(after_a_failure_everything_reads_as_zero),
        cmocka_unit_test(uvarints_are_at_most_32_bits),
        cmocka_unit_test(strings_and_bytes_know_null_and_their_bounds),
        cmocka_unit_test(a_compact_string_is_no_longer_than_an_old_one_could_be),
        cmocka_unit_test(array_counts_fit_the_remaining_bytes),
        cmocka_unit_test(an_array_past_the_arena_s_bound_is_out_of_memory),
        cmocka_unit_test(tagged_fields_are_walked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
