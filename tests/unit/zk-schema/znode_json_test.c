#include "zk-schema/znode_json.h"

#include <stdlib.h>

#include "tests/unit/zk-schema/znode_cases.h"

static enum error parse(struct bytes data) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, NODE, &arena, &problem);
    object = znode_parse(&reader, data);
    assert_int_equal(object == NULL, reader.failed);
    json_decref(object);
    return znode_result(&reader);
}

static void nesting_is_bounded_and_brackets_in_texts_do_not_count(void **state) {
    (void)state;
    assert_int_equal(parse(bytes_of_text("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}")), ERR_NONE);
    assert_int_equal(parse(bytes_of_text("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}")),
                     ERR_ZK_DATA_INVALID);
    assert_non_null(strstr(problem.text, "deeply nested"));
    assert_int_equal(parse(bytes_of_text("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\"}")), ERR_NONE);
}

static void size_is_bounded(void **state) {
    size_t size = ZNODE_BYTES_MAX + 1;
    char *data = malloc(size);

    (void)state;
    assert_non_null(data);
    memset(data, ' ', size);
    memcpy(data, "{}", 2);
    assert_int_equal(parse(bytes_of(data, size)), ERR_ZK_DATA_INVALID);
    assert_int_equal(parse(bytes_of(data, size - 1)), ERR_NONE);
    free(data);
}

static void what_is_no_json_object_is_refused(void **state) {
    static const struct bad_content cases[] = {
        {"", NULL},
        {" ", NULL},
        {"{", NULL},
        {"[]", NULL},
        {"1", NULL},
        {"{} x", NULL},
        {"{a:1}", NULL},
        {"{\"a\":1,}", NULL},
        {"{\"a\":1,\"a\":1}", NULL},
        {"{\"a\":\"\xff\"}", NULL},
        {"{\"a\":\"\\u0000\"}", NULL},
        {"{'a':1}", NULL},
    };

    (void)state;
    check_bad_content(cases, ARRAY_COUNT(cases), parse);
    assert_int_equal(parse(BYTES_NULL), ERR_ZK_DATA_INVALID);
}

static void the_first_error_is_kept(void **state) {
    struct znode_reader reader;
    json_t *object;

    (void)state;
    znode_reader_init(&reader, NODE, &arena, &problem);
    object = znode_parse(&reader, bytes_of_text("{\"a\":1}"));
    assert_string_equal(znode_text(&reader, object, "a"), "");
    assert_int_equal(znode_int32(&reader, object, "b"), 0);
    assert_string_equal(problem.text, NODE ": \"a\" is not a string");
    json_decref(object);
}

static void nobody_need_ask_for_the_text(void **state) {
    struct znode_reader reader;

    (void)state;
    znode_reader_init(&reader, NODE, &arena, NULL);
    assert_null(znode_parse(&reader, bytes_of_text("x")));
    assert_int_equal(znode_result(&reader), ERR_ZK_DATA_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nesting_is_bounded_and_brackets_in_texts_do_not_count),
        TEST(size_is_bounded),
        TEST(what_is_no_json_object_is_refused),
        TEST(the_first_error_is_kept),
        TEST(nobody_need_ask_for_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
