/* A producer's transactions as decisions: every transition, every class of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/producer/transaction.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- ways to each state -------------------------------------------------------------------- */

static void expect(struct transaction *t, enum transaction_request request) {
    assert_int_equal(transaction_next(t, request == TRANSACTION_ADDS_PARTITIONS, false), request);
}

static void answer(struct transaction *t, enum transaction_request request, enum error error) {
    expect(t, request);
    transaction_answered(t, error, true);
}

static void make_ready(struct transaction *t, bool can_bump) {
    transaction_init(t);
    assert_int_equal(transaction_start(t, TRANSACTION_CALL_INIT), ERR_NONE);
    expect(t, TRANSACTION_ASKS_IDENTITY);
    transaction_answered(t, ERR_NONE, can_bump);
    assert_int_equal(transaction_take(t), ERR_NONE);
    assert_int_equal(t->state, TRANSACTION_READY);
}

static void make_open(struct transaction *t) {
    make_ready(t, true);
    assert_int_equal(transaction_begin(t), ERR_NONE);
}

/* With a partition in it. */
static void make_begun(struct transaction *t) {
    make_open(t);
    answer(t, TRANSACTION_ADDS_PARTITIONS, ERR_NONE);
    assert_true(t->begun);
}

static void make_committing(struct transaction *t) {
    make_begun(t);
    assert_int_equal(transaction_start(t, TRANSACTION_CALL_COMMIT), ERR_NONE);
}

static void make_aborting(struct transaction *t) {
    make_begun(t);
    assert_int_equal(transaction_start(t, TRANSACTION_CALL_ABORT), ERR_NONE);
}

static void make_must_abort(struct transaction *t) {
    make_begun(t);
    transaction_on_failure(t, ERR_MESSAGE_TOO_LARGE, false);
    assert_int_equal(t->state, TRANSACTION_MUST_ABORT);
}

static void make_failed(struct transaction *t) {
    make_open(t);
    answer(t, TRANSACTION_ADDS_PARTITIONS, ERR_PRODUCER_FENCED);
    assert_int_equal(t->state, TRANSACTION_FAILED);
}

static void make_uninitialized(struct transaction *t) {
    transaction_init(t);
}

static void make_initializing(struct transaction *t) {
    transaction_init(t);
    assert_int_equal(transaction_start(t, TRANSACTION_CALL_INIT), ERR_NONE);
}

static void make_ready_again(struct transaction *t) {
    make_ready(t, true);
}

/* --- calls --------------------------------------------------------------------------------- */

static void each_call_fits_some_states_and_changes_no_others(void **state) {
    const enum error turn = ERR_CALL_OUT_OF_TURN;
    const enum error large = ERR_MESSAGE_TOO_LARGE;
    const enum error fenced = ERR_PRODUCER_FENCED;
    const struct {
        const char *label;
        void (*make)(struct transaction *t);
        enum error init, begin, send, offsets, commit, abort;
    } cases[] = {
        {"new", make_uninitialized, 0, turn, turn, turn, turn, turn},
        {"initializing", make_initializing, 0, turn, turn, turn, turn, turn},
        {"ready", make_ready_again, turn, 0, turn, turn, turn, turn},
        {"open", make_open, turn, turn, 0, 0, 0, 0},
        {"committing", make_committing, turn, turn, turn, turn, 0, turn},
        {"aborting", make_aborting, turn, turn, turn, turn, turn, 0},
        {"to be aborted", make_must_abort, large, large, large, large, large, 0},
        {"failed", make_failed, fenced, fenced, fenced, fenced, fenced, fenced},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct transaction t;

        cases[i].make(&t);
        assert_int_equal(transaction_start(&t, TRANSACTION_CALL_INIT), cases[i].init);
        cases[i].make(&t);
        assert_int_equal(transaction_begin(&t), cases[i].begin);
        cases[i].make(&t);
        assert_int_equal(transaction_may_send(&t), cases[i].send);
        assert_int_equal(transaction_give_offsets(&t), cases[i].offsets);
        cases[i].make(&t);
        assert_int_equal(transaction_start(&t, TRANSACTION_CALL_COMMIT), cases[i].commit);
        cases[i].make(&t);
        assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), cases[i].abort);
    }
}

