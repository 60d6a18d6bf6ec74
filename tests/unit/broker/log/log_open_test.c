/*
 * Logs that a start after a clean stop leaves unopened: nothing of them is touched before they are
 * needed, they are then what they were, and what is not as it was is never served.
 */
#include "tests/unit/broker/log/manager_fixture.h"

#include <pthread.h>

#define LOGS    6
#define READERS 4

/* Several logs with records, and a clean stop. */
static void home_with_closed_logs(struct home *home) {
    struct log_manager *manager;

    home_init(home);
    home->config.segment_bytes = 300;
    manager = start(home);
    for (int32_t i = 0; i < LOGS; i++) {
        struct log *log = make_log(home, manager, "orders", i);
        for (int32_t n = 0; n < i + 2; n++)
            append(home, log, n + 1);
        log_note_high_watermark(log, log_end_offset(log));
    }
    log_manager_close(manager, 42);
    home->disk.watched = "/orders-";
    home->disk.watched_calls = 0;
}

static void done(struct home *home, struct log_manager *manager) {
    log_manager_abandon(manager);
    remove_tree(home->root);
}

static int64_t records_of(int32_t partition) {
    int64_t count = 0;

    for (int32_t n = 0; n < partition + 2; n++)
        count += n + 1;
    return count;
}

/* Every record from the log start on, up to the end or what cannot be read. */
static int64_t read_all(struct log *log) {
    int64_t offset = log_start_offset(log);
    struct file_range range;

    while (offset < log_end_offset(log)) {
        struct record_batch batch;
        struct bytes rest;
        uint8_t *data;
        size_t size;
        enum error error = log_read(log, offset, log_end_offset(log), 1 << 20, true, &range);
        if (error == ERR_CORRUPT_MESSAGE)
            return -1;
        assert_int_equal(error, ERR_NONE);
        assert_true(range.size > 0);
        data = malloc(range.size);
        assert_int_equal(log_range_copy(log, &range, data, &size), ERR_NONE);
        log_range_release(&range);
        rest = bytes_of(data, size);
        while (record_batch_decode(rest, &batch) == ERR_NONE) {
            assert_true(record_batch_crc_is_valid(&batch));
            assert_true(record_batch_last_offset(&batch) >= offset);
            offset = record_batch_last_offset(&batch) + 1;
            rest = bytes_of(rest.data + batch.whole.size, rest.size - batch.whole.size);
        }
        free(data);
    }
    return offset;
}

static const char *dir_of(struct log *log) {
    return log_dir_path(log_directory(log));
}

static void a_start_after_a_clean_stop_touches_no_folder_of_a_partition(void **state) {
    struct log_manager *manager;
    struct file_range range;
    struct home home;
    (void)state;

    home_with_closed_logs(&home);
    manager = start(&home);
    assert_int_equal(log_manager_log_count(manager), LOGS);
    for (int32_t i = 0; i < LOGS; i++) {
        struct log *log = find(manager, "orders", i);
        struct uuid id = log_topic_id(log);
        assert_false(log_is_open(log));
        assert_true(uuid_equal(&id, &topic_id));
        assert_int_equal(log_start_offset(log), 0);
        assert_int_equal(log_end_offset(log), records_of(i));
        assert_int_equal(log_flushed_offset(log), records_of(i));
        assert_int_equal(log_high_watermark(log), records_of(i));
        assert_int_equal(log_first_unstable_offset(log), INT64_MAX);
        assert_int_equal(log_latest_leader_epoch(log), 0);
        assert_int_equal(log_epoch_end(log, 0).end_offset, records_of(i));
        assert_true(log_size(log) > 0);
        /* What a leader's first moments take. */
        assert_int_equal(log_assign_leader_epoch(log, 7), ERR_NONE);
        assert_int_equal(log_latest_leader_epoch(log), 7);
        assert_int_equal(log_read(log, records_of(i), records_of(i), 1 << 20, true, &range),
                         ERR_NONE);
        assert_int_equal(range.size, 0);
        assert_int_equal(log_read(log, records_of(i) + 1, INT64_MAX, 1 << 20, true, &range),
                         ERR_OFFSET_OUT_OF_RANGE);
        log_advance_start_offset(log, 1);
        log_expire_producers(log, FIXTURE_NOW_MS, 0);
        assert_int_equal(log_truncate(log, records_of(i)), ERR_NONE);
        assert_int_equal(log_flush(log), ERR_NONE);
        assert_false(log_is_open(log));
    }
    log_manager_checkpoint(manager);
    log_manager_run_due(manager);
    worker_pool_drain(log_manager_pool(manager));
    assert_int_equal(home.disk.watched_calls, 0);
    done(&home, manager);
}

