/* No batch begins a transaction in a log that its coordinator has not vouched for since the
 * producer's last marker. */
#include "tests/unit/broker/log/log_fixture.h"

#include "client/wire/end_transaction_marker.h"

#define A 1000
#define B 2000

struct bench {
    struct fixture f;
    struct log *log;
};

static void bench_init(struct bench *bench) {
    fixture_init(&bench->f);
    bench->log = fixture_load(&bench->f, true, 0);
}

static void bench_done(struct bench *bench) {
    fixture_close(&bench->f, bench->log);
    fixture_done(&bench->f);
}

static enum error append_as(struct bench *bench, enum log_append_origin origin, int64_t producer_id,
                            int16_t epoch, int32_t sequence, uint64_t guard) {
    const struct log_append_options options = {
        .origin = origin, .must_be_verified = true, .guard = guard};
    struct batch_spec spec = {
        .records = 2,
        .value_bytes = 20,
        .timestamp = FIXTURE_NOW_MS,
        .producer_id = producer_id,
        .producer_epoch = epoch,
        .base_sequence = sequence,
        .is_transactional = true,
    };
    struct log_append_result result;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);
    enum error error = log_append_as_leader(bench->log, bytes, size, 0, FIXTURE_NOW_MS, &options,
                                            &bench->f.arena, &result);

    free(bytes);
    return error;
}

static enum error append(struct bench *bench, int64_t producer_id, int16_t epoch, int32_t sequence,
                         uint64_t guard) {
    return append_as(bench, LOG_APPEND_CLIENT, producer_id, epoch, sequence, guard);
}

static uint64_t begin(struct bench *bench, int64_t producer_id, int16_t epoch, int32_t sequence) {
    struct log_verification begun = {.guard = 12345};

    assert_int_equal(
        log_begin_verification(bench->log, producer_id, epoch, sequence, FIXTURE_NOW_MS, &begun),
        ERR_NONE);
    return begun.guard;
}

static void marker(struct bench *bench, int64_t producer_id, int16_t epoch, bool is_commit) {
    const struct log_append_options options = {.origin = LOG_APPEND_COORDINATOR,
                                               .must_be_verified = true};
    struct end_transaction_marker one = {producer_id, epoch, 5, is_commit, FIXTURE_NOW_MS};
    uint8_t batch[END_TRANSACTION_MARKER_BYTES];
    struct log_append_result result;

    end_transaction_marker_encode(&one, batch);
    assert_int_equal(log_append_as_leader(bench->log, batch, sizeof(batch), 0, FIXTURE_NOW_MS,
                                          &options, &bench->f.arena, &result),
                     ERR_NONE);
    log_note_high_watermark(bench->log, log_end_offset(bench->log));
}

static void only_a_transaction_that_is_verified_begins(void **state) {
    static const enum log_append_origin origins[] = {LOG_APPEND_CLIENT, LOG_APPEND_COORDINATOR};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(origins); i++) {
        struct bench b;
        uint64_t guard;

        bench_init(&b);
        assert_int_equal(append_as(&b, origins[i], A, 0, 0, LOG_NO_GUARD), ERR_INVALID_TXN_STATE);
        guard = begin(&b, A, 0, 0);
        assert_true(guard != LOG_NO_GUARD);
        assert_int_equal(append_as(&b, origins[i], A, 0, 0, LOG_NO_GUARD), ERR_INVALID_TXN_STATE);
        assert_int_equal(append_as(&b, origins[i], A, 0, 0, guard + 1), ERR_INVALID_TXN_STATE);
        assert_int_equal(append_as(&b, origins[i], B, 0, 0, guard), ERR_INVALID_TXN_STATE);
        assert_int_equal(log_end_offset(b.log), 0);
        assert_int_equal(log_first_unstable_offset(b.log), INT64_MAX);
        assert_int_equal(append_as(&b, origins[i], A, 0, 0, guard), ERR_NONE);
        /* It is open now: nothing more is asked, until it ends. */
        assert_int_equal(begin(&b, A, 0, 2), LOG_NO_GUARD);
        assert_int_equal(append_as(&b, origins[i], A, 0, 2, LOG_NO_GUARD), ERR_NONE);
        marker(&b, A, 0, true);
        assert_int_equal(append_as(&b, origins[i], A, 0, 4, LOG_NO_GUARD), ERR_INVALID_TXN_STATE);
        assert_int_equal(append_as(&b, origins[i], A, 0, 4, guard), ERR_INVALID_TXN_STATE);
        assert_int_equal(append_as(&b, origins[i], A, 0, 4, begin(&b, A, 0, 4)), ERR_NONE);
        bench_done(&b);
    }
}

