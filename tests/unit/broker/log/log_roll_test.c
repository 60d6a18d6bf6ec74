/* When a segment is as old as it may become. */
#include "tests/unit/broker/log/log_fixture.h"

/* Every segment that may be appended to has one: the first of a log, one that a roll made, and one
 * that a start found. */
static void the_age_of_each_segment_has_a_jitter_of_its_own(void **state) {
    enum { DRAWS = 20, BOUND = 1 << 30 };
    struct batch_spec spec = {.records = 1, .timestamp = 1000};
    struct log_append_result result;
    int64_t sum[3] = {0};
    struct fixture f;
    (void)state;

    fixture_init(&f);
    f.config.segment_jitter_ms = BOUND;
    f.config.segment_ms = 2 * (int64_t)BOUND;
    for (int draw = 0; draw < DRAWS; draw++) {
        struct log *log = fixture_load(&f, true, 0);
        sum[0] += log_active_segment(log)->jitter_ms;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
        assert_int_equal(log_roll(log, FIXTURE_NOW_MS), ERR_NONE);
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
        sum[1] += log_active_segment(log)->jitter_ms;
        fixture_close(&f, log);
        log = fixture_load(&f, true, 0);
        assert_in_range(log_active_segment(log)->jitter_ms, 0, BOUND - 1);
        sum[2] += log_active_segment(log)->jitter_ms;
        assert_int_equal(log_truncate_fully_and_start_at(log, 0), ERR_NONE);
        fixture_close(&f, log);
    }
    /* Below a tenth of the bound on average: once in more than 10^9 runs. */
    for (size_t i = 0; i < ARRAY_COUNT(sum); i++)
        assert_in_range(sum[i], DRAWS * (BOUND / 10), DRAWS * (int64_t)BOUND);
    /* More jitter than age is as much as that. */
    f.config.segment_ms = 1;
    {
        struct log *log = fixture_load(&f, true, 0);
        assert_int_equal(log_active_segment(log)->jitter_ms, 0);
        fixture_close(&f, log);
    }
    fixture_done(&f);
}

/* Of a compressed batch nobody looks at the records, and its header says what it likes. */
static void no_time_that_a_client_names_ends_a_segment_before_its_age(void **state) {
    struct batch_spec spec = {.records = 1, .timestamp = 1000, .codec = COMPRESSION_LZ4};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    uint8_t *batch;
    size_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    batch = make_batch(&spec, &size);
    record_batch_stamp_max_timestamp(batch, INT64_MIN);
    assert_int_equal(append_bytes(&f, log, batch, size, 0, &result), ERR_NONE);
    free(batch);
    assert_int_equal(result.base_offset, 1);
    assert_int_equal(log->segment_count, 1);
    fixture_close(&f, log);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_age_of_each_segment_has_a_jitter_of_its_own),
        cmocka_unit_test(no_time_that_a_client_names_ends_a_segment_before_its_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
