/* The data directories as a whole: starting, stopping, making and deleting logs. */
#include "tests/unit/broker/log/manager_fixture.h"

#include "broker/log/log_move.h"
#include "broker/log/partition_metadata.h"

static void logs_are_spread_over_the_directories_and_found_again(void **state) {
    struct log_manager_dir_info info;
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    manager = start(&home);
    for (int32_t i = 0; i < 100; i++)
        append(&home, make_log(&home, manager, "orders", i), i % 3 + 1);
    for (size_t i = 0; i < DIRS; i++) {
        assert_true(log_manager_dir_info(manager, i, &info));
        assert_int_equal(info.log_count, 100 / DIRS);
        assert_true(info.total_bytes > 0);
    }
    assert_false(log_manager_dir_info(manager, DIRS, &info));
    for (int clean = 1; clean >= 0; clean--) {
        if (clean)
            log_manager_close(manager, 42);
        else
            log_manager_abandon(manager);
        assert_int_equal(file_exists(home.dirs[0], ".kafka_cleanshutdown"), clean);
        manager = start(&home);
        assert_false(file_exists(home.dirs[0], ".kafka_cleanshutdown"));
        assert_int_equal(log_manager_was_clean(manager), clean);
        assert_int_equal(log_manager_previous_broker_epoch(manager), clean ? 42 : -1);
        assert_int_equal(log_manager_log_count(manager), 100);
        for (int32_t i = 0; i < 100; i++) {
            struct log *log = find(manager, "orders", i);
            struct uuid id;
            assert_non_null(log);
            id = log_topic_id(log);
            assert_true(uuid_equal(&id, &topic_id));
            assert_int_equal(log_end_offset(log), i % 3 + 1);
        }
        assert_null(find(manager, "orders", 100));
        assert_null(find(manager, "order", 1));
    }
    log_manager_close(manager, 43);
    remove_tree(home.root);
}

static void two_managers_exclude_each_other(void **state) {
    struct log_manager_options options;
    struct log_manager *manager;
    struct log_manager *second;
    struct home home;
    (void)state;

    home_init(&home);
    manager = start(&home);
    options = options_of(&home);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(log_manager_open(&options, &second), ERR_CONFIG_INVALID);
    log_manager_close(manager, 1);
    assert_int_equal(log_manager_open(&options, &second), ERR_NONE);
    log_manager_close(second, 1);
    remove_tree(home.root);
}

static void a_directory_of_another_broker_or_cluster_is_refused(void **state) {
    struct log_manager_options options;
    struct log_manager_identity identity;
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    log_manager_close(start(&home), 1);
    options = options_of(&home);
    assert_int_equal(log_manager_open(&options, &manager), ERR_NONE);
    identity = log_manager_identity(manager);
    assert_int_equal(identity.broker_id, 3);
    assert_string_equal(identity.cluster_id, "cluster");
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(log_manager_set_identity(manager, 4, "cluster"), ERR_CONFIG_INVALID);
    assert_int_equal(log_manager_set_identity(manager, 3, "other"), ERR_CONFIG_INVALID);
    log_manager_close(manager, 1);
    spit(path_in(home.dirs[1], "meta.properties"), "version=0\nbroker.id=9\n", 22);
    assert_int_equal(log_manager_open(&options, &manager), ERR_CONFIG_INVALID);
    remove_tree(home.root);
}

