#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/record_batch.h"
#include "tests/unit/client/wire/hex.h"
#include "tests/unit/client/wire/record_batch_vectors.h"

#define PLAIN_BYTES_MAX 10000

static void assert_next(struct record_iterator *iterator, struct record *record) {
    enum error error = ERR_UNKNOWN_SERVER_ERROR;

    assert_true(record_iterator_next(iterator, record, &error));
    assert_int_equal(error, ERR_NONE);
}

static void assert_end(struct record_iterator *iterator, enum error expected) {
    struct record record;
    enum error error = ERR_UNKNOWN_SERVER_ERROR;

    for (int i = 0; i < 2; i++) {
        assert_false(record_iterator_next(iterator, &record, &error));
        assert_int_equal(error, expected);
    }
}

static void start(const char *text, struct hex *hex, struct record_batch *batch,
                  struct record_iterator *iterator) {
    *hex = hex_of(text);
    assert_int_equal(record_batch_decode(hex_bytes(hex), batch), ERR_NONE);
    assert_true(record_batch_crc_is_valid(batch));
    assert_int_equal(record_iterator_init(iterator, batch, PLAIN_BYTES_MAX), ERR_NONE);
}

static void records_are_read_with_their_headers(void **state) {
    struct hex hex;
    struct record_batch batch;
    struct record_iterator iterator;
    struct record record;
    struct record_header header;

    (void)state;
    start(VECTOR_TWO_RECORDS, &hex, &batch, &iterator);
    assert_int_equal(record_batch_check_structure(&batch), ERR_NONE);
    assert_next(&iterator, &record);
    assert_int_equal(record.offset, 0);
    assert_int_equal(record.timestamp, 1700000000000);
    assert_true(bytes_equal_text(record.key, "k"));
    assert_true(bytes_equal_text(record.value, "v1"));
    assert_int_equal(record.header_count, 0);
    assert_false(record_header_next(&record.headers, &header));
    assert_next(&iterator, &record);
    assert_int_equal(record.offset, 1);
    assert_int_equal(record.offset_delta, 1);
    assert_int_equal(record.timestamp, 1700000000005);
    assert_true(bytes_is_null(record.key));
    assert_true(bytes_equal_text(record.value, "v2"));
    assert_int_equal(record.header_count, 1);
    assert_true(record_header_next(&record.headers, &header));
    assert_true(bytes_equal_text(header.key, "h"));
    assert_true(bytes_equal_text(header.value, "x"));
    assert_false(record_header_next(&record.headers, &header));
    assert_end(&iterator, ERR_NONE);
    record_iterator_done(&iterator);
}

static void a_control_record_is_read_as_it_is(void **state) {
    struct hex hex;
    struct record_batch batch;
    struct record_iterator iterator;
    struct record record;
    struct hex key = hex_of("0000 0001");
    struct hex value = hex_of("0000 00000004");

    (void)state;
    start(VECTOR_COMMIT_MARKER, &hex, &batch, &iterator);
    assert_next(&iterator, &record);
    assert_int_equal(record.offset, 7);
    assert_true(bytes_equal(record.key, hex_bytes(&key)));
    assert_true(bytes_equal(record.value, hex_bytes(&value)));
    assert_end(&iterator, ERR_NONE);
    record_iterator_done(&iterator);
}

static void batches_of_python_are_read(void **state) {
    static const char *const vectors[] = {VECTOR_PYTHON_NONE, VECTOR_PYTHON_GZIP};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        struct hex hex;
        struct record_batch batch;
        struct record_iterator iterator;
        struct record record;
        struct record_header header;

        start(vectors[i], &hex, &batch, &iterator);
        assert_int_equal(batch.producer_id, 4711);
        assert_int_equal(record_batch_last_sequence(&batch), 19);
        assert_next(&iterator, &record);
        assert_true(bytes_equal_text(record.key, "k"));
        assert_int_equal(record.value.size, 40);
        assert_next(&iterator, &record);
        assert_int_equal(record.timestamp, 1699999999990);
        assert_true(bytes_is_null(record.key));
        assert_true(bytes_equal_text(record.value, ""));
        assert_int_equal(record.header_count, 2);
        assert_true(record_header_next(&record.headers, &header));
        assert_true(record_header_next(&record.headers, &header));
        assert_true(bytes_equal_text(header.key, "n"));
        assert_true(bytes_is_null(header.value));
        assert_false(record_header_next(&record.headers, &header));
        assert_next(&iterator, &record);
        assert_int_equal(record.offset, 2);
        assert_int_equal(record.timestamp, batch.max_timestamp);
        assert_true(bytes_equal_text(record.key, ""));
        assert_true(bytes_is_null(record.value));
        assert_end(&iterator, ERR_NONE);
        record_iterator_done(&iterator);
    }
}

