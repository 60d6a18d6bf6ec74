/* Which replica a consumer reads from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/replica/near_replica.h"

static void the_nearest_and_furthest_is_chosen(void **state) {
    static const struct {
        struct near_replica replicas[4];
        int32_t count;
        const char *rack;
        int32_t chosen;
    } cases[] = {
        {{{1, "a", 9, 5}, {2, "b", 9, 5}}, 2, "b", 1},
        {{{1, "a", 9, 5}, {2, "b", 9, 5}}, 2, "a", 0},
        {{{1, "a", 9, 5}, {2, "b", 9, 5}}, 2, "c", 0},
        {{{1, "a", 9, 5}, {2, "b", 9, 5}}, 2, "", 0},
        {{{1, NULL, 9, 5}, {2, NULL, 9, 5}}, 2, "b", 0},
        {{{1, "a", 9, 5}}, 1, "b", 0},
        /* The leader is near as well: it is read. */
        {{{1, "b", 5, 5}, {2, "b", 9, 5}}, 2, "b", 0},
        /* Of several: the end, then when it caught up, then the id. */
        {{{1, "a", 9, 5}, {2, "b", 7, 9}, {3, "b", 8, 1}, {4, "c", 9, 9}}, 4, "b", 2},
        {{{1, "a", 9, 5}, {2, "b", 7, 9}, {3, "b", 7, 1}}, 3, "b", 1},
        {{{1, "a", 9, 5}, {2, "b", 7, 9}, {3, "b", 7, 9}}, 3, "b", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            near_replica_choose(cases[i].replicas, cases[i].count, bytes_of_text(cases[i].rack)),
            cases[i].chosen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_and_furthest_is_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
