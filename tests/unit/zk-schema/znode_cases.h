/*
 * What the tests of the znode codecs share: an arena per test, and tables of bad content whose
 * error must name path and key.
 */
#ifndef TESTS_UNIT_ZK_SCHEMA_ZNODE_CASES_H
#define TESTS_UNIT_ZK_SCHEMA_ZNODE_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "zk-schema/znode_json.h"

#define NODE "/some/node"

static struct arena arena;
static struct znode_error problem;

__attribute__((unused)) static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&problem, 'x', sizeof(problem));
    problem.text[0] = '\0';
    return 0;
}

__attribute__((unused)) static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

/* `expected` is compared as text. */
#define ASSERT_BYTES(actual_, expected_)                                 \
    do {                                                                 \
        struct bytes actual_bytes = (actual_);                           \
        assert_non_null(actual_bytes.data);                              \
        assert_string_equal((const char *)actual_bytes.data, expected_); \
        assert_int_equal(actual_bytes.size, strlen(expected_));          \
    } while (0)

#define ASSERT_IDS(ids_, count_, ...)                                  \
    do {                                                               \
        static const int32_t expected_ids[] = {__VA_ARGS__};           \
        assert_int_equal(count_, ARRAY_COUNT(expected_ids));           \
        assert_memory_equal(ids_, expected_ids, sizeof(expected_ids)); \
    } while (0)

struct bad_content {
    const char *json;
    const char *key; /* that the error must name; NULL: the document as a whole */
};

typedef enum error decode_any(struct bytes data);

__attribute__((unused)) static void check_bad_content(const struct bad_content *cases, size_t count,
                                                      decode_any *decode) {
    char quoted[64];

    for (size_t i = 0; i < count; i++) {
        problem.text[0] = '\0';
        assert_int_equal(decode(bytes_of_text(cases[i].json)), ERR_ZK_DATA_INVALID);
        if (strncmp(problem.text, NODE ": ", strlen(NODE) + 2) != 0)
            fail_msg("%s: \"%s\" does not begin with the path", cases[i].json, problem.text);
        if (cases[i].key == NULL)
            continue;
        snprintf(quoted, sizeof(quoted), "\"%s\"", cases[i].key);
        if (strstr(problem.text, quoted) == NULL)
            fail_msg("%s: \"%s\" does not name %s", cases[i].json, problem.text, quoted);
    }
}

/* Too little memory is an error, never a crash: every bound from none upwards. */
__attribute__((unused)) static void check_bounded_memory(const char *json, decode_any *decode) {
    for (size_t bound = 0; bound < 2048; bound += 16) {
        arena_done(&arena);
        arena_init(&arena, bound);
        enum error error = decode(bytes_of_text(json));
        assert_true(error == ERR_NONE || error == ERR_ZK_DATA_INVALID);
    }
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
