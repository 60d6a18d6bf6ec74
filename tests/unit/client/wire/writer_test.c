#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/writer.h"
#include "tests/unit/client/wire/hex.h"

static void assert_written(const struct wire_writer *writer, const char *expected) {
    struct hex hex;

    hex_parse(&hex, expected);
    assert_int_equal(writer->error, ERR_NONE);
    assert_int_equal(writer->size, hex.size);
    assert_memory_equal(writer->data, hex.data, hex.size);
}

static void primitives_have_kafka_s_bytes(void **state) {
    const struct uuid uuid = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    struct wire_writer writer;

    (void)state;
    wire_writer_init(&writer, 4096);
    wire_write_bool(&writer, true);
    wire_write_i8(&writer, -2);
    wire_write_i16(&writer, -2);
    wire_write_u16(&writer, 0xfffe);
    wire_write_i32(&writer, -2);
    wire_write_i64(&writer, -2);
    wire_write_f64(&writer, 1.5);
    wire_write_uuid(&writer, &uuid);
    assert_written(&writer, "01 fe fffe fffe fffffffe fffffffffffffffe 3ff8000000000000"
                            "000102030405060708090a0b0c0d0e0f");
    wire_writer_reset(&writer);
    wire_write_uvarint(&writer, 0);
    wire_write_uvarint(&writer, 127);
    wire_write_uvarint(&writer, 128);
    wire_write_uvarint(&writer, UINT32_MAX);
    assert_written(&writer, "00 7f 8001 ffffffff0f");
    wire_writer_done(&writer);
}

static void strings_bytes_and_counts_have_two_forms(void **state) {
    static const struct {
        const char *label;
        const char *value;
        bool flexible, nullable;
        const char *string, *bytes;
    } cases[] = {
        {"text", "abc", false, false, "0003 'abc'", "00000003 'abc'"},
        {"compact text", "abc", true, true, "04 'abc'", "04 'abc'"},
        {"empty", "", false, true, "0000", "00000000"},
        {"compact empty", "", true, true, "01", "01"},
        {"null", NULL, false, true, "ffff", "ffffffff"},
        {"compact null", NULL, true, true, "00", "00"},
        {"null that may not be null is empty", NULL, false, false, "0000", "00000000"},
        {"compact null that may not be null is empty", NULL, true, false, "01", "01"},
    };
    struct wire_writer writer;

    (void)state;
    wire_writer_init(&writer, 4096);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct bytes value = bytes_of_text(cases[i].value);
        const struct wire_records records = {.data = value};

        wire_writer_reset(&writer);
        wire_write_string(&writer, value, cases[i].flexible, cases[i].nullable);
        assert_written(&writer, cases[i].string);
        wire_writer_reset(&writer);
        wire_write_bytes(&writer, value, cases[i].flexible, cases[i].nullable);
        assert_written(&writer, cases[i].bytes);
        wire_writer_reset(&writer);
        wire_write_records(&writer, &records, cases[i].flexible, cases[i].nullable);
        assert_written(&writer, cases[i].bytes);
    }
    wire_writer_reset(&writer);
    wire_write_array_count(&writer, 2, false, false);
    wire_write_array_count(&writer, -1, false, true);
    wire_write_array_count(&writer, -1, false, false);
    wire_write_array_count(&writer, 2, true, false);
    wire_write_array_count(&writer, -1, true, true);
    wire_write_array_count(&writer, -1, true, false);
    assert_written(&writer, "00000002 ffffffff 00000000 03 00 01");
    wire_writer_done(&writer);
}

static void a_tagged_field_gets_its_size_in_front(void **state) {
    uint8_t long_data[200] = {0};
    struct wire_writer writer;
    size_t mark;

    (void)state;
    wire_writer_init(&writer, 4096);
    wire_write_i8(&writer, 9);
    mark = wire_begin_tagged_field(&writer, 3);
    wire_write_i32(&writer, 5);
    wire_end_tagged_field(&writer, mark);
    mark = wire_begin_tagged_field(&writer, 200);
    wire_end_tagged_field(&writer, mark);
    assert_written(&writer, "09 | 03 04 00000005 | c801 00");
    wire_writer_reset(&writer);
    mark = wire_begin_tagged_field(&writer, 1);
    wire_write_raw(&writer, bytes_of(long_data, sizeof(long_data)));
    wire_end_tagged_field(&writer, mark);
    assert_int_equal(writer.size, 1 + 2 + sizeof(long_data));
    assert_int_equal(writer.data[1], 0xc8);
    assert_int_equal(writer.data[2], 0x01);
    wire_writer_done(&writer);
}