static void use_by_reading(struct home *home, struct log *log) {
    (void)home;
    (void)read_all(log);
}

static void use_by_appending(struct home *home, struct log *log) {
    append(home, log, 3);
    assert_int_equal(log_truncate(log, log_end_offset(log) - 3), ERR_NONE);
}

static void use_by_time(struct home *home, struct log *log) {
    struct log_timestamp_offset found;

    (void)home;
    assert_int_equal(log_offset_for_timestamp(log, 0, INT64_MAX, &found), ERR_NONE);
    assert_int_equal(found.offset, 0);
}

static void use_by_the_largest_time(struct home *home, struct log *log) {
    struct log_timestamp_offset found;

    (void)home;
    assert_int_equal(log_offset_of_max_timestamp(log, INT64_MAX, &found), ERR_NONE);
    assert_true(found.offset > 0);
}

static void use_by_rolling(struct home *home, struct log *log) {
    assert_int_equal(log_roll(log, clock_wall_ms(&home->clock.clock)), ERR_NONE);
}

static void use_by_retention(struct home *home, struct log *log) {
    assert_int_equal(log_apply_retention(log, clock_wall_ms(&home->clock.clock), NULL), ERR_NONE);
}

static void a_log_is_opened_by_its_first_use_and_is_what_it_was(void **state) {
    static void (*const uses[])(struct home * home, struct log * log) = {
        use_by_reading,          use_by_appending, use_by_time,
        use_by_the_largest_time, use_by_rolling,   use_by_retention,
    };
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_with_closed_logs(&home);
    for (size_t i = 0; i < ARRAY_COUNT(uses); i++) {
        struct log *log;
        manager = start(&home);
        log = find(manager, "orders", (int32_t)i);
        assert_false(log_is_open(log));
        uses[i](&home, log);
        assert_true(log_is_open(log));
        assert_int_equal(read_all(log), records_of((int32_t)i));
        for (int32_t other = 0; other < LOGS; other++)
            assert_int_equal(log_is_open(find(manager, "orders", other)), other == (int32_t)i);
        log_manager_close(manager, 43);
    }
    manager = start(&home);
    log_manager_open_logs(manager);
    worker_pool_drain(log_manager_pool(manager));
    for (int32_t i = 0; i < LOGS; i++) {
        assert_true(log_is_open(find(manager, "orders", i)));
        assert_int_equal(read_all(find(manager, "orders", i)), records_of(i));
    }
    done(&home, manager);
}

static void a_crash_after_a_lazy_start_loses_nothing_and_is_told_as_one(void **state) {
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_with_closed_logs(&home);
    manager = start(&home);
    append(&home, find(manager, "orders", 3), 5);
    log_advance_start_offset(find(manager, "orders", 4), 2);
    log_manager_checkpoint(manager);
    log_manager_abandon(manager);
    for (int times = 0; times < 2; times++) {
        manager = start(&home);
        assert_false(log_manager_was_clean(manager));
        assert_true(log_manager_may_have_lost_records(manager));
        for (int32_t i = 0; i < LOGS; i++) {
            struct log *log = find(manager, "orders", i);
            assert_true(log_is_open(log));
            assert_int_equal(log_start_offset(log), i == 4 ? 2 : 0);
            assert_int_equal(read_all(log), records_of(i) + (i == 3 ? 5 : 0));
        }
        log_manager_abandon(manager);
    }
    remove_tree(home.root);
}

/* The marker's file is another one, as after a start and stop of another program. */
static void rewrite_marker(const struct home *home) {
    for (int i = 0; i < DIRS; i++) {
        size_t size;
        uint8_t *text = slurp(path_in(home->dirs[i], ".kafka_cleanshutdown"), &size);
        unlink(path_in(home->dirs[i], ".kafka_cleanshutdown"));
        spit(path_in(home->dirs[i], ".kafka_cleanshutdown"), text, size);
        free(text);
    }
}

