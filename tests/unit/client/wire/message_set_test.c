#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "client/wire/big_endian.h"
#include "client/wire/message_set.h"
#include "tests/unit/client/wire/hex.h"
#include "tests/unit/client/wire/message_set_vectors.h"
#include "tests/unit/client/wire/record_batch_vectors.h"

#define PLAIN_BYTES_MAX 10000
#define TIMESTAMP       1700000000000

/* A set that is put together by a test. */
struct set {
    uint8_t data[2048];
    size_t size;
};

static struct bytes set_bytes(const struct set *set) {
    return bytes_of(set->data, set->size);
}

static void append_nullable(struct set *set, struct bytes value) {
    big_endian_store_u32(set->data + set->size,
                         bytes_is_null(value) ? UINT32_MAX : (uint32_t)value.size);
    set->size += 4;
    if (value.size > 0)
        memcpy(set->data + set->size, value.data, value.size);
    set->size += value.size;
}

static void append(struct set *set, int64_t offset, int8_t magic, int8_t attributes,
                   int64_t timestamp, struct bytes key, struct bytes value) {
    uint8_t *at = set->data + set->size;

    big_endian_store_u64(at, (uint64_t)offset);
    at[16] = (uint8_t)magic;
    at[17] = (uint8_t)attributes;
    set->size += 18;
    if (magic == 1) {
        big_endian_store_u64(at + 18, (uint64_t)timestamp);
        set->size += 8;
    }
    append_nullable(set, key);
    append_nullable(set, value);
    big_endian_store_u32(at + 8, (uint32_t)(set->data + set->size - at) - 12);
    big_endian_store_u32(at + 12,
                         (uint32_t)crc32_z(0, at + 16, (size_t)(set->data + set->size - at) - 16));
}

/* Wraps `inner`, compressed by `codec`. */
static struct set wrapper_of(const struct set *inner, int64_t offset, int8_t magic,
                             int8_t attributes, int64_t timestamp, enum compression codec) {
    struct set set = {.size = 0};
    uint8_t *compressed;
    size_t compressed_size;

    assert_int_equal(compression_compress(codec, COMPRESSION_LEVEL_DEFAULT, set_bytes(inner),
                                          &compressed, &compressed_size),
                     ERR_NONE);
    append(&set, offset, magic, (int8_t)(attributes | (int8_t)codec), timestamp, BYTES_NULL,
           bytes_of(compressed, compressed_size));
    free(compressed);
    return set;
}

static struct message_set_entry decoded(struct bytes data) {
    struct message_set_entry entry;

    assert_int_equal(message_set_entry_decode(data, &entry), ERR_NONE);
    assert_true(message_set_entry_crc_is_valid(&entry));
    return entry;
}

static struct message_set_iterator iterator_of(struct bytes data) {
    struct message_set_entry entry = decoded(data);
    struct message_set_iterator iterator;

    assert_int_equal(message_set_iterator_init(&iterator, &entry, PLAIN_BYTES_MAX), ERR_NONE);
    return iterator;
}

static enum error init_error(struct bytes data) {
    struct message_set_entry entry = decoded(data);
    struct message_set_iterator iterator;
    enum error error = message_set_iterator_init(&iterator, &entry, PLAIN_BYTES_MAX);

    if (error == ERR_NONE)
        message_set_iterator_done(&iterator);
    return error;
}

