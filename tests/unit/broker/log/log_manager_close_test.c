/* What a clean stop asks of the disk: of many logs that changed little, of others nothing. */
#include "tests/unit/broker/log/manager_fixture.h"

#include <stdatomic.h>
#include <stdlib.h>

#define LOGS       40
#define OPERATIONS (DISK_SYNC_ALL + 1)

/* Whatever the logs are: three checkpoints and the marker; and the summary, which is not synced. */
#define OWN_SYNCS  (4 * DIRS)
#define OWN_WRITES (5 * DIRS)

struct counting_disk {
    struct disk disk; /* first */
    atomic_int counts[OPERATIONS];
};

static enum error count(struct disk *disk, enum disk_operation operation, const char *path,
                        size_t *size) {
    struct counting_disk *counting = (struct counting_disk *)disk;

    (void)path;
    (void)size;
    counting->counts[operation]++;
    return ERR_NONE;
}

static struct log_manager *start_counted(struct home *home, struct counting_disk *counting) {
    struct log_manager_options options = options_of(home);
    struct log_manager *manager;

    options.disk = &counting->disk;
    options.sync_together_min = LOGS / DIRS;
    assert_int_equal(log_manager_open(&options, &manager), ERR_NONE);
    assert_int_equal(log_manager_set_identity(manager, 3, "cluster"), ERR_NONE);
    assert_int_equal(log_manager_load(manager), ERR_NONE);
    return manager;
}

static int count_of(struct counting_disk *counting, enum disk_operation operation) {
    return counting->counts[operation];
}

static void stop(struct log_manager *manager, struct counting_disk *counting) {
    for (size_t i = 0; i < OPERATIONS; i++)
        counting->counts[i] = 0;
    log_manager_close(manager, 42);
}

static void append_to_all(struct home *home, struct log_manager *manager, int count) {
    for (int32_t i = 0; i < count; i++)
        append(home, make_log(home, manager, "t", i), 2);
}

static void check_all(struct log_manager *manager, int64_t end_offset) {
    assert_true(log_manager_was_clean(manager));
    for (int32_t i = 0; i < LOGS; i++) {
        struct log *log = find(manager, "t", i);
        assert_non_null(log);
        assert_int_equal(log_open(log), ERR_NONE);
        assert_int_equal(log_end_offset(log), end_offset);
        assert_int_equal(log_flushed_offset(log), end_offset);
    }
}

static void many_changed_logs_are_synced_together(void **state) {
    struct counting_disk counting = {.disk.before = count};
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    manager = start_counted(&home, &counting);
    append_to_all(&home, manager, LOGS);
    stop(manager, &counting);
    assert_int_equal(count_of(&counting, DISK_SYNC_ALL), DIRS);
    assert_int_equal(count_of(&counting, DISK_SYNC), OWN_SYNCS);
    assert_int_equal(count_of(&counting, DISK_SYNC_DIR), OWN_SYNCS);

    manager = start_counted(&home, &counting);
    check_all(manager, 2);
    append_to_all(&home, manager, LOGS / DIRS); /* too few in each directory */
    stop(manager, &counting);
    assert_int_equal(count_of(&counting, DISK_SYNC_ALL), 0);
    assert_true(count_of(&counting, DISK_SYNC) > 2 * LOGS / DIRS);
    remove_tree(home.root);
}

static void a_log_that_was_not_appended_to_costs_nothing(void **state) {
    struct counting_disk counting = {.disk.before = count};
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    manager = start_counted(&home, &counting);
    append_to_all(&home, manager, LOGS);
    for (int32_t i = LOGS; i < 2 * LOGS; i++)
        (void)make_log(&home, manager, "t", i);
    stop(manager, &counting);
    for (int turn = 0; turn < 2; turn++) {
        /* Somebody else leads them, and some are looked at. */
        manager = start_counted(&home, &counting);
        for (int32_t i = 0; i < 2 * LOGS; i++) {
            struct log *log = find(manager, "t", i);
            assert_int_equal(log_assign_leader_epoch(log, 7 + turn), ERR_NONE);
            if (i % 3 == turn)
                assert_int_equal(log_open(log), ERR_NONE);
        }
        stop(manager, &counting);
        assert_int_equal(count_of(&counting, DISK_SYNC_ALL), 0);
        assert_int_equal(count_of(&counting, DISK_SYNC), OWN_SYNCS);
        assert_int_equal(count_of(&counting, DISK_RENAME), OWN_WRITES);
        assert_int_equal(count_of(&counting, DISK_WRITE), OWN_WRITES);
    }
    manager = start_counted(&home, &counting);
    check_all(manager, 2);
    assert_int_equal(log_latest_leader_epoch(find(manager, "t", 0)), 0);
    log_manager_close(manager, 42);
    remove_tree(home.root);
}