static void the_frame_size_is_patched_in(void **state) {
    struct wire_writer writer;

    (void)state;
    wire_writer_init(&writer, 4096);
    wire_write_i32(&writer, 0);
    wire_write_i16(&writer, 7);
    wire_patch_i32(&writer, 0, 2);
    assert_written(&writer, "00000002 0007");
    wire_writer_done(&writer);
}

static void the_bound_holds(void **state) {
    struct wire_writer writer;

    (void)state;
    wire_writer_init(&writer, 10);
    wire_write_i64(&writer, 1);
    wire_write_i16(&writer, 1);
    assert_int_equal(writer.error, ERR_NONE);
    wire_write_i8(&writer, 1);
    assert_int_equal(writer.error, ERR_OUT_OF_MEMORY);
    assert_int_equal(writer.size, 10);
    wire_writer_fail(&writer, ERR_UNSUPPORTED_VERSION);
    assert_int_equal(writer.error, ERR_OUT_OF_MEMORY); /* the first one stays */
    wire_writer_reset(&writer);
    wire_write_i8(&writer, 1);
    assert_written(&writer, "01");
    wire_writer_done(&writer);
}

static void a_long_buffer_grows_and_keeps_its_content(void **state) {
    struct wire_writer writer;

    (void)state;
    wire_writer_init(&writer, (size_t)1 << 20);
    for (int32_t i = 0; i < 100000; i++)
        wire_write_i32(&writer, i);
    assert_int_equal(writer.error, ERR_NONE);
    for (int32_t i = 0; i < 100000; i++)
        assert_int_equal(big_endian_load_u32(writer.data + (size_t)i * 4), i);
    wire_writer_done(&writer);
}

static void a_string_too_long_for_its_length_is_refused(void **state) {
    static const uint8_t text[32768];

    (void)state;
    for (int flexible = 0; flexible < 2; flexible++) {
        struct wire_writer writer;

        wire_writer_init(&writer, (size_t)1 << 20);
        wire_write_string(&writer, bytes_of(text, sizeof(text) - 1), flexible != 0, false);
        assert_int_equal(writer.error, ERR_NONE);
        wire_write_string(&writer, bytes_of(text, sizeof(text)), flexible != 0, false);
        assert_int_equal(writer.error, ERR_INVALID_REQUEST);
        wire_writer_done(&writer);
    }
}

struct counted_file {
    struct file_owner owner;
    int references;
};

static void counted_ref(struct file_owner *owner) {
    CONTAINER_OF(owner, struct counted_file, owner)->references++;
}

static void counted_unref(struct file_owner *owner) {
    CONTAINER_OF(owner, struct counted_file, owner)->references--;
}

static void file_ranges_become_slices_that_hold_their_file(void **state) {
    struct counted_file file = {{counted_ref, counted_unref}, 0};
    struct wire_records records = {
        .range = {.fd = 5, .position = 100, .size = 300, .owner = &file.owner}};
    struct wire_writer writer;
    struct wire_output output;

    (void)state;
    wire_writer_init(&writer, 4096);
    wire_write_i8(&writer, 1);
    wire_write_records(&writer, &records, false, true);
    wire_write_i8(&writer, 2);
    wire_write_records(&writer, &records, true, true);
    assert_written(&writer, "01 | 0000012c | 02 | ad02");
    assert_int_equal(writer.slice_count, 2);
    assert_int_equal(writer.slice_bytes, 600);
    assert_int_equal(writer.slices[0].at, 5);
    assert_int_equal(writer.slices[0].range.fd, 5);
    assert_int_equal(writer.slices[0].range.position, 100);
    assert_int_equal(writer.slices[1].at, 8);
    assert_int_equal(file.references, 2);

    output = wire_writer_take(&writer);
    assert_int_equal(writer.size, 0);
    assert_int_equal(writer.slice_count, 0);
    wire_writer_done(&writer);
    assert_int_equal(file.references, 2);
    assert_int_equal(output.size, 8);
    assert_int_equal(output.slice_bytes, 600);
    wire_output_done(&output);
    assert_int_equal(file.references, 0);

    for (int i = 0; i < 20; i++)
        wire_write_records(&writer, &records, true, true);
    assert_int_equal(file.references, 20);
    wire_writer_reset(&writer);
    assert_int_equal(file.references, 0);
    wire_write_records(&writer, &records, true, true);
    wire_writer_done(&writer);
    assert_int_equal(file.references, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives_have_kafka_s_bytes),
        cmocka_unit_test(strings_bytes_and_counts_have_two_forms),
        cmocka_unit_test(a_tagged_field_gets_its_size_in_front),
        cmocka_unit_test(the_frame_size_is_patched_in),
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(a_long_buffer_grows_and_keeps_its_content),
        cmocka_unit_test(a_string_too_long_for_its_length_is_refused),
        cmocka_unit_test(file_ranges_become_slices_that_hold_their_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
