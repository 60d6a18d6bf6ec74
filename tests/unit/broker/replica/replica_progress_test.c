/* Who is in sync, who may join, who must leave, and how far the high watermark goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/replica/replica_progress.h"
#include "client/base/check.h"

#define LEADER 1
#define NOW    100000
#define LAG_MS 30000
#define END    50

static bool broker_3_is_dead;

static bool is_alive(void *context, int32_t broker_id) {
    (void)context;
    return !(broker_id == 3 && broker_3_is_dead);
}

/* A leader of three replicas, all in sync, with the two followers given. */
struct cluster {
    struct replica_progress followers[2];
    int32_t isr[3];
    struct leader_view view;
};

static struct replica_progress follower(int32_t id, int64_t log_end_offset, int64_t caught_up_ms) {
    return (struct replica_progress){
        .broker_id = id, .log_end_offset = log_end_offset, .caught_up_ms = caught_up_ms};
}

static void cluster_init(struct cluster *cluster, int64_t second_end, int64_t third_end) {
    *cluster = (struct cluster){
        .followers = {follower(2, second_end, NOW), follower(3, third_end, NOW)},
        .isr = {LEADER, 2, 3},
    };
    cluster->view = (struct leader_view){
        .broker_id = LEADER,
        .log_end_offset = END,
        .high_watermark = 10,
        .leader_epoch_start_offset = 5,
        .followers = cluster->followers,
        .follower_count = 2,
        .isr = cluster->isr,
        .isr_count = 3,
        .maximal_isr = cluster->isr,
        .maximal_isr_count = 3,
        .min_isr = 2,
        .now_ms = NOW,
        .lag_ms_max = LAG_MS,
    };
    broker_3_is_dead = false;
}

static int64_t high_watermark(const struct cluster *cluster) {
    return leader_view_high_watermark(&cluster->view, is_alive, NULL);
}

static void the_high_watermark_is_what_all_in_sync_have(void **state) {
    struct cluster cluster;
    (void)state;

    cluster_init(&cluster, 40, 30);
    assert_int_equal(high_watermark(&cluster), 30);
    cluster_init(&cluster, END, END);
    assert_int_equal(high_watermark(&cluster), END);
    cluster_init(&cluster, END, PROGRESS_UNKNOWN);
    assert_int_equal(high_watermark(&cluster), 10);
}

static void it_never_falls(void **state) {
    struct cluster cluster;
    (void)state;

    cluster_init(&cluster, 4, 40);
    assert_int_equal(high_watermark(&cluster), 10);
}

static void it_stands_while_too_few_are_in_sync(void **state) {
    struct cluster cluster;
    (void)state;

    cluster_init(&cluster, END, END);
    cluster.view.isr_count = cluster.view.maximal_isr_count = 1;
    assert_int_equal(high_watermark(&cluster), 10);
    cluster.view.min_isr = 1;
    assert_int_equal(high_watermark(&cluster), END);
}

static void it_waits_for_who_is_being_added_or_removed(void **state) {
    struct cluster cluster;
    (void)state;

    /* Broker 3 is outside of the committed ISR, but a change with it is under way. */
    cluster_init(&cluster, END, 30);
    cluster.followers[1].caught_up_ms = NOW - LAG_MS - 1;
    cluster.view.isr_count = 2;
    assert_int_equal(high_watermark(&cluster), 30);
    cluster.view.maximal_isr_count = 2;
    assert_int_equal(high_watermark(&cluster), END);
}

static void it_waits_for_who_keeps_up_and_lives(void **state) {
    struct cluster cluster;
    (void)state;

    cluster_init(&cluster, END, 30);
    cluster.view.isr_count = cluster.view.maximal_isr_count = 2;
    assert_int_equal(high_watermark(&cluster), 30);
    broker_3_is_dead = true;
    assert_int_equal(high_watermark(&cluster), END);
}

static void nobody_waits_for_who_was_refused(void **state) {
    struct cluster cluster;
    struct replica_progress *third = &cluster.followers[1];
    (void)state;

    cluster_init(&cluster, END, 30);
    cluster.view.isr_count = cluster.view.maximal_isr_count = 2;
    replica_progress_on_epoch(third, 7);
    replica_progress_on_refused(third, NOW);
    assert_int_equal(high_watermark(&cluster), END);
    assert_false(leader_view_may_join(&cluster.view, third));
    /* It fetches on, as the same registration: that changes nothing. */
    replica_progress_on_epoch(third, 7);
    assert_int_equal(high_watermark(&cluster), END);
    cluster.view.now_ms = NOW + REPLICA_REFUSED_MS;
    third->caught_up_ms = cluster.view.now_ms;
    assert_int_equal(high_watermark(&cluster), 30);
    assert_true(leader_view_may_join(&cluster.view, third));
    /* A member of the ISR counts, whatever was refused. */
    replica_progress_on_refused(third, cluster.view.now_ms);
    cluster.view.isr_count = cluster.view.maximal_isr_count = 3;
    assert_int_equal(high_watermark(&cluster), 30);
    /* Its broker has registered anew. */
    cluster.view.isr_count = cluster.view.maximal_isr_count = 2;
    replica_progress_on_epoch(third, 8);
    assert_true(leader_view_may_join(&cluster.view, third));
}