/* The folder's files are copied to `target`, and it becomes a link to that. */
static void move_and_link(const char *dir, const char *name, const char *target) {
    struct dirent *entry;
    char from[512];
    uint8_t *data;
    DIR *folder;
    size_t size;

    assert_true(snprintf(from, sizeof(from), "%s/%s", dir, name) < (int)sizeof(from));
    folder = opendir(from);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_type != DT_REG)
            continue;
        data = slurp(path_in(from, entry->d_name), &size);
        spit(path_in(target, entry->d_name), data, size);
        free(data);
    }
    closedir(folder);
    remove_tree(from);
    assert_int_equal(symlink(target, from), 0);
}

static void a_log_on_another_file_system_is_synced_by_itself(void **state) {
    struct counting_disk counting = {.disk.before = count};
    char elsewhere[] = "barnabas-elsewhere-XXXXXX"; /* not in memory, if the rest is */
    char *target;
    struct log_manager *manager;
    struct stat here, there;
    struct home home;
    (void)state;

    home_init(&home);
    manager = start_counted(&home, &counting);
    append_to_all(&home, manager, LOGS);
    log_manager_close(manager, 42);
    assert_non_null(mkdtemp(elsewhere));
    assert_non_null(target = realpath(elsewhere, NULL));
    move_and_link(file_exists(home.dirs[0], "t-0") ? home.dirs[0] : home.dirs[1], "t-0", target);
    assert_int_equal(stat(home.dirs[0], &here), 0);
    assert_int_equal(stat(target, &there), 0);
    manager = start_counted(&home, &counting);
    append_to_all(&home, manager, LOGS);
    stop(manager, &counting);
    assert_int_equal(count_of(&counting, DISK_SYNC_ALL), DIRS);
    if (here.st_dev == there.st_dev)
        assert_int_equal(count_of(&counting, DISK_SYNC), OWN_SYNCS);
    else
        assert_int_equal(count_of(&counting, DISK_SYNC), OWN_SYNCS + 2); /* its log and snapshot */
    manager = start_counted(&home, &counting);
    check_all(manager, 4);
    log_manager_close(manager, 42);
    remove_tree(target);
    free(target);
    remove_tree(home.root);
}

static void a_sync_that_fails_leaves_no_marker(void **state) {
    struct log_manager_options options;
    struct log_manager *manager;
    struct home home;
    (void)state;

    home_init(&home);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    options = options_of(&home);
    options.sync_together_min = 1;
    assert_int_equal(log_manager_open(&options, &manager), ERR_NONE);
    assert_int_equal(log_manager_set_identity(manager, 3, "cluster"), ERR_NONE);
    assert_int_equal(log_manager_load(manager), ERR_NONE);
    append_to_all(&home, manager, LOGS);
    home.disk.only = DISK_SYNC_ALL;
    home.disk.only_one_kind = true;
    home.disk.calls = 0;
    home.disk.fail_at = 0;
    home.disk.keeps_failing = true;
    log_manager_close(manager, 42);
    assert_int_equal(home.failures, DIRS);
    for (int i = 0; i < DIRS; i++)
        assert_false(file_exists(home.dirs[i], ".kafka_cleanshutdown"));
    faulty_disk_init(&home.disk);
    manager = start(&home);
    assert_false(log_manager_was_clean(manager));
    for (int32_t i = 0; i < LOGS; i++)
        assert_int_equal(log_end_offset(find(manager, "t", i)), 2);
    log_manager_close(manager, 43);
    remove_tree(home.root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_changed_logs_are_synced_together),
        cmocka_unit_test(a_log_that_was_not_appended_to_costs_nothing),
        cmocka_unit_test(a_log_on_another_file_system_is_synced_by_itself),
        cmocka_unit_test(a_sync_that_fails_leaves_no_marker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
