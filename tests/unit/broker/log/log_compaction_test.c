/* A log is compacted: of each key the newest record stays, under its offset, whatever happens in
 * the middle of it. */
#include <time.h>

#include "tests/unit/broker/log/compaction_model.h"

/* ---- the tests ---- */

static void the_newest_of_each_key_stays(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    (void)state;

    model_init(model);
    for (int i = 0; i < 300; i++)
        append(model, 1 + i % 4, -1, true);
    assert_true(model->log->segment_count > 10);
    assert_int_equal(compact(model, &result), ERR_NONE);
    assert_true(result.bytes_after < result.bytes_before / 3);
    assert_int_equal(result.compacted_offset, log_active_segment(model->log)->base_offset);
    assert_int_equal(model->log->compacted_offset, result.compacted_offset);
    check(model, result.compacted_offset);
    /* There is nothing more to do. */
    assert_int_equal(compact(model, &result), ERR_NONE);
    assert_int_equal(result.compacted_offset, 0);
    /* What has become small is merged the next time. */
    for (int i = 0; i < 50; i++)
        append(model, 1 + i % 4, -1, true);
    assert_int_equal(compact(model, &result), ERR_NONE);
    assert_true(result.segments_after < result.segments_before / 2);
    check(model, result.compacted_offset);
    reopen(model, true);
    check(model, model->log->compacted_offset);
    reopen(model, false);
    check(model, model->log->compacted_offset);
    assert_false(file_exists(model->f.log_path, "00000000000000000000.log.cleaned"));
    model_done(model);
    free(model);
}

static void tombstones_go_after_their_time(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    struct seen seen;
    (void)state;

    model_init(model);
    append(model, 1, 1, true);
    append(model, 1, 1, false);
    append(model, 1, 2, true);
    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < 30; i++)
            append(model, 1, 3, true);
        if (pass == 2)
            model->f.clock.wall_ms_now += model->f.config.delete_retention_ms;
        assert_int_equal(compact(model, &result), ERR_NONE);
        assert_true(result.compacted_offset > 10);
        see_all(model, result.compacted_offset, &seen);
        assert_int_equal(seen.newest[1], pass < 2 ? 1 : -1);
        assert_int_equal(seen.newest[2], 2);
    }
    reopen(model, false);
    see_all(model, model->log->compacted_offset, &seen);
    assert_int_equal(seen.newest[1], -1);
    model_done(model);
    free(model);
}

/* The table of keys is smaller than the log's keys: it takes several passes. */
static void a_small_table_takes_several_passes(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    int64_t before = 0;
    int passes = 0;
    (void)state;

    model_init(model);
    model->means.map_bytes = 10 * 24;
    for (int i = 0; i < 200; i++)
        append(model, 2, -1, true);
    for (;;) {
        assert_int_equal(compact(model, &result), ERR_NONE);
        if (result.compacted_offset == 0)
            break;
        assert_true(result.compacted_offset > before);
        before = result.compacted_offset;
        passes++;
        /* Of each key one record is known to be the newest of what this pass looked at; older
         * ones of keys that it did not meet may stay beside it only until they are met. */
        check(model, before);
    }
    assert_true(passes > 3);
    assert_int_equal(before, log_active_segment(model->log)->base_offset);
    model_done(model);
    free(model);
}

static void a_reader_reads_on_in_what_was_exchanged(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    struct file_range range;
    uint8_t *before;
    uint8_t *after;
    size_t size;
    (void)state;

    model_init(model);
    for (int i = 0; i < 100; i++)
        append(model, 1, i % 3, true);
    assert_int_equal(log_read(model->log, 5, model->end, 300, true, &range), ERR_NONE);
    before = malloc(range.size);
    after = malloc(range.size);
    assert_int_equal(log_range_copy(model->log, &range, before, &size), ERR_NONE);
    assert_int_equal(compact(model, &result), ERR_NONE);
    log_dir_remove_doomed(&model->f.dir, INT64_MAX);
    assert_int_equal(log_range_copy(model->log, &range, after, &size), ERR_NONE);
    assert_int_equal(size, range.size);
    assert_memory_equal(before, after, size);
    log_range_release(&range);
    check(model, result.compacted_offset);
    free(before);
    free(after);
    model_done(model);
    free(model);
}

static void old_files_go_after_a_while(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    (void)state;

    model_init(model);
    for (int i = 0; i < 100; i++)
        append(model, 1, i % 3, true);
    assert_int_equal(compact(model, &result), ERR_NONE);
    assert_true(file_exists(model->f.log_path, "00000000000000000000.log.deleted"));
    assert_true(log_dir_has_doomed(&model->f.dir));
    log_dir_remove_doomed(&model->f.dir, INT64_MAX);
    assert_false(file_exists(model->f.log_path, "00000000000000000000.log.deleted"));
    check(model, result.compacted_offset);
    model_done(model);
    free(model);
}