static void a_call_whose_outcome_was_not_taken_stands_against_others(void **state) {
    struct transaction t;

    (void)state;
    make_committing(&t);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_COMMIT), ERR_NONE); /* waits again */
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    /* It has succeeded, which its caller does not know. */
    assert_int_equal(transaction_begin(&t), ERR_CALL_OUT_OF_TURN);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_CALL_OUT_OF_TURN);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_COMMIT), ERR_NONE);
    assert_true(t.over);
    assert_int_equal(transaction_take(&t), ERR_NONE);
    assert_int_equal(transaction_begin(&t), ERR_NONE);
}

static void a_commit_that_failed_untold_may_be_aborted(void **state) {
    struct transaction t;

    (void)state;
    make_committing(&t);
    answer(&t, TRANSACTION_ENDS, ERR_TRANSACTION_ABORTABLE);
    assert_int_equal(t.state, TRANSACTION_MUST_ABORT);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    assert_int_equal(transaction_take(&t), ERR_NONE);
}

/* --- what is asked, in order --------------------------------------------------------------- */

static void init_asks_for_an_identity(void **state) {
    struct transaction t;

    (void)state;
    make_initializing(&t);
    expect(&t, TRANSACTION_ASKS_IDENTITY);
    expect(&t, TRANSACTION_ASKS_NOTHING); /* one at a time */
    transaction_answered(&t, ERR_NONE, true);
    assert_int_equal(t.state, TRANSACTION_READY);
    assert_true(t.can_bump);
    assert_int_equal(transaction_take(&t), ERR_NONE);
}

static void init_that_is_not_allowed_may_be_called_again(void **state) {
    static const enum error errors[] = {ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                                        ERR_CLUSTER_AUTHORIZATION_FAILED,
                                        ERR_TRANSACTION_ABORTABLE};

    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct transaction t;

        make_initializing(&t);
        answer(&t, TRANSACTION_ASKS_IDENTITY, errors[i]);
        assert_int_equal(transaction_take(&t), errors[i]);
        assert_int_equal(t.state, TRANSACTION_UNINITIALIZED);
        assert_int_equal(transaction_start(&t, TRANSACTION_CALL_INIT), ERR_NONE);
    }
}

static void an_open_transaction_asks_when_there_is_something_to_add(void **state) {
    struct transaction t;

    (void)state;
    make_open(&t);
    assert_int_equal(t.serial, 1);
    expect(&t, TRANSACTION_ASKS_NOTHING);
    assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
    answer(&t, TRANSACTION_ADDS_PARTITIONS, ERR_NONE); /* before the group */
    answer(&t, TRANSACTION_ADDS_GROUP, ERR_NONE);
    answer(&t, TRANSACTION_ADDS_PARTITIONS, ERR_NONE);
    answer(&t, TRANSACTION_COMMITS_OFFSETS, ERR_NONE);
    assert_false(t.has_offsets);
    assert_int_equal(t.offsets_error, ERR_NONE);
    expect(&t, TRANSACTION_ASKS_NOTHING);
    assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
    answer(&t, TRANSACTION_ADDS_GROUP, ERR_NONE); /* each time, as the group may be another */
    answer(&t, TRANSACTION_COMMITS_OFFSETS, ERR_NONE);
}

static void a_commit_comes_after_all_else(void **state) {
    struct transaction t;

    (void)state;
    make_open(&t);
    assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_COMMIT), ERR_NONE);
    answer(&t, TRANSACTION_ADDS_PARTITIONS, ERR_NONE);
    answer(&t, TRANSACTION_ADDS_GROUP, ERR_NONE);
    answer(&t, TRANSACTION_COMMITS_OFFSETS, ERR_NONE);
    assert_int_equal(transaction_next(&t, false, true), TRANSACTION_ASKS_NOTHING); /* records */
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    assert_int_equal(t.state, TRANSACTION_READY);
    assert_int_equal(transaction_take(&t), ERR_NONE);
    assert_int_equal(transaction_begin(&t), ERR_NONE);
    assert_int_equal(t.serial, 2);
    assert_false(t.begun);
}

static void an_abort_waits_for_what_is_on_its_way_and_adds_nothing(void **state) {
    struct transaction t;

    (void)state;
    make_begun(&t);
    assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
    assert_false(t.has_offsets);
    assert_int_equal(t.offsets_error, ERR_CANCELLED);
    assert_int_equal(transaction_next(&t, true, true), TRANSACTION_ASKS_NOTHING);
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    assert_int_equal(t.state, TRANSACTION_READY);
    assert_int_equal(transaction_take(&t), ERR_NONE);
}

