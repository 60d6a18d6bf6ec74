/* A table that runs out of memory is as it was before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int allocations_left;

static void *scarce_malloc(size_t size) {
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

#define uthash_malloc(size) scarce_malloc(size)

#include "client/base/check.h"
#include "client/base/hash_table.h"

struct element {
    int key;
    UT_hash_handle hh;
};

static struct element elements[1000];

static struct element *find(struct element *table, int key) {
    struct element *found;

    HASH_FIND_INT(table, &key, found);
    return found;
}

static void free_all(struct element *table) {
    HASH_CLEAR(hh, table);
    assert_null(table);
}

static void an_empty_table_stays_empty(void **state) {
    (void)state;
    for (int allocations = 0; allocations < 2; allocations++) {
        struct element *table = NULL;

        allocations_left = allocations;
        HASH_ADD_INT(table, key, &elements[0]);
        assert_false(HASH_WAS_ADDED(hh, &elements[0]));
        assert_null(table);
    }
}

static void what_was_in_it_stays_and_more_can_come_later(void **state) {
    struct element *table = NULL;
    int refused = -1;

    (void)state;
    allocations_left = 2; /* the table and its first buckets: they cannot become more */
    for (int i = 0; i < (int)ARRAY_COUNT(elements) && refused < 0; i++) {
        elements[i].key = i;
        HASH_ADD_INT(table, key, &elements[i]);
        if (!HASH_WAS_ADDED(hh, &elements[i]))
            refused = i;
    }
    assert_true(refused > 0);
    assert_int_equal(HASH_COUNT(table), refused);
    for (int i = 0; i < refused; i++)
        assert_ptr_equal(find(table, i), &elements[i]);
    assert_null(find(table, refused));
    allocations_left = 1;
    HASH_ADD_INT(table, key, &elements[refused]);
    assert_true(HASH_WAS_ADDED(hh, &elements[refused]));
    assert_ptr_equal(find(table, refused), &elements[refused]);
    free_all(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_stays_empty),
        cmocka_unit_test(what_was_in_it_stays_and_more_can_come_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
