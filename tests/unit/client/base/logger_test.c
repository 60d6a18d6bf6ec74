/* Proves which lines are written as levels change: by the logger of a source file, by those above
 * it, at once, from any thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define LOG_MODULE "broker.replica"
#include "client/base/logger.h"

static int reset(void **state) {
    static const char *const names[] = {"broker", "broker.replica", "broker.rep", "client"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        logger_unset_level_of(names[i]);
    logger_set_level(LOG_LEVEL_INFO);
    return 0;
}

static void the_nearest_level_counts(void **state) {
    (void)state;
    assert_true(logger_enabled(LOG_LEVEL_INFO));
    assert_false(logger_enabled(LOG_LEVEL_DEBUG));
    assert_true(logger_set_level_of("broker", LOG_LEVEL_ERROR));
    assert_false(logger_enabled(LOG_LEVEL_WARN));
    assert_true(logger_set_level_of("broker.replica", LOG_LEVEL_DEBUG));
    assert_true(logger_enabled(LOG_LEVEL_DEBUG));
    assert_int_equal(logger_level_of("broker"), LOG_LEVEL_ERROR);
    assert_int_equal(logger_level_of("broker.api"), LOG_LEVEL_ERROR);
    assert_int_equal(logger_level_of("client.net"), LOG_LEVEL_INFO);
    logger_unset_level_of("broker.replica");
    assert_false(logger_enabled(LOG_LEVEL_WARN));
    logger_unset_level_of("broker");
    assert_true(logger_enabled(LOG_LEVEL_INFO));
    assert_true(logger_set_level_of(LOGGER_ROOT, LOG_LEVEL_WARN));
    assert_false(logger_enabled(LOG_LEVEL_INFO));
}

static void names_are_compared_part_by_part(void **state) {
    (void)state;
    assert_true(logger_set_level_of("broker.rep", LOG_LEVEL_DEBUG));
    assert_true(logger_set_level_of("client", LOG_LEVEL_DEBUG));
    assert_false(logger_enabled(LOG_LEVEL_DEBUG));
    assert_int_equal(logger_level_of("brokerage"), LOG_LEVEL_INFO);
}

static void there_is_a_bound(void **state) {
    char name[2 * LOGGER_NAME_SIZE];
    int set = 0;

    (void)state;
    for (; set < 1000; set++) {
        snprintf(name, sizeof(name), "many.%d", set);
        if (!logger_set_level_of(name, LOG_LEVEL_DEBUG))
            break;
    }
    assert_in_range(set, 32, 999);
    assert_true(logger_set_level_of("many.0", LOG_LEVEL_WARN)); /* it has one already */
    for (int i = 0; i < set; i++) {
        snprintf(name, sizeof(name), "many.%d", i);
        logger_unset_level_of(name);
    }
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(logger_set_level_of(name, LOG_LEVEL_DEBUG));
    assert_int_equal(logger_level_of("many.0"), LOG_LEVEL_INFO);
}

#define CHANGES 20000

static void *change_levels(void *context) {
    (void)context;
    for (int i = 0; i < CHANGES; i++)
        CHECK(
            logger_set_level_of("broker.replica", i % 2 == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR));
    return NULL;
}

/* Under tsan this proves that lines may be decided while levels change. */
static void levels_may_change_meanwhile(void **state) {
    pthread_t changer;
    int written = 0;

    (void)state;
    assert_int_equal(pthread_create(&changer, NULL, change_levels, NULL), 0);
    for (int i = 0; i < 10 * CHANGES; i++)
        written += logger_enabled(LOG_LEVEL_DEBUG);
    assert_int_equal(pthread_join(changer, NULL), 0);
    assert_in_range(written, 0, 10 * CHANGES);
    assert_false(logger_enabled(LOG_LEVEL_WARN)); /* the last change was to ERROR */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nearest_level_counts, reset, reset),
        cmocka_unit_test_setup_teardown(names_are_compared_part_by_part, reset, reset),
        cmocka_unit_test_setup_teardown(there_is_a_bound, reset, reset),
        cmocka_unit_test_setup_teardown(levels_may_change_meanwhile, reset, reset),
    };

    return cmocka_run_group_tests_name("logger", tests, NULL, NULL);
}