static void nobody_is_asked_to_end_what_never_began(void **state) {
    static const enum transaction_call calls[] = {TRANSACTION_CALL_COMMIT, TRANSACTION_CALL_ABORT};

    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct transaction t;

        make_open(&t);
        assert_int_equal(transaction_start(&t, calls[i]), ERR_NONE);
        expect(&t, TRANSACTION_ASKS_NOTHING);
        assert_int_equal(t.state, TRANSACTION_READY);
        assert_int_equal(transaction_take(&t), ERR_NONE);
    }
}

/* The coordinator may have it open, though its answer comes when we want it no more. */
static void what_was_added_while_aborting_is_ended(void **state) {
    struct transaction t;

    (void)state;
    make_open(&t);
    expect(&t, TRANSACTION_ADDS_PARTITIONS);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
    expect(&t, TRANSACTION_ASKS_NOTHING);
    transaction_answered(&t, ERR_NONE, true);
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    assert_int_equal(t.state, TRANSACTION_READY);

    make_open(&t);
    assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
    expect(&t, TRANSACTION_ADDS_GROUP);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
    transaction_answered(&t, ERR_NONE, true);
    assert_false(t.group_added);
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    assert_int_equal(t.state, TRANSACTION_READY);
}

static void what_is_to_be_added_to_an_aborted_transaction_is_called_off(void **state) {
    static const enum transaction_request requests[] = {
        TRANSACTION_ADDS_PARTITIONS, TRANSACTION_ADDS_GROUP, TRANSACTION_COMMITS_OFFSETS};

    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct transaction t;

        make_open(&t);
        assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
        if (requests[i] == TRANSACTION_COMMITS_OFFSETS)
            answer(&t, TRANSACTION_ADDS_GROUP, ERR_NONE);
        expect(&t, requests[i]);
        assert_false(transaction_is_pointless(&t));
        assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
        assert_true(transaction_is_pointless(&t));
        transaction_called_off(&t);
        if (requests[i] == TRANSACTION_COMMITS_OFFSETS)
            answer(&t, TRANSACTION_ENDS, ERR_NONE);
        else
            expect(&t, TRANSACTION_ASKS_NOTHING); /* nothing was added */
        assert_int_equal(t.state, TRANSACTION_READY);
        assert_int_equal(transaction_take(&t), ERR_NONE);
    }
}

static void an_end_is_never_pointless(void **state) {
    struct transaction t;

    (void)state;
    make_aborting(&t);
    expect(&t, TRANSACTION_ENDS);
    assert_false(transaction_is_pointless(&t));
}

/* --- failures ------------------------------------------------------------------------------ */

static void a_record_that_failed_forbids_the_commit(void **state) {
    struct transaction t;
    enum error error;

    (void)state;
    make_committing(&t);
    transaction_on_failure(&t, ERR_MESSAGE_TOO_LARGE, false);
    assert_int_equal(t.state, TRANSACTION_MUST_ABORT);
    assert_int_equal(transaction_take(&t), ERR_MESSAGE_TOO_LARGE);
    assert_int_equal(transaction_drops(&t, &error), TRANSACTION_DROPS_UNSENT);
    assert_int_equal(error, ERR_MESSAGE_TOO_LARGE);
    expect(&t, TRANSACTION_ASKS_NOTHING);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
    assert_int_equal(transaction_drops(&t, &error), TRANSACTION_DROPS_UNSENT);
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    assert_int_equal(transaction_take(&t), ERR_NONE);
    assert_int_equal(t.state, TRANSACTION_READY); /* it had no number: the epoch stays */
    assert_int_equal(transaction_drops(&t, &error), TRANSACTION_DROPS_NOTHING);
}

static void a_gap_in_the_numbers_takes_the_next_epoch(void **state) {
    static void (*const makes[])(struct transaction * t) = {make_begun, make_committing,
                                                            make_aborting};

    (void)state;
    for (size_t i = 0; i < COUNT(makes); i++) {
        struct transaction t;

        makes[i](&t);
        transaction_on_failure(&t, ERR_REQUEST_TIMED_OUT, true);
        assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
        answer(&t, TRANSACTION_ENDS, ERR_NONE);
        assert_int_equal(t.state, TRANSACTION_ABORTING);
        answer(&t, TRANSACTION_ASKS_NEXT_EPOCH, ERR_NONE);
        assert_int_equal(t.state, TRANSACTION_READY);
        assert_false(t.bump);
        assert_int_equal(transaction_take(&t), ERR_NONE);
    }
}

