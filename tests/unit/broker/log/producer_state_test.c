/* Sequence rules of idempotent producers, and the snapshot's bytes. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/producer_state.h"

static struct producer_batch batch_of(int16_t producer_epoch, int32_t base_sequence,
                                      int32_t records, int64_t base_offset) {
    return (struct producer_batch){
        .producer_id = 1000,
        .producer_epoch = producer_epoch,
        .base_sequence = base_sequence,
        .last_sequence = record_sequence_add(base_sequence, records - 1),
        .base_offset = base_offset,
        .last_offset = base_offset + records - 1,
        .timestamp = FIXTURE_NOW_MS,
    };
}

static enum error check(struct producer_state *state, const struct producer_batch *batch) {
    struct producer_duplicate duplicate;

    return producer_state_check(state, batch, PRODUCER_CHECK_ALL, &duplicate);
}

static void apply(struct producer_state *state, const struct producer_batch *batch) {
    assert_int_equal(producer_state_prepare(state, batch->producer_id, 0), ERR_NONE);
    producer_state_apply(state, batch);
}

/* A producer of epoch 2 whose last batch has sequences 5 to 9. */
static struct producer_state *sample(void) {
    struct producer_batch batch = batch_of(2, 5, 5, 37);
    struct producer_state *state;

    assert_int_equal(producer_state_new(&state), ERR_NONE);
    apply(state, &batch);
    return state;
}