static void entries_of_both_magics_have_their_fields(void **state) {
    static const struct {
        const char *bytes;
        int8_t magic;
        int64_t timestamp;
    } cases[] = {
        {"0000000000000000 00000011 61505427 00 00 00000001 6b 00000002 7631 ff", 0, -1},
        {"0000000000000000 00000019 3e731674 01 00 0000018bcfe56800 00000001 6b 00000002 7631 ff",
         1, TIMESTAMP},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex = hex_of(cases[i].bytes);
        struct message_set_entry entry = decoded(hex_bytes(&hex));

        assert_int_equal(entry.magic, cases[i].magic);
        assert_int_equal(entry.timestamp, cases[i].timestamp);
        assert_int_equal(entry.whole.size, hex.size - 1);
        assert_true(bytes_equal_text(entry.key, "k"));
        assert_true(bytes_equal_text(entry.value, "v1"));
        for (size_t at = 12; at < entry.whole.size; at++) {
            if (at == 16)
                continue; /* the magic decides how the rest decodes */
            hex.data[at] ^= 1;
            if (message_set_entry_decode(hex_bytes(&hex), &entry) == ERR_NONE)
                assert_false(message_set_entry_crc_is_valid(&entry));
            hex.data[at] ^= 1;
        }
    }
}

