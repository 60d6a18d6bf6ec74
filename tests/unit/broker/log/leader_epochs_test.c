/* The table of leader epochs and its file. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/leader_epochs.h"

#define FILE_NAME "leader-epoch-checkpoint"

/* As before an append. */
static enum error assign(struct leader_epochs *epochs, int32_t leader_epoch, int64_t start_offset) {
    enum error error = leader_epochs_assign(epochs, leader_epoch, start_offset);
    bool synced;

    return error != ERR_NONE ? error : leader_epochs_catch_up(epochs, &synced);
}

static void assert_entries(const struct leader_epochs *epochs, const char *expected) {
    char text[256] = "";
    size_t at = 0;

    for (size_t i = 0; i < leader_epochs_count(epochs); i++) {
        struct epoch_start entry = leader_epochs_get(epochs, i);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%d:%lld ", entry.leader_epoch,
                               (long long)entry.start_offset);
    }
    assert_string_equal(text, expected);
}

static struct leader_epochs *epochs_of(struct fixture *f, const struct epoch_start *entries,
                                       size_t count) {
    struct leader_epochs *epochs;

    assert_int_equal(leader_epochs_new(&f->disk.disk, f->log_path, &epochs), ERR_NONE);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            leader_epochs_assign(epochs, entries[i].leader_epoch, entries[i].start_offset),
            ERR_NONE);
    return epochs;
}

static const struct epoch_start sample[] = {{1, 0}, {3, 10}, {4, 20}};

static void assigning_removes_what_it_contradicts(void **state) {
    static const struct {
        int32_t leader_epoch;
        int64_t start_offset;
        const char *expected;
    } cases[] = {
        {4, 25, "1:0 3:10 4:20 "}, /* known already */
        {4, 20, "1:0 3:10 4:20 "},
        {4, 15, "1:0 3:10 4:15 "},
        {5, 30, "1:0 3:10 4:20 5:30 "},
        {5, 20, "1:0 3:10 5:20 "}, /* 4 wrote nothing */
        {5, 10, "1:0 5:10 "},
        {5, 0, "5:0 "},
        {3, 30, "1:0 3:30 "},
        {2, 5, "1:0 2:5 "},
        {0, 40, "0:40 "},
    };
    struct fixture f;
    (void)state;

    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct leader_epochs *epochs = epochs_of(&f, sample, ARRAY_COUNT(sample));
        assert_int_equal(assign(epochs, cases[i].leader_epoch, cases[i].start_offset), ERR_NONE);
        assert_entries(epochs, cases[i].expected);
        leader_epochs_free(epochs);
    }
    fixture_done(&f);
}

static void an_epoch_ends_where_the_next_begins(void **state) {
    static const struct {
        int32_t asked;
        int32_t leader_epoch;
        int64_t end_offset;
    } cases[] = {
        {-1, -1, -1}, {0, 0, 0},   {1, 1, 10},  {2, 1, 10},
        {3, 3, 20},   {4, 4, 100}, {5, -1, -1}, {INT32_MAX, -1, -1},
    };
    struct leader_epochs *epochs;
    struct epoch_end end;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    epochs = epochs_of(&f, sample, ARRAY_COUNT(sample));
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        end = leader_epochs_end(epochs, cases[i].asked, 100);
        assert_int_equal(end.leader_epoch, cases[i].leader_epoch);
        assert_int_equal(end.end_offset, cases[i].end_offset);
    }
    leader_epochs_clear(epochs);
    end = leader_epochs_end(epochs, 1, 100);
    assert_int_equal(end.leader_epoch, -1);
    assert_int_equal(end.end_offset, -1);
    leader_epochs_free(epochs);
    fixture_done(&f);
}

static void truncations_from_both_ends(void **state) {
    static const struct {
        bool from_start;
        int64_t offset;
        const char *expected;
    } cases[] = {
        {false, 21, "1:0 3:10 4:20 "}, {false, 20, "1:0 3:10 "}, {false, 11, "1:0 3:10 "},
        {false, 10, "1:0 "},           {false, 0, ""},           {true, 0, "1:0 3:10 4:20 "},
        {true, 5, "1:5 3:10 4:20 "},   {true, 10, "3:10 4:20 "}, {true, 15, "3:15 4:20 "},
        {true, 20, "4:20 "},           {true, 50, "4:50 "},
    };
    struct fixture f;
    (void)state;

    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct leader_epochs *epochs = epochs_of(&f, sample, ARRAY_COUNT(sample));
        if (cases[i].from_start)
            leader_epochs_truncate_from_start(epochs, cases[i].offset);
        else
            leader_epochs_truncate_from_end(epochs, cases[i].offset);
        assert_entries(epochs, cases[i].expected);
        leader_epochs_free(epochs);
    }
    fixture_done(&f);
}

static void an_offset_lies_in_the_epoch_that_began_before_it(void **state) {
    struct leader_epochs *epochs;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    epochs = epochs_of(&f, sample + 1, 2);
    assert_int_equal(leader_epochs_at(epochs, 9), -1);
    assert_int_equal(leader_epochs_at(epochs, 10), 3);
    assert_int_equal(leader_epochs_at(epochs, 19), 3);
    assert_int_equal(leader_epochs_at(epochs, 1000), 4);
    assert_int_equal(leader_epochs_earliest(epochs).leader_epoch, 3);
    assert_int_equal(leader_epochs_latest(epochs).start_offset, 20);
    leader_epochs_free(epochs);
    fixture_done(&f);
}

