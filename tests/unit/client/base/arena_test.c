#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/base/arena.h"

static void what_was_reserved_is_one_block_of_that_size(void **state) {
    static const size_t sizes[] = {1, 16, 17, 40000, 3};
    size_t total = 0;
    struct arena arena;
    (void)state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        total += sizes[i] + ARENA_ROUNDING_MAX;
    arena_init(&arena, 1 << 20);
    assert_true(arena_reserve(&arena, total));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *memory = arena_alloc(&arena, sizes[i], 1);
        assert_non_null(memory);
        memset(memory, 0x55, sizes[i]);
    }
    assert_int_equal(arena.allocated, total);
    assert_non_null(arena_alloc(&arena, 2000, 1)); /* more than was reserved */
    assert_true(arena.allocated > total);
    arena_done(&arena);
}

static void what_is_there_is_not_reserved_again(void **state) {
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    assert_true(arena_reserve(&arena, 1000));
    assert_true(arena_reserve(&arena, 1000));
    assert_int_equal(arena.allocated, 1000);
    assert_true(arena_reserve(&arena, 1001));
    assert_int_equal(arena.allocated, 2001);
    arena_done(&arena);
}

static void nothing_is_reserved_past_the_bound(void **state) {
    struct arena arena;
    (void)state;

    arena_init(&arena, 1000);
    assert_false(arena_reserve(&arena, 1001));
    assert_true(arena_reserve(&arena, 600));
    assert_false(arena_reserve(&arena, 601));
    assert_false(arena_reserve(&arena, SIZE_MAX));
    assert_int_equal(arena.allocated, 600);
    assert_non_null(arena_alloc(&arena, 500, 1));
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_reserved_is_one_block_of_that_size),
        cmocka_unit_test(what_is_there_is_not_reserved_again),
        cmocka_unit_test(nothing_is_reserved_past_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
