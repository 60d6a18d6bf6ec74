/* Which partition a group belongs to: all coordinators and clients of a cluster must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/journal/coordinator_key.h"
#include "client/base/check.h"

struct vector {
    struct bytes key;
    int32_t count;
    int32_t partition;
};

#define KEY(literal) \
    { (const uint8_t *)(literal), sizeof(literal) - 1 }

/* From Java: Math.abs(hashCode) % count, and 0 for the smallest integer. */
static void keys_belong_where_java_says(void **state) {
    static const struct vector vectors[] = {
        {KEY("my-group"), 50, 12},
        {KEY("console-consumer-1"), 50, 24},
        {KEY("test"), 50, 48},
        {KEY("txn-1"), 50, 10},
        {KEY(""), 50, 0},
        {KEY("polygenelubricants"), 50, 0}, /* hash -2^31 */
        {KEY("\xc3\xa9"), 50, 33},          /* U+00E9 */
        {KEY("\xf0\x9f\x98\x80"), 50, 49},  /* U+1F600: two UTF-16 units */
        {KEY("my-group"), 1, 0},
        {KEY("my-group"), 7, 1906497762 % 7},
        {KEY("test"), 3, 3556498 % 3},
        {KEY("\xe2\x82\xac"), 50, 0x20ac % 50},
        {KEY("\xed\x9f\xbf"), 1 << 20, 0xd7ff}, /* the last before the surrogates */
        {KEY("\xef\xbf\xbf"), 1 << 20, 0xffff},
        {KEY("\x7f"), 1 << 20, 0x7f},
        {KEY("\xc2\x80"), 1 << 20, 0x80},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
        assert_int_equal(coordinator_partition(vectors[i].key, vectors[i].count),
                         vectors[i].partition);
}

static void what_is_not_utf_8_belongs_somewhere(void **state) {
    static const struct bytes keys[] = {
        KEY("\xff"),
        KEY("\x80"),
        KEY("\xc3"),
        KEY("a\xe2\x82"),
        KEY("\xc0\x80"),
        KEY("\xed\xa0\x80"),
        KEY("\xf4\x90\x80\x80"),
        KEY("\xf0\x9f\x98"),
        KEY("\xf5\x80\x80"),
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        int32_t partition = coordinator_partition(keys[i], 50);
        assert_in_range(partition, 0, 49);
        assert_int_equal(partition, coordinator_partition(keys[i], 50));
    }
    assert_int_equal(coordinator_partition(keys[0], 1 << 20), 0xfffd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_belong_where_java_says),
        cmocka_unit_test(what_is_not_utf_8_belongs_somewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
