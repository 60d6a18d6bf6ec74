#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/election_plan.h"

#include "client/base/check.h"

#define ROOM 8

/* Lists of broker ids end with 0. */
struct replica_case {
    const char *label;
    int32_t replicas[ROOM];
    enum replica_health health[ROOM];
    int32_t leader;
    int32_t isr[ROOM];
    bool unclean;
    int32_t wanted_leader; /* 0: nothing changes */
    int32_t wanted_isr[ROOM];
    bool wanted_recovering;
};

#define ON  REPLICA_ONLINE
#define OFF REPLICA_OFFLINE
#define NEW REPLICA_STALE
#define BYE REPLICA_LEAVING
#define BAD REPLICA_UNCLEAN
#define AWY REPLICA_OFFLINE_UNCLEAN

static size_t length(const int32_t ids[ROOM]) {
    size_t count = 0;

    while (count < ROOM && ids[count] != 0)
        count++;
    return count;
}

static struct election_input input_of(const struct replica_case *row) {
    return (struct election_input){
        .replicas = row->replicas,
        .health = row->health,
        .replica_count = length(row->replicas),
        .leader = row->leader,
        .isr = row->isr,
        .isr_count = length(row->isr),
        .unclean_allowed = row->unclean,
    };
}

typedef void plan_function(const struct election_input *input, struct election_plan *plan);

static void check_row(const struct replica_case *row, plan_function *function) {
    struct election_input input = input_of(row);
    int32_t isr[ROOM];
    struct election_plan plan = {.isr = isr};

    function(&input, &plan);
    if (plan.changed != (row->wanted_leader != 0))
        fail_msg("%s: changed is %d", row->label, plan.changed);
    if (!plan.changed)
        return;
    if (plan.leader != row->wanted_leader)
        fail_msg("%s: leader %d", row->label, plan.leader);
    if (plan.isr_count != length(row->wanted_isr))
        fail_msg("%s: an isr of %zu", row->label, plan.isr_count);
    for (size_t i = 0; i < plan.isr_count; i++)
        if (isr[i] != row->wanted_isr[i])
            fail_msg("%s: isr has %d", row->label, isr[i]);
    if (plan.recovering != row->wanted_recovering)
        fail_msg("%s: recovering is %d", row->label, plan.recovering);
}

