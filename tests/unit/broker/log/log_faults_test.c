/* Every operation on the disk fails once, at every place in a log's life. What was acknowledged
 * must be there afterwards, what was refused may be there as a whole or not at all. */
#include "tests/unit/broker/log/log_fixture.h"

#define LIFE_OPERATIONS_MAX 5000

/* How far a life came before the disk failed. */
struct life {
    int64_t acknowledged; /* end offset of the last append that succeeded, or of a truncation */
    int64_t possible;     /* end offset if the operation that failed was done after all */
    int64_t truncated_to; /* lowest end that a failed truncation may have left */
};

static enum error append_one(struct fixture *f, struct log *log, int i, struct life *life) {
    struct batch_spec spec = {.records = 2,
                              .value_bytes = 30,
                              .timestamp = FIXTURE_NOW_MS + i,
                              .leader_epoch = i / 7,
                              .producer_id = 3,
                              .base_sequence = -1};
    struct log_append_result result;
    enum error error;

    spec.producer_id = 0;
    life->possible = log_end_offset(log) + 2;
    error = append_batch(f, log, &spec, &result);
    if (error == ERR_NONE)
        life->acknowledged = life->possible;
    return error;
}

static enum error truncate_to(struct log *log, int64_t offset, struct life *life) {
    enum error error;

    life->truncated_to = offset;
    error = log_truncate(log, offset);
    if (error == ERR_NONE)
        life->acknowledged = life->possible = log_end_offset(log);
    return error;
}

/* Loads, appends over several segments and epochs, truncates, closes. */
static enum error live(struct fixture *f, bool was_clean, struct life *life) {
    struct log *log;
    enum error error;

    life->truncated_to = INT64_MAX;
    if ((error = fixture_try_load(f, was_clean, 0, 0, &log)) != ERR_NONE)
        return error;
    for (int i = 0; i < 12 && error == ERR_NONE; i++)
        error = append_one(f, log, i, life);
    if (error == ERR_NONE)
        error = log_flush(log);
    if (error == ERR_NONE)
        error = truncate_to(log, log_end_offset(log) - 9, life);
    for (int i = 12; i < 20 && error == ERR_NONE; i++) {
        error = append_one(f, log, i, life);
        life->truncated_to = INT64_MAX;
    }
    if (error == ERR_NONE) {
        worker_pool_drain(f->pool);
        error = log_close_clean(log);
    }
    fixture_crash(f, log);
    return error;
}

/* From `offset` on batches follow each other without a gap, each whole. */
static void check_batches(struct log *log, int64_t offset) {
    while (offset < log_end_offset(log)) {
        size_t size;
        uint8_t *data = read_bytes(log, offset, 1, &size);
        struct record_batch batch;
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        assert_int_equal(batch.base_offset, offset);
        assert_true(record_batch_crc_is_valid(&batch));
        offset = record_batch_last_offset(&batch) + 1;
        free(data);
    }
}

static void check_afterwards(struct fixture *f, const struct life *life) {
    struct log *log = fixture_load(f, false, 0);
    int64_t least = life->acknowledged;

    if (life->truncated_to < least)
        least = life->truncated_to - 1;
    assert_in_range(log_end_offset(log), least, life->possible);
    check_batches(log, 0);
    append_records(f, log, 1);
    check_batches(log, 0);
    fixture_crash(f, log);
}

static void fail_everywhere(enum error injected, bool keeps_failing, bool was_clean) {
    for (int64_t n = 0; n < LIFE_OPERATIONS_MAX; n++) {
        struct life life = {0};
        struct fixture f;
        enum error error;
        bool failed;
        fixture_init(&f);
        logger_set_level(LOG_LEVEL_ERROR + 1);
        f.config.segment_bytes = 400;
        f.config.index_interval_bytes = 100;
        f.disk.error = injected;
        f.disk.keeps_failing = keeps_failing;
        f.disk.fail_at = n;
        error = live(&f, was_clean, &life);
        worker_pool_drain(f.pool);
        failed = f.disk.failed;
        /* Only what is done on the side, without a word to the caller, may fail unseen. */
        if (error == ERR_NONE && failed)
            assert_true(f.failures > 0 || f.disk.error == injected);
        faulty_disk_init(&f.disk);
        fixture_close_dir(&f);
        fixture_open_dir(&f);
        check_afterwards(&f, &life);
        fixture_done(&f);
        if (!failed)
            return;
    }
    fail_msg("a life takes more than %d disk operations", LIFE_OPERATIONS_MAX);
}

static void one_failed_operation_loses_nothing_acknowledged(void **state) {
    (void)state;
    fail_everywhere(ERR_DISK_FAILED, false, true);
}

static void a_disk_that_stays_broken_loses_nothing_acknowledged(void **state) {
    (void)state;
    fail_everywhere(ERR_DISK_FAILED, true, false);
}

static void a_full_disk_loses_nothing_acknowledged(void **state) {
    (void)state;
    fail_everywhere(ERR_DISK_FULL, true, true);
}

static void a_failed_flush_is_not_believed(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    append_records(&f, log, 3);
    f.disk.only_one_kind = true;
    f.disk.only = DISK_SYNC;
    f.disk.fail_at = f.disk.calls;
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(log_flush(log), ERR_DISK_FAILED);
    assert_int_equal(log_flushed_offset(log), 0);
    assert_int_equal(f.failures, 1);
    assert_int_equal(log_flush(log), ERR_KAFKA_STORAGE_ERROR);
    assert_true(log_dir_is_offline(&f.dir));
    fixture_crash(&f, log);
    fixture_done(&f);
}

static void a_short_write_shows_nothing_to_readers(void **state) {
    struct log_append_result result;
    struct batch_spec spec = {.records = 2, .timestamp = FIXTURE_NOW_MS};
    struct fixture f;
    struct log *log;
    int64_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    append_records(&f, log, 3);
    size = log_size(log);
    f.disk.only_one_kind = true;
    f.disk.only = DISK_WRITE;
    f.disk.error = ERR_DISK_FULL;
    f.disk.fail_at = f.disk.calls;
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DISK_FULL);
    assert_int_equal(log_end_offset(log), 3);
    assert_int_equal(log_size(log), size);
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_KAFKA_STORAGE_ERROR);
    fixture_crash(&f, log);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failed_operation_loses_nothing_acknowledged),
        cmocka_unit_test(a_disk_that_stays_broken_loses_nothing_acknowledged),
        cmocka_unit_test(a_full_disk_loses_nothing_acknowledged),
        cmocka_unit_test(a_failed_flush_is_not_believed),
        cmocka_unit_test(a_short_write_shows_nothing_to_readers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
