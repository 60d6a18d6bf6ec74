#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/record_batch.h"
#include "tests/unit/client/wire/hex.h"
#include "tests/unit/client/wire/record_batch_vectors.h"

static void a_header_is_decoded_whole(void **state) {
    struct hex hex = hex_of(VECTOR_COMMIT_MARKER " ff");
    struct record_batch batch;

    (void)state;
    assert_int_equal(record_batch_decode(hex_bytes(&hex), &batch), ERR_NONE);
    assert_int_equal(batch.base_offset, 7);
    assert_int_equal(batch.batch_length, 0x42);
    assert_int_equal(batch.partition_leader_epoch, 3);
    assert_int_equal(batch.magic, 2);
    assert_int_equal(batch.crc, 0xb47b205d);
    assert_int_equal(batch.attributes, RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL);
    assert_int_equal(batch.last_offset_delta, 0);
    assert_int_equal(batch.base_timestamp, 1700000000000);
    assert_int_equal(batch.max_timestamp, 1700000000000);
    assert_int_equal(batch.producer_id, 1000);
    assert_int_equal(batch.producer_epoch, 2);
    assert_int_equal(batch.base_sequence, -1);
    assert_int_equal(batch.record_count, 1);
    assert_int_equal(batch.whole.size, 78);
    assert_ptr_equal(batch.whole.data, hex.data);
    assert_int_equal(batch.records.size, 17);
    assert_ptr_equal(batch.records.data, hex.data + 61);
    assert_int_equal(record_batch_last_offset(&batch), 7);
    assert_int_equal(record_batch_last_sequence(&batch), -1);
    assert_int_equal(record_batch_codec(&batch), COMPRESSION_NONE);
}