static void a_topic_id_is_adopted_once_and_then_defended(void **state) {
    struct uuid other = {{9}};
    struct log_manager *manager;
    struct home home;
    struct log *log;
    struct log *same;
    (void)state;

    home_init(&home);
    manager = start(&home);
    log = make_log(&home, manager, "t", 0);
    assert_int_equal(log_manager_find_or_create(manager, bytes_of_text("t"), 0, &other,
                                                &home.config, true, &same),
                     ERR_INCONSISTENT_TOPIC_ID);
    assert_int_equal(log_manager_find_or_create(manager, bytes_of_text("t"), 0, &topic_id,
                                                &home.config, true, &same),
                     ERR_NONE);
    assert_ptr_equal(log, same);
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

/* Folders named *-delete in a directory. */
static int count_folders(const char *path, const char *suffix) {
    struct dirent *entry;
    DIR *dir = opendir(path);
    int count = 0;

    while ((entry = readdir(dir)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (size > strlen(suffix) && strcmp(entry->d_name + size - strlen(suffix), suffix) == 0)
            count++;
    }
    closedir(dir);
    return count;
}

static void a_deleted_log_fails_at_once_and_its_files_go_later(void **state) {
    struct log_manager *manager;
    struct file_range range;
    struct home home;
    struct log *log;
    uint8_t data[1000];
    size_t size;
    (void)state;

    home_init(&home);
    home.config.file_delete_delay_ms = 1000;
    manager = start(&home);
    log = make_log(&home, manager, "t", 0);
    append(&home, log, 5);
    assert_int_equal(log_read(log, 0, 5, 1000, true, &range), ERR_NONE);
    log_ref(log);
    assert_int_equal(log_manager_delete(manager, log), ERR_NONE);
    assert_null(find(manager, "t", 0));
    assert_int_equal(log_manager_log_count(manager), 0);
    assert_int_equal(log_truncate(log, 0), ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(log_range_copy(log, &range, data, &size), ERR_NONE);
    assert_int_equal(size, range.size);
    log_range_release(&range);
    log_unref(log);
    log_manager_run_due(manager);
    worker_pool_drain(log_manager_pool(manager));
    assert_int_equal(count_folders(home.dirs[0], "-delete"), 1);
    clock_manual_advance_ms(&home.clock, 1000);
    log_manager_run_due(manager);
    worker_pool_drain(log_manager_pool(manager));
    assert_int_equal(count_folders(home.dirs[0], "-delete"), 0);
    log = make_log(&home, manager, "t", 0);
    assert_int_equal(log_end_offset(log), 0);
    assert_int_equal(log_manager_set_aside(manager, log), ERR_NONE);
    assert_int_equal(home.failures, 0);
    log_manager_close(manager, 1);
    manager = start(&home);
    assert_int_equal(log_manager_log_count(manager), 0);
    assert_int_equal(count_folders(home.dirs[0], "-stray"), 1);
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

/* A recovery point or log start of the deleted log would otherwise be taken for the new one's. */
static void a_new_log_does_not_inherit_checkpoints_of_a_deleted_one(void **state) {
    struct log_manager *manager;
    struct home home;
    struct log *log;
    (void)state;

    home_init(&home);
    manager = start(&home);
    log = make_log(&home, manager, "t", 0);
    append(&home, log, 100);
    log_advance_start_offset(log, 50);
    log_note_high_watermark(log, 100);
    assert_int_equal(log_flush(log), ERR_NONE);
    log_manager_checkpoint(manager);
    assert_int_equal(log_manager_delete(manager, log), ERR_NONE);
    log = make_log(&home, manager, "t", 0);
    append(&home, log, 10);
    log_manager_abandon(manager);
    manager = start(&home);
    log = find(manager, "t", 0);
    assert_int_equal(log_start_offset(log), 0);
    assert_int_equal(log_end_offset(log), 10);
    assert_int_equal(log_high_watermark(log), 0);
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

static void checkpoints_are_written_when_they_are_due(void **state) {
    struct log_manager *manager;
    struct home home;
    struct log *log;
    (void)state;

    home_init(&home);
    manager = start(&home);
    log = make_log(&home, manager, "t", 0);
    append(&home, log, 10);
    log_note_high_watermark(log, 7);
    log_advance_start_offset(log, 3);
    clock_manual_advance_ms(&home.clock, 60000);
    log_manager_run_due(manager);
    worker_pool_drain(log_manager_pool(manager));
    log_manager_abandon(manager);
    manager = start(&home);
    log = find(manager, "t", 0);
    assert_int_equal(log_high_watermark(log), 7);
    assert_int_equal(log_start_offset(log), 3);
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

static void flush_ms_puts_old_data_on_disk(void **state) {
    struct log_manager *manager;
    struct home home;
    struct log *log;
    (void)state;

    home_init(&home);
    home.config.flush_ms = 500;
    manager = start(&home);
    log = make_log(&home, manager, "t", 0);
    append(&home, log, 10);
    log_manager_run_due(manager);
    worker_pool_drain(log_manager_pool(manager));
    assert_int_equal(log_flushed_offset(log), 0);
    clock_manual_advance_ms(&home.clock, 500);
    log_manager_run_due(manager);
    worker_pool_drain(log_manager_pool(manager));
    assert_int_equal(log_flushed_offset(log), 10);
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

static void a_failing_directory_goes_offline_alone(void **state) {
    struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
    struct batch_spec spec = {.records = 1, .timestamp = FIXTURE_NOW_MS};
    struct log_append_result result;
    struct log_manager *manager;
    struct home home;
    struct arena arena;
    struct log *first;
    struct log *second;
    struct log *log;
    uint8_t *batch;
    size_t size;
    (void)state;

    home_init(&home);
    manager = start(&home);
    first = make_log(&home, manager, "t", 0);
    second = make_log(&home, manager, "t", 1);
    assert_true(log_directory(first) != log_directory(second));
    append(&home, first, 1);
    arena_init(&arena, 65536);
    batch = make_batch(&spec, &size);
    home.disk.only_one_kind = true;
    home.disk.only = DISK_WRITE;
    home.disk.fail_at = home.disk.calls;
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(log_append_as_leader(first, batch, size, 0, 0, &options, &arena, &result),
                     ERR_DISK_FAILED);
    assert_int_equal(home.failures, 1);
    assert_int_equal(home.live, 1);
    assert_int_equal(log_append_as_leader(first, batch, size, 0, 0, &options, &arena, &result),
                     ERR_KAFKA_STORAGE_ERROR);
    assert_null(find(manager, "t", 0));
    assert_non_null(find(manager, "t", 1));
    append(&home, second, 1);
    assert_true(log_manager_has_offline_directory(manager));
    assert_int_equal(log_manager_find_or_create(manager, bytes_of_text("t"), 2, &topic_id,
                                                &home.config, false, &log),
                     ERR_KAFKA_STORAGE_ERROR);
    log = make_log(&home, manager, "t", 2);
    assert_ptr_equal(log_directory(log), log_directory(second));
    free(batch);
    arena_done(&arena);
    log_manager_close(manager, 1);
    assert_false(file_exists(home.dirs[0], ".kafka_cleanshutdown"));
    assert_true(file_exists(home.dirs[1], ".kafka_cleanshutdown"));
    manager = start(&home);
    assert_false(log_manager_was_clean(manager));
    assert_int_equal(log_end_offset(find(manager, "t", 0)), 1);
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

static void make_folder(const struct home *home, int dir, const struct uuid *id) {
    const char *path = path_in(home->dirs[dir], "t-0");

    assert_int_equal(mkdir(path, 0755), 0);
    if (id != NULL)
        assert_int_equal(partition_metadata_write(disk_system(), path, id, false), ERR_NONE);
}

static void a_partition_of_two_topics_stops_the_start(void **state) {
    static const struct uuid ids[] = {{{1}}, {{2}}};
    struct log_manager_options options;
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    log_manager_close(start(&home), 1);
    make_folder(&home, 0, &ids[0]);
    make_folder(&home, 1, &ids[1]);
    options = options_of(&home);
    assert_int_equal(log_manager_open(&options, &manager), ERR_NONE);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(log_manager_load(manager), ERR_DISK_CORRUPT);
    log_manager_abandon(manager);
    remove_tree(home.root);
}

/* The disk was full when the partition was made in one directory, and so it was made in the other.
 */
static void a_folder_in_which_no_log_was_made_gives_way(void **state) {
    static const struct uuid id = {{1}};
    (void)state;

    for (int empty = 0; empty < DIRS; empty++) {
        struct log_manager *manager;
        struct home home;
        home_init(&home);
        logger_set_level(LOG_LEVEL_ERROR + 1);
        log_manager_close(start(&home), 1);
        make_folder(&home, empty, NULL);
        make_folder(&home, 1 - empty, &id);
        manager = start(&home);
        assert_true(log_manager_dir_holds(manager, 1 - empty, find(manager, "t", 0)));
        log_manager_close(manager, 1);
        assert_false(file_exists(home.dirs[empty], "t-0"));
        remove_tree(home.root);
    }
}

static int count_with_suffix(const char *dir, const char *suffix) {
    DIR *listing = opendir(dir);
    struct dirent *entry;
    int count = 0;

    assert_non_null(listing);
    while ((entry = readdir(listing)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (size > strlen(suffix) && strcmp(entry->d_name + size - strlen(suffix), suffix) == 0)
            count++;
    }
    closedir(listing);
    return count;
}

static void copy_folder(const char *from, const char *to) {
    char command[1024];

    assert_true(snprintf(command, sizeof(command), "cp -r %s %s", from, to) < (int)sizeof(command));
    assert_int_equal(system(command), 0);
}

/* A crash while a replica took its new place, or a directory that comes back from long ago. */
static void of_two_logs_of_a_partition_the_newer_one_stays(void **state) {
    struct log_manager *manager;
    struct home home;
    char saved[256];
    int here, other;
    (void)state;

    home_init(&home);
    manager = start(&home);
    append(&home, make_log(&home, manager, "t", 0), 3);
    log_manager_close(manager, 1);
    here = file_exists(home.dirs[0], "t-0") ? 0 : 1;
    copy_folder(path_in(home.dirs[here], "t-0"), path_in(home.dirs[!here], "t-0"));
    logger_set_level(LOG_LEVEL_ERROR);
    manager = start(&home);
    assert_int_equal(log_manager_log_count(manager), 1);
    assert_int_equal(log_end_offset(find(manager, "t", 0)), 3);
    here = file_exists(home.dirs[0], "t-0") ? 0 : 1;
    other = !here;
    assert_false(file_exists(home.dirs[other], "t-0"));
    assert_int_equal(count_with_suffix(home.dirs[other], "-delete"), 1);
    log_manager_close(manager, 1);
    snprintf(saved, sizeof(saved), "%s/saved", home.root);
    copy_folder(path_in(home.dirs[here], "t-0"), saved);
    manager = start(&home);
    append(&home, find(manager, "t", 0), 2);
    log_manager_close(manager, 1);
    for (int turn = 0; turn < 2; turn++) {
        /* The older one in the directory that is read later, then in the one that is read first. */
        if (turn == 1) {
            assert_int_equal(
                rename(path_in(home.dirs[here], "t-0"), path_in(home.dirs[!here], "t-0")), 0);
            here = !here;
        }
        copy_folder(saved, path_in(home.dirs[!here], "t-0"));
        manager = start(&home);
        assert_int_equal(log_end_offset(find(manager, "t", 0)), 5);
        assert_true(file_exists(home.dirs[here], "t-0"));
        assert_false(file_exists(home.dirs[!here], "t-0"));
        assert_int_equal(count_with_suffix(home.dirs[!here], "-stray"), 1);
        log_manager_close(manager, 1);
    }
    remove_tree(home.root);
}

static void a_log_is_made_where_it_is_wanted(void **state) {
    struct log_manager *manager;
    struct home home;
    struct log *log;
    (void)state;

    home_init(&home);
    manager = start(&home);
    assert_int_equal(log_manager_find_dir(manager, bytes_of_text(home.dirs[1])), 1);
    assert_int_equal(log_manager_find_dir(manager, bytes_of_text("/nowhere")), -1);
    for (int32_t i = 0; i < 10; i++) {
        log_manager_prefer_dir(manager, bytes_of_text("t"), i, 0);
        log_manager_prefer_dir(manager, bytes_of_text("t"), i, 1);
    }
    for (int32_t i = 0; i < 10; i++)
        assert_true(log_manager_dir_holds(manager, 1, make_log(&home, manager, "t", i)));
    /* Once is enough: the next one goes where there are fewest. */
    log = make_log(&home, manager, "t", 10);
    assert_true(log_manager_dir_holds(manager, 0, log));
    log_manager_close(manager, 1);
    remove_tree(home.root);
}

static void folders_of_others_are_left_alone(void **state) {
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    log_manager_close(start(&home), 1);
    assert_int_equal(mkdir(path_in(home.dirs[0], "lost+found"), 0755), 0);
    assert_int_equal(mkdir(path_in(home.dirs[0], "remote-log-index-cache"), 0755), 0);
    manager = start(&home);
    assert_int_equal(log_manager_log_count(manager), 0);
    log_manager_close(manager, 1);
    assert_true(file_exists(home.dirs[0], "lost+found"));
    remove_tree(home.root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_are_spread_over_the_directories_and_found_again),
        cmocka_unit_test(two_managers_exclude_each_other),
        cmocka_unit_test(a_directory_of_another_broker_or_cluster_is_refused),
        cmocka_unit_test(a_topic_id_is_adopted_once_and_then_defended),
        cmocka_unit_test(a_deleted_log_fails_at_once_and_its_files_go_later),
        cmocka_unit_test(a_new_log_does_not_inherit_checkpoints_of_a_deleted_one),
        cmocka_unit_test(checkpoints_are_written_when_they_are_due),
        cmocka_unit_test(flush_ms_puts_old_data_on_disk),
        cmocka_unit_test(a_failing_directory_goes_offline_alone),
        cmocka_unit_test(a_partition_of_two_topics_stops_the_start),
        cmocka_unit_test(a_folder_in_which_no_log_was_made_gives_way),
        cmocka_unit_test(of_two_logs_of_a_partition_the_newer_one_stays),
        cmocka_unit_test(a_log_is_made_where_it_is_wanted),
        cmocka_unit_test(folders_of_others_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
