/* What a transactional id goes through, case by case; the numbers are those of Kafka's states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/transaction/transaction.h"

#define PRODUCER 1000
#define NOW_MS   50000

static const struct transaction_partition orders[] = {{{(const uint8_t *)"orders", 6}, 3}};
static const struct transaction_partition others[] = {{{(const uint8_t *)"orders", 6}, 1},
                                                      {{(const uint8_t *)"a", 1}, 7}};

static struct transaction *known(enum transaction_state state, int16_t epoch) {
    struct transaction_values values = {
        .producer_id = PRODUCER,
        .last_producer_id = NO_PRODUCER_ID,
        .producer_epoch = epoch,
        .last_producer_epoch = NO_PRODUCER_EPOCH,
        .timeout_ms = 100,
        .state = state,
        .start_ms = state == TRANSACTION_EMPTY ? NO_TRANSACTION_START : NOW_MS,
        .update_ms = NOW_MS,
    };

    return transaction_new(bytes_of_text("id"), &values);
}

static struct transaction_init init_of(int64_t producer_id, int16_t epoch) {
    return (struct transaction_init){700, producer_id, epoch, 2000, NOW_MS + 1};
}

static void a_new_instance_of_the_producer_is_told_its_epoch(void **state) {
    static const struct {
        const char *label;
        enum transaction_state from;
        int16_t epoch;
        int64_t expected_id;
        int16_t expected_epoch;
        enum error error;
        bool is_open;
        int64_t id; /* that comes of it */
        int16_t next_epoch;
        int16_t last_epoch;
    } cases[] = {
        {"the first", TRANSACTION_EMPTY, -1, -1, -1, ERR_NONE, false, PRODUCER, 0, -1},
        {"the next", TRANSACTION_EMPTY, 4, -1, -1, ERR_NONE, false, PRODUCER, 5, -1},
        {"after a commit", TRANSACTION_COMPLETE_COMMIT, 4, -1, -1, ERR_NONE, false, PRODUCER, 5,
         -1},
        {"after an abort", TRANSACTION_COMPLETE_ABORT, 4, -1, -1, ERR_NONE, false, PRODUCER, 5, -1},
        {"it raises its epoch", TRANSACTION_EMPTY, 4, PRODUCER, 4, ERR_NONE, false, PRODUCER, 5, 4},
        {"an older one", TRANSACTION_EMPTY, 4, PRODUCER, 3, ERR_PRODUCER_FENCED, false, 0, 0, 0},
        {"another's", TRANSACTION_EMPTY, 4, 999, 4, ERR_PRODUCER_FENCED, false, 0, 0, 0},
        {"whoever, at first", TRANSACTION_EMPTY, -1, 999, 4, ERR_NONE, false, PRODUCER, 0, -1},
        {"a commit under way", TRANSACTION_PREPARE_COMMIT, 4, -1, -1, ERR_CONCURRENT_TRANSACTIONS,
         false, 0, 0, 0},
        {"an abort under way", TRANSACTION_PREPARE_ABORT, 4, -1, -1, ERR_CONCURRENT_TRANSACTIONS,
         false, 0, 0, 0},
        {"something open", TRANSACTION_ONGOING, 4, -1, -1, ERR_CONCURRENT_TRANSACTIONS, true, 0, 0,
         0},
        {"something open, for an older one", TRANSACTION_ONGOING, 4, 999, 4, ERR_PRODUCER_FENCED,
         false, 0, 0, 0},
        {"epochs used up", TRANSACTION_EMPTY, 32766, -1, -1, ERR_NONE, false, 2000, 0, -1},
        {"epochs used up by a fence", TRANSACTION_COMPLETE_ABORT, 32767, -1, -1, ERR_NONE, false,
         2000, 0, -1},
        {"it used them up", TRANSACTION_EMPTY, 32766, PRODUCER, 32766, ERR_NONE, false, 2000, 0,
         32766},
        {"an older one, epochs used up", TRANSACTION_EMPTY, 32766, PRODUCER, 3, ERR_PRODUCER_FENCED,
         false, 0, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transaction *one = known(cases[i].from, cases[i].epoch);
        struct transaction_init init = init_of(cases[i].expected_id, cases[i].expected_epoch);
        const struct transaction_values *next;
        bool is_open;
        enum error error = transaction_init_producer(one, &init, &next, &is_open);
        if (error != cases[i].error || is_open != cases[i].is_open)
            fail_msg("%s: %s", cases[i].label, error_name(error));
        assert_int_equal(next != NULL, error == ERR_NONE);
        if (next != NULL) {
            if (next->producer_id != cases[i].id || next->producer_epoch != cases[i].next_epoch ||
                next->last_producer_epoch != cases[i].last_epoch)
                fail_msg("%s: %ld %d %d", cases[i].label, (long)next->producer_id,
                         next->producer_epoch, next->last_producer_epoch);
            assert_int_equal(next->state, TRANSACTION_EMPTY);
            assert_int_equal(next->timeout_ms, 700);
            assert_int_equal(next->start_ms, NO_TRANSACTION_START);
        }
        transaction_free(one);
    }
}

