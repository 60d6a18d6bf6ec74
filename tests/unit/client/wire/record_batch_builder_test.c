#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/base/rng.h"
#include "client/wire/record_batch.h"
#include "tests/unit/client/wire/hex.h"
#include "tests/unit/client/wire/record_batch_vectors.h"

static struct record_batch_builder *builder_of(const struct record_batch_options *options) {
    struct record_batch_builder *builder;

    assert_int_equal(record_batch_builder_new(options, &builder), ERR_NONE);
    return builder;
}

static void add(struct record_batch_builder *builder, int64_t timestamp, struct bytes key,
                struct bytes value, const struct record_header *headers, int32_t header_count) {
    assert_int_equal(
        record_batch_builder_add(builder, timestamp, key, value, headers, header_count), ERR_NONE);
}

static void assert_finishes_as(struct record_batch_builder *builder, const char *expected_text) {
    struct hex expected = hex_of(expected_text);
    uint8_t *bytes;
    size_t size;

    assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
    assert_int_equal(size, expected.size);
    assert_memory_equal(bytes, expected.data, size);
    free(bytes);
    record_batch_builder_free(builder);
}

static void two_records_have_their_bytes(void **state) {
    struct record_batch_options options = record_batch_options_default;
    struct record_header header = {bytes_of_text("h"), bytes_of_text("x")};
    struct record_batch_builder *builder;

    (void)state;
    options.partition_leader_epoch = 3;
    builder = builder_of(&options);
    add(builder, 1700000000000, bytes_of_text("k"), bytes_of_text("v1"), NULL, 0);
    add(builder, 1700000000005, BYTES_NULL, bytes_of_text("v2"), &header, 1);
    assert_int_equal(record_batch_builder_count(builder), 2);
    assert_int_equal(record_batch_builder_size(builder), 84);
    assert_finishes_as(builder, VECTOR_TWO_RECORDS);
}

static void a_commit_marker_has_its_bytes(void **state) {
    struct hex key = hex_of("0000 0001");
    struct hex value = hex_of("0000 00000004");
    struct record_batch_builder *builder = builder_of(&(struct record_batch_options){
        .level = COMPRESSION_LEVEL_DEFAULT,
        .attributes = RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL,
        .base_offset = 7,
        .partition_leader_epoch = 3,
        .producer_id = 1000,
        .producer_epoch = 2,
        .base_sequence = RECORD_NO_SEQUENCE,
    });

    (void)state;
    add(builder, 1700000000000, hex_bytes(&key), hex_bytes(&value), NULL, 0);
    assert_finishes_as(builder, VECTOR_COMMIT_MARKER);
}

static void a_batch_of_python_has_the_same_bytes_from_us(void **state) {
    struct record_batch_options options = record_batch_options_default;
    const struct record_header headers[] = {{bytes_of_text("h"), bytes_of_text("x")},
                                            {bytes_of_text("n"), BYTES_NULL}};
    struct record_batch_builder *builder;

    (void)state;
    options.partition_leader_epoch = 0;
    options.attributes = RECORD_BATCH_TRANSACTIONAL;
    builder = builder_of(&options);
    add(builder, 1700000000000, bytes_of_text("k"),
        bytes_of_text("v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1"), NULL, 0);
    add(builder, 1699999999990, BYTES_NULL, bytes_of_text(""), headers, 2);
    add(builder, 1700000000007, bytes_of_text(""), BYTES_NULL, NULL, 0);
    record_batch_builder_set_producer(builder, 4711, 3, 17);
    assert_finishes_as(builder, VECTOR_PYTHON_NONE);
}

static void base_and_largest_timestamp_are_the_first_and_the_largest(void **state) {
    static const int64_t timestamps[] = {500, 700, -1, 699};
    struct record_batch_builder *builder = builder_of(&record_batch_options_default);
    struct record_batch batch;
    struct record_iterator iterator;
    struct record record;
    uint8_t *bytes;
    size_t size;
    enum error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(timestamps); i++)
        add(builder, timestamps[i], BYTES_NULL, BYTES_NULL, NULL, 0);
    assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
    record_batch_builder_free(builder);
    assert_int_equal(record_batch_decode(bytes_of(bytes, size), &batch), ERR_NONE);
    assert_int_equal(batch.base_timestamp, 500);
    assert_int_equal(batch.max_timestamp, 700);
    assert_int_equal(record_iterator_init(&iterator, &batch, 0), ERR_NONE);
    for (size_t i = 0; i < ARRAY_COUNT(timestamps); i++) {
        assert_true(record_iterator_next(&iterator, &record, &error));
        assert_int_equal(record.timestamp, timestamps[i]);
    }
    record_iterator_done(&iterator);
    free(bytes);
}

#define RECORDS_MAX 300

struct expected {
    int64_t timestamp;
    struct bytes key;
    struct bytes value;
    struct record_header headers[3];
    int32_t header_count;
};

static struct bytes random_bytes(struct rng *rng, const uint8_t *pool, size_t size_max) {
    if (rng_below(rng, 5) == 0)
        return BYTES_NULL;
    return bytes_of(pool + rng_below(rng, 100), rng_below(rng, size_max + 1));
}