static void what_is_no_entry_is_refused(void **state) {
    static const struct {
        const char *label;
        const char *bytes;
        enum error error;
    } cases[] = {
        {"nothing", "", ERR_CORRUPT_MESSAGE},
        {"a size below magic 0", "0000000000000000 0000000d 00000000 00 00 ffffffff 000000",
         ERR_CORRUPT_MESSAGE},
        {"a size below magic 1",
         "0000000000000000 00000015 00000000 01 00 0000000000000000 ffffffff 000000",
         ERR_CORRUPT_MESSAGE},
        {"magic 1 that ends in its timestamp",
         "0000000000000000 0000000e 00000000 01 00 0000000000000000", ERR_CORRUPT_MESSAGE},
        {"magic 2", "0000000000000000 0000000e 00000000 02 00 ffffffff ffffffff",
         ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT},
        {"magic 3", "0000000000000000 0000000e 00000000 03 00 ffffffff ffffffff",
         ERR_CORRUPT_MESSAGE},
        {"magic -1", "0000000000000000 0000000e 00000000 ff 00 ffffffff ffffffff",
         ERR_CORRUPT_MESSAGE},
        {"a negative size", "0000000000000000 ffffffff 00000000 00 00 ffffffff ffffffff",
         ERR_CORRUPT_MESSAGE},
        {"a size past the end", "0000000000000000 0000000f 00000000 00 00 ffffffff ffffffff",
         ERR_CORRUPT_MESSAGE},
        {"a key past the end", "0000000000000000 0000000e 00000000 00 00 00000005 ffffffff",
         ERR_CORRUPT_MESSAGE},
        {"a key of 2 GiB", "0000000000000000 0000000e 00000000 00 00 7fffffff ffffffff",
         ERR_CORRUPT_MESSAGE},
        {"a key where the value's length was",
         "0000000000000000 0000000e 00000000 00 00 00000004 ffffffff", ERR_CORRUPT_MESSAGE},
        {"a value past the end", "0000000000000000 0000000e 00000000 00 00 ffffffff 00000001",
         ERR_CORRUPT_MESSAGE},
        {"a byte behind the value", "0000000000000000 0000000f 00000000 00 00 ffffffff ffffffff 00",
         ERR_CORRUPT_MESSAGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex hex = hex_of(cases[i].bytes);
        struct message_set_entry entry;
        enum error error = message_set_entry_decode(hex_bytes(&hex), &entry);

        if (error != cases[i].error)
            fail_msg("%s: %s", cases[i].label, error_name(error));
    }
}

static void a_batch_of_magic_2_is_not_mistaken(void **state) {
    struct hex hex = hex_of(VECTOR_TWO_RECORDS);
    struct message_set_entry entry;

    (void)state;
    assert_int_equal(message_set_entry_decode(hex_bytes(&hex), &entry),
                     ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT);
}

static void sets_of_librdkafka_are_read(void **state) {
    static const char *const vectors[] = {
        VECTOR_MAGIC_0_NONE, VECTOR_MAGIC_0_GZIP,   VECTOR_MAGIC_0_SNAPPY, VECTOR_MAGIC_1_NONE,
        VECTOR_MAGIC_1_GZIP, VECTOR_MAGIC_1_SNAPPY, VECTOR_MAGIC_1_LZ4,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        struct hex hex = hex_of(vectors[i]);
        struct bytes rest = hex_bytes(&hex);
        int count = 0;

        while (rest.size > 0) {
            struct message_set_iterator iterator = iterator_of(rest);
            size_t size = iterator.outer.whole.size;
            struct record record;

            while (message_set_iterator_next(&iterator, &record)) {
                char key[] = {'k', (char)('1' + count), 0};

                assert_true(bytes_equal_text(record.key, key));
                assert_int_equal(record.value.size, 25);
                assert_int_equal(record.value.data[24], '1' + count);
                assert_int_equal(record.offset, count);
                assert_int_equal(record.header_count, 0);
                if (iterator.outer.magic == 0)
                    assert_int_equal(record.timestamp, -1);
                else
                    assert_int_equal(record.timestamp, iterator.outer.timestamp);
                count++;
            }
            message_set_iterator_done(&iterator);
            rest = bytes_of(rest.data + size, rest.size - size);
        }
        assert_int_equal(count, 3);
    }
}

static void offsets_in_a_wrapper_follow_its_magic(void **state) {
    static const struct {
        const char *label;
        int8_t magic;
        int64_t wrapper_offset;
        int64_t inner[3];
        int64_t expected[3];
    } cases[] = {
        {"magic 0: absolute", 0, 12, {10, 11, 12}, {10, 11, 12}},
        {"magic 0, from a producer", 0, 0, {0, 1, 2}, {0, 1, 2}},
        {"magic 1: the wrapper has the last", 1, 12, {0, 1, 2}, {10, 11, 12}},
        {"magic 1, compacted", 1, 20, {0, 5, 9}, {11, 16, 20}},
        {"magic 1, from a producer", 1, 0, {0, 1, 2}, {0, 1, 2}},
        {"magic 1, at the start of a log", 1, 2, {0, 1, 2}, {0, 1, 2}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct set inner = {.size = 0};
        struct set outer;
        struct message_set_iterator iterator;
        struct record record;

        for (int n = 0; n < 3; n++)
            append(&inner, cases[i].inner[n], cases[i].magic, 0, TIMESTAMP + n, BYTES_NULL,
                   bytes_of_text("v"));
        outer = wrapper_of(&inner, cases[i].wrapper_offset, cases[i].magic, 0, TIMESTAMP + 2,
                           COMPRESSION_GZIP);
        iterator = iterator_of(set_bytes(&outer));
        for (int n = 0; n < 3; n++) {
            assert_true(message_set_iterator_next(&iterator, &record));
            if (record.offset != cases[i].expected[n])
                fail_msg("%s: %lld", cases[i].label, (long long)record.offset);
            assert_int_equal(record.timestamp, cases[i].magic == 0 ? -1 : TIMESTAMP + n);
        }
        assert_false(message_set_iterator_next(&iterator, &record));
        assert_false(message_set_iterator_next(&iterator, &record));
        message_set_iterator_done(&iterator);
    }
}

static void a_wrapper_with_log_append_time_sets_the_time_of_its_records(void **state) {
    struct set inner = {.size = 0};
    struct set outer;
    struct message_set_iterator iterator;
    struct record record;

    (void)state;
    append(&inner, 0, 1, 0, TIMESTAMP, BYTES_NULL, BYTES_NULL);
    outer =
        wrapper_of(&inner, 7, 1, MESSAGE_SET_LOG_APPEND_TIME, TIMESTAMP + 9, COMPRESSION_SNAPPY);
    iterator = iterator_of(set_bytes(&outer));
    assert_true(message_set_iterator_next(&iterator, &record));
    assert_int_equal(record.timestamp, TIMESTAMP + 9);
    assert_int_equal(record.offset, 7);
    assert_true(bytes_is_null(record.value));
    message_set_iterator_done(&iterator);
}

static void only_in_magic_0_the_lz4_header_checksum_may_be_wrong(void **state) {
    struct set inner = {.size = 0};
    struct set outer;

    (void)state;
    for (int8_t magic = 0; magic <= 1; magic++) {
        uint8_t *compressed;
        size_t size;

        inner.size = 0;
        outer.size = 0;
        append(&inner, 0, magic, 0, TIMESTAMP, BYTES_NULL, bytes_of_text("v"));
        assert_int_equal(compression_compress(COMPRESSION_LZ4, COMPRESSION_LEVEL_DEFAULT,
                                              set_bytes(&inner), &compressed, &size),
                         ERR_NONE);
        compressed[6] ^= 0xff;
        append(&outer, 0, magic, COMPRESSION_LZ4, TIMESTAMP, BYTES_NULL,
               bytes_of(compressed, size));
        free(compressed);
        assert_int_equal(init_error(set_bytes(&outer)),
                         magic == 0 ? ERR_NONE : ERR_CORRUPT_MESSAGE);
    }
}

static void bad_wrappers_are_refused(void **state) {
    struct set good = {.size = 0};
    struct set bad;
    struct set outer = {.size = 0};

    (void)state;
    append(&good, 0, 1, 0, TIMESTAMP, BYTES_NULL, bytes_of_text("v"));

    append(&outer, 0, 1, COMPRESSION_GZIP, TIMESTAMP, BYTES_NULL, BYTES_NULL);
    assert_int_equal(init_error(set_bytes(&outer)), ERR_INVALID_RECORD);

    bad = (struct set){.size = 0};
    outer = wrapper_of(&bad, 0, 1, 0, TIMESTAMP, COMPRESSION_GZIP);
    assert_int_equal(init_error(set_bytes(&outer)), ERR_INVALID_RECORD);

    bad = wrapper_of(&good, 0, 1, 0, TIMESTAMP, COMPRESSION_GZIP);
    outer = wrapper_of(&bad, 0, 1, 0, TIMESTAMP, COMPRESSION_GZIP);
    assert_int_equal(init_error(set_bytes(&outer)), ERR_INVALID_RECORD);

    bad = good;
    bad.data[bad.size - 1] ^= 1;
    outer = wrapper_of(&bad, 0, 1, 0, TIMESTAMP, COMPRESSION_GZIP);
    assert_int_equal(init_error(set_bytes(&outer)), ERR_CORRUPT_MESSAGE);

    bad = good;
    bad.size--;
    outer = wrapper_of(&bad, 0, 1, 0, TIMESTAMP, COMPRESSION_GZIP);
    assert_int_equal(init_error(set_bytes(&outer)), ERR_CORRUPT_MESSAGE);

    outer = wrapper_of(&good, 0, 1, 0, TIMESTAMP, COMPRESSION_ZSTD);
    assert_int_equal(init_error(set_bytes(&outer)), ERR_CORRUPT_MESSAGE);

    outer.size = 0;
    append(&outer, 0, 1, COMPRESSION_GZIP, TIMESTAMP, BYTES_NULL, bytes_of_text("not gzip"));
    assert_int_equal(init_error(set_bytes(&outer)), ERR_CORRUPT_MESSAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_both_magics_have_their_fields),
        cmocka_unit_test(what_is_no_entry_is_refused),
        cmocka_unit_test(a_batch_of_magic_2_is_not_mistaken),
        cmocka_unit_test(sets_of_librdkafka_are_read),
        cmocka_unit_test(offsets_in_a_wrapper_follow_its_magic),
        cmocka_unit_test(a_wrapper_with_log_append_time_sets_the_time_of_its_records),
        cmocka_unit_test(only_in_magic_0_the_lz4_header_checksum_may_be_wrong),
        cmocka_unit_test(bad_wrappers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
