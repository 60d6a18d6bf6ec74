/* The table of keys finds what was put, and no more than it has room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "broker/log/key_offsets.h"
#include "client/base/check.h"

static const uint64_t secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static struct bytes key_of(int number, char text[16]) {
    snprintf(text, 16, "key-%d", number);
    return bytes_of_text(text);
}

/* From the reference implementation of SipHash-2-4-128: the key is 00 01 .. 0f, the message the
 * first bytes of 00 01 02 ... */
static void the_hash_is_siphash(void **state) {
    static const struct {
        size_t size;
        uint64_t hash[2];
    } cases[] = {
        {0, {0xe6a825ba047f81a3, 0x930255c71472f66d}},
        {1, {0x44af996bd8c187da, 0x45fc229b11597634}},
    };
    const uint8_t message[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint64_t hash[2];
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        key_offsets_hash(secret, bytes_of(message, cases[i].size), hash);
        assert_true(hash[0] == cases[i].hash[0] && hash[1] == cases[i].hash[1]);
    }
}

static void the_last_offset_counts(void **state) {
    struct key_offsets *map;
    char text[16];
    (void)state;

    assert_int_equal(key_offsets_new(1000, 0.9, secret, &map), ERR_NONE);
    assert_int_equal(key_offsets_get(map, key_of(1, text)), -1);
    for (int i = 0; i < 900; i++)
        assert_true(key_offsets_put(map, key_of(i, text), i));
    assert_int_equal(key_offsets_count(map), 900);
    for (int i = 0; i < 900; i += 3)
        assert_true(key_offsets_put(map, key_of(i, text), 5000 + i));
    for (int i = 0; i < 900; i++)
        assert_int_equal(key_offsets_get(map, key_of(i, text)), i % 3 == 0 ? 5000 + i : i);
    assert_int_equal(key_offsets_get(map, key_of(900, text)), -1);
    key_offsets_free(map);
}

static void a_full_table_takes_known_keys_only(void **state) {
    struct key_offsets *map;
    char text[16];
    (void)state;

    assert_int_equal(key_offsets_new(10, 1, secret, &map), ERR_NONE);
    assert_int_equal(key_offsets_capacity(map), 10);
    for (int i = 0; i < 10; i++)
        assert_true(key_offsets_put(map, key_of(i, text), i));
    assert_false(key_offsets_put(map, key_of(10, text), 10));
    assert_true(key_offsets_put(map, key_of(7, text), 11));
    assert_int_equal(key_offsets_get(map, key_of(10, text)), -1);
    assert_int_equal(key_offsets_get(map, key_of(7, text)), 11);
    key_offsets_free(map);
}

static void the_smallest_table_takes_one_key(void **state) {
    struct key_offsets *map;
    char text[16];
    (void)state;

    assert_int_equal(key_offsets_new(1, 0.5, secret, &map), ERR_NONE);
    assert_true(key_offsets_put(map, bytes_of("", 0), 3));
    assert_false(key_offsets_put(map, key_of(1, text), 4));
    assert_int_equal(key_offsets_get(map, bytes_of("", 0)), 3);
    key_offsets_free(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_siphash),
        cmocka_unit_test(the_last_offset_counts),
        cmocka_unit_test(a_full_table_takes_known_keys_only),
        cmocka_unit_test(the_smallest_table_takes_one_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