static void what_is_no_batch_of_magic_2_is_refused(void **state) {
    static const struct {
        const char *label;
        size_t at;
        const char *bytes;
        enum error error;
    } cases[] = {
        {"unchanged", 0, "", ERR_NONE},
        {"a negative length", 8, "ffffffff", ERR_CORRUPT_MESSAGE},
        {"a length below that of any batch", 8, "0000000d", ERR_CORRUPT_MESSAGE},
        {"a length below that of magic 2", 8, "00000030", ERR_CORRUPT_MESSAGE},
        {"a length past the end", 8, "00000049", ERR_CORRUPT_MESSAGE},
        {"the largest length", 8, "7fffffff", ERR_CORRUPT_MESSAGE},
        {"magic 0", 16, "00", ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT},
        {"magic 1", 16, "01", ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT},
        {"magic 3", 16, "03", ERR_CORRUPT_MESSAGE},
        {"magic -1", 16, "ff", ERR_CORRUPT_MESSAGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex = hex_of(VECTOR_TWO_RECORDS);
        struct hex change = hex_of(cases[i].bytes);
        struct record_batch batch;
        enum error error;

        memcpy(hex.data + cases[i].at, change.data, change.size);
        error = record_batch_decode(hex_bytes(&hex), &batch);
        if (error != cases[i].error)
            fail_msg("%s: %s", cases[i].label, error_name(error));
    }
}

static void a_batch_that_is_cut_is_refused(void **state) {
    struct hex hex = hex_of(VECTOR_TWO_RECORDS);
    struct record_batch batch;
    size_t size;

    (void)state;
    for (size_t cut = 0; cut < hex.size; cut++) {
        assert_int_equal(record_batch_decode(bytes_of(hex.data, cut), &batch), ERR_CORRUPT_MESSAGE);
        assert_int_equal(record_batch_total_size(bytes_of(hex.data, cut), &size),
                         cut < 12 ? ERR_CORRUPT_MESSAGE : ERR_NONE);
    }
    assert_int_equal(size, hex.size);
}

static void a_crc_covers_all_but_offset_and_leader_epoch(void **state) {
    struct hex hex = hex_of(VECTOR_TWO_RECORDS);
    struct record_batch batch;

    (void)state;
    for (size_t at = 0; at < hex.size; at++) {
        bool is_outside = at < 8 || (at >= 12 && at < 16);

        if ((at >= 8 && at < 12) || at == 16)
            continue; /* length and magic lie outside too, but a change does not decode */
        hex.data[at] ^= 0x40;
        assert_int_equal(record_batch_decode(hex_bytes(&hex), &batch), ERR_NONE);
        assert_int_equal(record_batch_crc_is_valid(&batch), is_outside);
        hex.data[at] ^= 0x40;
    }
}

static void stamps_leave_a_valid_batch(void **state) {
    struct hex hex = hex_of(VECTOR_TWO_RECORDS);
    struct record_batch before;
    struct record_batch after;

    (void)state;
    assert_int_equal(record_batch_decode(hex_bytes(&hex), &before), ERR_NONE);
    record_batch_stamp_base_offset(hex.data, 0x123456789abcdef);
    record_batch_stamp_leader_epoch(hex.data, 77);
    assert_int_equal(record_batch_decode(hex_bytes(&hex), &after), ERR_NONE);
    assert_int_equal(after.base_offset, 0x123456789abcdef);
    assert_int_equal(after.partition_leader_epoch, 77);
    assert_int_equal(after.crc, before.crc);
    assert_true(record_batch_crc_is_valid(&after));

    record_batch_stamp_max_timestamp(hex.data, 1700000000009);
    assert_int_equal(record_batch_decode(hex_bytes(&hex), &after), ERR_NONE);
    assert_int_equal(after.max_timestamp, 1700000000009);
    assert_int_equal(after.attributes, 0);
    assert_true(record_batch_crc_is_valid(&after));

    record_batch_stamp_log_append_time(hex.data, 1800000000000);
    assert_int_equal(record_batch_decode(hex_bytes(&hex), &after), ERR_NONE);
    assert_int_equal(after.max_timestamp, 1800000000000);
    assert_int_equal(after.attributes, RECORD_BATCH_LOG_APPEND_TIME);
    assert_true(record_batch_crc_is_valid(&after));
}

static void a_written_header_is_the_one_that_was_read(void **state) {
    static const char *const vectors[] = {VECTOR_TWO_RECORDS, VECTOR_COMMIT_MARKER,
                                          VECTOR_PYTHON_GZIP};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        struct hex expected = hex_of(vectors[i]);
        struct hex written = expected;
        struct record_batch batch;

        assert_int_equal(record_batch_decode(hex_bytes(&expected), &batch), ERR_NONE);
        memset(written.data, 0xee, RECORD_BATCH_HEADER_BYTES);
        record_batch_write_header(written.data, &batch);
        assert_memory_equal(written.data, expected.data, expected.size);
    }
}

