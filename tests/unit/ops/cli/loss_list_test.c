/* Losses of groups as they are read from their topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/loss_list.h"

static void add(struct loss_list *list, int64_t time_ms, const char *group, int partition,
                int64_t first, int64_t last) {
    char text[300];

    snprintf(text, sizeof(text),
             "{\"timeMs\":%lld,\"group\":\"%s\",\"topic\":\"orders\",\"partition\":%d,"
             "\"firstLostOffset\":%lld,\"lastLostOffset\":%lld,\"coordinator\":1}",
             (long long)time_ms, group, partition, (long long)first, (long long)last);
    assert_true(loss_list_add(list, text, strlen(text)));
}

static void expect(const struct loss_list *list, size_t at, int64_t time_ms, const char *group,
                   int partition, int64_t first, int64_t last) {
    assert_in_range(at, 0, list->count - 1);
    assert_int_equal(list->items[at].time_ms, time_ms);
    assert_string_equal(list->items[at].group, group);
    assert_string_equal(list->items[at].topic, "orders");
    assert_int_equal(list->items[at].partition, partition);
    assert_int_equal(list->items[at].first_offset, first);
    assert_int_equal(list->items[at].last_offset, last);
}

static void what_was_told_twice_is_one_loss(void **state) {
    struct loss_list list = {0};

    (void)state;
    add(&list, 500, "a", 0, 10, 29); /* the next coordinator tells all of it anew */
    add(&list, 100, "a", 0, 10, 19);
    add(&list, 300, "a", 0, 20, 29);
    add(&list, 100, "a", 0, 10, 19); /* sent again */
    add(&list, 200, "a", 0, 31, 31); /* 30 was read */
    add(&list, 150, "a", 1, 10, 19);
    add(&list, 50, "b", 0, 10, 19);
    loss_list_join(&list);
    assert_int_equal(list.count, 4);
    expect(&list, 0, 50, "b", 0, 10, 19);
    expect(&list, 1, 100, "a", 0, 10, 29);
    expect(&list, 2, 150, "a", 1, 10, 19);
    expect(&list, 3, 200, "a", 0, 31, 31);
    loss_list_done(&list);
}

static void offsets_may_be_as_large_as_they_can(void **state) {
    struct loss_list list = {0};

    (void)state;
    add(&list, 1, "a", 0, 0, INT64_MAX);
    add(&list, 2, "a", 0, INT64_MAX, INT64_MAX);
    loss_list_join(&list);
    assert_int_equal(list.count, 1);
    expect(&list, 0, 1, "a", 0, 0, INT64_MAX);
    loss_list_done(&list);
}

static void what_is_no_loss_is_passed_over(void **state) {
    static const char *const values[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"timeMs\":1,\"group\":\"a\",\"topic\":\"t\",\"partition\":0,\"firstLostOffset\":5}",
        "{\"timeMs\":1,\"group\":7,\"topic\":\"t\",\"partition\":0,\"firstLostOffset\":5,"
        "\"lastLostOffset\":6}",
        "{\"timeMs\":1,\"group\":\"a\",\"topic\":\"t\",\"partition\":-1,\"firstLostOffset\":5,"
        "\"lastLostOffset\":6}",
        "{\"timeMs\":1,\"group\":\"a\",\"topic\":\"t\",\"partition\":0,\"firstLostOffset\":7,"
        "\"lastLostOffset\":6}",
    };
    struct loss_list list = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_true(loss_list_add(&list, values[i], strlen(values[i])));
    assert_true(loss_list_add(&list, NULL, 0));
    assert_int_equal(list.count, 0);
    loss_list_join(&list);
    assert_int_equal(list.count, 0);
    loss_list_done(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_twice_is_one_loss),
        cmocka_unit_test(offsets_may_be_as_large_as_they_can),
        cmocka_unit_test(what_is_no_loss_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
