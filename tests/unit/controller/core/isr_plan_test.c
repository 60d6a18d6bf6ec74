#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/isr_plan.h"

/* The state is: leader 1, leader epoch 5, isr 1,2, version 9. */
static const int32_t state_isr[] = {1, 2};

struct proposal_case {
    const char *label;
    int32_t broker_id, leader_epoch, partition_epoch;
    int32_t isr[4]; /* ends with 0 */
    enum controller_leader_recovery_state before, after;
    bool strangers, ineligible;
    enum isr_verdict verdict;
    enum error error;
};

#define OK   CONTROLLER_LEADER_RECOVERED
#define BACK CONTROLLER_LEADER_RECOVERING

static const struct proposal_case cases[] = {
    {"one more", 1, 5, 9, {1, 2, 3}, OK, OK, false, false, ISR_ACCEPTED, ERR_NONE},
    {"one less", 1, 5, 9, {1}, OK, OK, false, false, ISR_ACCEPTED, ERR_NONE},
    {"the same again", 1, 5, 9, {1, 2}, OK, OK, false, false, ISR_UNCHANGED, ERR_NONE},
    {"an old request whose answer was lost",
     1,
     5,
     8,
     {1, 2},
     OK,
     OK,
     false,
     false,
     ISR_UNCHANGED,
     ERR_NONE},
    {"an old partition epoch",
     1,
     5,
     8,
     {1, 2, 3},
     OK,
     OK,
     false,
     false,
     ISR_REFUSED,
     ERR_INVALID_UPDATE_VERSION},
    {"a partition epoch to come",
     1,
     5,
     10,
     {1, 2, 3},
     OK,
     OK,
     false,
     false,
     ISR_REFUSED,
     ERR_NOT_CONTROLLER},
    {"a leader epoch to come",
     1,
     6,
     9,
     {1, 2, 3},
     OK,
     OK,
     false,
     false,
     ISR_REFUSED,
     ERR_NOT_CONTROLLER},
    {"an old leader epoch",
     1,
     4,
     9,
     {1, 2, 3},
     OK,
     OK,
     false,
     false,
     ISR_REFUSED,
     ERR_FENCED_LEADER_EPOCH},
    {"an old leader epoch, though the isr is the same",
     1,
     4,
     9,
     {1, 2},
     OK,
     OK,
     false,
     false,
     ISR_REFUSED,
     ERR_FENCED_LEADER_EPOCH},
    {"recovering with more than one",
     1,
     5,
     9,
     {1, 2, 3},
     BACK,
     BACK,
     false,
     false,
     ISR_REFUSED,
     ERR_INVALID_REQUEST},
    {"recovered, then recovering",
     1,
     5,
     9,
     {1},
     OK,
     BACK,
     false,
     false,
     ISR_REFUSED,
     ERR_INVALID_REQUEST},
    {"recovering, then recovered", 1, 5, 9, {1}, BACK, OK, false, false, ISR_ACCEPTED, ERR_NONE},
    {"a member that is not live",
     1,
     5,
     9,
     {1, 2, 3},
     OK,
     OK,
     false,
     true,
     ISR_REFUSED,
     ERR_INELIGIBLE_REPLICA},
    {"a member that is no replica",
     1,
     5,
     9,
     {1, 2, 7},
     OK,
     OK,
     true,
     true,
     ISR_REFUSED,
     ERR_INVALID_REQUEST},
    {"nobody", 1, 5, 9, {0}, OK, OK, false, false, ISR_REFUSED, ERR_INVALID_REQUEST},
    {"without the leader", 1, 5, 9, {2, 3}, OK, OK, false, false, ISR_REFUSED, ERR_INVALID_REQUEST},
    {"by somebody else",
     2,
     5,
     9,
     {1, 2, 3},
     OK,
     OK,
     false,
     false,
     ISR_REFUSED,
     ERR_INVALID_REQUEST},
    {"an old epoch is said before a dead member",
     1,
     5,
     8,
     {1, 2, 3},
     OK,
     OK,
     false,
     true,
     ISR_REFUSED,
     ERR_INVALID_UPDATE_VERSION},
};

static void a_leaders_proposal_is_judged_in_order(void **state_) {
    (void)state_;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct proposal_case *row = &cases[i];
        struct controller_partition_state state = {
            .leader = 1,
            .leader_epoch = 5,
            .controller_epoch = 3,
            .leader_recovery_state = row->before,
            .isr = state_isr,
            .isr_count = ARRAY_COUNT(state_isr),
        };
        struct isr_proposal proposal = {
            .broker_id = row->broker_id,
            .leader_epoch = row->leader_epoch,
            .partition_epoch = row->partition_epoch,
            .isr = row->isr,
            .leader_recovery_state = row->after,
            .all_replicas = !row->strangers,
            .all_eligible = !row->ineligible,
        };
        enum error error;
        enum isr_verdict verdict;

        while (row->isr[proposal.isr_count] != 0)
            proposal.isr_count++;
        verdict = controller_isr_plan_judge(&state, 9, &proposal, &error);
        if (verdict != row->verdict || error != row->error)
            fail_msg("%s: verdict %d, %s", row->label, verdict, error_name(error));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaders_proposal_is_judged_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