static void batches_of_librdkafka_are_read_in_each_codec(void **state) {
    static const struct {
        enum compression codec;
        const char *bytes;
    } cases[] = {
        {COMPRESSION_NONE, VECTOR_KCAT_NONE},     {COMPRESSION_GZIP, VECTOR_KCAT_GZIP},
        {COMPRESSION_SNAPPY, VECTOR_KCAT_SNAPPY}, {COMPRESSION_LZ4, VECTOR_KCAT_LZ4},
        {COMPRESSION_ZSTD, VECTOR_KCAT_ZSTD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex;
        struct record_batch batch;
        struct record_iterator iterator;

        start(cases[i].bytes, &hex, &batch, &iterator);
        assert_int_equal(record_batch_codec(&batch), cases[i].codec);
        for (int n = 0; n < 3; n++) {
            char key[3] = {'k', (char)('1' + n), 0};
            char value[] = "value value value value ?";
            struct record record;
            struct record_header header;

            value[sizeof(value) - 2] = (char)('1' + n);
            assert_next(&iterator, &record);
            assert_int_equal(record.offset, n);
            assert_int_equal(record.timestamp, batch.base_timestamp);
            assert_true(bytes_equal_text(record.key, key));
            assert_true(bytes_equal_text(record.value, value));
            assert_true(record_header_next(&record.headers, &header));
            assert_true(bytes_equal_text(header.value, "x"));
        }
        assert_end(&iterator, ERR_NONE);
        record_iterator_done(&iterator);
    }
}

static void with_log_append_time_every_record_has_the_batch_timestamp(void **state) {
    struct hex hex = hex_of(VECTOR_TWO_RECORDS);
    struct record_batch batch;
    struct record_iterator iterator;
    struct record record;

    (void)state;
    record_batch_stamp_log_append_time(hex.data, 1800000000000);
    assert_int_equal(record_batch_decode(hex_bytes(&hex), &batch), ERR_NONE);
    assert_int_equal(record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX), ERR_NONE);
    for (int i = 0; i < 2; i++) {
        assert_next(&iterator, &record);
        assert_int_equal(record.timestamp, 1800000000000);
    }
    assert_end(&iterator, ERR_NONE);
    record_iterator_done(&iterator);
}

static void numbers_from_outside_may_wrap(void **state) {
    struct hex records = hex_of("26 00 feffffffffffffffff01 feffffff0f 01 01 00");
    struct record_batch batch = {.base_offset = INT64_MAX,
                                 .base_timestamp = INT64_MAX,
                                 .record_count = 1,
                                 .records = hex_bytes(&records)};
    struct record_iterator iterator;
    struct record record;

    (void)state;
    assert_int_equal(record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX), ERR_NONE);
    assert_next(&iterator, &record);
    assert_int_equal(record.timestamp, -2);
    assert_int_equal(record.offset, INT64_MIN + INT32_MAX - 1);
    record_iterator_done(&iterator);
}