static void a_partition_is_led_by_a_live_member_of_its_isr(void **state) {
    static const struct replica_case cases[] = {
        {"all is well", {1, 2, 3}, {ON, ON, ON}, 1, {1, 2, 3}, false, 0, {0}, false},
        {"not all replicas are in the isr", {1, 2}, {ON, OFF}, 1, {1}, false, 0, {0}, false},
        {"leader dies", {1, 2, 3}, {OFF, ON, ON}, 1, {1, 2, 3}, false, 2, {2, 3}, false},
        {"order of the assignment decides",
         {1, 2, 3},
         {OFF, ON, ON},
         1,
         {3, 2, 1},
         false,
         2,
         {3, 2},
         false},
        {"preferred is not in the isr", {1, 2, 3}, {ON, OFF, ON}, 2, {2, 3}, false, 3, {3}, false},
        {"follower dies", {1, 2, 3}, {ON, OFF, ON}, 1, {1, 2, 3}, false, 1, {1, 3}, false},
        {"last of the isr dies", {1, 2}, {ON, OFF}, 2, {2}, false, -1, {2}, false},
        {"all of the isr die at once",
         {1, 2, 3},
         {ON, OFF, OFF},
         2,
         {2, 3},
         false,
         -1,
         {2, 3},
         false},
        {"all die, and one of them has lost records: a newer state would not tell",
         {1, 2},
         {AWY, OFF},
         2,
         {1, 2},
         false,
         0,
         {0},
         false},
        {"who has lost records and is gone leaves the isr of who is there",
         {1, 2},
         {AWY, ON},
         1,
         {1, 2},
         false,
         2,
         {2},
         false},
        {"still nobody of the isr", {1, 2}, {ON, OFF}, -1, {2}, false, 0, {0}, false},
        {"last of the isr returns", {1, 2}, {ON, ON}, -1, {2}, false, 2, {2}, false},
        {"unclean is allowed and needed", {1, 2}, {ON, OFF}, -1, {2}, true, 1, {1}, true},
        {"unclean is allowed, not needed",
         {1, 2, 3},
         {OFF, ON, ON},
         1,
         {1, 3},
         true,
         3,
         {3},
         false},
        {"unclean, but nobody is there", {1, 2}, {OFF, OFF}, -1, {2}, true, 0, {0}, false},
        {"a leader that is no replica", {1, 2}, {ON, ON}, 7, {1, 2}, false, 1, {1, 2}, false},
        {"a leader outside the isr", {1, 2}, {ON, ON}, 1, {2}, false, 2, {2}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_row(&cases[i], controller_election_plan_repair);
}

static void a_replica_that_registered_anew_gives_way_to_the_others(void **state) {
    static const struct replica_case cases[] = {
        {"leader bounced", {1, 2, 3}, {NEW, ON, ON}, 1, {1, 2, 3}, false, 2, {2, 3}, false},
        {"follower bounced", {1, 2, 3}, {ON, NEW, ON}, 1, {1, 2, 3}, false, 1, {1, 3}, false},
        {"bounced, outside the isr", {1, 2, 3}, {ON, NEW, ON}, 1, {1, 3}, false, 0, {0}, false},
        {"bounced, and alone", {1}, {NEW}, 1, {1}, false, 1, {1}, false},
        {"bounced, the others are dead", {1, 2}, {NEW, OFF}, 1, {1, 2}, false, 1, {1}, false},
        {"the whole isr bounced", {1, 2, 3}, {NEW, NEW, ON}, 2, {1, 2}, false, 1, {1, 2}, false},
        {"not an unclean election", {1, 2}, {ON, NEW}, 2, {2}, true, 2, {2}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_row(&cases[i], controller_election_plan_repair);
}

static void a_replica_that_restarted_uncleanly_counts_only_alone(void **state) {
    static const struct replica_case cases[] = {
        {"the leader did", {1, 2, 3}, {BAD, ON, ON}, 1, {1, 2, 3}, false, 2, {2, 3}, false},
        {"a follower did", {1, 2, 3}, {ON, BAD, ON}, 1, {1, 2, 3}, false, 1, {1, 3}, false},
        {"the other came back clean", {1, 2}, {BAD, NEW}, 1, {1, 2}, false, 2, {2}, false},
        {"so did two", {1, 2, 3}, {BAD, NEW, NEW}, 1, {1, 2, 3}, false, 2, {2, 3}, false},
        {"the others are dead", {1, 2}, {BAD, OFF}, 1, {1, 2}, false, 1, {1}, false},
        {"all did", {1, 2}, {BAD, BAD}, -1, {1, 2}, false, 1, {1}, false},
        {"the other is leaving", {1, 2}, {BAD, BYE}, 2, {1, 2}, false, 2, {2}, false},
        {"and did not lead", {1, 2}, {BAD, BYE}, 1, {1, 2}, false, 2, {2}, false},
        {"it is alone", {1}, {BAD}, -1, {1}, false, 1, {1}, false},
        {"outside the isr", {1, 2}, {BAD, ON}, 2, {2}, false, 0, {0}, false},
        {"unclean is allowed, not needed", {1, 2}, {NEW, BAD}, -1, {2}, true, 2, {2}, false},
        {"unclean is allowed and needed", {1, 2}, {BAD, OFF}, -1, {2}, true, 1, {1}, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_row(&cases[i], controller_election_plan_repair);
}

static void a_broker_that_shuts_down_hands_over_what_it_can(void **state) {
    static const struct replica_case cases[] = {
        {"leader leaves", {1, 2, 3}, {BYE, ON, ON}, 1, {1, 2, 3}, false, 2, {2, 3}, false},
        {"follower leaves", {1, 2, 3}, {ON, BYE, ON}, 1, {1, 2, 3}, false, 1, {1, 3}, false},
        {"leader leaves, nobody can take over", {1, 2}, {BYE, ON}, 1, {1}, false, 0, {0}, false},
        {"nor is an unclean one wanted", {1, 2}, {BYE, ON}, 1, {1}, true, 0, {0}, false},
        {"two leave", {1, 2}, {BYE, BYE}, 1, {1, 2}, false, 0, {0}, false},
        {"it leads on, the dead go",
         {1, 2, 3},
         {BYE, OFF, BYE},
         1,
         {1, 2, 3},
         false,
         1,
         {1, 3},
         false},
        {"it is not elected", {1, 2}, {OFF, BYE}, 1, {1, 2}, false, -1, {1, 2}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_row(&cases[i], controller_election_plan_repair);
}

static void a_new_partition_is_led_by_its_first_live_replica(void **state) {
    static const struct replica_case cases[] = {
        {"all are there", {3, 1, 2}, {ON, ON, ON}, -1, {0}, false, 3, {3, 1, 2}, false},
        {"the first is not", {3, 1, 2}, {OFF, ON, ON}, -1, {0}, false, 1, {1, 2}, false},
        {"one leaves", {3, 1}, {BYE, ON}, -1, {0}, false, 1, {1}, false},
        {"nobody is there", {3, 1}, {OFF, OFF}, -1, {0}, true, 0, {0}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_row(&cases[i], controller_election_plan_first);
}

static void only_the_first_replica_is_preferred(void **state) {
    static const struct replica_case cases[] = {
        {"it can lead", {1, 2}, {ON, ON}, 2, {2, 1}, false, 1, {2, 1}, false},
        {"it leads", {1, 2}, {ON, ON}, 1, {1, 2}, false, 0, {0}, false},
        {"it is not in the isr", {1, 2}, {ON, ON}, 2, {2}, false, 0, {0}, false},
        {"it is dead", {1, 2}, {OFF, ON}, 2, {1, 2}, false, 0, {0}, false},
        {"it is shutting down", {1, 2}, {BYE, ON}, 2, {1, 2}, false, 0, {0}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_row(&cases[i], controller_election_plan_preferred);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_is_led_by_a_live_member_of_its_isr),
        cmocka_unit_test(a_replica_that_registered_anew_gives_way_to_the_others),
        cmocka_unit_test(a_replica_that_restarted_uncleanly_counts_only_alone),
        cmocka_unit_test(a_broker_that_shuts_down_hands_over_what_it_can),
        cmocka_unit_test(a_new_partition_is_led_by_its_first_live_replica),
        cmocka_unit_test(only_the_first_replica_is_preferred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
