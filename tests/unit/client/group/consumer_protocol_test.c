/* The embedded protocol of consumer groups, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/group/consumer_protocol.h"
#include "tests/unit/client/wire/hex.h"

#define TEXT(text) bytes_of_text(text)

static void assert_bytes(struct bytes bytes, const char *expected) {
    struct hex hex;

    hex_parse(&hex, expected);
    assert_int_equal(bytes.size, hex.size);
    assert_memory_equal(bytes.data, hex.data, hex.size);
}

static const char SUBSCRIPTION_V3[] = "0003 | 00000002 0006 'orders' 0005 'users' | 00000002 'ud' |"
                                      "00000001 0006 'orders' 00000002 00000000 00000003 |"
                                      "00000007 | 0002 'r1'";

static void a_subscription_is_written_in_order_with_all_fields(void **state) {
    static const int32_t partitions[] = {3, 0};
    const struct bytes topics[] = {TEXT("users"), TEXT("orders")};
    const struct topic_partitions owned[] = {{TEXT("orders"), 2, partitions}};
    const struct subscription s = {.topic_count = 2,
                                   .topics = topics,
                                   .user_data = TEXT("ud"),
                                   .owned = {1, owned},
                                   .generation_id = 7,
                                   .rack_id = TEXT("r1")};
    struct arena arena;
    struct bytes data;

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(subscription_encode(&s, &arena, &data), ERR_NONE);
    assert_bytes(data, SUBSCRIPTION_V3);
    arena_done(&arena);
}

static void a_subscription_is_read_in_every_version(void **state) {
    static const struct {
        const char *label, *bytes;
        int32_t topics, owned, generation;
        bool rack;
    } cases[] = {
        {"version 0", "0000 00000001 0006 'orders' ffffffff", 1, 0, GENERATION_NONE, false},
        {"version 1", "0001 00000001 0006 'orders' ffffffff 00000001 0001 'a' 00000001 00000002", 1,
         1, GENERATION_NONE, false},
        {"version 2", "0002 00000000 ffffffff 00000000 00000005", 0, 0, 5, false},
        {"version 3", SUBSCRIPTION_V3, 2, 1, 7, true},
        {"version 9 with more", "0009 00000000 ffffffff 00000000 00000005 0001 'r' ffff", 0, 0, 5,
         true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct subscription s;
        struct arena arena;
        struct hex hex;

        arena_init(&arena, 1 << 20);
        hex_parse(&hex, cases[i].bytes);
        assert_int_equal(subscription_decode(bytes_of(hex.data, hex.size), &arena, &s), ERR_NONE);
        assert_int_equal(s.topic_count, cases[i].topics);
        assert_int_equal(s.owned.count, cases[i].owned);
        assert_int_equal(s.generation_id, cases[i].generation);
        assert_int_equal(!bytes_is_null(s.rack_id), cases[i].rack);
        arena_done(&arena);
    }
}

static void what_is_no_subscription_is_refused(void **state) {
    static const char *const cases[] = {
        "",
        "00",
        "ffff 00000000 ffffffff",
        "0000 00000001 0006 'order'",
        "0000 7fffffff",
        "0001 00000000 ffffffff",
        "0001 00000000 ffffffff 00000001 0001 'a' 7fffffff",
        "0002 00000000 ffffffff 00000000 0000",
        "0003 00000000 ffffffff 00000000 00000001",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct subscription s;
        struct arena arena;
        struct hex hex;

        arena_init(&arena, 1 << 20);
        hex_parse(&hex, cases[i]);
        assert_int_equal(subscription_decode(bytes_of(hex.data, hex.size), &arena, &s),
                         ERR_MALFORMED);
        arena_done(&arena);
    }
}

static void an_assignment_comes_back_as_it_was(void **state) {
    static const int32_t partitions[] = {0, 1};
    const struct topic_partitions topics[] = {{TEXT("orders"), 2, partitions}};
    const struct assignment written = {{1, topics}, BYTES_NULL};
    struct assignment read;
    struct arena arena;
    struct bytes data;

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(assignment_encode(&written, &arena, &data), ERR_NONE);
    assert_bytes(data, "0003 | 00000001 0006 'orders' 00000002 00000000 00000001 | ffffffff");
    assert_int_equal(assignment_decode(data, &arena, &read), ERR_NONE);
    assert_int_equal(read.partitions.count, 1);
    assert_true(bytes_equal_text(read.partitions.topics[0].topic, "orders"));
    assert_int_equal(read.partitions.topics[0].partitions[1], 1);
    assert_true(bytes_is_null(read.user_data));
    arena_done(&arena);
}

static void a_member_that_was_left_out_has_an_empty_assignment(void **state) {
    struct assignment read;
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(assignment_decode(bytes_of("", 0), &arena, &read), ERR_NONE);
    assert_int_equal(read.partitions.count, 0);
    assert_int_equal(assignment_decode(bytes_of("\0", 1), &arena, &read), ERR_MALFORMED);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscription_is_written_in_order_with_all_fields),
        cmocka_unit_test(a_subscription_is_read_in_every_version),
        cmocka_unit_test(what_is_no_subscription_is_refused),
        cmocka_unit_test(an_assignment_comes_back_as_it_was),
        cmocka_unit_test(a_member_that_was_left_out_has_an_empty_assignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
