/* The topics in what consumers send, in every version, and nothing believed of other bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/group/consumer_subscription.h"
#include "client/base/check.h"

#define BYTES(literal) \
    { (const uint8_t *)(literal), sizeof(literal) - 1 }

#define TWO_TOPICS \
    "\0\0\0\2"     \
    "\0\1"         \
    "a"            \
    "\0\3"         \
    "bcd"
#define USER_DATA \
    "\0\0\0\2"    \
    "xy"
#define OWNED  \
    "\0\0\0\1" \
    "\0\1"     \
    "a"        \
    "\0\0\0\1" \
    "\0\0\0\7"

struct vector {
    struct bytes subscription;
    const char *topic;
    bool has;
    bool is_known;
};

static void topics_are_found_in_every_version(void **state) {
    static const struct vector vectors[] = {
        {BYTES("\0\0" TWO_TOPICS "\377\377\377\377"), "a", true, true},
        {BYTES("\0\0" TWO_TOPICS USER_DATA), "bcd", true, true},
        {BYTES("\0\0" TWO_TOPICS USER_DATA), "bc", false, true},
        {BYTES("\0\0" TWO_TOPICS USER_DATA), "", false, true},
        {BYTES("\0\1" TWO_TOPICS USER_DATA OWNED), "bcd", true, true},
        {BYTES("\0\2" TWO_TOPICS USER_DATA OWNED "\0\0\0\5"), "bcd", true, true},
        {BYTES("\0\3" TWO_TOPICS USER_DATA OWNED "\0\0\0\5"
               "\0\1"
               "r"),
         "c", false, true},
        {BYTES("\0\11" TWO_TOPICS "who knows"), "a", true, true}, /* of a version to come */
        {BYTES("\0\0\0\0\0\0"), "a", false, true},                /* subscribes to nothing */
        /* Cannot be read: it may subscribe to anything. */
        {BYTES(""), "a", true, false},
        {BYTES("\0"), "a", true, false},
        {BYTES("\377\377" TWO_TOPICS), "a", true, false},
        {BYTES("\0\0\377\377\377\377"), "a", true, false},
        {BYTES("\0\0\177\377\377\377\0\1a"), "a", true, false},
        {BYTES("\0\0\0\0\0\1\377\377"), "a", true, false},
        {BYTES("\0\0\0\0\0\1\0\2a"), "x", true, false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        bool is_known = !vectors[i].is_known;
        assert_int_equal(consumer_subscription_has(vectors[i].subscription,
                                                   bytes_of_text(vectors[i].topic), &is_known),
                         vectors[i].has);
        assert_int_equal(is_known, vectors[i].is_known);
    }
}

static void what_is_cut_short_is_not_known(void **state) {
    static const struct bytes whole = BYTES("\0\0" TWO_TOPICS);
    (void)state;

    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size == 0 ? 1 : size); /* asan sees a read past it */
        bool is_known;
        memcpy(copy, whole.data, size);
        assert_true(
            consumer_subscription_has(bytes_of(copy, size), bytes_of_text("none"), &is_known));
        assert_false(is_known);
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_found_in_every_version),
        cmocka_unit_test(what_is_cut_short_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