static void sequences_must_follow_each_other(void **state) {
    static const struct {
        const char *label;
        int16_t producer_epoch;
        int32_t base_sequence, records;
        enum error error;
    } cases[] = {
        {"the next", 2, 10, 3, ERR_NONE},
        {"the same again", 2, 5, 5, ERR_DUPLICATE_BATCH},
        {"part of the same", 2, 5, 4, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
        {"a gap", 2, 11, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
        {"before the window", 2, 0, 5, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
        {"an old epoch", 1, 10, 1, ERR_INVALID_PRODUCER_EPOCH},
        {"an old epoch's duplicate", 1, 5, 5, ERR_INVALID_PRODUCER_EPOCH},
        {"a new epoch from 0", 3, 0, 1, ERR_NONE},
        {"a new epoch from elsewhere", 3, 10, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct producer_state *producers = sample();
        struct producer_batch batch =
            batch_of(cases[i].producer_epoch, cases[i].base_sequence, cases[i].records, 100);
        if (check(producers, &batch) != cases[i].error)
            fail_msg("%s", cases[i].label);
        producer_state_free(producers);
    }
}

static void an_unknown_producer_may_begin_anywhere(void **state) {
    struct producer_batch batch = batch_of(0, 4711, 1, 0);
    struct producer_state *producers;
    (void)state;

    assert_int_equal(producer_state_new(&producers), ERR_NONE);
    assert_int_equal(check(producers, &batch), ERR_NONE);
    assert_int_equal(producer_state_prepare(producers, 1000, 0), ERR_NONE);
    assert_int_equal(check(producers, &batch), ERR_NONE);
    producer_state_free(producers);
}

static void sequences_wrap_from_the_largest_to_zero(void **state) {
    struct producer_batch last = batch_of(0, INT32_MAX - 1, 2, 0);
    struct producer_batch over = batch_of(0, INT32_MAX - 1, 4, 0);
    struct producer_batch next = batch_of(0, 0, 1, 2);
    struct producer_state *producers;
    (void)state;

    assert_int_equal(producer_state_new(&producers), ERR_NONE);
    apply(producers, &last);
    assert_int_equal(check(producers, &next), ERR_NONE);
    producer_state_clear(producers);
    apply(producers, &over);
    assert_int_equal(check(producers, &next), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    next = batch_of(0, 2, 1, 4);
    assert_int_equal(check(producers, &next), ERR_NONE);
    producer_state_free(producers);
}

static void the_window_holds_five_batches(void **state) {
    struct producer_duplicate duplicate;
    struct producer_state *producers;
    (void)state;

    assert_int_equal(producer_state_new(&producers), ERR_NONE);
    for (int32_t i = 0; i < 8; i++) {
        struct producer_batch batch = batch_of(0, 10 * i, 10, 100 + 10 * i);
        apply(producers, &batch);
    }
    for (int32_t i = 0; i < 8; i++) {
        struct producer_batch batch = batch_of(0, 10 * i, 10, 500);
        enum error error = producer_state_check(producers, &batch, PRODUCER_CHECK_ALL, &duplicate);
        assert_int_equal(error, i < 3 ? ERR_OUT_OF_ORDER_SEQUENCE_NUMBER : ERR_DUPLICATE_BATCH);
        if (i >= 3) {
            assert_int_equal(duplicate.base_offset, 100 + 10 * i);
            assert_int_equal(duplicate.last_offset, 109 + 10 * i);
        }
    }
    producer_state_free(producers);
}

/* A snapshot tells of one batch; there must be room for the next ones nevertheless. */
static void the_window_fills_again_after_a_snapshot(void **state) {
    struct producer_duplicate duplicate;
    struct producer_state *producers = sample();
    uint8_t *bytes;
    size_t size;
    (void)state;

    assert_int_equal(producer_state_encode(producers, &bytes, &size), ERR_NONE);
    assert_int_equal(producer_state_decode(producers, bytes_of(bytes, size)), ERR_NONE);
    free(bytes);
    for (int32_t i = 1; i <= 6; i++) {
        struct producer_batch batch = batch_of(2, 5 + 5 * i, 5, 37 + 5 * i);
        assert_int_equal(check(producers, &batch), ERR_NONE);
        apply(producers, &batch);
        assert_int_equal(producer_state_check(producers, &batch, PRODUCER_CHECK_ALL, &duplicate),
                         ERR_DUPLICATE_BATCH);
        assert_int_equal(duplicate.base_offset, 37 + 5 * i);
    }
    producer_state_free(producers);
}

/* As a follower has them, which takes many batches at once: all prepared first, then applied. */
static void many_batches_are_prepared_before_any_is_applied(void **state) {
    enum { COUNT = 7, PRODUCERS = 3 };
    struct producer_state *producers = sample();
    struct producer_batch batches[COUNT * PRODUCERS];
    (void)state;

    for (int32_t i = 0; i < COUNT * PRODUCERS; i++) {
        batches[i] = batch_of(2, 10 + i / PRODUCERS, 1, 42 + i);
        batches[i].producer_id = 1000 + i % PRODUCERS; /* the first is known */
        assert_int_equal(producer_state_prepare(producers, batches[i].producer_id, (size_t)i),
                         ERR_NONE);
    }
    for (int32_t i = 0; i < COUNT * PRODUCERS; i++)
        producer_state_apply(producers, &batches[i]);
    assert_int_equal(producer_state_count(producers), PRODUCERS);
    for (int32_t i = 0; i < COUNT * PRODUCERS; i++)
        assert_int_equal(check(producers, &batches[i]), i / PRODUCERS < COUNT - 5
                                                            ? ERR_OUT_OF_ORDER_SEQUENCE_NUMBER
                                                            : ERR_DUPLICATE_BATCH);
    producer_state_free(producers);
}

static void transactions_open_and_close(void **state) {
    struct producer_batch data = batch_of(2, 10, 1, 50);
    struct producer_batch plain = batch_of(2, 11, 1, 51);
    struct producer_batch marker = batch_of(2, -1, 1, 52);
    struct producer_state *producers = sample();
    (void)state;

    data.is_transactional = true;
    marker.is_transactional = marker.is_control = true;
    marker.base_sequence = marker.last_sequence = -1;
    marker.coordinator_epoch = 7;
    assert_int_equal(producer_state_open_offset(producers, 1000), -1);
    apply(producers, &data);
    assert_int_equal(producer_state_open_offset(producers, 1000), 50);
    assert_int_equal(check(producers, &plain), ERR_INVALID_TXN_STATE);
    producer_state_expire(producers, INT64_MAX, 1);
    assert_int_equal(producer_state_count(producers), 1);
    assert_int_equal(check(producers, &marker), ERR_NONE);
    apply(producers, &marker);
    assert_int_equal(producer_state_open_offset(producers, 1000), -1);
    assert_int_equal(check(producers, &plain), ERR_NONE);
    marker.coordinator_epoch = 6;
    assert_int_equal(check(producers, &marker), ERR_TRANSACTION_COORDINATOR_FENCED);
    marker.producer_epoch = 1;
    assert_int_equal(check(producers, &marker), ERR_INVALID_PRODUCER_EPOCH);
    producer_state_free(producers);
}

static void idle_producers_expire(void **state) {
    struct producer_state *producers = sample();
    (void)state;

    producer_state_expire(producers, FIXTURE_NOW_MS + 99, 100);
    assert_int_equal(producer_state_count(producers), 1);
    producer_state_expire(producers, FIXTURE_NOW_MS + 100, 100);
    assert_int_equal(producer_state_count(producers), 0);
    producer_state_free(producers);
}

/* Else each of them would stay for ever. */
static void a_producer_that_names_a_time_before_all_times_expires(void **state) {
    struct producer_batch batch = batch_of(2, 10, 5, 42);
    struct producer_state *producers = sample();
    (void)state;

    batch.timestamp = INT64_MIN;
    apply(producers, &batch);
    producer_state_expire(producers, FIXTURE_NOW_MS, 100);
    assert_int_equal(producer_state_count(producers), 0);
    producer_state_free(producers);
}

/* The bytes of Kafka's snapshot of the sample; coordinator epoch 0, as after a marker. */
static void a_snapshot_has_kafkas_bytes(void **state) {
    static const uint8_t expected[] = {
        0x00, 0x01, 0x90, 0x34, 0xf3, 0x9c, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x03, 0xe8, 0x00, 0x02, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x29, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5,
        0x68, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct producer_batch marker = batch_of(2, -1, 1, 36);
    struct producer_batch batch = batch_of(2, 5, 5, 37);
    struct producer_duplicate duplicate;
    struct producer_state *producers;
    uint8_t *bytes;
    size_t size;
    (void)state;

    assert_int_equal(producer_state_new(&producers), ERR_NONE);
    marker.is_control = true;
    apply(producers, &marker);
    apply(producers, &batch);
    assert_int_equal(producer_state_encode(producers, &bytes, &size), ERR_NONE);
    assert_int_equal(size, sizeof(expected));
    assert_memory_equal(bytes, expected, size);
    assert_int_equal(producer_state_decode(producers, bytes_of(bytes, size)), ERR_NONE);
    assert_int_equal(producer_state_check(producers, &batch, PRODUCER_CHECK_ALL, &duplicate),
                     ERR_DUPLICATE_BATCH);
    assert_int_equal(duplicate.base_offset, 37);
    free(bytes);
    producer_state_free(producers);
}

static void every_damage_to_a_snapshot_is_noticed(void **state) {
    struct producer_state *producers = sample();
    uint8_t *bytes;
    size_t size;
    (void)state;

    assert_int_equal(producer_state_encode(producers, &bytes, &size), ERR_NONE);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 4;
        assert_int_equal(producer_state_decode(producers, bytes_of(bytes, size)), ERR_DISK_CORRUPT);
        assert_int_equal(producer_state_count(producers), 0);
        bytes[i] ^= 4;
        assert_int_equal(producer_state_decode(producers, bytes_of(bytes, i)), ERR_DISK_CORRUPT);
    }
    assert_int_equal(producer_state_decode(producers, bytes_of(bytes, size)), ERR_NONE);
    free(bytes);
    producer_state_free(producers);
}

static void many_producers_are_kept_apart(void **state) {
    struct producer_state *producers;
    uint8_t *bytes;
    size_t size;
    (void)state;

    assert_int_equal(producer_state_new(&producers), ERR_NONE);
    for (int64_t id = 0; id < 5000; id++) {
        struct producer_batch batch = batch_of(0, (int32_t)id, 1, id);
        batch.producer_id = id * 1000;
        apply(producers, &batch);
    }
    assert_int_equal(producer_state_encode(producers, &bytes, &size), ERR_NONE);
    assert_int_equal(producer_state_decode(producers, bytes_of(bytes, size)), ERR_NONE);
    assert_int_equal(producer_state_count(producers), 5000);
    for (int64_t id = 0; id < 5000; id++) {
        struct producer_batch batch = batch_of(0, (int32_t)id + 1, 1, id);
        batch.producer_id = id * 1000;
        assert_int_equal(check(producers, &batch), ERR_NONE);
    }
    free(bytes);
    producer_state_free(producers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_must_follow_each_other),
        cmocka_unit_test(an_unknown_producer_may_begin_anywhere),
        cmocka_unit_test(sequences_wrap_from_the_largest_to_zero),
        cmocka_unit_test(the_window_holds_five_batches),
        cmocka_unit_test(the_window_fills_again_after_a_snapshot),
        cmocka_unit_test(many_batches_are_prepared_before_any_is_applied),
        cmocka_unit_test(transactions_open_and_close),
        cmocka_unit_test(idle_producers_expire),
        cmocka_unit_test(a_producer_that_names_a_time_before_all_times_expires),
        cmocka_unit_test(a_snapshot_has_kafkas_bytes),
        cmocka_unit_test(every_damage_to_a_snapshot_is_noticed),
        cmocka_unit_test(many_producers_are_kept_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
