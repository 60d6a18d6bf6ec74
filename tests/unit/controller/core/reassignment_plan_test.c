/* Proves what the replicas of a partition are while it is reassigned, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/reassignment_plan.h"

#define MAX 8

/* "1,2,3"; "" is none, "-" (a cancellation) is NULL */
static size_t parse(const char *text, int32_t *ids) {
    size_t count = 0;

    while (*text != '\0' && *text != '-') {
        ids[count++] = (int32_t)strtol(text, (char **)(uintptr_t)&text, 10);
        if (*text == ',')
            text++;
    }
    return count;
}

struct parsed {
    int32_t replicas[MAX], adding[MAX], removing[MAX];
    struct controller_partition_assignment assignment;
};

/* "replicas/adding/removing" */
static void parse_assignment(const char *text, struct parsed *parsed) {
    char room[64];
    char *rest = room;

    snprintf(room, sizeof(room), "%s", text);
    parsed->assignment = (struct controller_partition_assignment){
        .replicas = parsed->replicas, .adding = parsed->adding, .removing = parsed->removing};
    parsed->assignment.replica_count = parse(strsep(&rest, "/"), parsed->replicas);
    parsed->assignment.adding_count = parse(strsep(&rest, "/"), parsed->adding);
    parsed->assignment.removing_count = parse(rest, parsed->removing);
}

static const struct {
    const char *label, *now, *target, *after;
} begun[] = {
    {"one is exchanged", "1,2,3//", "1,2,4", "1,2,4,3/4/3"},
    {"all are exchanged", "1,2//", "3,4", "3,4,1,2/3,4/1,2"},
    {"one is added", "1,2//", "1,2,3", "1,2,3/3/"},
    {"one is removed", "1,2,3//", "2,1", "2,1,3//3"},
    {"another order", "1,2,3//", "3,1,2", "3,1,2//"},
    {"nothing changes", "1,2,3//", "1,2,3", "1,2,3//"},
    {"another target before the first is reached", "1,2,4,3/4/3", "5,1,2", "5,1,2,3/5/3"},
    {"the same target again", "1,2,4,3/4/3", "1,2,4", "1,2,4,3/4/3"},
    {"a cancellation goes back to the origin", "1,2,4,3/4/3", "-", "1,2,3//"},
    {"a cancellation of an addition", "1,2,3/3/", "-", "1,2//"},
    {"a cancellation of a removal", "2,1,3//3", "-", "2,1,3//"},
};

static void test_all_replicas_of_the_target_come_first_and_then_the_rest(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
        struct controller_partition_assignment *made;
        struct parsed now, after;
        int32_t target[MAX];
        size_t count = parse(begun[i].target, target);

        print_message("%s\n", begun[i].label);
        parse_assignment(begun[i].now, &now);
        parse_assignment(begun[i].after, &after);
        made = controller_reassignment_plan_begin(&now.assignment,
                                                  begun[i].target[0] == '-' ? NULL : target, count);
        assert_true(controller_assignment_is_equal(made, &after.assignment));
        free(made);
    }
}

static void test_at_the_end_only_the_target_is_left(void **state) {
    struct controller_partition_assignment *made;
    struct parsed now, after;

    (void)state;
    parse_assignment("5,1,2,3/5/3", &now);
    parse_assignment("5,1,2//", &after);
    made = controller_reassignment_plan_end(&now.assignment);
    assert_true(controller_assignment_is_equal(made, &after.assignment));
    free(made);
}

static const struct {
    const char *target;
    bool valid;
} targets[] = {{"1", true}, {"3,1,2", true}, {"", false}, {"1,1", false}, {"1,2,1", false}};

static void test_a_target_names_each_broker_once(void **state) {
    int32_t ids[MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        assert_int_equal(
            controller_reassignment_target_is_valid(ids, parse(targets[i].target, ids)),
            targets[i].valid);
    ids[0] = -1;
    assert_false(controller_reassignment_target_is_valid(ids, 1));
}

/* health by replica: o online, l leaving, s stale, x offline */
static const struct {
    const char *label, *now, *health;
    int32_t leader;
    const char *isr;
    bool complete, left;
    int32_t next_leader; /* -1: no change */
    const char *next_isr;
} ends[] = {
    {"the added one is not in the ISR", "1,4,2/4/2", "ooo", 1, "1,2", false, false, 1, "1"},
    {"the removed one leaves the ISR", "1,4,2/4/2", "ooo", 1, "1,2,4", true, false, 1, "1,4"},
    {"the removed one leads", "1,4,2/4/2", "ooo", 2, "2,1,4", true, false, 1, "1,4"},
    {"the first of the target is leaving", "1,4,2/4/2", "loo", 2, "2,1,4", true, false, 4, "1,4"},
    {"nobody of the target can lead", "1,4,2/4/2", "lxo", 2, "2,1,4", true, false, -1, ""},
    {"it has left", "1,4,2/4/2", "ooo", 1, "1,4", true, true, -1, ""},
    {"nobody leads", "1,4,2/4/2", "xxx", -1, "1,4", true, false, -1, ""},
    {"only added", "1,2,3/3/", "ooo", 1, "1,2,3", true, true, -1, ""},
};

static void test_leadership_and_isr_leave_those_that_are_removed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct parsed now;
        int32_t isr[MAX], next_isr[MAX], wanted[MAX];
        enum replica_health health[MAX];
        struct election_plan plan = {.isr = next_isr};
        struct election_input input = {.health = health, .leader = ends[i].leader, .isr = isr};

        print_message("%s\n", ends[i].label);
        parse_assignment(ends[i].now, &now);
        input.replicas = now.replicas;
        input.replica_count = now.assignment.replica_count;
        input.isr_count = parse(ends[i].isr, isr);
        for (size_t r = 0; r < input.replica_count; r++)
            health[r] = ends[i].health[r] == 'o'   ? REPLICA_ONLINE
                        : ends[i].health[r] == 'l' ? REPLICA_LEAVING
                                                   : REPLICA_OFFLINE;
        assert_int_equal(controller_reassignment_is_complete(&now.assignment, isr, input.isr_count),
                         ends[i].complete);
        assert_int_equal(
            controller_reassignment_has_left(&now.assignment, ends[i].leader, isr, input.isr_count),
            ends[i].left);
        controller_reassignment_plan_leave(&now.assignment, &input, &plan);
        assert_int_equal(plan.changed, ends[i].next_leader >= 0);
        if (!plan.changed)
            continue;
        assert_int_equal(plan.leader, ends[i].next_leader);
        assert_int_equal(plan.isr_count, parse(ends[i].next_isr, wanted));
        assert_memory_equal(plan.isr, wanted, plan.isr_count * sizeof(*wanted));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_replicas_of_the_target_come_first_and_then_the_rest),
        cmocka_unit_test(test_at_the_end_only_the_target_is_left),
        cmocka_unit_test(test_a_target_names_each_broker_once),
        cmocka_unit_test(test_leadership_and_isr_leave_those_that_are_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
