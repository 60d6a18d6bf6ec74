/* The port to the file system, and the wrapper with which tests make it fail. */
#include "tests/unit/broker/log/log_fixture.h"

static enum error count_entry(void *context, const struct disk_entry *entry) {
    int *counts = context;
    (void)entry->name;

    counts[entry->is_dir]++;
    return ERR_NONE;
}

static void files_are_written_read_cut_and_listed(void **state) {
    struct disk *disk = disk_system();
    struct disk_stat stat;
    int counts[2] = {0, 0};
    struct fixture f;
    uint8_t data[16];
    size_t got;
    char *text;
    int fd;
    (void)state;

    fixture_init(&f);
    assert_int_equal(disk_open(disk, path_in(f.root, "a"), DISK_OPEN_EXISTING, &fd), ERR_NONE);
    assert_int_equal(fd, -1);
    assert_int_equal(disk_open(disk, path_in(f.root, "a"), DISK_OPEN_CREATE, &fd), ERR_NONE);
    assert_int_equal(disk_write(disk, fd, "hello", 5, 3), ERR_NONE);
    assert_int_equal(disk_read(disk, fd, data, sizeof(data), 2, &got), ERR_NONE);
    assert_int_equal(got, 6);
    assert_memory_equal(data, "\0hello", 6);
    (void)disk_allocate(disk, fd, 8, 1 << 20);
    assert_int_equal(disk_truncate(disk, fd, 8), ERR_NONE);
    assert_int_equal(disk_sync(disk, fd), ERR_NONE);
    close(fd);
    assert_int_equal(disk_stat(disk, path_in(f.root, "a"), &stat), ERR_NONE);
    assert_true(stat.exists && !stat.is_dir);
    assert_int_equal(stat.size, 8);
    assert_int_equal(disk_list(disk, f.root, count_entry, counts), ERR_NONE);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
    assert_int_equal(disk_list(disk, path_in(f.root, "none"), count_entry, counts), ERR_NONE);
    assert_int_equal(disk_replace_file(disk, path_in(f.root, "a"), "new", 3, true), ERR_NONE);
    assert_int_equal(disk_read_file(disk, path_in(f.root, "a"), 3, &text, &got), ERR_NONE);
    assert_string_equal(text, "new");
    free(text);
    assert_int_equal(disk_read_file(disk, path_in(f.root, "a"), 2, &text, &got), ERR_DISK_CORRUPT);
    assert_int_equal(disk_read_file(disk, f.root, 2, &text, &got), ERR_DISK_CORRUPT);
    assert_int_equal(disk_unlink(disk, path_in(f.root, "a")), ERR_NONE);
    assert_int_equal(disk_unlink(disk, path_in(f.root, "a")), ERR_NONE);
    assert_int_equal(disk_read_file(disk, path_in(f.root, "a"), 2, &text, &got), ERR_NONE);
    assert_null(text);
    assert_int_equal(disk_remove_dir(disk, f.log_path), ERR_NONE);
    assert_int_equal(disk_remove_dir(disk, f.log_path), ERR_NONE);
    fixture_done(&f);
}

static void failures_have_their_kind_and_errno(void **state) {
    struct disk *disk = disk_system();
    struct fixture f;
    char *text;
    size_t size;
    int fd;
    (void)state;

    fixture_init(&f);
    assert_int_equal(disk_open(disk, "/dev/full", DISK_OPEN_EXISTING, &fd), ERR_NONE);
    assert_int_equal(disk_write(disk, fd, "x", 1, 0), ERR_DISK_FULL);
    close(fd);
    assert_int_equal(disk_rename(disk, path_in(f.root, "none"), path_in(f.root, "x")),
                     ERR_DISK_FAILED);
    assert_int_equal(disk_errno(), 2);
    assert_int_equal(disk_make_dir(disk, path_in(f.root, "no/where")), ERR_DISK_FAILED);
    assert_int_equal(disk_sync_dir(disk, path_in(f.root, "no")), ERR_DISK_FAILED);
    assert_int_equal(disk_remove_dir(disk, f.root), ERR_DISK_FAILED); /* holds a folder */
    f.disk.fail_at = 1;                                               /* the write */
    assert_int_equal(disk_replace_file(&f.disk.disk, path_in(f.root, "x"), "text", 4, true),
                     ERR_DISK_FAILED);
    assert_int_equal(disk_read_file(disk, path_in(f.root, "x.tmp"), 100, &text, &size), ERR_NONE);
    assert_int_equal(size, 2); /* half of it, as a crash may leave it */
    free(text);
    assert_false(file_exists(f.root, "x"));
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_read_cut_and_listed),
        cmocka_unit_test(failures_have_their_kind_and_errno),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