static const struct transaction_values *init_and_write(struct transaction *one, int64_t producer_id,
                                                       int16_t epoch) {
    struct transaction_init init = init_of(producer_id, epoch);
    const struct transaction_values *next;
    bool is_open;

    assert_int_equal(transaction_init_producer(one, &init, &next, &is_open), ERR_NONE);
    transaction_written(one);
    return transaction_values(one);
}

static void a_repeated_raise_is_answered_like_the_first(void **state) {
    struct transaction *one = known(TRANSACTION_EMPTY, 4);
    (void)state;

    assert_int_equal(init_and_write(one, PRODUCER, 4)->producer_epoch, 5);
    assert_int_equal(init_and_write(one, PRODUCER, 4)->producer_epoch, 5);
    assert_int_equal(init_and_write(one, PRODUCER, 5)->producer_epoch, 6);
    transaction_free(one);
}

static void a_producer_may_find_its_old_id_used_up(void **state) {
    struct transaction *one = known(TRANSACTION_EMPTY, 32766);
    (void)state;

    assert_int_equal(init_and_write(one, PRODUCER, 32766)->producer_id, 2000);
    assert_int_equal(init_and_write(one, PRODUCER, 32766)->producer_id, 2000);
    assert_int_equal(transaction_values(one)->producer_epoch, 0);
    transaction_free(one);
}

static enum error add(struct transaction *one, int64_t producer_id, int16_t epoch,
                      const struct transaction_partition *partitions, int32_t count,
                      const struct transaction_values **next) {
    return transaction_add_partitions(one, producer_id, epoch, partitions, count, NOW_MS + 5, next);
}

static void partitions_are_added_by_the_right_producer_at_the_right_time(void **state) {
    static const struct {
        const char *label;
        enum transaction_state from;
        int64_t producer_id;
        int16_t epoch;
        enum error error;
    } cases[] = {
        {"the first", TRANSACTION_EMPTY, PRODUCER, 4, ERR_NONE},
        {"more", TRANSACTION_ONGOING, PRODUCER, 4, ERR_NONE},
        {"the next transaction", TRANSACTION_COMPLETE_COMMIT, PRODUCER, 4, ERR_NONE},
        {"the next after an abort", TRANSACTION_COMPLETE_ABORT, PRODUCER, 4, ERR_NONE},
        {"too early", TRANSACTION_PREPARE_COMMIT, PRODUCER, 4, ERR_CONCURRENT_TRANSACTIONS},
        {"too early after an abort", TRANSACTION_PREPARE_ABORT, PRODUCER, 4,
         ERR_CONCURRENT_TRANSACTIONS},
        {"another id", TRANSACTION_EMPTY, 999, 4, ERR_INVALID_PRODUCER_ID_MAPPING},
        {"an old epoch", TRANSACTION_EMPTY, PRODUCER, 3, ERR_PRODUCER_FENCED},
        {"an epoch to come", TRANSACTION_EMPTY, PRODUCER, 5, ERR_PRODUCER_FENCED},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transaction *one = known(cases[i].from, 4);
        const struct transaction_values *next;
        enum error error = add(one, cases[i].producer_id, cases[i].epoch, orders, 1, &next);
        if (error != cases[i].error)
            fail_msg("%s: %s", cases[i].label, error_name(error));
        assert_int_equal(next != NULL, error == ERR_NONE);
        if (next != NULL) {
            assert_int_equal(next->state, TRANSACTION_ONGOING);
            assert_int_equal(next->start_ms,
                             cases[i].from == TRANSACTION_ONGOING ? NOW_MS : NOW_MS + 5);
            /* Nothing changes before it is written. */
            assert_false(transaction_has_partition(one, orders[0].topic, 3));
            assert_int_equal(add(one, PRODUCER, 4, orders, 1, &next), ERR_CONCURRENT_TRANSACTIONS);
        }
        transaction_free(one);
    }
}

