/* What is refused of a produced batch, with which code, and what is changed in it. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/append_check.h"
#include "client/wire/big_endian.h"
#include "client/wire/crc32c.h"

#define NOW 10000

static void set_crc(uint8_t *batch, size_t size) {
    big_endian_store_u32(batch + 17, crc32c(0, batch + 21, size - 21));
}

/* One way to spoil a good batch of three records at NOW. */
enum spoiling {
    INTACT,
    BASE_OFFSET,
    TOO_LARGE,
    BAD_CRC,
    CUT,
    EMPTY,
    TORN_SECOND,
    WHOLE_SECOND,
    LARGER_THAN_SEGMENT,
    NEGATIVE_COUNT,
    COUNT_TOO_SMALL,
    DELTA_TOO_LARGE,
    CONTROL,
    NO_SEQUENCE,
    LOG_APPEND_TIME_BIT,
    CODEC_5,
    MAGIC_1,
    MAGIC_3,
    TINY_LENGTH,
    ONE_RECORD_LESS_BYTES,
    RECORD_TOO_LONG,
    WRONG_MAX_TIMESTAMP,
    OFFSET_DELTA_GAP
};

struct spoiled {
    uint8_t *data;
    size_t size;
};

static void spoil(struct spoiled *batch, enum spoiling how) {
    uint8_t *data = batch->data;
    bool fix_crc = true;

    switch (how) {
    case INTACT:
    case TOO_LARGE:
    case LARGER_THAN_SEGMENT:
        break;
    case BASE_OFFSET:
        data[7] = 1;
        break;
    case BAD_CRC:
        data[batch->size - 1] ^= 1;
        fix_crc = false;
        break;
    case CUT:
        batch->size--;
        fix_crc = false;
        break;
    case EMPTY:
        batch->size = 0;
        fix_crc = false;
        break;
    case TORN_SECOND:
        memcpy(data + batch->size, data, 50);
        set_crc(data, batch->size);
        batch->size += 50;
        fix_crc = false;
        break;
    case WHOLE_SECOND:
        memcpy(data + batch->size, data, batch->size);
        batch->size *= 2;
        fix_crc = false;
        break;
    case NEGATIVE_COUNT:
        big_endian_store_u32(data + 57, (uint32_t)-1);
        break;
    case COUNT_TOO_SMALL:
        big_endian_store_u32(data + 57, 2);
        break;
    case DELTA_TOO_LARGE:
        big_endian_store_u32(data + 23, 7);
        break;
    case CONTROL:
        data[22] |= RECORD_BATCH_CONTROL;
        break;
    case NO_SEQUENCE:
        big_endian_store_u64(data + 43, 77);
        break;
    case LOG_APPEND_TIME_BIT:
        data[22] |= RECORD_BATCH_LOG_APPEND_TIME;
        break;
    case CODEC_5:
        data[22] |= 5;
        break;
    case MAGIC_1:
        data[16] = 1;
        break;
    case MAGIC_3:
        data[16] = 3;
        break;
    case TINY_LENGTH:
        big_endian_store_u32(data + 8, 10);
        fix_crc = false;
        break;
    case ONE_RECORD_LESS_BYTES:
        big_endian_store_u32(data + 57, 4);
        big_endian_store_u32(data + 23, 3);
        break;
    case RECORD_TOO_LONG:
        data[61] += 2;
        break;
    case WRONG_MAX_TIMESTAMP:
        big_endian_store_u64(data + 35, NOW + 999);
        break;
    case OFFSET_DELTA_GAP:
        /* length (one byte), attributes, timestamp delta (one byte): then the first's offset delta
         */
        data[61 + 3] = 2;
        break;
    }
    if (fix_crc)
        set_crc(data, batch->size);
}

static struct spoiled good_batch(enum compression codec, bool without_keys) {
    struct batch_spec spec = {.records = 3,
                              .value_bytes = 10,
                              .timestamp = NOW,
                              .codec = codec,
                              .without_keys = without_keys};
    struct spoiled batch;
    uint8_t *data = make_batch(&spec, &batch.size);

