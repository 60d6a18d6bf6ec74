/* Committed offsets: what was written later counts, whatever comes back first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/group/group_offsets.h"

#define T bytes_of_text("t")

static void put(struct group_offsets *offsets, int32_t partition, int64_t offset, int64_t order) {
    const struct offset_record record = {offset, 3, bytes_of_text("md"), 1000, -1};

    group_offsets_put(offsets, T, partition, &record, order);
}

static void put_pending(struct group_offsets *offsets, int64_t producer, int32_t partition,
                        int64_t offset, int64_t order) {
    const struct offset_record record = {offset, 3, bytes_of_text("md"), 1000, -1};

    group_offsets_put_pending(offsets, producer, T, partition, &record, order);
}

/* -1: none. */
static int64_t found(const struct group_offsets *offsets, int32_t partition) {
    const struct offset_record *record = group_offsets_find(offsets, T, partition);

    return record == NULL ? -1 : record->offset;
}

static void what_is_put_is_found(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    const struct offset_record *record;
    char metadata[] = "mine";
    struct offset_record mine = {5, 2, bytes_of_text(metadata), 77, 88};
    (void)state;

    assert_true(group_offsets_is_empty(offsets));
    group_offsets_put(offsets, T, 1, &mine, 1);
    metadata[0] = 'x'; /* it was copied */
    record = group_offsets_find(offsets, T, 1);
    assert_non_null(record);
    assert_int_equal(record->offset, 5);
    assert_int_equal(record->leader_epoch, 2);
    assert_true(bytes_equal_text(record->metadata, "mine"));
    assert_int_equal(record->commit_ms, 77);
    assert_int_equal(record->expire_ms, 88);
    assert_null(group_offsets_find(offsets, T, 0));
    assert_null(group_offsets_find(offsets, bytes_of_text("tt"), 1));
    assert_null(group_offsets_find(offsets, bytes_of_text(""), 1));
    assert_int_equal(group_offsets_count(offsets), 1);
    group_offsets_free(offsets);
    group_offsets_free(NULL);
}

static void the_later_record_counts_whatever_is_acknowledged_first(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put(offsets, 0, 20, 2);
    put(offsets, 0, 10, 1);
    assert_int_equal(found(offsets, 0), 20);
    put(offsets, 0, 15, 3); /* a client may go back */
    assert_int_equal(found(offsets, 0), 15);
    assert_int_equal(group_offsets_count(offsets), 1);
    group_offsets_free(offsets);
}

static void a_removal_undoes_what_came_before_it_only(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put(offsets, 0, 20, 5);
    group_offsets_remove(offsets, T, 0, 4);
    assert_int_equal(found(offsets, 0), 20);
    group_offsets_remove(offsets, T, 0, 6);
    assert_int_equal(found(offsets, 0), -1);
    assert_true(group_offsets_is_empty(offsets));
    group_offsets_remove(offsets, T, 0, 7);
    group_offsets_free(offsets);
}

static void a_commit_that_was_under_way_does_not_undo_a_removal(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    group_offsets_begin_commit(offsets, T, 0);
    assert_false(group_offsets_is_empty(offsets));
    assert_int_equal(group_offsets_count(offsets), 0);
    group_offsets_remove(offsets, T, 0, 2);
    put(offsets, 0, 10, 1);
    group_offsets_end_commit(offsets, T, 0);
    assert_int_equal(found(offsets, 0), -1);
    assert_true(group_offsets_is_empty(offsets));
    group_offsets_free(offsets);
}

static void several_commits_may_be_under_way(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    group_offsets_begin_commit(offsets, T, 0);
    group_offsets_begin_commit(offsets, T, 0);
    put(offsets, 0, 20, 2);
    group_offsets_end_commit(offsets, T, 0);
    put(offsets, 0, 10, 1);
    group_offsets_end_commit(offsets, T, 0);
    assert_int_equal(found(offsets, 0), 20);
    group_offsets_free(offsets);
}

/* ---- Transactions ---- */

static void a_transactions_offsets_count_when_it_commits(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put(offsets, 0, 10, 1);
    put_pending(offsets, 7, 0, 20, 2);
    put_pending(offsets, 7, 1, 21, 2);
    assert_int_equal(found(offsets, 0), 10);
    assert_int_equal(found(offsets, 1), -1);
    assert_true(group_offsets_is_pending(offsets, T, 0));
    assert_true(group_offsets_has_pending(offsets));
    group_offsets_end_transaction(offsets, 8, true); /* another's */
    assert_true(group_offsets_is_pending(offsets, T, 0));
    group_offsets_end_transaction(offsets, 7, true);
    assert_int_equal(found(offsets, 0), 20);
    assert_int_equal(found(offsets, 1), 21);
    assert_false(group_offsets_has_pending(offsets));
    assert_false(group_offsets_is_pending(offsets, T, 0));
    group_offsets_end_transaction(offsets, 7, false); /* the marker comes twice */
    assert_int_equal(found(offsets, 0), 20);
    group_offsets_free(offsets);
}

