#include "zk-schema/unclean_restart_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

static int64_t since;

static enum error decode(struct bytes data) {
    return unclean_restart_znode_decode(NODE, data, 42, &since, &problem);
}

static void without_content_it_is_as_old_as_itself(void **state) {
    (void)state;
    assert_true(bytes_is_null(unclean_restart_znode_encode(0, &arena)));
    assert_int_equal(decode(BYTES_NULL), ERR_NONE);
    assert_int_equal(since, 42);
}

static void it_tells_the_first_registration(void **state) {
    (void)state;
    ASSERT_BYTES(unclean_restart_znode_encode(INT64_MAX, &arena), "9223372036854775807");
    assert_int_equal(decode(bytes_of_text("9223372036854775807")), ERR_NONE);
    assert_true(since == INT64_MAX);
    assert_int_equal(decode(bytes_of_text("17")), ERR_NONE);
    assert_int_equal(since, 17);
}

static void bad_content_is_named(void **state) {
    static const struct bad_content bad[] = {
        {"seven", NULL},
        {"17 ", NULL},
        {"0", NULL},
        {"-1", NULL},
        {"9223372036854775808", NULL},
        {"123456789012345678901234567890", NULL},
    };

    (void)state;
    check_bad_content(bad, ARRAY_COUNT(bad), decode);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_content_it_is_as_old_as_itself),
        TEST(it_tells_the_first_registration),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