static void the_file_is_kafkas_and_is_read_again(void **state) {
    static const char expected[] = "0\n3\n1 0\n3 10\n4 20\n";
    struct leader_epochs *epochs;
    struct fixture f;
    uint8_t *data;
    size_t size;
    (void)state;

    fixture_init(&f);
    epochs = epochs_of(&f, sample, ARRAY_COUNT(sample));
    assert_int_equal(leader_epochs_sync(epochs), ERR_NONE);
    leader_epochs_free(epochs);
    data = slurp(path_in(f.log_path, FILE_NAME), &size);
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(data, expected, size);
    free(data);
    assert_int_equal(leader_epochs_open(&f.disk.disk, f.log_path, &epochs), ERR_NONE);
    assert_entries(epochs, "1:0 3:10 4:20 ");
    f.disk.fail_at = f.disk.calls; /* nothing to write: the disk is not touched */
    assert_int_equal(leader_epochs_sync(epochs), ERR_NONE);
    assert_int_equal(assign(epochs, 4, 30), ERR_NONE);
    assert_int_equal(assign(epochs, 5, 30), ERR_DISK_FAILED);
    leader_epochs_free(epochs);
    fixture_done(&f);
}

static void a_new_epoch_touches_no_disk_until_something_is_appended_in_it(void **state) {
    struct leader_epochs *epochs;
    struct fixture f;
    bool synced;
    (void)state;

    fixture_init(&f);
    assert_int_equal(leader_epochs_open(&f.disk.disk, f.log_path, &epochs), ERR_NONE);
    assert_int_equal(leader_epochs_assign(epochs, 1, 0), ERR_NONE);
    assert_int_equal(leader_epochs_catch_up(epochs, &synced), ERR_NONE);
    assert_false(synced); /* the very first: recovery finds it in the batches */
    f.disk.fail_at = f.disk.calls;
    assert_int_equal(leader_epochs_assign(epochs, 2, 10), ERR_NONE);
    assert_int_equal(leader_epochs_catch_up(epochs, &synced), ERR_DISK_FAILED);
    f.disk.fail_at = -1;
    assert_int_equal(leader_epochs_catch_up(epochs, &synced), ERR_NONE);
    assert_true(synced);
    leader_epochs_free(epochs);
    assert_int_equal(leader_epochs_open(&f.disk.disk, f.log_path, &epochs), ERR_NONE);
    assert_entries(epochs, "1:0 2:10 ");
    leader_epochs_free(epochs);
    fixture_done(&f);
}

static void what_the_file_says_already_is_not_written(void **state) {
    struct leader_epochs *epochs;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    /* Restored, led by somebody else meanwhile, and without a batch of his. */
    f.disk.fail_at = 0;
    f.disk.keeps_failing = true;
    assert_int_equal(leader_epochs_restore(&f.disk.disk, f.log_path, sample, 3, &epochs), ERR_NONE);
    assert_int_equal(leader_epochs_assign(epochs, 5, 30), ERR_NONE);
    leader_epochs_truncate_from_end(epochs, 30);
    assert_int_equal(leader_epochs_sync(epochs), ERR_NONE);
    leader_epochs_truncate_from_end(epochs, 20);
    assert_int_equal(leader_epochs_sync(epochs), ERR_DISK_FAILED);
    leader_epochs_free(epochs);
    /* No file at all. */
    faulty_disk_init(&f.disk);
    assert_int_equal(leader_epochs_open(&f.disk.disk, f.log_path, &epochs), ERR_NONE);
    assert_int_equal(leader_epochs_assign(epochs, 5, 0), ERR_NONE);
    leader_epochs_truncate_from_end(epochs, 0);
    assert_int_equal(leader_epochs_sync(epochs), ERR_NONE);
    assert_false(file_exists(f.log_path, FILE_NAME));
    leader_epochs_free(epochs);
    /* A file that was not read may hold anything. */
    assert_int_equal(leader_epochs_new(&f.disk.disk, f.log_path, &epochs), ERR_NONE);
    assert_int_equal(leader_epochs_sync(epochs), ERR_NONE);
    assert_true(file_exists(f.log_path, FILE_NAME));
    leader_epochs_free(epochs);
    fixture_done(&f);
}

static void a_malformed_file_is_corrupt(void **state) {
    static const char *const texts[] = {
        "0",       "1\n0\n",           "0\n1\n",           "0\n1\n1 0",          "0\n1\n1 0\n2 5\n",
        "0\n-1\n", "0\n1\n-1 0\n",     "0\n1\n1 -1\n",     "0\n1\n1  0\n",       "0\n2\n1 0\n1 5\n",
        "x\n0\n",  "0\n2\n2 0\n1 5\n", "0\n2\n1 5\n2 5\n", "0\n99999999\n1 0\n", "0\n1\n1 x\n",
    };
    struct leader_epochs *epochs;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        spit(path_in(f.log_path, FILE_NAME), texts[i], strlen(texts[i]));
        assert_int_equal(leader_epochs_open(&f.disk.disk, f.log_path, &epochs), ERR_DISK_CORRUPT);
    }
    spit(path_in(f.log_path, FILE_NAME), "", 0);
    assert_int_equal(leader_epochs_open(&f.disk.disk, f.log_path, &epochs), ERR_NONE);
    assert_int_equal(leader_epochs_count(epochs), 0);
    leader_epochs_free(epochs);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assigning_removes_what_it_contradicts),
        cmocka_unit_test(an_epoch_ends_where_the_next_begins),
        cmocka_unit_test(truncations_from_both_ends),
        cmocka_unit_test(an_offset_lies_in_the_epoch_that_began_before_it),
        cmocka_unit_test(the_file_is_kafkas_and_is_read_again),
        cmocka_unit_test(a_new_epoch_touches_no_disk_until_something_is_appended_in_it),
        cmocka_unit_test(what_the_file_says_already_is_not_written),
        cmocka_unit_test(a_malformed_file_is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
