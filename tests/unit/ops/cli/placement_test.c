/* Proves where replicas go when brokers are emptied or the replication factor changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/cli/broker_list.h"
#include "ops/cli/placement.h"

/* Brokers 1 to 6 in racks a, b, c, a, b, c with 10, 20, ... replicas. */
static void make_brokers(struct placement_broker *brokers, const char *leaving) {
    static const char *const racks[] = {"a", "b", "c", "a", "b", "c"};

    for (int32_t i = 0; i < 6; i++)
        brokers[i] = (struct placement_broker){i + 1, racks[i], false, 10 * (size_t)(i + 1)};
    for (; *leaving != '\0'; leaving++)
        brokers[*leaving - '1'].leaves = true;
}

static const struct {
    const char *label, *leaving, *now;
    size_t wanted;
    const char *then; /* NULL: there are too few brokers */
} cases[] = {
    {"nobody leaves", "", "1,2,3", 3, "1,2,3"},
    {"in the place of who leaves comes one of the same rack", "2", "1,2,3", 3, "1,5,3"},
    {"the rack counts more than the number of replicas", "3", "1,2,3", 3, "1,2,6"},
    {"a rack is shared if it must be", "36", "1,2,3", 3, "1,2,4"},
    {"the preferred leader is replaced in its place", "1", "1,2,3", 3, "4,2,3"},
    {"more replicas", "", "1", 3, "1,2,3"},
    {"fewer replicas, the last go", "", "1,2,3", 1, "1"},
    {"fewer replicas, who leaves goes first", "1", "1,2,3", 2, "2,3"},
    {"a broker that is not there stays", "2", "9,2", 2, "9,1"},
    {"too few brokers", "123456", "1,2,3", 3, NULL},
    {"more replicas than brokers", "", "1,2,3", 7, NULL},
};

static void test_replicas_go_where_they_change_least(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct placement_broker brokers[6];
        struct broker_list now;
        int32_t then[BROKER_LIST_MAX];
        char text[64];
        bool fits;

        print_message("%s\n", cases[i].label);
        make_brokers(brokers, cases[i].leaving);
        assert_true(broker_list_parse(cases[i].now, &now));
        fits = placement_fit(brokers, 6, now.ids, now.count, cases[i].wanted, then);
        assert_int_equal(fits, cases[i].then != NULL);
        if (fits)
            assert_string_equal(broker_list_text(then, cases[i].wanted, text, sizeof(text)),
                                cases[i].then);
    }
}

static void test_many_partitions_are_spread(void **state) {
    struct placement_broker brokers[6];
    int32_t now[] = {1, 2}, then[2];

    (void)state;
    make_brokers(brokers, "1");
    for (size_t i = 0; i < 6; i++) {
        brokers[i].rack = "";
        brokers[i].replica_count = i < 2 ? 40 : 0;
    }
    for (int i = 0; i < 40; i++)
        assert_true(placement_fit(brokers, 6, now, 2, 2, then));
    assert_int_equal(brokers[0].replica_count, 0);
    assert_int_equal(brokers[1].replica_count, 40);
    for (size_t i = 2; i < 6; i++)
        assert_int_equal(brokers[i].replica_count, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replicas_go_where_they_change_least),
        cmocka_unit_test(test_many_partitions_are_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