static void an_aborted_transaction_leaves_nothing(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put_pending(offsets, 7, 0, 20, 1);
    group_offsets_end_transaction(offsets, 7, false);
    assert_int_equal(found(offsets, 0), -1);
    assert_true(group_offsets_is_empty(offsets));
    group_offsets_free(offsets);
}

static void a_transaction_that_commits_does_not_undo_a_later_commit(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put_pending(offsets, 7, 0, 20, 1);
    put(offsets, 0, 30, 2);
    group_offsets_end_transaction(offsets, 7, true);
    assert_int_equal(found(offsets, 0), 30);
    group_offsets_free(offsets);
}

static void several_producers_may_have_one_partition_pending(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put_pending(offsets, 7, 0, 20, 1);
    put_pending(offsets, 8, 0, 30, 2);
    put_pending(offsets, 7, 0, 40, 3); /* it goes on */
    put_pending(offsets, 7, 0, 25, 2);
    group_offsets_end_transaction(offsets, 8, true);
    assert_int_equal(found(offsets, 0), 30);
    assert_true(group_offsets_is_pending(offsets, T, 0));
    group_offsets_end_transaction(offsets, 7, true);
    assert_int_equal(found(offsets, 0), 40);
    group_offsets_free(offsets);
}

static void what_could_not_be_written_is_pending_no_more(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put_pending(offsets, 7, 0, 20, 1);
    group_offsets_cancel_pending(offsets, 7, T, 0, 2); /* another append of it */
    assert_true(group_offsets_is_pending(offsets, T, 0));
    group_offsets_cancel_pending(offsets, 8, T, 0, 1);
    assert_true(group_offsets_is_pending(offsets, T, 0));
    group_offsets_cancel_pending(offsets, 7, T, 0, 1);
    assert_true(group_offsets_is_empty(offsets));
    assert_false(group_offsets_has_pending(offsets));
    group_offsets_cancel_pending(offsets, 7, T, 0, 1);
    group_offsets_free(offsets);
}

/* An older instance of the producer is refused when the newer one's is acknowledged already. */
static void a_refused_commit_does_not_undo_the_one_before(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put_pending(offsets, 7, 0, 20, 1);
    group_offsets_confirm_pending(offsets, 7, T, 0, 1);
    put_pending(offsets, 7, 0, 30, 2);
    group_offsets_cancel_pending(offsets, 7, T, 0, 2);
    assert_true(group_offsets_is_pending(offsets, T, 0));
    put_pending(offsets, 7, 0, 25, 3);
    put_pending(offsets, 7, 0, 26, 4);
    group_offsets_confirm_pending(offsets, 7, T, 0, 3);
    group_offsets_cancel_pending(offsets, 7, T, 0, 4);
    group_offsets_end_transaction(offsets, 7, true);
    assert_int_equal(found(offsets, 0), 25);
    assert_false(group_offsets_has_pending(offsets));
    group_offsets_free(offsets);
}

static void a_removal_keeps_what_is_pending(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put(offsets, 0, 10, 1);
    group_offsets_remove(offsets, T, 0, 2);
    put_pending(offsets, 7, 0, 20, 3);
    group_offsets_remove(offsets, T, 0, 2);
    group_offsets_end_transaction(offsets, 7, true);
    assert_int_equal(found(offsets, 0), 20);
    group_offsets_free(offsets);
}

/* Expiry takes what was committed long ago while a transaction that commits anew is open. */
static void a_removal_does_not_reach_what_a_transaction_commits_after_it(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    put(offsets, 0, 10, 1);
    put_pending(offsets, 7, 0, 20, 2);
    group_offsets_remove(offsets, T, 0, 3);
    assert_int_equal(found(offsets, 0), -1);
    group_offsets_end_transaction(offsets, 7, true);
    assert_int_equal(found(offsets, 0), 20);
    assert_int_equal(group_offsets_count(offsets), 1);
    put(offsets, 0, 15, 2); /* of before the removal, acknowledged late */
    assert_int_equal(found(offsets, 0), 20);
    put(offsets, 0, 30, 4);
    assert_int_equal(found(offsets, 0), 30);
    group_offsets_free(offsets);
}

/* ---- Lists ---- */

static void the_offsets_of_a_topic_are_found_among_few_and_among_many(void **state) {
    static const int32_t counts[] = {2, 100};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        struct group_offsets *offsets = group_offsets_new();
        struct group_offset found[100];
        const struct offset_record record = {1, 0, bytes_of_text(""), 0, -1};
        int32_t sum = 0;
        put(offsets, 1, 10, 1);
        put(offsets, 3, 30, 1);
        put(offsets, 100, 1000, 1); /* the topic has no such partition */
        group_offsets_begin_commit(offsets, T, 0);
        put_pending(offsets, 7, 2, 20, 1); /* not committed */
        group_offsets_put(offsets, bytes_of_text("u"), 1, &record, 1);
        group_offsets_put(offsets, bytes_of_text("tt"), 1, &record, 1);
        size_t count = group_offsets_of_topic(offsets, T, counts[i], found);
        assert_int_equal(count, counts[i] == 2 ? 2 : 3);
        for (size_t j = 0; j < count; j++) {
            assert_true(bytes_equal(found[j].topic, T));
            sum += found[j].partition;
        }
        assert_int_equal(sum, counts[i] == 2 ? 0 + 1 : 0 + 1 + 3);
        group_offsets_end_commit(offsets, T, 0);
        group_offsets_free(offsets);
    }
}

