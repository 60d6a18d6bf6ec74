#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/base/rng.h"
#include "client/wire/crc32c.h"

#define SIZE_MAX_TESTED 4096
#define ALIGNMENTS      16

/* Bit by bit, as the polynomial is defined. */
static uint32_t crc32c_by_bits(const uint8_t *data, size_t size) {
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0x82f63b78u & -(crc & 1));
    }
    return ~crc;
}

static void the_values_are_those_of_rfc_3720(void **state) {
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t rising[32];
    const struct {
        const void *data;
        size_t size;
        uint32_t crc;
    } cases[] = {
        {"", 0, 0},
        {"123456789", 9, 0xe3069283},
        {zeros, 32, 0x8a9136aa},
        {ones, 32, 0x62a8ab43},
        {rising, 32, 0x46dd794e},
    };

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    for (size_t i = 0; i < sizeof(rising); i++)
        rising[i] = (uint8_t)i;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(crc32c(0, cases[i].data, cases[i].size), cases[i].crc);
        assert_int_equal(crc32c_portable(0, cases[i].data, cases[i].size), cases[i].crc);
    }
}

/* Buffers of exact size, so that asan sees a read past the end. */
static void all_forms_agree_at_every_size_and_alignment(void **state) {
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (size_t size = 0; size <= SIZE_MAX_TESTED; size++) {
        size_t shift = size % ALIGNMENTS;
        uint8_t *memory = malloc(shift + size + 1);
        uint8_t *data = memory + shift;
        uint32_t expected;

        assert_non_null(memory);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)rng_next(&rng);
        expected = crc32c_by_bits(data, size);
        assert_int_equal(crc32c(0, data, size), expected);
        assert_int_equal(crc32c_portable(0, data, size), expected);
        free(memory);
    }
    for (size_t shift = 0; shift < ALIGNMENTS; shift++) {
        static uint8_t memory[2 * SIZE_MAX_TESTED];

        for (size_t i = 0; i < sizeof(memory); i++)
            memory[i] = (uint8_t)rng_next(&rng);
        for (size_t size = 0; size <= 1100; size++)
            assert_int_equal(crc32c(0, memory + shift, size),
                             crc32c_portable(0, memory + shift, size));
    }
}

static void a_crc_can_be_continued(void **state) {
    uint8_t data[3000];
    struct rng rng;
    uint32_t whole;

    (void)state;
    rng_seed(&rng, 2);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)rng_next(&rng);
    whole = crc32c(0, data, sizeof(data));
    for (size_t cut = 0; cut <= sizeof(data); cut += 7) {
        uint32_t first = crc32c(0, data, cut);

        assert_int_equal(crc32c(first, data + cut, sizeof(data) - cut), whole);
        assert_int_equal(crc32c_portable(first, data + cut, sizeof(data) - cut), whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_values_are_those_of_rfc_3720),
        cmocka_unit_test(all_forms_agree_at_every_size_and_alignment),
        cmocka_unit_test(a_crc_can_be_continued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
