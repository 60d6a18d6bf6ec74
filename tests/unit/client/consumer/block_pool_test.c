/* Which blocks come back, and how many are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/consumer/block_pool.h"

#define MIB ((size_t)1 << 20)

static void blocks_come_back_where_they_fit(void **state) {
    struct block_pool pool;
    void *block = malloc(MIB);
    size_t given = 0;

    (void)state;
    block_pool_init(&pool);
    assert_null(block_pool_take(&pool, MIB, &given));
    block_pool_give(&pool, block, MIB);
    assert_null(block_pool_take(&pool, MIB + 1, &given));
    assert_null(block_pool_take(&pool, MIB / 2 - 1, &given));
    assert_ptr_equal(block_pool_take(&pool, MIB / 2, &given), block);
    assert_int_equal(given, MIB);
    assert_null(block_pool_take(&pool, MIB / 2, &given));
    block_pool_give(&pool, block, MIB);
    block_pool_done(&pool);
}

static void what_is_kept_is_bounded_and_the_oldest_goes(void **state) {
    struct block_pool pool;
    size_t given;

    (void)state;
    block_pool_init(&pool);
    for (size_t i = 0; i < 100; i++)
        block_pool_give(&pool, malloc(MIB * (1 + i % 7)), MIB * (1 + i % 7));
    assert_true(pool.bytes <= BLOCK_POOL_BYTES);
    for (size_t i = 0; i < 100; i++)
        block_pool_give(&pool, malloc(BLOCK_BYTES_MIN), BLOCK_BYTES_MIN);
    assert_int_equal(pool.count, BLOCK_POOL_BLOCKS);
    assert_int_equal(pool.bytes, BLOCK_POOL_BLOCKS * BLOCK_BYTES_MIN);
    block_pool_give(&pool, malloc(1), 1);
    block_pool_give(&pool, malloc(BLOCK_POOL_BYTES), BLOCK_POOL_BYTES);
    assert_int_equal(pool.count, BLOCK_POOL_BLOCKS);
    assert_null(block_pool_take(&pool, 1, &given));
    block_pool_done(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_back_where_they_fit),
        cmocka_unit_test(what_is_kept_is_bounded_and_the_oldest_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
