/* Producer ids: each is given once, and the next block is asked for in good time, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/transaction/producer_ids.h"

struct bench {
    struct producer_ids *ids;
    int requests;
};

static void count_request(void *context) {
    ((struct bench *)context)->requests++;
}

static void bench_init(struct bench *bench) {
    const struct producer_ids_config config = {count_request, bench};

    bench->requests = 0;
    assert_int_equal(producer_ids_new(&config, &bench->ids), ERR_NONE);
}

static int64_t next(struct bench *bench) {
    int64_t id = -1;

    assert_int_equal(producer_ids_next(bench->ids, &id), ERR_NONE);
    return id;
}

static void assert_none_left(struct bench *bench) {
    int64_t id = -1;

    assert_int_equal(producer_ids_next(bench->ids, &id), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(id, -1);
}

static void the_first_block_is_asked_for_by_who_needs_it(void **state) {
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_int_equal(bench.requests, 0);
    assert_none_left(&bench);
    assert_none_left(&bench);
    assert_int_equal(bench.requests, 1);
    assert_true(producer_ids_add_block(bench.ids, 7000, 1000));
    assert_int_equal(next(&bench), 7000);
    assert_int_equal(next(&bench), 7001);
    assert_int_equal(bench.requests, 1);
    producer_ids_free(bench.ids);
}

/* As Kafka does: when a tenth of the block is left. */
static void the_next_block_is_there_before_the_last_id_is_given(void **state) {
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_none_left(&bench);
    assert_true(producer_ids_add_block(bench.ids, 0, 1000));
    for (int64_t i = 0; i < 899; i++)
        assert_int_equal(next(&bench), i);
    assert_int_equal(bench.requests, 1);
    assert_int_equal(next(&bench), 899);
    assert_int_equal(bench.requests, 2);
    for (int64_t i = 900; i < 950; i++)
        assert_int_equal(next(&bench), i);
    assert_true(producer_ids_add_block(bench.ids, 5000, 1000));
    for (int64_t i = 950; i < 1000; i++)
        assert_int_equal(next(&bench), i);
    assert_int_equal(next(&bench), 5000);
    assert_int_equal(bench.requests, 2);
    producer_ids_free(bench.ids);
}

static void what_failed_is_asked_for_again(void **state) {
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_none_left(&bench);
    producer_ids_block_failed(bench.ids);
    assert_none_left(&bench);
    assert_int_equal(bench.requests, 2);
    producer_ids_free(bench.ids);
}

/* The controller's record may have gone back, with a restored ensemble: ids stay unique. */
static void a_block_that_was_given_before_is_refused(void **state) {
    static const struct {
        int64_t first;
        int32_t count;
    } refused[] = {{1000, 1000}, {1999, 1000},         {0, 1000}, {-1, 1000}, {5000, 0},
                   {5000, -1},   {INT64_MAX - 5, 1000}};
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_none_left(&bench);
    assert_true(producer_ids_add_block(bench.ids, 1000, 1000));
    for (int i = 0; i < 1000; i++)
        (void)next(&bench);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(producer_ids_add_block(bench.ids, refused[i].first, refused[i].count));
        assert_none_left(&bench);
    }
    assert_true(producer_ids_add_block(bench.ids, 2000, 1000));
    assert_int_equal(next(&bench), 2000);
    producer_ids_free(bench.ids);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_block_is_asked_for_by_who_needs_it),
        cmocka_unit_test(the_next_block_is_there_before_the_last_id_is_given),
        cmocka_unit_test(what_failed_is_asked_for_again),
        cmocka_unit_test(a_block_that_was_given_before_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
