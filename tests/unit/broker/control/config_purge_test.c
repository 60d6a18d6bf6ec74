/* Proves which entries of /config/changes are removed, and how often they are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/control/config_purge.h"
#include "client/base/check.h"
#include "zk-schema/zk.h"

#define MINUTE_MS INT64_C(60000)
#define NOW_MS    INT64_C(1700000000000)

/* Entries of different ages; a minute's fraction to both sides of the bound. */
static const struct {
    const char *name;
    int64_t age_ms;
    bool is_removed;
} entries[] = {
    {"config_change_0000000012", 16 * MINUTE_MS, true},
    {"config_change_0000000010", 15 * MINUTE_MS + 1, true},
    {"config_change_0000000011", 15 * MINUTE_MS, false},
    {"config_change_0000000013", -MINUTE_MS, false},
    {"not_an_entry", 99 * MINUTE_MS, false},
};

static struct fixture {
    struct zk zk;
    int lists;
    int removals;
    bool is_removed[ARRAY_COUNT(entries)];
} f;

static void fake_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                          void *context) {
    const char *names[ARRAY_COUNT(entries)];
    struct zk_result result = {.children = names, .child_count = ARRAY_COUNT(entries)};

    (void)zk;
    assert_string_equal(path, "/config/changes");
    assert_false(watch);
    f.lists++;
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
        names[i] = entries[i].name;
    done(context, &result);
}

static size_t index_of(const char *path) {
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if (strcmp(path + strlen("/config/changes/"), entries[i].name) == 0)
            return i;
    }
    fail_msg("%s", path);
    return 0;
}

static void fake_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                        void *context) {
    struct zk_result result = {.stat.ctime_ms = NOW_MS - entries[index_of(path)].age_ms};

    (void)zk;
    assert_false(watch);
    done(context, &result);
}

static void fake_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                        void *context) {
    struct zk_result result = {.error = ERR_ZK_NO_NODE};

    (void)zk;
    assert_int_equal(version, ZK_ANY_VERSION);
    f.is_removed[index_of(path)] = true;
    f.removals++;
    done(context, &result);
}

static const struct zk_methods methods = {
    .children = fake_children, .exists = fake_exists, .remove = fake_remove};

static void old_entries_go_and_young_ones_stay(void **state) {
    struct config_purge purge = {.zk = &f.zk};

    (void)state;
    f = (struct fixture){.zk.methods = &methods};
    config_purge_on_change(&purge, NOW_MS, 0);
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if (f.is_removed[i] != entries[i].is_removed)
            fail_msg("%s", entries[i].name);
    }
}

static void many_changes_do_not_list_them_each_time(void **state) {
    struct config_purge purge = {.zk = &f.zk};

    (void)state;
    f = (struct fixture){.zk.methods = &methods};
    for (int64_t ms = 0; ms < 2 * MINUTE_MS; ms += 1000)
        config_purge_on_change(&purge, NOW_MS, ms);
    assert_int_equal(f.lists, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_entries_go_and_young_ones_stay),
        cmocka_unit_test(many_changes_do_not_list_them_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