static struct transaction *ongoing(void) {
    struct transaction *one = known(TRANSACTION_EMPTY, 4);
    const struct transaction_values *next;

    assert_int_equal(add(one, PRODUCER, 4, orders, 1, &next), ERR_NONE);
    transaction_written(one);
    return one;
}

static void what_is_in_already_is_not_written_again(void **state) {
    struct transaction *one = ongoing();
    const struct transaction_values *next;
    (void)state;

    assert_int_equal(add(one, PRODUCER, 4, orders, 1, &next), ERR_NONE);
    assert_null(next);
    assert_int_equal(add(one, PRODUCER, 4, others, 2, &next), ERR_NONE);
    assert_int_equal(next->partition_count, 3);
    assert_true(bytes_equal_text(next->partitions[0].topic, "a"));
    assert_int_equal(next->partitions[1].index, 1);
    assert_int_equal(next->partitions[2].index, 3);
    transaction_not_written(one);
    assert_int_equal(transaction_values(one)->partition_count, 1);
    assert_false(transaction_has_partition(one, others[0].topic, 1));
    assert_int_equal(transaction_verify(one, PRODUCER, 4), ERR_NONE);
    assert_int_equal(transaction_verify(one, PRODUCER, 3), ERR_PRODUCER_FENCED);
    assert_int_equal(transaction_verify(one, 999, 4), ERR_INVALID_PRODUCER_ID_MAPPING);
    transaction_free(one);
}