static void without_the_next_epoch_a_gap_is_fatal(void **state) {
    struct transaction t;
    enum error error;

    (void)state;
    make_ready(&t, false);
    assert_int_equal(transaction_begin(&t), ERR_NONE);
    answer(&t, TRANSACTION_ADDS_PARTITIONS, ERR_NONE);
    transaction_on_failure(&t, ERR_REQUEST_TIMED_OUT, true);
    assert_int_equal(t.state, TRANSACTION_FAILED);
    assert_int_equal(transaction_drops(&t, &error), TRANSACTION_DROPS_ALL);
    assert_int_equal(error, ERR_REQUEST_TIMED_OUT);
}

static void what_was_dropped_for_an_abort_changes_nothing(void **state) {
    struct transaction t;

    (void)state;
    make_must_abort(&t);
    transaction_on_failure(&t, ERR_CLUSTER_AUTHORIZATION_FAILED, false);
    assert_int_equal(t.state, TRANSACTION_MUST_ABORT);
    make_aborting(&t);
    transaction_on_failure(&t, ERR_CANCELLED, false);
    assert_int_equal(t.state, TRANSACTION_ABORTING);
    assert_false(t.bump);
    make_ready_again(&t);
    transaction_on_failure(&t, ERR_PRODUCER_FENCED, true);
    assert_int_equal(t.state, TRANSACTION_READY);
}

static void the_first_cause_is_told(void **state) {
    struct transaction t;

    (void)state;
    make_must_abort(&t);
    transaction_on_failure(&t, ERR_REQUEST_TIMED_OUT, true);
    assert_int_equal(transaction_begin(&t), ERR_MESSAGE_TOO_LARGE);
    assert_true(t.bump);
}

/* EndTxn would be refused: the next epoch is asked for at once. */
static void a_coordinator_that_forgot_us_is_not_asked_to_end(void **state) {
    struct transaction t;

    (void)state;
    make_begun(&t);
    answer(&t, TRANSACTION_ADDS_PARTITIONS, ERR_INVALID_PRODUCER_ID_MAPPING);
    assert_int_equal(t.state, TRANSACTION_MUST_ABORT);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_NONE);
    answer(&t, TRANSACTION_ASKS_NEXT_EPOCH, ERR_NONE);
    assert_int_equal(t.state, TRANSACTION_READY);
    assert_false(t.forgotten);

    make_aborting(&t);
    answer(&t, TRANSACTION_ENDS, ERR_UNKNOWN_PRODUCER_ID);
    answer(&t, TRANSACTION_ASKS_NEXT_EPOCH, ERR_NONE);
    assert_int_equal(transaction_take(&t), ERR_NONE);
}

static void without_the_next_epoch_being_forgotten_is_fatal(void **state) {
    struct transaction t;

    (void)state;
    make_ready(&t, false);
    assert_int_equal(transaction_begin(&t), ERR_NONE);
    answer(&t, TRANSACTION_ADDS_PARTITIONS, ERR_INVALID_PRODUCER_ID_MAPPING);
    assert_int_equal(t.state, TRANSACTION_FAILED);
}

static void fatal_is_for_ever(void **state) {
    struct transaction t;
    enum error error;

    (void)state;
    make_committing(&t);
    answer(&t, TRANSACTION_ENDS, ERR_PRODUCER_FENCED);
    assert_int_equal(transaction_take(&t), ERR_PRODUCER_FENCED);
    assert_int_equal(transaction_drops(&t, &error), TRANSACTION_DROPS_ALL);
    transaction_on_failure(&t, ERR_MESSAGE_TOO_LARGE, true);
    assert_int_equal(transaction_start(&t, TRANSACTION_CALL_ABORT), ERR_PRODUCER_FENCED);
    expect(&t, TRANSACTION_ASKS_NOTHING);
    assert_int_equal(t.state, TRANSACTION_FAILED);
}

static void an_answer_after_a_fatal_failure_changes_nothing(void **state) {
    struct transaction t;

    (void)state;
    make_begun(&t);
    expect(&t, TRANSACTION_ADDS_PARTITIONS);
    transaction_on_failure(&t, ERR_PRODUCER_FENCED, true);
    transaction_answered(&t, ERR_NONE, true);
    assert_int_equal(t.state, TRANSACTION_FAILED);
    assert_int_equal(t.asked, TRANSACTION_ASKS_NOTHING);
}

