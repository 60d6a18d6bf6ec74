/* Descriptors are shared, bounded, and never pulled away. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/file_cache.h"

#define FILES 20

static void the_least_recently_used_is_closed_first(void **state) {
    struct cached_file files[FILES] = {0};
    struct open_file *held = NULL;
    struct file_cache *cache;
    struct open_file *open;
    struct fixture f;
    char path[256];
    char byte;
    (void)state;

    fixture_init(&f);
    assert_int_equal(file_cache_new(4, &cache), ERR_NONE);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%s/%d", f.root, i);
        assert_null(file_cache_find(cache, &files[i]));
        assert_int_equal(
            file_cache_open(cache, &files[i], &f.disk.disk, path, DISK_OPEN_CREATE, &open),
            ERR_NONE);
        if (i == 0)
            held = open;
        else
            open_file_unref(open);
        /* The first is used again and again, so it stays. */
        open = file_cache_find(cache, &files[0]);
        assert_non_null(open);
        open_file_unref(open);
        assert_true(file_cache_count(cache) <= 4);
    }
    assert_null(file_cache_find(cache, &files[FILES - 4]));
    assert_non_null(open = file_cache_find(cache, &files[FILES - 3]));
    open_file_unref(open);
    for (int i = 0; i < FILES; i++)
        file_cache_forget(cache, &files[i]);
    assert_int_equal(file_cache_count(cache), 0);
    assert_int_equal(pread(held->fd, &byte, 1, 0), 0); /* open still */
    held->owner.ref(&held->owner);
    held->owner.unref(&held->owner);
    open_file_unref(held);
    file_cache_free(cache);
    fixture_done(&f);
}

static void a_missing_file_is_no_error_unless_it_is_made(void **state) {
    struct cached_file file = {0};
    struct open_file *open;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_int_equal(file_cache_open(f.cache, &file, &f.disk.disk, path_in(f.root, "x"),
                                     DISK_OPEN_EXISTING, &open),
                     ERR_NONE);
    assert_null(open);
    f.disk.fail_at = f.disk.calls;
    assert_int_equal(file_cache_open(f.cache, &file, &f.disk.disk, path_in(f.root, "x"),
                                     DISK_OPEN_CREATE, &open),
                     ERR_DISK_FAILED);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_recently_used_is_closed_first),
        cmocka_unit_test(a_missing_file_is_no_error_unless_it_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
