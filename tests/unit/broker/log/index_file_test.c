/* Entries in memory and in the file are one index. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/index_file.h"

struct setting {
    struct fixture f;
    struct mutex lock;
    struct index_file index;
    struct index_place place;
    char path[256];
};

static void set_up(struct setting *s, enum index_kind kind) {
    fixture_init(&s->f);
    mutex_init(&s->lock);
    snprintf(s->path, sizeof(s->path), "%s/index", s->f.root);
    s->place = (struct index_place){&s->f.disk.disk, s->f.cache, &s->lock, s->path};
    index_file_init(&s->index, kind);
}

static void tear_down(struct setting *s) {
    index_file_done(&s->index, s->f.cache);
    mutex_done(&s->lock);
    fixture_done(&s->f);
}

/* Keys 10, 20, 30 ... with values 1, 2, 3 ... */
static void add(struct setting *s, uint32_t count) {
    uint32_t held = index_file_count(&s->index);

    mutex_lock(&s->lock);
    assert_int_equal(index_file_reserve(&s->index, count), ERR_NONE);
    for (uint32_t i = 1; i <= count; i++)
        index_file_append(&s->index, (struct index_entry){10 * (held + i), (int32_t)(held + i)});
    mutex_unlock(&s->lock);
}

static int32_t find(struct setting *s, int64_t key) {
    struct index_entry entry;
    struct index_view view;
    bool is_stale;
    bool found;

    mutex_lock(&s->lock);
    view = index_file_view(&s->index, key);
    mutex_unlock(&s->lock);
    assert_int_equal(index_file_search(&s->index, &s->place, &view, key, &found, &entry, &is_stale),
                     ERR_NONE);
    assert_false(is_stale);
    return found ? entry.value : 0;
}

static void check_all(struct setting *s, uint32_t count, uint32_t step) {
    for (uint32_t i = 0; i <= count; i += step) {
        if (i > 0)
            assert_int_equal(find(s, 10 * i), i);
        assert_int_equal(find(s, 10 * i + 9 < 10 * (count + 1) ? 10 * i + 9 : 10 * i), i);
    }
    assert_int_equal(find(s, 9), 0);
    assert_int_equal(find(s, INT32_MAX), count);
}

static void entries_are_found_in_file_and_memory(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct setting s;
        set_up(&s, (enum index_kind)kind);
        assert_int_equal(find(&s, 100), 0);
        add(&s, 50);
        check_all(&s, 50, 1);
        assert_int_equal(index_file_spill(&s.index, &s.place), ERR_NONE);
        check_all(&s, 50, 1);
        add(&s, 30);
        check_all(&s, 80, 1);
        add(&s, 5000);
        assert_int_equal(index_file_spill(&s.index, &s.place), ERR_NONE);
        add(&s, 20);
        assert_int_equal(index_file_count(&s.index), 5100);
        check_all(&s, 5100, 7);
        tear_down(&s);
    }
}

static void truncation_keeps_what_lies_below(void **state) {
    static const uint32_t in_file[] = {0, 1, 40, 3000};
    static const uint32_t in_memory[] = {0, 1, 33};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(in_file); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(in_memory); j++) {
            uint32_t count = in_file[i] + in_memory[j];
            for (uint32_t kept = 0; kept <= count; kept += count / 5 + 1) {
                for (int column = 0; column < 2; column++) {
                    struct setting s;
                    set_up(&s, INDEX_OF_TIMES);
                    add(&s, in_file[i]);
                    if (in_file[i] > 0)
                        assert_int_equal(index_file_spill(&s.index, &s.place), ERR_NONE);
                    add(&s, in_memory[j]);
                    assert_int_equal(
                        index_file_truncate(&s.index, &s.place, (enum index_column)column,
                                            column == INDEX_KEY ? 10 * kept + 1 : kept + 1),
                        ERR_NONE);
                    assert_int_equal(index_file_count(&s.index), kept);
                    assert_int_equal(find(&s, INT32_MAX), kept);
                    assert_int_equal(s.index.last.key, kept > 0 ? 10 * (int64_t)kept : -1);
                    add(&s, 3);
                    check_all(&s, kept + 3, 1);
                    tear_down(&s);
                }
            }
        }
    }
}

static void a_file_is_taken_over_with_its_last_entry(void **state) {
    static const uint8_t offsets[] = {0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 2, 0};
    struct setting s;
    (void)state;

    set_up(&s, INDEX_OF_OFFSETS);
    spit(s.path, offsets, sizeof(offsets));
    assert_int_equal(index_file_load(&s.index, &s.place, 15), ERR_DISK_CORRUPT);
    assert_int_equal(index_file_load(&s.index, &s.place, 16), ERR_NONE);
    assert_int_equal(s.index.last.key, 9);
    assert_int_equal(s.index.last.value, 512);
    assert_int_equal(find(&s, 8), 256);
    tear_down(&s);
}

static void a_file_cut_short_meanwhile_is_stale(void **state) {
    struct index_entry entry;
    struct index_view view;
    struct setting s;
    bool is_stale;
    bool found;
    (void)state;

    set_up(&s, INDEX_OF_OFFSETS);
    add(&s, 2000);
    assert_int_equal(index_file_spill(&s.index, &s.place), ERR_NONE);
    view = index_file_view(&s.index, 15000);
    assert_int_equal(truncate(s.path, 800), 0);
    assert_int_equal(index_file_search(&s.index, &s.place, &view, 15000, &found, &entry, &is_stale),
                     ERR_NONE);
    assert_true(is_stale);
    tear_down(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_in_file_and_memory),
        cmocka_unit_test(truncation_keeps_what_lies_below),
        cmocka_unit_test(a_file_is_taken_over_with_its_last_entry),
        cmocka_unit_test(a_file_cut_short_meanwhile_is_stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