/* Who has been deposed is not to be asked: the last marker says by whom. */
static void the_epoch_of_the_last_marker_is_told(void **state) {
    struct log_verification begun;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    assert_int_equal(log_begin_verification(bench.log, 7, 1, 0, FIXTURE_NOW_MS, &begun), ERR_NONE);
    assert_int_equal(begun.coordinator_epoch, -1);
    assert_int_equal(append(&bench, 7, 1, 0, begun.guard), ERR_NONE);
    marker(&bench, 7, 1, false);
    assert_int_equal(log_begin_verification(bench.log, 7, 1, 1, FIXTURE_NOW_MS, &begun), ERR_NONE);
    assert_int_equal(begun.coordinator_epoch, 5);
    bench_done(&bench);
}

/* The batch is asked about; the coordinator says yes; the transaction is aborted; the batch
 * arrives: it must not begin another, which nobody would end. Nor may it once the next transaction
 * is being verified (ABA). */
static void a_marker_outruns_what_was_verified_before_it(void **state) {
    struct bench b;
    uint64_t late, next;

    (void)state;
    bench_init(&b);
    late = begin(&b, A, 0, 0);
    marker(&b, A, 0, false);
    assert_int_equal(append(&b, A, 0, 0, late), ERR_INVALID_TXN_STATE);
    next = begin(&b, A, 0, 0);
    assert_int_equal(append(&b, A, 0, 0, late), ERR_INVALID_TXN_STATE);
    assert_int_equal(log_first_unstable_offset(b.log), INT64_MAX);
    assert_int_equal(log_end_offset(b.log), 1);
    assert_int_equal(append(&b, A, 0, 0, next), ERR_NONE);
    assert_int_equal(log_first_unstable_offset(b.log), 1);
    bench_done(&b);
}

static void the_first_of_several_that_wait_is_appended_first(void **state) {
    struct bench b;
    uint64_t guard;

    (void)state;
    bench_init(&b);
    guard = begin(&b, A, 0, 10);
    assert_int_equal(begin(&b, A, 0, 12), guard);
    assert_int_equal(append(&b, A, 0, 12, guard), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_equal(append(&b, A, 0, 10, guard), ERR_NONE);
    assert_int_equal(append(&b, A, 0, 12, guard), ERR_NONE);
    bench_done(&b);
}

static void errors_come_in_kafkas_order(void **state) {
    struct bench b;

    (void)state;
    bench_init(&b);
    assert_int_equal(append(&b, A, 5, 0, begin(&b, A, 5, 0)), ERR_NONE);
    marker(&b, A, 5, true);
    /* What is stored already is not appended: nothing to verify. */
    assert_int_equal(append(&b, A, 5, 0, LOG_NO_GUARD), ERR_DUPLICATE_BATCH);
    /* Not verified goes before fenced, and that before the sequence. */
    assert_int_equal(append(&b, A, 4, 9, LOG_NO_GUARD), ERR_INVALID_TXN_STATE);
    assert_int_equal(append(&b, A, 4, 9, begin(&b, A, 4, 9)), ERR_INVALID_PRODUCER_EPOCH);
    assert_int_equal(append(&b, A, 5, 9, begin(&b, A, 5, 9)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    bench_done(&b);
}

static void what_is_cut_away_is_verified_anew(void **state) {
    struct bench b;
    uint64_t guard;

    (void)state;
    bench_init(&b);
    append_records(&b.f, b.log, 3);
    guard = begin(&b, A, 0, 0);
    assert_int_equal(log_truncate(b.log, 0), ERR_NONE);
    assert_int_equal(append(&b, A, 0, 0, guard), ERR_INVALID_TXN_STATE);
    bench_done(&b);
}

static void what_nobody_came_back_for_expires_with_the_producers(void **state) {
    struct bench b;
    uint64_t guard;

    (void)state;
    bench_init(&b);
    guard = begin(&b, A, 0, 0);
    log_expire_producers(b.log, FIXTURE_NOW_MS + 999, 1000);
    assert_int_equal(begin(&b, A, 0, 0), guard);
    log_expire_producers(b.log, FIXTURE_NOW_MS + 1000, 1000);
    assert_int_equal(append(&b, A, 0, 0, guard), ERR_INVALID_TXN_STATE);
    bench_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_transaction_that_is_verified_begins),
        cmocka_unit_test(the_epoch_of_the_last_marker_is_told),
        cmocka_unit_test(a_marker_outruns_what_was_verified_before_it),
        cmocka_unit_test(the_first_of_several_that_wait_is_appended_first),
        cmocka_unit_test(errors_come_in_kafkas_order),
        cmocka_unit_test(what_is_cut_away_is_verified_anew),
        cmocka_unit_test(what_nobody_came_back_for_expires_with_the_producers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