static void a_transaction_ends_once_and_one_way(void **state) {
    static const struct {
        const char *label;
        enum transaction_state from;
        bool commit;
        enum error error;
        bool writes;
    } cases[] = {
        {"commit", TRANSACTION_ONGOING, true, ERR_NONE, true},
        {"abort", TRANSACTION_ONGOING, false, ERR_NONE, true},
        {"commit again", TRANSACTION_COMPLETE_COMMIT, true, ERR_NONE, false},
        {"abort what is committed", TRANSACTION_COMPLETE_COMMIT, false, ERR_INVALID_TXN_STATE,
         false},
        {"commit what is aborted", TRANSACTION_COMPLETE_ABORT, true, ERR_INVALID_TXN_STATE, false},
        {"abort again", TRANSACTION_COMPLETE_ABORT, false, ERR_NONE, false},
        {"commit while committing", TRANSACTION_PREPARE_COMMIT, true, ERR_CONCURRENT_TRANSACTIONS,
         false},
        {"abort while committing", TRANSACTION_PREPARE_COMMIT, false, ERR_INVALID_TXN_STATE, false},
        {"commit while aborting", TRANSACTION_PREPARE_ABORT, true, ERR_INVALID_TXN_STATE, false},
        {"abort while aborting", TRANSACTION_PREPARE_ABORT, false, ERR_CONCURRENT_TRANSACTIONS,
         false},
        {"commit nothing", TRANSACTION_EMPTY, true, ERR_INVALID_TXN_STATE, false},
        {"abort nothing", TRANSACTION_EMPTY, false, ERR_INVALID_TXN_STATE, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transaction *one = known(cases[i].from, 4);
        const struct transaction_values *next;
        enum error error = transaction_end(one, PRODUCER, 4, cases[i].commit, NOW_MS, &next);
        if (error != cases[i].error || (next != NULL) != cases[i].writes)
            fail_msg("%s: %s", cases[i].label, error_name(error));
        if (next != NULL)
            assert_int_equal(next->state, cases[i].commit ? TRANSACTION_PREPARE_COMMIT
                                                          : TRANSACTION_PREPARE_ABORT);
        transaction_free(one);
    }
}

static void the_markers_being_written_it_is_complete(void **state) {
    struct transaction *one = ongoing();
    const struct transaction_values *next;
    (void)state;

    assert_int_equal(transaction_end(one, PRODUCER, 3, true, NOW_MS, &next), ERR_PRODUCER_FENCED);
    assert_int_equal(transaction_end(one, PRODUCER, 4, true, NOW_MS, &next), ERR_NONE);
    assert_int_equal(next->partition_count, 1);
    transaction_written(one);
    assert_int_equal(transaction_verify(one, PRODUCER, 4), ERR_CONCURRENT_TRANSACTIONS);
    next = transaction_complete(one, NOW_MS + 9);
    assert_int_equal(next->state, TRANSACTION_COMPLETE_COMMIT);
    assert_int_equal(next->partition_count, 0);
    assert_int_equal(next->start_ms, NOW_MS + 5);
    assert_int_equal(next->update_ms, NOW_MS + 9);
    transaction_written(one);
    assert_int_equal(transaction_end(one, PRODUCER, 4, true, NOW_MS, &next), ERR_NONE);
    transaction_free(one);
}

static void who_is_fenced_stays_so_whatever_is_written(void **state) {
    struct transaction *one = ongoing();
    const struct transaction_values *next = transaction_fence(one, NOW_MS);
    (void)state;

    assert_int_equal(next->state, TRANSACTION_PREPARE_ABORT);
    assert_int_equal(next->producer_epoch, 5);
    transaction_not_written(one);
    assert_int_equal(transaction_end(one, PRODUCER, 4, true, NOW_MS, &next), ERR_PRODUCER_FENCED);
    /* The next try does not raise it once more. */
    assert_int_equal(transaction_fence(one, NOW_MS)->producer_epoch, 5);
    transaction_written(one);
    (void)transaction_complete(one, NOW_MS);
    transaction_written(one);
    assert_int_equal(init_and_write(one, -1, -1)->producer_epoch, 6);
    transaction_free(one);
}

static void the_last_epoch_can_still_be_fenced(void **state) {
    struct transaction *one = known(TRANSACTION_ONGOING, 32766);
    (void)state;

    assert_int_equal(transaction_fence(one, NOW_MS)->producer_epoch, 32767);
    transaction_written(one);
    transaction_free(one);
}

static void what_takes_too_long_and_what_is_not_used_goes(void **state) {
    struct transaction *one = ongoing();
    const struct transaction_values *next;
    (void)state;

    assert_false(transaction_is_timed_out(one, NOW_MS + 5 + 100));
    assert_true(transaction_is_timed_out(one, NOW_MS + 5 + 101));
    assert_false(transaction_is_expired(one, NOW_MS + 1000000, 1000));
    assert_int_equal(transaction_end(one, PRODUCER, 4, false, NOW_MS, &next), ERR_NONE);
    assert_false(transaction_is_timed_out(one, NOW_MS + 1000000));
    transaction_written(one);
    assert_false(transaction_is_expired(one, NOW_MS + 1000000, 1000));
    (void)transaction_complete(one, NOW_MS);
    transaction_written(one);
    assert_false(transaction_is_expired(one, NOW_MS + 999, 1000));
    assert_true(transaction_is_expired(one, NOW_MS + 1000, 1000));
    transaction_bury(one);
    assert_false(transaction_is_expired(one, NOW_MS + 1000, 1000));
    assert_int_equal(add(one, PRODUCER, 4, orders, 1, &next), ERR_CONCURRENT_TRANSACTIONS);
    transaction_not_written(one);
    assert_true(transaction_is_expired(one, NOW_MS + 1000, 1000));
    transaction_free(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_instance_of_the_producer_is_told_its_epoch),
        cmocka_unit_test(a_repeated_raise_is_answered_like_the_first),
        cmocka_unit_test(a_producer_may_find_its_old_id_used_up),
        cmocka_unit_test(partitions_are_added_by_the_right_producer_at_the_right_time),
        cmocka_unit_test(what_is_in_already_is_not_written_again),
        cmocka_unit_test(a_transaction_ends_once_and_one_way),
        cmocka_unit_test(the_markers_being_written_it_is_complete),
        cmocka_unit_test(who_is_fenced_stays_so_whatever_is_written),
        cmocka_unit_test(the_last_epoch_can_still_be_fenced),
        cmocka_unit_test(what_takes_too_long_and_what_is_not_used_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