static void cut_summary(const struct home *home) {
    for (int i = 0; i < DIRS; i++)
        assert_int_equal(truncate(path_in(home->dirs[i], ".barnabas_logs"), 100), 0);
}

static void remove_summary(const struct home *home) {
    for (int i = 0; i < DIRS; i++)
        unlink(path_in(home->dirs[i], ".barnabas_logs"));
}

static void without_a_summary_to_believe_every_log_is_opened(void **state) {
    static void (*const spoil[])(const struct home *home) = {rewrite_marker, cut_summary,
                                                             remove_summary};
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_with_closed_logs(&home);
    for (size_t i = 0; i < ARRAY_COUNT(spoil); i++) {
        spoil[i](&home);
        manager = start(&home);
        assert_true(log_manager_was_clean(manager));
        for (int32_t n = 0; n < LOGS; n++)
            assert_true(log_is_open(find(manager, "orders", n)));
        assert_false(file_exists(home.dirs[0], ".barnabas_logs"));
        log_manager_close(manager, 42);
        assert_true(file_exists(home.dirs[0], ".barnabas_logs"));
    }
    remove_tree(home.root);
}

static void a_summary_is_believed_once(void **state) {
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_with_closed_logs(&home);
    manager = start(&home);
    for (int i = 0; i < DIRS; i++) {
        assert_false(file_exists(home.dirs[i], ".barnabas_logs"));
        assert_false(file_exists(home.dirs[i], ".kafka_cleanshutdown"));
    }
    done(&home, manager);
}

/* Of partition 5, which has several segments. */
static void shorten_segment(struct log *log) {
    char path[4096];
    struct stat found;

    segment_path(&log->home, 15, SEGMENT_SUFFIX_LOG, path);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(truncate(path, found.st_size - 1), 0);
}

static void remove_segment(struct log *log) {
    char path[4096];

    segment_path(&log->home, 15, SEGMENT_SUFFIX_LOG, path);
    assert_int_equal(unlink(path), 0);
}

static void lengthen_last_segment(struct log *log) {
    struct batch_spec spec = {
        .records = 1, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS, .base_offset = 28};
    char path[4096];
    size_t batch_size;
    size_t size;
    uint8_t *batch = make_batch(&spec, &batch_size);
    uint8_t *data;

    segment_path(&log->home, 21, SEGMENT_SUFFIX_LOG, path);
    data = slurp(path, &size);
    assert_true(size > 0);
    memcpy(data + size, batch, batch_size);
    spit(path, data, size + batch_size);
    free(batch);
    free(data);
}

static void a_log_that_is_not_as_it_was_closed_takes_its_directory_offline(void **state) {
    static void (*const change[])(struct log * log) = {shorten_segment, remove_segment,
                                                       lengthen_last_segment};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(change); i++) {
        struct log_manager *manager;
        struct file_range range;
        struct home home;
        struct log *log;
        home_with_closed_logs(&home);
        manager = start(&home);
        log = find(manager, "orders", 5);
        change[i](log);
        assert_int_equal(log_open(log), ERR_DISK_CORRUPT);
        assert_int_equal(home.failures, 1);
        assert_null(find(manager, "orders", 5));
        assert_int_equal(log_read(log, 0, 20, 1 << 20, true, &range), ERR_KAFKA_STORAGE_ERROR);
        log_manager_close(manager, 43);
        /* The next start looks at all of it, and says that records may be gone. */
        manager = start(&home);
        assert_true(log_manager_may_have_lost_records(manager));
        log = find(manager, "orders", 5);
        assert_non_null(log);
        assert_int_equal(read_all(log), change[i] == shorten_segment ? -1 : log_end_offset(log));
        done(&home, manager);
    }
}

