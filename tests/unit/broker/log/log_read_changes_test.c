/* The log is cut and goes on with other batches, or loses its oldest segments, exactly while a
 * reader waits for the disk: at each of its reads in turn. The reader looks again. */
#include "tests/unit/broker/log/log_fixture.h"

#define RECORDS 60
#define CUT_AT  20
#define STEP_MS 10

enum change { CUT_AND_GO_ON, LOSE_OLD_SEGMENTS };

static struct changing {
    struct fixture f;
    struct log *log;
    enum change change;
    bool is_armed;
    int64_t reads_left; /* before the change */
    bool has_changed;
} c;

/* Batches of `records` at once, so that what comes after a cut lies elsewhere. */
static void fill(int64_t until, int32_t records) {
    while (log_end_offset(c.log) < until) {
        struct batch_spec spec = {.records = records,
                                  .value_bytes = 40 + (size_t)records,
                                  .timestamp = FIXTURE_NOW_MS + STEP_MS * log_end_offset(c.log)};
        struct log_append_result result;
        assert_int_equal(append_batch(&c.f, c.log, &spec, &result), ERR_NONE);
    }
    log_note_high_watermark(c.log, log_end_offset(c.log));
}

static void change_log(void) {
    if (c.change == CUT_AND_GO_ON) {
        assert_int_equal(log_truncate(c.log, CUT_AT), ERR_NONE);
        fill(RECORDS, 4);
    } else {
        c.f.config.retention_bytes = 1000;
        log_set_config(c.log, &c.f.config);
        assert_int_equal(log_apply_retention(c.log, FIXTURE_NOW_MS, NULL), ERR_NONE);
    }
}

static enum error before(struct disk *disk, enum disk_operation operation, const char *path,
                         size_t *size) {
    (void)disk;
    (void)path;
    (void)size;
    /* Only the test's own thread reads; the pool's only syncs. */
    if (operation == DISK_READ && c.is_armed && !c.has_changed && c.reads_left-- == 0) {
        c.has_changed = true;
        change_log();
    }
    return ERR_NONE;
}

static void begin(enum change change, int64_t reads) {
    memset(&c, 0, sizeof(c));
    fixture_init(&c.f);
    c.f.disk.disk.before = before;
    c.f.config.segment_bytes = 1000;
    c.f.config.index_interval_bytes = 100;
    c.log = fixture_load(&c.f, true, 0);
    fill(RECORDS, 1);
    c.change = change;
    c.reads_left = reads;
    c.is_armed = true;
}

static bool end(void) {
    bool has_changed = c.has_changed;

    c.is_armed = false;
    fixture_close(&c.f, c.log);
    fixture_done(&c.f);
    return has_changed;
}

static void a_search_by_time_finds_what_is_there_in_the_end(void **state) {
    (void)state;

    for (int change = CUT_AND_GO_ON; change <= LOSE_OLD_SEGMENTS; change++) {
        bool has_changed = true;
        for (int64_t reads = 0; has_changed; reads++) {
            struct log_timestamp_offset found;
            int64_t start;
            begin((enum change)change, reads);
            assert_int_equal(
                log_offset_for_timestamp(c.log, FIXTURE_NOW_MS + STEP_MS * 30, RECORDS, &found),
                ERR_NONE);
            start = log_start_offset(c.log);
            /* After the cut four records have nearly the same time. */
            assert_true(found.offset >= 30 || found.offset == start);
            assert_true(found.offset < (start > 34 ? start + 1 : 35));
            assert_true(found.timestamp >= FIXTURE_NOW_MS + STEP_MS * 30);
            has_changed = end();
        }
    }
}

static void a_read_gives_whole_batches_of_one_state(void **state) {
    (void)state;

    for (int change = CUT_AND_GO_ON; change <= LOSE_OLD_SEGMENTS; change++) {
        bool has_changed = true;
        for (int64_t reads = 0; has_changed; reads++) {
            struct file_range range;
            struct record_batch batch;
            uint8_t data[2000];
            size_t size;
            bool was_found_after;
            enum error error;
            begin((enum change)change, reads);
            error = log_read(c.log, 30, RECORDS, 400, true, &range);
            was_found_after = c.has_changed;
            if (error == ERR_OFFSET_OUT_OF_RANGE) {
                assert_true(log_start_offset(c.log) > 30);
            } else {
                assert_int_equal(error, ERR_NONE);
                size = range.size;
                assert_int_equal(log_range_copy(c.log, &range, data, &size), ERR_NONE);
                log_range_release(&range);
                /* Not while the copy itself was under way: then its reader must look. */
                if (was_found_after || !c.has_changed) {
                    assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
                    assert_true(record_batch_crc_is_valid(&batch));
                    assert_true(batch.base_offset <= 30 && record_batch_last_offset(&batch) >= 30);
                }
            }
            has_changed = end();
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_by_time_finds_what_is_there_in_the_end),
        cmocka_unit_test(a_read_gives_whole_batches_of_one_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
