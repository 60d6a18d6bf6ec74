/* What rests in a follower's session has nothing to tell: whatever happens, and on several threads.
 */
#include "tests/unit/broker/replica/watch_fixture.h"

#include "client/base/rng.h"

/* ---- At random ---- */

/* What rests has nothing to tell: the invariant of watch.h. */
static void check_rest(struct follower *follower) {
    struct partition_read_result result;

    if (follower->was_told || follower->looked_at > 0)
        return;
    assert_int_equal(read_for(follower, &follower->item, false, &result), ERR_NONE);
    assert_int_equal(result.records.size, 0);
    assert_false(result.diverged);
    assert_int_equal(result.high_watermark, follower->high_watermark);
    assert_int_equal(result.log_start_offset, follower->log_start_offset);
}

static void happen(struct bench *bench, struct rng *rng) {
    int32_t leader_epoch;
    int64_t required;

    switch (rng_below(rng, 12)) {
    case 0:
    case 1:
        append(bench);
        break;
    case 2:
        (void)!partition_delete_records(bench->partition, DELETE_ALL_RECORDS, &required,
                                        &leader_epoch);
        break;
    case 3:
        apply(bench, SELF, 1 + (int32_t)rng_below(rng, 3));
        break;
    case 4:
        bench->leader_epoch++;
        apply(bench, SELF, 3);
        bench->other.item.current_leader_epoch = bench->third.item.current_leader_epoch =
            bench->leader_epoch;
        bench->other.says_it = bench->third.says_it = true;
        break;
    case 5:
        bench->other.broker_epoch++;
        break;
    case 6:
        clock_manual_advance_ms(&bench->f.clock, 1000);
        break;
    default:
        break; /* they fetch more often than anything happens */
    }
}

static void at_no_time_rests_what_has_something_to_tell(void **state) {
    int64_t rests = 0;
    struct bench bench;
    struct rng rng;
    (void)state;

    rng_seed(&rng, 20261130);
    bench_init(&bench);
    for (int step = 0; step < 20000; step++) {
        happen(&bench, &rng);
        if (rng_below(&rng, 3) > 0) {
            fetch(&bench.other);
            check_rest(&bench.other);
            rests += bench.other.resting;
        }
        if (rng_below(&rng, 3) > 0) {
            fetch(&bench.third);
            check_rest(&bench.third);
        }
    }
    assert_true(rests > 1000);
    catch_up(&bench);
    assert_int_equal(bench.other.item.fetch_offset, log_end_offset(bench.log));
    bench_done(&bench);
}

/* ---- Threads ---- */

#define APPENDS 3000

/* As a network thread: waits for what is appended, with nothing but the watch to be woken by. */
static void *follow(void *argument) {
    struct follower *follower = argument;

    while (follower->high_watermark < APPENDS) {
        struct waiter waiter = {.executor = &follower->executor};
        struct fetch_context context;
        struct fetch_item *items = NULL;
        int32_t count = 0;

        begin(follower, &context);
        for (int32_t i = 0; i < context.item_count; i++)
            serve(follower, &context, &context.items[i], true);
        if (context.item_count == 0 && fetch_context_wait(&context, &waiter))
            assert_int_equal(sem_wait(&follower->posted), 0);
        assert_int_equal(fetch_context_take_roused(&context, &follower->arena, &items, &count),
                         ERR_NONE);
        for (int32_t i = 0; i < count; i++)
            serve(follower, &context, &items[i], false);
        fetch_context_done(&context);
        arena_reset(&follower->arena);
    }
    return NULL;
}

/* A wake-up that is missed lets this test wait for ever. */
static void every_append_reaches_followers_that_wait(void **state) {
    pthread_t other, third;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    assert_int_equal(pthread_create(&other, NULL, follow, &bench.other), 0);
    assert_int_equal(pthread_create(&third, NULL, follow, &bench.third), 0);
    for (int i = 0; i < APPENDS; i++) {
        append(&bench);
        if (i % 8 == 0)
            apply(&bench, SELF, 3);
        /* Lets them come to rest now and then. */
        while (i % 16 == 0 && partition_high_watermark(bench.partition) <= i)
            usleep(10);
    }
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(pthread_join(third, NULL), 0);
    assert_int_equal(partition_high_watermark(bench.partition), APPENDS);
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_no_time_rests_what_has_something_to_tell),
        cmocka_unit_test(every_append_reaches_followers_that_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