static void sequences_wrap_to_zero(void **state) {
    static const struct {
        int32_t sequence, delta, sum;
    } cases[] = {
        {0, 0, 0},
        {0, 1, 1},
        {-1, 5, -1},
        {INT32_MAX, 0, INT32_MAX},
        {INT32_MAX, 1, 0},
        {INT32_MAX - 1, 1, INT32_MAX},
        {INT32_MAX - 2, 10, 7},
        {INT32_MAX, INT32_MAX, INT32_MAX - 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct record_batch batch = {.base_sequence = cases[i].sequence,
                                     .last_offset_delta = cases[i].delta};

        assert_int_equal(record_sequence_add(cases[i].sequence, cases[i].delta), cases[i].sum);
        assert_int_equal(record_batch_last_sequence(&batch), cases[i].sum);
    }
}

/* One record of six bytes behind its length. */
#define RECORD "0c 000000010100"

static void the_structure_is_checked_by_lengths_alone(void **state) {
    static const struct {
        const char *label;
        const char *records;
        int32_t count;
        enum error error;
    } cases[] = {
        {"no records", "", 0, ERR_NONE},
        {"one", RECORD, 1, ERR_NONE},
        {"two", RECORD RECORD, 2, ERR_NONE},
        {"a length of two bytes for no reason", "8c00 000000010100", 1, ERR_NONE},
        {"a length of five bytes for no reason", "8c80808000 000000010100", 1, ERR_NONE},
        {"fewer than declared", RECORD, 2, ERR_INVALID_RECORD},
        {"more than declared", RECORD RECORD, 1, ERR_INVALID_RECORD},
        {"none where one is declared", "", 1, ERR_INVALID_RECORD},
        {"one where none is declared", RECORD, 0, ERR_INVALID_RECORD},
        {"a negative count", "", -1, ERR_INVALID_RECORD},
        {"a byte left over", RECORD "00", 1, ERR_INVALID_RECORD},
        {"six bytes left over", RECORD "000000000000", 1, ERR_INVALID_RECORD},
        {"a byte missing", "0c 0000000101", 1, ERR_INVALID_RECORD},
        {"one byte missing in the second", RECORD "0e 000000010100", 2, ERR_INVALID_RECORD},
        {"a length below any record's", "0a 0000000101 00", 1, ERR_INVALID_RECORD},
        {"length 0", "00 00000000000000", 1, ERR_INVALID_RECORD},
        {"a negative length", "0b 000000010100", 1, ERR_INVALID_RECORD},
        {"the most negative length", "ffffffff0f 000000010100", 1, ERR_INVALID_RECORD},
        {"the largest length", "feffffff0f 000000010100", 1, ERR_INVALID_RECORD},
        {"a length of six bytes", "8c8080808000 000000010100", 1, ERR_INVALID_RECORD},
        {"a length that does not end", "8c8080808080808080", 1, ERR_INVALID_RECORD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex = hex_of(cases[i].records);
        uint8_t *exact = malloc(hex.size + 1);
        struct record_batch batch = {.records = bytes_of(exact, hex.size),
                                     .record_count = cases[i].count};
        enum error error;

        assert_non_null(exact);
        memcpy(exact, hex.data, hex.size);
        error = record_batch_check_structure(&batch);
        if (error != cases[i].error)
            fail_msg("%s: %s", cases[i].label, error_name(error));
        batch.attributes = COMPRESSION_GZIP;
        assert_int_equal(record_batch_check_structure(&batch), ERR_INVALID_RECORD);
        free(exact);
    }
}

static void lengths_of_every_size_are_walked(void **state) {
    static const size_t sizes[] = {6, 63, 64, 100, 8191, 8192, 1048575, 1048576, 3000000};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct record_batch_builder *builder;
        uint8_t *value = calloc(1, sizes[i]);
        struct record_batch batch;
        uint8_t *bytes;
        size_t size;

        assert_int_equal(record_batch_builder_new(&record_batch_options_default, &builder),
                         ERR_NONE);
        for (int n = 0; n < 3; n++)
            assert_int_equal(record_batch_builder_add(builder, 0, BYTES_NULL,
                                                      bytes_of(value, sizes[i]), NULL, 0),
                             ERR_NONE);
        assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
        assert_int_equal(record_batch_decode(bytes_of(bytes, size), &batch), ERR_NONE);
        assert_int_equal(record_batch_check_structure(&batch), ERR_NONE);
        batch.records.size--;
        assert_int_equal(record_batch_check_structure(&batch), ERR_INVALID_RECORD);
        free(bytes);
        free(value);
        record_batch_builder_free(builder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_decoded_whole),
        cmocka_unit_test(what_is_no_batch_of_magic_2_is_refused),
        cmocka_unit_test(a_batch_that_is_cut_is_refused),
        cmocka_unit_test(a_crc_covers_all_but_offset_and_leader_epoch),
        cmocka_unit_test(stamps_leave_a_valid_batch),
        cmocka_unit_test(a_written_header_is_the_one_that_was_read),
        cmocka_unit_test(sequences_wrap_to_zero),
        cmocka_unit_test(the_structure_is_checked_by_lengths_alone),
        cmocka_unit_test(lengths_of_every_size_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