/* ---- things happen in the middle ---- */

static void truncate_now(struct model *model, int time) {
    if (time != 1)
        return;
    assert_int_equal(log_truncate(model->log, model->end / 2), ERR_NONE);
    model->end = log_end_offset(model->log);
}

static void a_truncation_ends_the_pass(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    (void)state;

    model_init(model);
    for (int i = 0; i < 200; i++)
        append(model, 1, -1, true);
    model->at_lock = truncate_now;
    assert_int_equal(compact(model, &result), ERR_CANCELLED);
    model->at_lock = NULL;
    assert_int_equal(model->log->compacted_offset, 0);
    check(model, 0);
    for (int i = 0; i < 100; i++)
        append(model, 1, -1, true);
    assert_int_equal(compact(model, &result), ERR_NONE);
    check(model, result.compacted_offset);
    /* What was cut off is not compacted any more. */
    assert_int_equal(log_truncate(model->log, 20), ERR_NONE);
    assert_true(model->log->compacted_offset <= log_end_offset(model->log));
    model_done(model);
    free(model);
}

static void retain_now(struct model *model, int time) {
    if (time != 1)
        return;
    model->f.config.delete_old = true;
    model->f.config.retention_bytes = log_size(model->log) - 4500;
    log_set_config(model->log, &model->f.config);
    assert_int_equal(log_apply_retention(model->log, clock_wall_ms(&model->f.clock.clock), NULL),
                     ERR_NONE);
    assert_true(log_start_offset(model->log) > 0);
}

/* Segments that go meanwhile are left out, the others are exchanged. */
static void retention_goes_on_meanwhile(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    int64_t start;
    struct seen seen;
    (void)state;

    model_init(model);
    for (int i = 0; i < 400; i++)
        append(model, 1, i % KEYS, true);
    model->at_lock = retain_now;
    assert_int_equal(compact(model, &result), ERR_NONE);
    model->at_lock = NULL;
    start = log_start_offset(model->log);
    assert_true(start > 0);
    assert_true(result.segments_before > 0);
    see_all(model, result.compacted_offset, &seen);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(seen.newest[i], 400 - KEYS + i);
    reopen(model, false);
    assert_true(log_start_offset(model->log) >= start);
    model_done(model);
    free(model);
}

static void append_more(struct model *model) {
    if (model->end < 5000)
        append(model, 1, -1, true);
}

static void appends_go_on_meanwhile(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    (void)state;

    model_init(model);
    model->f.config.segment_bytes = 100000;
    log_set_config(model->log, &model->f.config);
    for (int i = 0; i < 3000; i++)
        append(model, 1, -1, true);
    model->at_pace = append_more;
    assert_int_equal(compact(model, &result), ERR_NONE);
    assert_true(model->end > 3000);
    check(model, result.compacted_offset);
    model_done(model);
    free(model);
}

static void whoever_stops_leaves_nothing_behind(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    (void)state;

    model_init(model);
    model->f.config.segment_bytes = 1000000;
    log_set_config(model->log, &model->f.config);
    for (int i = 0; i < 4000; i++)
        append(model, 1, -1, true);
    assert_int_equal(log_roll(model->log, FIXTURE_NOW_MS), ERR_NONE);
    for (int paces = 0;; paces++) {
        enum error error;
        model->paces_left = paces;
        error = compact(model, &result);
        assert_false(file_exists(model->f.log_path, "00000000000000000000.log.cleaned"));
        assert_false(file_exists(model->f.log_path, "00000000000000000000.index.cleaned"));
        check(model, error == ERR_NONE ? result.compacted_offset : 0);
        if (error == ERR_NONE)
            break;
        assert_int_equal(error, ERR_CANCELLED);
        assert_int_equal(model->log->compacted_offset, 0);
        assert_true(paces < 100);
    }
    model_done(model);
    free(model);
}

static void a_damaged_segment_is_left_alone(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    size_t size;
    uint8_t *data;
    char *path;
    (void)state;

    model_init(model);
    for (int i = 0; i < 100; i++)
        append(model, 1, i % 3, true);
    path = path_in(model->f.log_path, "00000000000000000000.log");
    data = slurp(path, &size);
    data[size / 2] ^= 1;
    spit(path, data, size);
    assert_int_equal(compact(model, &result), ERR_CORRUPT_MESSAGE);
    assert_int_equal(model->f.failures, 0);
    assert_int_equal(log_end_offset(model->log), model->end);
    free(data);
    log_compaction_failed(model->log);
    {
        struct log_compaction *compaction;
        assert_int_equal(log_compaction_begin(model->log, FIXTURE_NOW_MS, &compaction), ERR_NONE);
        assert_null(compaction);
    }
    model_done(model);
    free(model);
}

