/* Proves what is counted as an election, and which of them as unclean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/control/control_status.h"
#include "client/base/check.h"

static const struct {
    const char *label;
    int32_t leader_before, leader_after;
    int8_t recovery_before, recovery_after;
    bool is_controller;
    int elections, unclean;
} cases[] = {
    {"another leads", 1, 2, 0, 0, true, 1, 0},
    {"the same leads", 1, 1, 0, 0, true, 0, 0},
    {"nobody leads any more", 1, -1, 0, 0, true, 0, 0},
    {"one leads again", -1, 2, 0, 0, true, 1, 0},
    {"one leads that may lack records", -1, 2, 0, 1, true, 1, 1},
    {"it has recovered", 2, 2, 1, 0, true, 0, 0},
    {"another leads before it has", 2, 3, 1, 1, true, 1, 0},
    {"in another broker's term", 1, 2, 0, 1, false, 0, 0},
};

static void an_election_is_another_leader(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct metadata_partition from = {.leader = cases[i].leader_before,
                                          .leader_recovery_state = cases[i].recovery_before};
        struct metadata_partition to = {.leader = cases[i].leader_after,
                                        .leader_recovery_state = cases[i].recovery_after};
        const struct metadata_topic before = {.partitions = &from, .partition_count = 1};
        const struct metadata_topic after = {.partitions = &to, .partition_count = 1};
        const struct metadata_topic_change changes[] = {
            {&before, &after}, {NULL, &after}, {&before, NULL}};
        struct control_status status = {.is_controller = cases[i].is_controller};

        print_message("%s\n", cases[i].label);
        control_status_on_metadata(&status, changes, ARRAY_COUNT(changes));
        assert_int_equal(counter_read(&status.leader_elections), cases[i].elections);
        assert_int_equal(counter_read(&status.unclean_elections), cases[i].unclean);
    }
}

static void sessions_and_terms_are_counted(void **state) {
    struct control_status status = {0};

    (void)state;
    control_status_on_session(&status, ZK_SESSION_NEW, 1000);
    assert_true(atomic_load(&status.is_connected));
    control_status_on_session(&status, ZK_SESSION_DISCONNECTED, 2000);
    assert_false(atomic_load(&status.is_connected));
    control_status_on_session(&status, ZK_SESSION_RECONNECTED, 3000);
    assert_int_equal(atomic_load(&status.session_began_ms), 1000);
    assert_true(atomic_load(&status.is_connected));
    control_status_on_session(&status, ZK_SESSION_EXPIRED, 4000);
    assert_int_equal(atomic_load(&status.session_began_ms), 0);
    assert_false(atomic_load(&status.is_connected));
    assert_int_equal(counter_read(&status.sessions_began), 1);
    assert_int_equal(counter_read(&status.reconnections), 1);
    assert_int_equal(counter_read(&status.disconnections), 1);
    assert_int_equal(counter_read(&status.expirations), 1);
    control_status_on_term(&status, true, 1);
    control_status_on_term(&status, true, 1);
    control_status_on_term(&status, false, 0);
    control_status_on_term(&status, true, 2);
    assert_true(atomic_load(&status.is_controller));
    assert_int_equal(counter_read(&status.terms), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_election_is_another_leader),
        cmocka_unit_test(sessions_and_terms_are_counted),
    };

    return cmocka_run_group_tests_name("control_status", tests, NULL, NULL);
}