static void random_record(struct rng *rng, const uint8_t *pool, struct expected *record) {
    *record = (struct expected){.timestamp = (int64_t)rng_next(rng) >> rng_below(rng, 64),
                                .key = random_bytes(rng, pool, 20),
                                .value = random_bytes(rng, pool, 3000),
                                .header_count = (int32_t)rng_below(rng, 4)};
    for (int32_t i = 0; i < record->header_count; i++) {
        record->headers[i].key = bytes_of(pool, rng_below(rng, 200));
        record->headers[i].value = random_bytes(rng, pool, 200);
    }
}

static void assert_records_are(const struct record_batch *batch, const struct expected *expected,
                               int32_t count) {
    struct record_iterator iterator;
    struct record record;
    struct record_header header;
    enum error error;

    assert_int_equal(record_iterator_init(&iterator, batch, 10 << 20), ERR_NONE);
    for (int32_t i = 0; i < count; i++) {
        assert_true(record_iterator_next(&iterator, &record, &error));
        assert_int_equal(record.offset, batch->base_offset + i);
        assert_int_equal(record.timestamp, expected[i].timestamp);
        assert_true(bytes_equal(record.key, expected[i].key));
        assert_true(bytes_equal(record.value, expected[i].value));
        assert_int_equal(record.header_count, expected[i].header_count);
        for (int32_t h = 0; h < record.header_count; h++) {
            assert_true(record_header_next(&record.headers, &header));
            assert_true(bytes_equal(header.key, expected[i].headers[h].key));
            assert_true(bytes_equal(header.value, expected[i].headers[h].value));
        }
    }
    assert_false(record_iterator_next(&iterator, &record, &error));
    assert_int_equal(error, ERR_NONE);
    record_iterator_done(&iterator);
}

static void random_batches_are_read_back_in_every_codec(void **state) {
    static struct expected expected[RECORDS_MAX];
    static uint8_t pool[4000];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3);
    for (size_t i = 0; i < sizeof(pool); i++)
        pool[i] = (uint8_t)rng_below(&rng, 7);
    for (int round = 0; round < 100; round++) {
        int32_t count = 1 + (int32_t)rng_below(&rng, RECORDS_MAX);
        struct record_batch_options options = record_batch_options_default;
        struct record_batch_builder *builder;
        struct record_batch batch;
        uint8_t *bytes;
        size_t size;

        options.codec = (enum compression)(round % 5);
        options.base_offset = (int64_t)(rng_next(&rng) >> 2);
        builder = builder_of(&options);
        for (int32_t i = 0; i < count; i++) {
            random_record(&rng, pool, &expected[i]);
            add(builder, expected[i].timestamp, expected[i].key, expected[i].value,
                expected[i].headers, expected[i].header_count);
        }
        assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
        if (options.codec == COMPRESSION_NONE)
            assert_int_equal(size, record_batch_builder_size(builder));
        record_batch_builder_free(builder);
        assert_int_equal(record_batch_decode(bytes_of(bytes, size), &batch), ERR_NONE);
        assert_true(record_batch_crc_is_valid(&batch));
        assert_int_equal(batch.record_count, count);
        assert_int_equal(batch.last_offset_delta, count - 1);
        assert_int_equal(record_batch_codec(&batch), options.codec);
        if (options.codec == COMPRESSION_NONE)
            assert_int_equal(record_batch_check_structure(&batch), ERR_NONE);
        assert_records_are(&batch, expected, count);
        free(bytes);
    }
}

static void a_record_too_large_leaves_the_builder_as_it_was(void **state) {
    struct record_batch_builder *builder = builder_of(&record_batch_options_default);
    uint8_t byte = 0;

    (void)state;
    add(builder, 1700000000000, bytes_of_text("k"), bytes_of_text("v1"), NULL, 0);
    assert_int_equal(record_batch_builder_add(builder, 0, BYTES_NULL,
                                              bytes_of(&byte, ((size_t)1 << 30) + 1), NULL, 0),
                     ERR_OUT_OF_MEMORY);
    assert_int_equal(
        record_batch_builder_add(builder, 0, BYTES_NULL, bytes_of(&byte, SIZE_MAX), NULL, 0),
        ERR_OUT_OF_MEMORY);
    assert_int_equal(
        record_batch_builder_add(builder, 0, BYTES_NULL, bytes_of(&byte, (1 << 30) - 30), NULL, 0),
        ERR_OUT_OF_MEMORY);
    assert_int_equal(record_batch_builder_count(builder), 1);
    assert_int_equal(record_batch_builder_size(builder), 71);
    record_batch_builder_free(builder);
    record_batch_builder_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_records_have_their_bytes),
        cmocka_unit_test(a_commit_marker_has_its_bytes),
        cmocka_unit_test(a_batch_of_python_has_the_same_bytes_from_us),
        cmocka_unit_test(base_and_largest_timestamp_are_the_first_and_the_largest),
        cmocka_unit_test(random_batches_are_read_back_in_every_codec),
        cmocka_unit_test(a_record_too_large_leaves_the_builder_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