static void who_has_all_that_is_committed_may_join(void **state) {
    static const struct {
        int64_t log_end_offset;
        int64_t epoch_start_offset;
        bool may_join;
    } cases[] = {
        {9, 5, false},   {10, 5, true},  {END, 5, true},
        {10, 11, false}, {11, 11, true}, {PROGRESS_UNKNOWN, 5, false},
    };
    struct cluster cluster;
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cluster_init(&cluster, END, cases[i].log_end_offset);
        cluster.view.leader_epoch_start_offset = cases[i].epoch_start_offset;
        cluster.view.isr_count = cluster.view.maximal_isr_count = 2;
        assert_int_equal(leader_view_may_join(&cluster.view, &cluster.followers[1]),
                         cases[i].may_join);
    }
    cluster_init(&cluster, END, END);
    assert_false(leader_view_may_join(&cluster.view, &cluster.followers[1]));
}

static void who_was_not_at_the_end_for_too_long_must_leave(void **state) {
    int32_t lagging[REPLICAS_MAX];
    struct cluster cluster;
    (void)state;

    cluster_init(&cluster, END, 30);
    assert_int_equal(leader_view_lagging(&cluster.view, lagging), 0);
    cluster.followers[1].caught_up_ms = NOW - LAG_MS;
    assert_int_equal(leader_view_lagging(&cluster.view, lagging), 0);
    cluster.followers[1].caught_up_ms = NOW - LAG_MS - 1;
    assert_int_equal(leader_view_lagging(&cluster.view, lagging), 1);
    assert_int_equal(lagging[0], 3);
    cluster.followers[1].log_end_offset = END; /* nothing was written: silence is no lag */
    assert_int_equal(leader_view_lagging(&cluster.view, lagging), 0);
}

static void who_follows_a_steady_stream_counts_as_caught_up(void **state) {
    struct replica_progress replica;
    (void)state;

    replica_progress_reset(&replica, 2, false, NOW);
    assert_false(replica_is_caught_up(&replica, 100, NOW, LAG_MS));
    replica_progress_on_fetch(&replica, 100, 0, 200, NOW);
    /* It has now what the leader had then: it was caught up then. */
    replica_progress_on_fetch(&replica, 200, 0, 300, NOW + 1000);
    assert_int_equal(replica.caught_up_ms, NOW);
    replica_progress_on_fetch(&replica, 250, 0, 400, NOW + 2000);
    assert_int_equal(replica.caught_up_ms, NOW);
    replica_progress_on_fetch(&replica, 400, 0, 400, NOW + 3000);
    assert_int_equal(replica.caught_up_ms, NOW + 3000);
    assert_int_equal(replica.log_end_offset, 400);
}

static void a_delay_lasts_since_it_had_all(void **state) {
    static const struct {
        const char *label;
        int64_t log_end_offset, caught_up_ms, expected_ms;
    } cases[] = {
        {"has all", END, NOW - 700, 0},
        {"lacks a record", END - 1, NOW - 700, 700},
        {"has not fetched", PROGRESS_UNKNOWN, NOW - 700, 700},
        {"was not in sync in this epoch", END - 1, 0, 900},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct replica_progress one = follower(2, cases[i].log_end_offset, cases[i].caught_up_ms);

        one.epoch_began_ms = NOW - 900;
        if (replica_delay_ms(&one, END, NOW) != cases[i].expected_ms)
            fail_msg("%s", cases[i].label);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_high_watermark_is_what_all_in_sync_have),
        cmocka_unit_test(it_never_falls),
        cmocka_unit_test(it_stands_while_too_few_are_in_sync),
        cmocka_unit_test(it_waits_for_who_is_being_added_or_removed),
        cmocka_unit_test(it_waits_for_who_keeps_up_and_lives),
        cmocka_unit_test(nobody_waits_for_who_was_refused),
        cmocka_unit_test(who_has_all_that_is_committed_may_join),
        cmocka_unit_test(who_was_not_at_the_end_for_too_long_must_leave),
        cmocka_unit_test(who_follows_a_steady_stream_counts_as_caught_up),
        cmocka_unit_test(a_delay_lasts_since_it_had_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