static void lists_are_in_order(void **state) {
    static const struct {
        const char *topic;
        int32_t partition;
    } expected[] = {{"", 2}, {"a", 0}, {"a", 10}, {"aa", 1}, {"b", 3}};
    static const int order[] = {3, 1, 4, 0, 2};
    struct group_offsets *offsets = group_offsets_new();
    const struct offset_record record = {1, -1, bytes_of_text(""), 0, -1};
    struct group_offset *listed;
    size_t count;
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(order); i++)
        group_offsets_put(offsets, bytes_of_text(expected[order[i]].topic),
                          expected[order[i]].partition, &record, (int64_t)i);
    put_pending(offsets, 7, 0, 20, 9); /* not committed, not listed */
    group_offsets_begin_commit(offsets, bytes_of_text("a"), 10);
    group_offsets_list(offsets, &listed, &count);
    assert_int_equal(count, ARRAY_COUNT(expected));
    for (size_t i = 0; i < count; i++) {
        assert_true(bytes_equal_text(listed[i].topic, expected[i].topic));
        assert_int_equal(listed[i].partition, expected[i].partition);
        assert_true(listed[i].is_committed);
        assert_int_equal(listed[i].is_being_committed, i == 2);
    }
    free(listed);
    group_offsets_end_commit(offsets, bytes_of_text("a"), 10);
    group_offsets_free(offsets);
}

static void many_offsets_are_found(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    (void)state;

    for (int32_t i = 0; i < 20000; i++)
        put(offsets, i, i + 1, i);
    for (int32_t i = 0; i < 20000; i++)
        assert_int_equal(found(offsets, i), i + 1);
    assert_int_equal(group_offsets_count(offsets), 20000);
    group_offsets_free(offsets);
}

static void a_name_longer_than_any_topics_is_not_found(void **state) {
    struct group_offsets *offsets = group_offsets_new();
    uint8_t *name = calloc(1, 40000);
    (void)state;

    assert_null(group_offsets_find(offsets, bytes_of(name, 40000), 0));
    assert_false(group_offsets_is_pending(offsets, bytes_of(name, 40000), 0));
    free(name);
    group_offsets_free(offsets);
}

static void a_total_counts_along(void **state) {
    struct group_offsets *one = group_offsets_new(), *other = group_offsets_new();
    const struct offset_record record = {.offset = 5, .metadata = bytes_of_text("")};
    _Atomic uint64_t total = 0;
    (void)state;

    group_offsets_put(one, bytes_of_text("t"), 0, &record, 1);
    group_offsets_count_in(one, &total);
    group_offsets_count_in(other, &total);
    assert_int_equal(total, 1);
    group_offsets_put(one, bytes_of_text("t"), 0, &record, 2); /* again */
    group_offsets_put(one, bytes_of_text("t"), 1, &record, 3);
    group_offsets_put_pending(one, 7, bytes_of_text("t"), 2, &record, 4);
    group_offsets_put(other, bytes_of_text("t"), 0, &record, 5);
    assert_int_equal(total, 3);
    group_offsets_end_transaction(one, 7, true);
    assert_int_equal(total, 4);
    group_offsets_remove(one, bytes_of_text("t"), 1, 6);
    group_offsets_remove(one, bytes_of_text("t"), 9, 7);
    assert_int_equal(total, 3);
    group_offsets_free(one);
    assert_int_equal(total, 1);
    group_offsets_free(other);
    assert_int_equal(total, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(the_later_record_counts_whatever_is_acknowledged_first),
        cmocka_unit_test(a_refused_commit_does_not_undo_the_one_before),
        cmocka_unit_test(a_removal_undoes_what_came_before_it_only),
        cmocka_unit_test(a_commit_that_was_under_way_does_not_undo_a_removal),
        cmocka_unit_test(several_commits_may_be_under_way),
        cmocka_unit_test(a_transactions_offsets_count_when_it_commits),
        cmocka_unit_test(an_aborted_transaction_leaves_nothing),
        cmocka_unit_test(a_transaction_that_commits_does_not_undo_a_later_commit),
        cmocka_unit_test(several_producers_may_have_one_partition_pending),
        cmocka_unit_test(what_could_not_be_written_is_pending_no_more),
        cmocka_unit_test(a_removal_keeps_what_is_pending),
        cmocka_unit_test(a_removal_does_not_reach_what_a_transaction_commits_after_it),
        cmocka_unit_test(a_total_counts_along),
        cmocka_unit_test(the_offsets_of_a_topic_are_found_among_few_and_among_many),
        cmocka_unit_test(lists_are_in_order),
        cmocka_unit_test(many_offsets_are_found),
        cmocka_unit_test(a_name_longer_than_any_topics_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
