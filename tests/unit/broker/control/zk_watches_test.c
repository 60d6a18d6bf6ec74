/* Proves that the set of watches is what ZooKeeper holds for the session: each fires once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/control/zk_watches.h"
#include "client/base/check.h"

static uint64_t count(const struct zk_watches *watches) {
    return counter_read(&watches->count);
}

static void a_watch_counts_once_until_it_fires(void **state) {
    static const struct {
        const char *label;
        enum zk_event_kind event;
        const char *path;
        uint64_t left; /* of those on /a, two kinds, and one on /ab */
    } cases[] = {
        {"its data", ZK_EVENT_DATA, "/a", 2},
        {"it is there now", ZK_EVENT_CREATED, "/a", 2},
        {"its children", ZK_EVENT_CHILDREN, "/a", 2},
        {"it is gone", ZK_EVENT_DELETED, "/a", 1},
        {"another", ZK_EVENT_DELETED, "/b", 3},
        {"children that nobody watches", ZK_EVENT_CHILDREN, "/ab", 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct zk_watches watches = {0};

        for (int twice = 0; twice < 2; twice++) {
            zk_watches_add(&watches, ZK_WATCH_NODE, "/a");
            zk_watches_add(&watches, ZK_WATCH_CHILDREN, "/a");
            zk_watches_add(&watches, ZK_WATCH_NODE, "/ab");
        }
        assert_int_equal(count(&watches), 3);
        zk_watches_on_event(&watches, cases[i].event, cases[i].path);
        zk_watches_on_event(&watches, cases[i].event, cases[i].path);
        if (count(&watches) != cases[i].left)
            fail_msg("%s: %d are left", cases[i].label, (int)count(&watches));
        zk_watches_clear(&watches);
        assert_int_equal(count(&watches), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_counts_once_until_it_fires),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