static void an_abort_that_is_refused_is_fatal(void **state) {
    static const enum error errors[] = {ERR_PRODUCER_FENCED, ERR_INVALID_TXN_STATE,
                                        ERR_TRANSACTION_ABORTABLE, ERR_UNKNOWN_SERVER_ERROR};

    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct transaction t;

        make_aborting(&t);
        answer(&t, TRANSACTION_ENDS, errors[i]);
        assert_int_equal(t.state, TRANSACTION_FAILED);
        assert_int_equal(transaction_take(&t), errors[i]);
    }
}

static void a_next_epoch_that_is_refused_is_fatal(void **state) {
    struct transaction t;

    (void)state;
    make_aborting(&t);
    transaction_on_failure(&t, ERR_REQUEST_TIMED_OUT, true);
    answer(&t, TRANSACTION_ENDS, ERR_NONE);
    answer(&t, TRANSACTION_ASKS_NEXT_EPOCH, ERR_PRODUCER_FENCED);
    assert_int_equal(transaction_take(&t), ERR_PRODUCER_FENCED);
}

static void what_may_pass_is_asked_again(void **state) {
    static const enum error errors[] = {
        ERR_CONCURRENT_TRANSACTIONS, ERR_COORDINATOR_LOAD_IN_PROGRESS,
        ERR_NOT_COORDINATOR,         ERR_COORDINATOR_NOT_AVAILABLE,
        ERR_CONNECTION_LOST,         ERR_OUT_OF_MEMORY};

    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct transaction t;

        make_committing(&t);
        answer(&t, TRANSACTION_ENDS, errors[i]);
        assert_int_equal(t.state, TRANSACTION_COMMITTING);
        answer(&t, TRANSACTION_ENDS, ERR_NONE);
        assert_int_equal(transaction_take(&t), ERR_NONE);
    }
}