/* ---- crashes ---- */

/* Every operation of the disk fails, and all after it: the log opens again, with everything that
 * must stay, and can be compacted. */
static void fail_everywhere(bool keeps_failing) {
    bool has_failed = true;

    for (int64_t fail_at = 0; has_failed; fail_at++) {
        struct compaction_result result;
        struct model *model = malloc(sizeof(*model));
        struct seen seen;
        enum error error;
        model_init(model);
        logger_set_level(LOG_LEVEL_ERROR + 1);
        for (int i = 0; i < 120; i++)
            append(model, 1, -1, true);
        worker_pool_drain(model->f.pool);
        model->f.disk.calls = 0;
        model->f.disk.fail_at = fail_at;
        model->f.disk.keeps_failing = keeps_failing;
        error = compact(model, &result);
        has_failed = model->f.disk.failed;
        if (!has_failed)
            assert_int_equal(error, ERR_NONE);
        fixture_crash(&model->f, model->log);
        faulty_disk_init(&model->f.disk);
        fixture_close_dir(&model->f);
        fixture_open_dir(&model->f);
        model->log = fixture_load(&model->f, false, 0);
        log_note_high_watermark(model->log, model->end);
        if (error == ERR_NONE)
            check(model, result.compacted_offset);
        else
            check_newest(model, model->end, &seen);
        assert_int_equal(compact(model, &result), ERR_NONE);
        check(model, model->log->compacted_offset);
        model_done(model);
        free(model);
    }
}

static void a_crash_in_the_middle_loses_nothing(void **state) {
    (void)state;
    fail_everywhere(true);
}

static void one_failed_operation_loses_nothing(void **state) {
    (void)state;
    fail_everywhere(false);
}

/* ---- at random ---- */

static void log_and_model_agree(uint64_t seed) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));

    print_message("seed %llu\n", (unsigned long long)seed);
    model_init(model);
    rng_seed(&model->rng, seed);
    model->f.config.segment_bytes = 500 + (int32_t)below(model, 8000);
    model->f.config.index_interval_bytes = (int32_t)below(model, 500);
    model->f.config.delete_retention_ms = (int64_t)below(model, 3000);
    log_set_config(model->log, &model->f.config);
    model->means.map_bytes = below(model, 2) == 0 ? 1 << 20 : 24 * (1 + below(model, 60));
    for (int i = 0; i < 400; i++) {
        uint64_t choice = below(model, 100);
        if (choice < 85) {
            append(model, 1 + (int)below(model, 8), -1, true);
        } else if (choice < 93) {
            assert_int_equal(compact(model, &result), ERR_NONE);
            check(model, model->log->compacted_offset);
        } else if (choice < 96) {
            reopen(model, below(model, 2) == 0);
            check(model, model->log->compacted_offset);
        } else if (choice < 98) {
            assert_int_equal(log_roll(model->log, FIXTURE_NOW_MS), ERR_NONE);
        } else {
            log_dir_remove_doomed(&model->f.dir, INT64_MAX);
        }
        model->f.clock.wall_ms_now += (int64_t)below(model, 100);
    }
    check(model, model->log->compacted_offset);
    model_done(model);
    free(model);
}

static void a_log_and_its_model_agree_after_every_pass(void **state) {
    const char *given = getenv("BARNABAS_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
    (void)state;

    for (int i = 0; i < (given != NULL ? 1 : 15); i++)
        log_and_model_agree(seed + (uint64_t)i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_each_key_stays),
        cmocka_unit_test(tombstones_go_after_their_time),
        cmocka_unit_test(a_small_table_takes_several_passes),
        cmocka_unit_test(a_reader_reads_on_in_what_was_exchanged),
        cmocka_unit_test(old_files_go_after_a_while),
        cmocka_unit_test(a_truncation_ends_the_pass),
        cmocka_unit_test(retention_goes_on_meanwhile),
        cmocka_unit_test(appends_go_on_meanwhile),
        cmocka_unit_test(whoever_stops_leaves_nothing_behind),
        cmocka_unit_test(a_damaged_segment_is_left_alone),
        cmocka_unit_test(a_crash_in_the_middle_loses_nothing),
        cmocka_unit_test(one_failed_operation_loses_nothing),
        cmocka_unit_test(a_log_and_its_model_agree_after_every_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
