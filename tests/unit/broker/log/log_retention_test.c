/* Old segments of a real log go, and nothing else does. */
#include "tests/unit/broker/log/log_fixture.h"

#define RECORDS 40

/* One record per batch, three batches per segment. */
static struct log *filled_log(struct fixture *f) {
    struct log *log;

    f->config.segment_bytes = 330;
    log = fixture_load(f, true, 0);
    for (int i = 0; i < RECORDS; i++)
        append_records(f, log, 1);
    log_note_high_watermark(log, RECORDS);
    return log;
}

static void check_readable_from(struct log *log, int64_t first) {
    struct file_range range;

    assert_int_equal(log_start_offset(log), first);
    for (int64_t offset = first; offset < RECORDS; offset++) {
        assert_int_equal(log_read(log, offset, RECORDS, 1000, true, &range), ERR_NONE);
        assert_true(range.size > 0);
        log_range_release(&range);
    }
    if (first > 0)
        assert_int_equal(log_read(log, first - 1, RECORDS, 1000, true, &range),
                         ERR_OFFSET_OUT_OF_RANGE);
}

static void segments_go_by_size_and_their_files_after_a_while(void **state) {
    struct fixture f;
    struct log *log;
    int64_t size;
    (void)state;

    fixture_init(&f);
    log = filled_log(&f);
    size = log_size(log);
    f.config.retention_bytes = 1000;
    log_set_config(log, &f.config);
    assert_int_equal(log_apply_retention(log, FIXTURE_NOW_MS, NULL), ERR_NONE);
    assert_true(log_size(log) < size && log_size(log) >= 1000);
    assert_true(log_start_offset(log) > 0);
    check_readable_from(log, log_start_offset(log));
    assert_false(file_exists(f.log_path, "00000000000000000000.log"));
    assert_true(file_exists(f.log_path, "00000000000000000000.log.deleted"));
    log_dir_remove_doomed(&f.dir, clock_monotonic_ms(&f.clock.clock));
    assert_true(file_exists(f.log_path, "00000000000000000000.log.deleted"));
    log_dir_remove_doomed(&f.dir, clock_monotonic_ms(&f.clock.clock) + 60000);
    assert_false(file_exists(f.log_path, "00000000000000000000.log.deleted"));
    assert_false(log_dir_has_doomed(&f.dir));
    fixture_close(&f, log);
    fixture_done(&f);
}

static void all_of_it_may_go_and_offsets_go_on(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = filled_log(&f);
    f.config.retention_ms = 1000;
    log_set_config(log, &f.config);
    assert_int_equal(log_apply_retention(log, FIXTURE_NOW_MS + 10000, NULL), ERR_NONE);
    assert_int_equal(log_start_offset(log), RECORDS);
    assert_int_equal(log_end_offset(log), RECORDS);
    assert_int_equal(log_size(log), 0);
    assert_int_equal(log_apply_retention(log, FIXTURE_NOW_MS + 10000, NULL), ERR_NONE);
    assert_int_equal(append_records(&f, log, 1), RECORDS);
    fixture_close(&f, log);
    log = fixture_load(&f, true, RECORDS + 1);
    assert_int_equal(log_start_offset(log), RECORDS);
    assert_int_equal(log_end_offset(log), RECORDS + 1);
    fixture_close(&f, log);
    fixture_done(&f);
}

/* What a producer sends again long after its records have gone is still known to be stored. */
static void producers_outlive_their_records(void **state) {
    struct batch_spec spec = {
        .records = 1, .value_bytes = 20, .timestamp = FIXTURE_NOW_MS, .producer_id = 7};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 256;
    log = fixture_load(&f, true, 0);
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    for (int i = 0; i < RECORDS; i++)
        append_records(&f, log, 1);
    log_note_high_watermark(log, log_end_offset(log));
    f.config.retention_bytes = 256;
    log_set_config(log, &f.config);
    assert_int_equal(log_apply_retention(log, FIXTURE_NOW_MS, NULL), ERR_NONE);
    assert_true(log_start_offset(log) > 1);
    for (int opening = 0; opening < 3; opening++) {
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
        assert_int_equal(result.base_offset, 0);
        spec.base_sequence = 2;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        spec.base_sequence = 0;
        if (opening == 0)
            fixture_close(&f, log);
        else
            fixture_crash(&f, log);
        log = fixture_load(&f, opening == 0, 0);
    }
    fixture_close(&f, log);
    fixture_done(&f);
}

static void what_followers_do_not_have_stays(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = filled_log(&f);
    f.config.retention_bytes = 0;
    log_set_config(log, &f.config);
    log_note_high_watermark(log, 7);
    assert_int_equal(log_apply_retention(log, FIXTURE_NOW_MS, NULL), ERR_NONE);
    assert_true(log_start_offset(log) <= 7);
    assert_true(log_start_offset(log) > 0);
    check_readable_from(log, log_start_offset(log));
    fixture_close(&f, log);
    fixture_done(&f);
}

static void a_reader_reads_on_what_it_began(void **state) {
    struct file_range range;
    struct fixture f;
    struct log *log;
    uint8_t data[1000];
    size_t size;
    (void)state;

    fixture_init(&f);
    log = filled_log(&f);
    assert_int_equal(log_read(log, 0, RECORDS, 100, true, &range), ERR_NONE);
    f.config.retention_bytes = 0;
    log_set_config(log, &f.config);
    assert_int_equal(log_apply_retention(log, FIXTURE_NOW_MS, NULL), ERR_NONE);
    log_dir_remove_doomed(&f.dir, INT64_MAX);
    size = range.size;
    assert_int_equal(log_range_copy(log, &range, data, &size), ERR_NONE);
    assert_int_equal(size, range.size);
    log_range_release(&range);
    fixture_close(&f, log);
    fixture_done(&f);
}

/* Every operation of the disk fails once: the log opens again, and has all that was to stay. */
static void a_crash_in_the_middle_loses_nothing_that_was_to_stay(void **state) {
    bool has_failed = true;
    (void)state;

    for (int64_t fail_at = 0; has_failed; fail_at++) {
        struct fixture f;
        struct log *log;
        int64_t stays_from;
        enum error error;
        fixture_init(&f);
        log = filled_log(&f);
        assert_int_equal(log_flush(log), ERR_NONE);
        worker_pool_drain(f.pool);
        f.config.retention_bytes = 1000;
        log_set_config(log, &f.config);
        f.disk.calls = 0;
        f.disk.fail_at = fail_at;
        f.disk.keeps_failing = true;
        error = log_apply_retention(log, FIXTURE_NOW_MS, NULL);
        has_failed = f.disk.failed;
        assert_int_equal(error != ERR_NONE, has_failed);
        stays_from = log_start_offset(log);
        fixture_crash(&f, log);
        f.disk.fail_at = -1;
        fixture_close_dir(&f);
        fixture_open_dir(&f);
        log = fixture_load(&f, false, 0);
        assert_int_equal(log_end_offset(log), RECORDS);
        assert_true(log_start_offset(log) <= stays_from);
        check_readable_from(log, log_start_offset(log));
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_go_by_size_and_their_files_after_a_while),
        cmocka_unit_test(all_of_it_may_go_and_offsets_go_on),
        cmocka_unit_test(producers_outlive_their_records),
        cmocka_unit_test(what_followers_do_not_have_stays),
        cmocka_unit_test(a_reader_reads_on_what_it_began),
        cmocka_unit_test(a_crash_in_the_middle_loses_nothing_that_was_to_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