static void wrong_epochs_in_the_file_are_written_anew(void **state) {
    struct log_manager *manager;
    struct home home;
    struct log *log;
    char path[4096];
    uint8_t *text;
    size_t size;
    (void)state;

    home_with_closed_logs(&home);
    manager = start(&home);
    log = find(manager, "orders", 2);
    snprintf(path, sizeof(path), "%s/orders-2/leader-epoch-checkpoint", dir_of(log));
    spit(path, "0\n1\n0 1\n", 8);
    append(&home, log, 1);
    assert_int_equal(log_epoch_end(log, 0).end_offset, records_of(2) + 1);
    text = slurp(path, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(text, "0\n1\n0 0\n", 8);
    free(text);
    done(&home, manager);
}

static void a_log_can_be_deleted_before_it_was_opened(void **state) {
    struct log_manager *manager;
    struct file_range range;
    struct home home;
    struct log *old;
    struct log *log;
    (void)state;

    home_with_closed_logs(&home);
    manager = start(&home);
    old = find(manager, "orders", 1);
    log_ref(old);
    assert_int_equal(log_manager_delete(manager, old), ERR_NONE);
    log = make_log(&home, manager, "orders", 1);
    append(&home, log, 2);
    assert_int_equal(log_read(old, 0, 1, 1 << 20, true, &range), ERR_KAFKA_STORAGE_ERROR);
    log_unref(old);
    assert_int_equal(log_end_offset(log), 2);
    assert_int_equal(read_all(log), 2);
    done(&home, manager);
}

static void open_transactions_are_not_left_to_a_later_look(void **state) {
    struct batch_spec spec = {.records = 2,
                              .value_bytes = 10,
                              .timestamp = FIXTURE_NOW_MS,
                              .producer_id = 9,
                              .is_transactional = true};
    struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
    struct log_append_result result;
    struct log_manager *manager;
    struct arena arena;
    struct home home;
    struct log *log;
    uint8_t *batch;
    size_t size;
    (void)state;

    home_init(&home);
    manager = start(&home);
    log = make_log(&home, manager, "orders", 0);
    append(&home, log, 1);
    batch = make_batch(&spec, &size);
    arena_init(&arena, 65536);
    assert_int_equal(
        log_append_as_leader(log, batch, size, 0, FIXTURE_NOW_MS, &options, &arena, &result),
        ERR_NONE);
    log_note_high_watermark(log, 3);
    log_manager_close(manager, 42);
    manager = start(&home);
    log = find(manager, "orders", 0);
    assert_true(log_is_open(log));
    assert_int_equal(log_first_unstable_offset(log), 1);
    arena_done(&arena);
    free(batch);
    done(&home, manager);
}

static void *read_in_a_thread(void *context) {
    struct log *log = context;
    struct file_range range;

    CHECK(log_read(log, 0, INT64_MAX, 1 << 20, true, &range) == ERR_NONE);
    CHECK(range.size > 0);
    log_range_release(&range);
    return NULL;
}

static void readers_and_an_appender_may_open_it_together(void **state) {
    struct log_manager *manager;
    pthread_t readers[READERS];
    struct home home;
    (void)state;

    home_with_closed_logs(&home);
    manager = start(&home);
    log_manager_open_logs(manager);
    for (int32_t i = 0; i < LOGS; i++) {
        struct log *log = find(manager, "orders", i);
        for (int n = 0; n < READERS; n++)
            assert_int_equal(pthread_create(&readers[n], NULL, read_in_a_thread, log), 0);
        assert_int_equal(log_assign_leader_epoch(log, 0), ERR_NONE);
        log_set_config(log, &home.config);
        append(&home, log, 2);
        for (int n = 0; n < READERS; n++)
            assert_int_equal(pthread_join(readers[n], NULL), 0);
        assert_int_equal(read_all(log), records_of(i) + 2);
    }
    done(&home, manager);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_after_a_clean_stop_touches_no_folder_of_a_partition),
        cmocka_unit_test(a_log_is_opened_by_its_first_use_and_is_what_it_was),
        cmocka_unit_test(a_crash_after_a_lazy_start_loses_nothing_and_is_told_as_one),
        cmocka_unit_test(without_a_summary_to_believe_every_log_is_opened),
        cmocka_unit_test(a_summary_is_believed_once),
        cmocka_unit_test(a_log_that_is_not_as_it_was_closed_takes_its_directory_offline),
        cmocka_unit_test(wrong_epochs_in_the_file_are_written_anew),
        cmocka_unit_test(a_log_can_be_deleted_before_it_was_opened),
        cmocka_unit_test(open_transactions_are_not_left_to_a_later_look),
        cmocka_unit_test(readers_and_an_appender_may_open_it_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