static void offsets_that_are_refused_end_with_the_reason(void **state) {
    static const struct {
        enum error error;
        enum transaction_state state;
    } cases[] = {
        {ERR_ILLEGAL_GENERATION, TRANSACTION_MUST_ABORT},
        {ERR_UNKNOWN_MEMBER_ID, TRANSACTION_MUST_ABORT},
        {ERR_FENCED_INSTANCE_ID, TRANSACTION_MUST_ABORT},
        {ERR_GROUP_AUTHORIZATION_FAILED, TRANSACTION_MUST_ABORT},
        {ERR_REBALANCE_IN_PROGRESS, TRANSACTION_MUST_ABORT},
        {ERR_TRANSACTION_ABORTABLE, TRANSACTION_MUST_ABORT},
        {ERR_PRODUCER_FENCED, TRANSACTION_FAILED},
        {ERR_INVALID_PRODUCER_EPOCH, TRANSACTION_FAILED},
        {ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, TRANSACTION_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct transaction t;

        make_open(&t);
        assert_int_equal(transaction_give_offsets(&t), ERR_NONE);
        answer(&t, TRANSACTION_ADDS_GROUP, ERR_NONE);
        answer(&t, TRANSACTION_COMMITS_OFFSETS, cases[i].error);
        assert_int_equal(t.state, cases[i].state);
        assert_false(t.has_offsets);
        assert_int_equal(t.offsets_error, cases[i].error);
    }
}

/* --- classes ------------------------------------------------------------------------------- */

/* As the Java client classifies them: rows are errors, columns requests. */
static void errors_are_classified(void **state) {
    enum {
        R = TRANSACTION_TRY_AGAIN,
        A = TRANSACTION_ABORT,
        B = TRANSACTION_ABORT_AND_BUMP,
        I = TRANSACTION_INIT_AGAIN,
        F = TRANSACTION_GIVE_UP
    };
    static const struct {
        enum error error;
        int init, next_epoch, partitions, group, offsets, end, batch;
    } cases[] = {
        {ERR_COORDINATOR_LOAD_IN_PROGRESS, R, R, R, R, R, R, B},
        {ERR_NOT_COORDINATOR, R, R, R, R, R, R, B},
        {ERR_CONCURRENT_TRANSACTIONS, R, R, R, R, R, R, B},
        {ERR_UNKNOWN_TOPIC_OR_PARTITION, R, R, R, R, R, R, B},
        {ERR_REQUEST_TIMED_OUT, R, R, R, R, R, R, B},
        {ERR_PRODUCER_FENCED, F, F, F, F, F, F, F},
        {ERR_INVALID_PRODUCER_EPOCH, F, F, F, F, F, F, B},
        {ERR_INVALID_TXN_STATE, F, F, F, F, F, F, B},
        {ERR_UNKNOWN_PRODUCER_ID, F, F, B, B, F, B, B},
        {ERR_INVALID_PRODUCER_ID_MAPPING, F, F, B, B, F, B, B},
        {ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, F, F, A, F, F, F, B},
        {ERR_TRANSACTION_ABORTABLE, I, F, A, A, A, A, B},
        {ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, I, F, F, F, F, F, F},
        {ERR_CLUSTER_AUTHORIZATION_FAILED, I, F, A, F, F, F, F},
        {ERR_TOPIC_AUTHORIZATION_FAILED, F, F, A, F, F, F, B},
        {ERR_GROUP_AUTHORIZATION_FAILED, F, F, A, A, A, F, B},
        {ERR_INVALID_TRANSACTION_TIMEOUT, F, F, A, F, F, F, B},
        {ERR_UNSUPPORTED_VERSION, F, F, F, F, F, F, F},
        {ERR_MESSAGE_TOO_LARGE, F, F, A, F, F, F, B},
        {ERR_UNKNOWN_SERVER_ERROR, F, F, A, F, F, F, B},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum error e = cases[i].error;

        assert_int_equal(transaction_remedy(TRANSACTION_ASKS_IDENTITY, e), cases[i].init);
        assert_int_equal(transaction_remedy(TRANSACTION_ASKS_NEXT_EPOCH, e), cases[i].next_epoch);
        assert_int_equal(transaction_remedy(TRANSACTION_ADDS_PARTITIONS, e), cases[i].partitions);
        assert_int_equal(transaction_remedy(TRANSACTION_ADDS_GROUP, e), cases[i].group);
        assert_int_equal(transaction_remedy(TRANSACTION_COMMITS_OFFSETS, e), cases[i].offsets);
        assert_int_equal(transaction_remedy(TRANSACTION_ENDS, e), cases[i].end);
        assert_int_equal(transaction_remedy(TRANSACTION_ASKS_NOTHING, e), cases[i].batch);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_fits_some_states_and_changes_no_others),
        cmocka_unit_test(a_call_whose_outcome_was_not_taken_stands_against_others),
        cmocka_unit_test(a_commit_that_failed_untold_may_be_aborted),
        cmocka_unit_test(init_asks_for_an_identity),
        cmocka_unit_test(init_that_is_not_allowed_may_be_called_again),
        cmocka_unit_test(an_open_transaction_asks_when_there_is_something_to_add),
        cmocka_unit_test(a_commit_comes_after_all_else),
        cmocka_unit_test(an_abort_waits_for_what_is_on_its_way_and_adds_nothing),
        cmocka_unit_test(nobody_is_asked_to_end_what_never_began),
        cmocka_unit_test(what_was_added_while_aborting_is_ended),
        cmocka_unit_test(what_is_to_be_added_to_an_aborted_transaction_is_called_off),
        cmocka_unit_test(an_end_is_never_pointless),
        cmocka_unit_test(a_record_that_failed_forbids_the_commit),
        cmocka_unit_test(a_gap_in_the_numbers_takes_the_next_epoch),
        cmocka_unit_test(without_the_next_epoch_a_gap_is_fatal),
        cmocka_unit_test(what_was_dropped_for_an_abort_changes_nothing),
        cmocka_unit_test(the_first_cause_is_told),
        cmocka_unit_test(a_coordinator_that_forgot_us_is_not_asked_to_end),
        cmocka_unit_test(without_the_next_epoch_being_forgotten_is_fatal),
        cmocka_unit_test(fatal_is_for_ever),
        cmocka_unit_test(an_answer_after_a_fatal_failure_changes_nothing),
        cmocka_unit_test(an_abort_that_is_refused_is_fatal),
        cmocka_unit_test(a_next_epoch_that_is_refused_is_fatal),
        cmocka_unit_test(what_may_pass_is_asked_again),
        cmocka_unit_test(offsets_that_are_refused_end_with_the_reason),
        cmocka_unit_test(errors_are_classified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