/* The first record is good where `good` is 1. */
static void malformed_records_end_the_walk(void **state) {
    static const struct {
        const char *label;
        const char *records;
        int32_t count;
        int good;
    } cases[] = {
        {"none where one is declared", "", 1, 0},
        {"a negative count", "", -1, 0},
        {"more than declared", "0c 000000010100 0c 000002010100", 1, 1},
        {"fewer than declared", "0c 000000010100", 2, 1},
        {"a negative length", "0b 000000010100", 1, 0},
        {"a length past the end", "0e 000000010100", 1, 0},
        {"a length past the record's fields", "0e 00000001010000", 1, 0},
        {"a length short of the record's fields", "0c 00000001010200", 1, 0},
        {"a key past the end", "0e 0000000c 010100", 1, 0},
        {"a key of 2 GiB", "14 000000feffffff0f 0000", 1, 0},
        {"a value past the end", "0e 000000010c 0000", 1, 0},
        {"a negative header count", "0c 000000010101", 1, 0},
        {"a header count beyond the bytes", "0c 000000010102", 1, 0},
        {"a header count of 2 GiB", "14 0000000101feffffff0f", 1, 0},
        {"a null header key", "10 000000010102 0101", 1, 0},
        {"a header value past the end", "12 000000010102 000401", 1, 0},
        {"bytes behind the headers", "12 000000010102 000100", 1, 0},
        {"a timestamp delta that is too long", "26 00 80808080808080808080 00 00 01 01 00 0000", 1,
         0},
        {"the length alone", "0c", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex = hex_of(cases[i].records);
        uint8_t *exact = malloc(hex.size + 1);
        struct record_batch batch = {.records = bytes_of(exact, hex.size),
                                     .record_count = cases[i].count};
        struct record_iterator iterator;
        struct record record;
        enum error error;
        int good = 0;

        assert_non_null(exact);
        memcpy(exact, hex.data, hex.size);
        assert_int_equal(record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX), ERR_NONE);
        while (record_iterator_next(&iterator, &record, &error))
            good++;
        if (error != ERR_INVALID_RECORD || good != cases[i].good)
            fail_msg("%s: %s after %d", cases[i].label, error_name(error), good);
        assert_end(&iterator, ERR_INVALID_RECORD);
        record_iterator_done(&iterator);
        free(exact);
    }
}

static void any_negative_length_of_key_and_value_is_null_as_in_java(void **state) {
    struct hex records = hex_of("0c 000000030500");
    struct record_batch batch = {.record_count = 1, .records = hex_bytes(&records)};
    struct record_iterator iterator;
    struct record record;

    (void)state;
    assert_int_equal(record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX), ERR_NONE);
    assert_next(&iterator, &record);
    assert_true(bytes_is_null(record.key));
    assert_true(bytes_is_null(record.value));
    assert_end(&iterator, ERR_NONE);
    record_iterator_done(&iterator);
}

static void what_does_not_decompress_is_corrupt(void **state) {
    static const char *const vectors[] = {VECTOR_KCAT_GZIP, VECTOR_KCAT_LZ4, VECTOR_KCAT_ZSTD,
                                          VECTOR_KCAT_SNAPPY};
    struct record_iterator iterator;
    struct record_batch batch;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        struct hex hex = hex_of(vectors[i]);

        assert_int_equal(record_batch_decode(hex_bytes(&hex), &batch), ERR_NONE);
        assert_int_equal(record_iterator_init(&iterator, &batch, 113), ERR_CORRUPT_MESSAGE);
        assert_int_equal(record_iterator_init(&iterator, &batch, 114), ERR_NONE);
        record_iterator_done(&iterator);
        batch.records.size -= 12;
        assert_int_equal(record_iterator_init(&iterator, &batch, 114), ERR_CORRUPT_MESSAGE);
        batch.attributes = 5; /* no codec has this number */
        assert_int_equal(record_iterator_init(&iterator, &batch, 114), ERR_CORRUPT_MESSAGE);
    }
}

static void an_empty_batch_has_no_records_in_any_codec(void **state) {
    (void)state;
    for (int16_t codec = 0; codec <= COMPRESSION_ZSTD; codec++) {
        struct record_batch batch = {.attributes = codec, .records = bytes_of_text("")};
        struct record_iterator iterator;

        assert_int_equal(record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX), ERR_NONE);
        assert_end(&iterator, ERR_NONE);
        record_iterator_done(&iterator);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_with_their_headers),
        cmocka_unit_test(a_control_record_is_read_as_it_is),
        cmocka_unit_test(batches_of_python_are_read),
        cmocka_unit_test(batches_of_librdkafka_are_read_in_each_codec),
        cmocka_unit_test(with_log_append_time_every_record_has_the_batch_timestamp),
        cmocka_unit_test(numbers_from_outside_may_wrap),
        cmocka_unit_test(malformed_records_end_the_walk),
        cmocka_unit_test(any_negative_length_of_key_and_value_is_null_as_in_java),
        cmocka_unit_test(what_does_not_decompress_is_corrupt),
        cmocka_unit_test(an_empty_batch_has_no_records_in_any_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
