/* Proves which names count as repeated, and that many names take no long time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/base/repeated.h"

static void repeated_names_are_marked_each_time(void **state) {
    static const struct {
        const char *names[5];
        const char *flags;
    } cases[] = {
        {{NULL}, ""},
        {{"a"}, "-"},
        {{"a", "b", "ab"}, "---"},
        {{"a", "a"}, "xx"},
        {{"b", "a", "b"}, "x-x"},
        {{"a", "b", "a", "a"}, "x-xx"},
        {{"", "a", ""}, "x-x"},
        {{"b", "a", "a", "b"}, "xxxx"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes names[5];
        struct arena arena;
        size_t count = strlen(cases[i].flags);
        bool *flags;

        arena_init(&arena, 1 << 20);
        for (size_t j = 0; j < count; j++)
            names[j] = bytes_of_text(cases[i].names[j]);
        flags = repeated_names(&arena, names, count);
        assert_non_null(flags);
        for (size_t j = 0; j < count; j++)
            assert_int_equal(flags[j], cases[i].flags[j] == 'x');
        arena_done(&arena);
    }
}

static void many_names_are_looked_at_at_once(void **state) {
    enum { COUNT = 300000 };
    static char texts[COUNT][8];
    static struct bytes names[COUNT];
    struct arena arena;
    bool *flags;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%07zu", i == COUNT - 1 ? 5 : i);
        names[i] = bytes_of(texts[i], 7);
    }
    arena_init(&arena, 64 << 20);
    flags = repeated_names(&arena, names, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(flags[i], i == 5 || i == COUNT - 1);
    arena_done(&arena);
}

static void past_the_arenas_bound_there_is_no_answer(void **state) {
    struct bytes names[200] = {{NULL, 0}};
    struct arena arena;

    (void)state;
    arena_init(&arena, 100);
    assert_null(repeated_names(&arena, names, ARRAY_COUNT(names)));
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_names_are_marked_each_time),
        cmocka_unit_test(many_names_are_looked_at_at_once),
        cmocka_unit_test(past_the_arenas_bound_there_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