    batch.data = malloc(2 * batch.size + 64);
    assert_non_null(batch.data);
    memcpy(batch.data, data, batch.size);
    free(data);
    return batch;
}

struct outcome {
    enum error error;
    struct append_checked checked;
    struct log_append_result result;
};

static struct outcome check(struct spoiled *batch, const struct log_config *config,
                            enum log_append_origin origin, struct arena *arena) {
    struct outcome outcome = {.result = {.log_append_time = -1}};

    outcome.error = append_check(batch->data, batch->size, config, origin, NOW, arena,
                                 &outcome.checked, &outcome.result);
    if (outcome.error != ERR_NONE)
        assert_null(outcome.checked.rebuilt);
    return outcome;
}

static void spoiled_batches_are_refused_with_kafkas_codes(void **state) {
    static const struct {
        enum spoiling how;
        enum log_append_origin origin;
        enum error error;
        enum log_append_flaw flaw;
    } cases[] = {
        {INTACT, LOG_APPEND_CLIENT, ERR_NONE, LOG_FLAW_NONE},
        {EMPTY, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
        {CUT, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
        {BASE_OFFSET, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE},
        {BASE_OFFSET, LOG_APPEND_COORDINATOR, ERR_NONE, LOG_FLAW_NONE},
        {TOO_LARGE, LOG_APPEND_CLIENT, ERR_MESSAGE_TOO_LARGE, LOG_FLAW_NONE},
        {BAD_CRC, LOG_APPEND_CLIENT, ERR_CORRUPT_MESSAGE, LOG_FLAW_CRC},
        {TINY_LENGTH, LOG_APPEND_CLIENT, ERR_CORRUPT_MESSAGE, LOG_FLAW_NONE},
        {MAGIC_1, LOG_APPEND_CLIENT, ERR_CORRUPT_MESSAGE, LOG_FLAW_NONE},
        {MAGIC_3, LOG_APPEND_CLIENT, ERR_CORRUPT_MESSAGE, LOG_FLAW_MAGIC},
        {TORN_SECOND, LOG_APPEND_CLIENT, ERR_NONE, LOG_FLAW_NONE},
        {WHOLE_SECOND, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
        {LARGER_THAN_SEGMENT, LOG_APPEND_CLIENT, ERR_RECORD_LIST_TOO_LARGE, LOG_FLAW_NONE},
        {NEGATIVE_COUNT, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE},
        {COUNT_TOO_SMALL, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE},
        {DELTA_TOO_LARGE, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE},
        {CONTROL, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
        {CONTROL, LOG_APPEND_COORDINATOR, ERR_NONE, LOG_FLAW_NONE},
        {NO_SEQUENCE, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE},
        {NO_SEQUENCE, LOG_APPEND_COORDINATOR, ERR_NONE, LOG_FLAW_NONE},
        {CODEC_5, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
        {ONE_RECORD_LESS_BYTES, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
        {RECORD_TOO_LONG, LOG_APPEND_CLIENT, ERR_INVALID_RECORD, LOG_FLAW_NONE},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct log_config config = log_config_default;
        struct spoiled batch = good_batch(COMPRESSION_NONE, false);
        struct outcome outcome;
        struct arena arena;
        arena_init(&arena, 65536);
        if (cases[i].how == TOO_LARGE)
            config.max_message_bytes = (int32_t)batch.size - 1;
        if (cases[i].how == LARGER_THAN_SEGMENT)
            config.segment_bytes = (int32_t)batch.size - 1;
        spoil(&batch, cases[i].how);
        outcome = check(&batch, &config, cases[i].origin, &arena);
        if (outcome.error != cases[i].error)
            fail_msg("case %zu: %s instead of %s", i, error_name(outcome.error),
                     error_name(cases[i].error));
        if (outcome.error != ERR_NONE)
            assert_non_null(outcome.result.message);
        assert_int_equal(outcome.result.flaw, cases[i].flaw);
        assert_int_equal(outcome.result.flaw_count, cases[i].flaw != LOG_FLAW_NONE);
        free(outcome.checked.rebuilt);
        free(batch.data);
        arena_done(&arena);
    }
}

static void a_torn_second_batch_is_cut_off(void **state) {
    struct spoiled batch = good_batch(COMPRESSION_NONE, false);
    size_t whole = batch.size;
    struct outcome outcome;
    struct arena arena;
    (void)state;

    arena_init(&arena, 65536);
    spoil(&batch, TORN_SECOND);
    outcome = check(&batch, &log_config_default, LOG_APPEND_CLIENT, &arena);
    assert_int_equal(outcome.error, ERR_NONE);
    assert_int_equal(outcome.checked.size, whole);
    free(batch.data);
    arena_done(&arena);
}

static void a_good_batch_is_left_as_it_is(void **state) {
    (void)state;
    for (int codec = 0; codec <= COMPRESSION_ZSTD; codec++) {
        struct spoiled batch = good_batch((enum compression)codec, false);
        uint8_t *before = malloc(batch.size);
        struct outcome outcome;
        struct arena arena;
        arena_init(&arena, 65536);
        memcpy(before, batch.data, batch.size);
        outcome = check(&batch, &log_config_default, LOG_APPEND_CLIENT, &arena);
        assert_int_equal(outcome.error, ERR_NONE);
        assert_ptr_equal(outcome.checked.data, batch.data);
        assert_memory_equal(batch.data, before, batch.size);
        assert_int_equal(outcome.result.max_timestamp, NOW + 2);
        assert_int_equal(outcome.result.log_append_time, -1);
        free(before);
        free(batch.data);
        arena_done(&arena);
    }
}

static void a_wrong_max_timestamp_is_corrected(void **state) {
    struct spoiled batch = good_batch(COMPRESSION_NONE, false);
    struct outcome outcome;
    struct arena arena;
    (void)state;

    arena_init(&arena, 65536);
    spoil(&batch, WRONG_MAX_TIMESTAMP);
    outcome = check(&batch, &log_config_default, LOG_APPEND_CLIENT, &arena);
    assert_int_equal(outcome.error, ERR_NONE);
    assert_int_equal(outcome.checked.batch.max_timestamp, NOW + 2);
    assert_true(record_batch_crc_is_valid(&outcome.checked.batch));
    free(batch.data);
    arena_done(&arena);
}

static void log_append_time_is_stamped(void **state) {
    (void)state;
    for (int codec = 0; codec <= COMPRESSION_ZSTD; codec++) {
        struct log_config config = log_config_default;
        struct spoiled batch = good_batch((enum compression)codec, false);
        struct outcome outcome;
        struct arena arena;
        arena_init(&arena, 65536);
        config.log_append_time = true;
        config.timestamp_before_max_ms = 0; /* does not count with LogAppendTime */
        outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
        assert_int_equal(outcome.error, ERR_NONE);
        assert_int_equal(outcome.result.log_append_time, NOW);
        assert_int_equal(outcome.checked.batch.max_timestamp, NOW);
        assert_true((outcome.checked.batch.attributes & RECORD_BATCH_LOG_APPEND_TIME) != 0);
        assert_true(record_batch_crc_is_valid(&outcome.checked.batch));
        free(batch.data);
        arena_done(&arena);
    }
}

/* A topic with LogAppendTime refuses it, record by record; one with CreateTime takes its maximum
 * for the time of every record, if there is one, as Kafka 3.9's LogValidator. */
static void a_batch_that_claims_to_be_stamped_by_a_broker(void **state) {
    static const struct {
        bool log_append_time;
        bool has_time;
        int64_t before_max_ms;
        enum error error;
    } cases[] = {
        {true, true, INT64_MAX, ERR_INVALID_TIMESTAMP},
        {false, true, INT64_MAX, ERR_NONE},
        {false, false, INT64_MAX, ERR_INVALID_TIMESTAMP},
        {false, true, 0, ERR_NONE}, /* its maximum is not in the past */
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases) * 2; i++) {
        enum compression codec = i % 2 == 0 ? COMPRESSION_NONE : COMPRESSION_ZSTD;
        struct log_config config = log_config_default;
        struct spoiled batch = good_batch(codec, false);
        struct outcome outcome;
        struct arena arena;
        arena_init(&arena, 65536);
        config.log_append_time = cases[i / 2].log_append_time;
        config.timestamp_before_max_ms = cases[i / 2].before_max_ms;
        if (!cases[i / 2].has_time)
            big_endian_store_u64(batch.data + 35, (uint64_t)RECORD_NO_TIMESTAMP);
        spoil(&batch, LOG_APPEND_TIME_BIT);
        outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
        assert_int_equal(outcome.error, cases[i / 2].error);
        if (outcome.error == ERR_NONE) {
            assert_int_equal(outcome.checked.batch.attributes & RECORD_BATCH_LOG_APPEND_TIME, 0);
            assert_int_equal(outcome.checked.batch.max_timestamp, NOW + 2);
            assert_true(record_batch_crc_is_valid(&outcome.checked.batch));
        } else {
            assert_int_equal(outcome.result.record_error_count, 3);
        }
        free(batch.data);
        arena_done(&arena);
    }
}

static void a_record_is_refused_for_its_key_first(void **state) {
    struct log_config config = log_config_default;
    struct spoiled batch = good_batch(COMPRESSION_NONE, true);
    struct outcome outcome;
    struct arena arena;
    (void)state;

    arena_init(&arena, 65536);
    config.compact = true;
    config.timestamp_after_max_ms = 1; /* the third is 2 ms ahead, and has no key */
    outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
    assert_int_equal(outcome.error, ERR_INVALID_RECORD);
    assert_int_equal(outcome.result.record_error_count, 3);
    free(batch.data);
    arena_done(&arena);
}

/* segment.bytes counts for what is stored, not for what was sent. */
static void a_batch_may_fit_into_a_segment_when_it_is_compressed(void **state) {
    struct log_config config = log_config_default;
    struct spoiled batch = good_batch(COMPRESSION_NONE, false);
    struct outcome outcome;
    struct arena arena;
    (void)state;

    arena_init(&arena, 65536);
    config.segment_bytes = (int32_t)batch.size - 1;
    config.keep_producer_compression = false;
    config.compression = COMPRESSION_ZSTD;
    outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
    assert_int_equal(outcome.error, ERR_NONE);
    assert_true(outcome.checked.size < batch.size);
    free(outcome.checked.rebuilt);
    free(batch.data);
    arena_done(&arena);
}

static void a_compacted_topic_needs_keys_also_in_compressed_batches(void **state) {
    (void)state;
    for (int codec = 0; codec <= COMPRESSION_ZSTD; codec++) {
        struct log_config config = log_config_default;
        struct spoiled batch = good_batch((enum compression)codec, true);
        struct outcome outcome;
        struct arena arena;
        arena_init(&arena, 65536);
        config.compact = true;
        outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
        assert_int_equal(outcome.error, ERR_INVALID_RECORD);
        assert_int_equal(outcome.result.record_error_count, 3);
        assert_int_equal(outcome.result.record_errors[1].record_index, 1);
        assert_int_equal(outcome.result.flaw, LOG_FLAW_NO_KEY);
        assert_int_equal(outcome.result.flaw_count, 3);
        free(batch.data);
        arena_done(&arena);
    }
}

static void timestamps_out_of_bounds_are_named(void **state) {
    (void)state;
    for (int codec = 0; codec <= COMPRESSION_LZ4; codec += COMPRESSION_LZ4) {
        struct log_config config = log_config_default;
        struct spoiled batch = good_batch((enum compression)codec, false);
        struct outcome outcome;
        struct arena arena;
        arena_init(&arena, 65536);
        config.timestamp_after_max_ms = 1; /* the third is 2 ms ahead */
        outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
        assert_int_equal(outcome.error, ERR_INVALID_TIMESTAMP);
        assert_int_equal(outcome.result.record_error_count, 1);
        assert_int_equal(outcome.result.record_errors[0].record_index, 2);
        config.timestamp_after_max_ms = 2;
        config.timestamp_before_max_ms = 0;
        outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
        assert_int_equal(outcome.error, ERR_NONE);
        free(batch.data);
        arena_done(&arena);
    }
}

static void check_records(const struct record_batch *batch) {
    struct record_iterator iterator;
    struct record record;
    enum error error;
    int32_t count = 0;

    assert_int_equal(record_iterator_init(&iterator, batch, 1 << 20), ERR_NONE);
    while (record_iterator_next(&iterator, &record, &error)) {
        assert_int_equal(record.offset_delta, count);
        assert_int_equal(record.timestamp, NOW + count);
        assert_true(bytes_equal_text(record.key, "key"));
        assert_int_equal(record.value.size, 10);
        count++;
    }
    assert_int_equal(error, ERR_NONE);
    assert_int_equal(count, 3);
    record_iterator_done(&iterator);
}

static void the_topics_compression_replaces_the_producers(void **state) {
    (void)state;
    for (int from = 0; from <= COMPRESSION_ZSTD; from++) {
        for (int to = 0; to <= COMPRESSION_ZSTD; to++) {
            struct log_config config = log_config_default;
            struct spoiled batch = good_batch((enum compression)from, false);
            struct outcome outcome;
            struct arena arena;
            arena_init(&arena, 65536);
            config.keep_producer_compression = false;
            config.compression = (enum compression)to;
            outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
            assert_int_equal(outcome.error, ERR_NONE);
            assert_int_equal(record_batch_codec(&outcome.checked.batch), to);
            assert_true(record_batch_crc_is_valid(&outcome.checked.batch));
            assert_int_equal(outcome.checked.rebuilt != NULL, from != to);
            check_records(&outcome.checked.batch);
            free(outcome.checked.rebuilt);
            free(batch.data);
            arena_done(&arena);
        }
    }
}

static void offset_deltas_become_consecutive(void **state) {
    struct spoiled batch = good_batch(COMPRESSION_NONE, false);
    struct outcome outcome;
    struct arena arena;
    (void)state;

    arena_init(&arena, 65536);
    spoil(&batch, OFFSET_DELTA_GAP);
    outcome = check(&batch, &log_config_default, LOG_APPEND_CLIENT, &arena);
    assert_int_equal(outcome.error, ERR_NONE);
    assert_non_null(outcome.checked.rebuilt);
    check_records(&outcome.checked.batch);
    free(outcome.checked.rebuilt);
    free(batch.data);
    arena_done(&arena);
}

static void a_batch_that_grows_past_the_bound_is_refused(void **state) {
    struct batch_spec spec = {
        .records = 3, .value_bytes = 3000, .timestamp = NOW, .codec = COMPRESSION_ZSTD};
    struct log_config config = log_config_default;
    struct outcome outcome;
    struct spoiled batch;
    struct arena arena;
    (void)state;

    arena_init(&arena, 65536);
    batch.data = make_batch(&spec, &batch.size);
    config.keep_producer_compression = false;
    config.max_message_bytes = 5000;
    outcome = check(&batch, &config, LOG_APPEND_CLIENT, &arena);
    assert_int_equal(outcome.error, ERR_MESSAGE_TOO_LARGE);
    free(batch.data);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoiled_batches_are_refused_with_kafkas_codes),
        cmocka_unit_test(a_torn_second_batch_is_cut_off),
        cmocka_unit_test(a_good_batch_is_left_as_it_is),
        cmocka_unit_test(a_wrong_max_timestamp_is_corrected),
        cmocka_unit_test(log_append_time_is_stamped),
        cmocka_unit_test(a_batch_that_claims_to_be_stamped_by_a_broker),
        cmocka_unit_test(a_record_is_refused_for_its_key_first),
        cmocka_unit_test(a_batch_may_fit_into_a_segment_when_it_is_compressed),
        cmocka_unit_test(a_compacted_topic_needs_keys_also_in_compressed_batches),
        cmocka_unit_test(timestamps_out_of_bounds_are_named),
        cmocka_unit_test(the_topics_compression_replaces_the_producers),
        cmocka_unit_test(offset_deltas_become_consecutive),
        cmocka_unit_test(a_batch_that_grows_past_the_bound_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
