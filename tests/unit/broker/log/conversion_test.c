/* Between message sets of old clients and batches of magic 2: what goes in comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/log/down_conversion.h"
#include "broker/log/up_conversion.h"
#include "client/wire/big_endian.h"
#include "tests/unit/client/wire/hex.h"
#include "tests/unit/client/wire/message_set_vectors.h"

#define PLAIN_BYTES_MAX 100000
#define TIMESTAMP       1700000000000

static struct up_conversion up_conversion_of(struct bytes set) {
    return (struct up_conversion){.set = set,
                                  .message_bytes_max = 10000,
                                  .set_bytes_max = 10000,
                                  .plain_bytes_max = PLAIN_BYTES_MAX};
}

/* "k1", "k2"... at consecutive offsets, each timestamp `step` above the one before. */
static void check_records(struct bytes whole, int64_t base_offset, int32_t count, int64_t first,
                          int64_t step) {
    struct record_iterator records;
    struct record_batch batch;
    struct record record;
    enum error error;
    int32_t seen = 0;

    assert_int_equal(record_batch_decode(whole, &batch), ERR_NONE);
    assert_true(record_batch_crc_is_valid(&batch));
    assert_int_equal(record_iterator_init(&records, &batch, PLAIN_BYTES_MAX), ERR_NONE);
    while (record_iterator_next(&records, &record, &error)) {
        char key[16];
        seen++;
        snprintf(key, sizeof(key), "k%d", seen);
        assert_true(bytes_equal_text(record.key, key));
        assert_int_equal(record.offset, base_offset + seen - 1);
        if (step >= 0)
            assert_int_equal(record.timestamp, first + (seen - 1) * step);
    }
    assert_int_equal(error, ERR_NONE);
    assert_int_equal(seen, count);
    record_iterator_done(&records);
}

static void sets_of_a_real_client_become_one_batch(void **state) {
    static const struct {
        const char *set;
        enum compression codec;
    } cases[] = {
        {VECTOR_MAGIC_0_NONE, COMPRESSION_NONE},     {VECTOR_MAGIC_0_GZIP, COMPRESSION_GZIP},
        {VECTOR_MAGIC_0_SNAPPY, COMPRESSION_SNAPPY}, {VECTOR_MAGIC_1_NONE, COMPRESSION_NONE},
        {VECTOR_MAGIC_1_GZIP, COMPRESSION_GZIP},     {VECTOR_MAGIC_1_SNAPPY, COMPRESSION_SNAPPY},
        {VECTOR_MAGIC_1_LZ4, COMPRESSION_LZ4},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex set = hex_of(cases[i].set);
        struct up_conversion conversion = up_conversion_of(hex_bytes(&set));
        struct record_batch batch;
        assert_true(up_conversion_applies(conversion.set));
        assert_int_equal(up_convert(&conversion), ERR_NONE);
        assert_int_equal(conversion.codec, cases[i].codec);
        check_records(bytes_of(conversion.batch, conversion.batch_size), 0, 3, 0, -1);
        assert_int_equal(
            record_batch_decode(bytes_of(conversion.batch, conversion.batch_size), &batch),
            ERR_NONE);
        assert_int_equal(batch.producer_id, RECORD_NO_PRODUCER_ID);
        assert_int_equal(batch.base_sequence, RECORD_NO_SEQUENCE);
        free(conversion.batch);
    }
}

static void spoiled_sets_are_refused(void **state) {
    enum { BAD_CRC, TINY_SIZE, TWO_WRAPPERS, TOO_LARGE, SET_TOO_LARGE, TORN_ONLY };
    static const struct {
        int how;
        const char *set;
        enum error error;
    } cases[] = {
        {BAD_CRC, VECTOR_MAGIC_0_NONE, ERR_CORRUPT_MESSAGE},
        {BAD_CRC, VECTOR_MAGIC_1_GZIP, ERR_CORRUPT_MESSAGE},
        {TINY_SIZE, VECTOR_MAGIC_1_NONE, ERR_CORRUPT_MESSAGE},
        {TWO_WRAPPERS, VECTOR_MAGIC_1_LZ4, ERR_INVALID_RECORD},
        {TOO_LARGE, VECTOR_MAGIC_0_NONE, ERR_MESSAGE_TOO_LARGE},
        {SET_TOO_LARGE, VECTOR_MAGIC_0_NONE, ERR_RECORD_LIST_TOO_LARGE},
        {TORN_ONLY, VECTOR_MAGIC_0_GZIP, ERR_INVALID_RECORD},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex set = hex_of(cases[i].set);
        struct up_conversion conversion;
        if (cases[i].how == BAD_CRC)
            set.data[set.size - 1] ^= 1;
        if (cases[i].how == TINY_SIZE)
            big_endian_store_u32(set.data + 8, 5);
        if (cases[i].how == TWO_WRAPPERS) {
            memcpy(set.data + set.size, set.data, set.size);
            set.size *= 2;
        }
        if (cases[i].how == TORN_ONLY)
            set.size--;
        conversion = up_conversion_of(hex_bytes(&set));
        if (cases[i].how == TOO_LARGE)
            conversion.message_bytes_max = 20;
        if (cases[i].how == SET_TOO_LARGE)
            conversion.set_bytes_max = 60;
        assert_int_equal(up_convert(&conversion), cases[i].error);
        assert_null(conversion.batch);
    }
}

static void a_torn_message_at_the_end_is_cut_off(void **state) {
    struct hex set = hex_of(VECTOR_MAGIC_1_NONE);
    struct up_conversion conversion = up_conversion_of(bytes_of(set.data, set.size - 1));
    (void)state;

    assert_int_equal(up_convert(&conversion), ERR_NONE);
    check_records(bytes_of(conversion.batch, conversion.batch_size), 0, 2, 0, -1);
    free(conversion.batch);
}

/* `count` records from `base_offset`, with a header each. */
static struct bytes batch_of(enum compression codec, int64_t base_offset, int32_t count,
                             int16_t attributes) {
    struct record_batch_options options = record_batch_options_default;
    const struct record_header header = {bytes_of_text("name"), bytes_of_text("value")};
    struct record_batch_builder *builder;
    uint8_t *data;
    size_t size;

    options.codec = codec;
    options.base_offset = base_offset;
    options.attributes = attributes;
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    for (int32_t i = 1; i <= count; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(record_batch_builder_add(builder, TIMESTAMP + i, bytes_of_text(key),
                                                  i == 2 ? BYTES_NULL : bytes_of_text("value"),
                                                  &header, 1),
                         ERR_NONE);
    }
    assert_int_equal(record_batch_builder_finish(builder, &data, &size), ERR_NONE);
    record_batch_builder_free(builder);
    return bytes_of(data, size);
}

static struct bytes joined(struct bytes a, struct bytes b) {
    uint8_t *data = malloc(a.size + b.size);

    assert_non_null(data);
    memcpy(data, a.data, a.size);
    memcpy(data + a.size, b.data, b.size);
    free((void *)(uintptr_t)a.data);
    free((void *)(uintptr_t)b.data);
    return bytes_of(data, a.size + b.size);
}

static struct down_conversion down(struct bytes stored, int8_t magic, int64_t first_offset) {
    return (struct down_conversion){.stored = stored,
                                    .magic = magic,
                                    .first_offset = first_offset,
                                    .plain_bytes_max = PLAIN_BYTES_MAX};
}

/* Walks a set as a consumer does; returns how many records there are. */
static int32_t walk_set(const struct message_set_builder *set, int8_t magic, int64_t first_offset,
                        int32_t first_number) {
    struct bytes rest = bytes_of(set->data, set->size);
    int32_t seen = 0;

    while (rest.size > 0) {
        struct message_set_iterator records;
        struct message_set_entry entry;
        struct record record;
        assert_int_equal(message_set_entry_decode(rest, &entry), ERR_NONE);
        assert_true(message_set_entry_crc_is_valid(&entry));
        assert_int_equal(entry.magic, magic);
        assert_int_equal(message_set_iterator_init(&records, &entry, PLAIN_BYTES_MAX), ERR_NONE);
        while (message_set_iterator_next(&records, &record)) {
            char key[16];
            snprintf(key, sizeof(key), "k%d", first_number + seen);
            assert_true(bytes_equal_text(record.key, key));
            assert_int_equal(record.offset, first_offset + seen);
            assert_int_equal(bytes_is_null(record.value), first_number + seen == 2);
            assert_int_equal(record.timestamp,
                             magic == 0 ? RECORD_NO_TIMESTAMP : TIMESTAMP + first_number + seen);
            seen++;
        }
        message_set_iterator_done(&records);
        rest = bytes_of(rest.data + entry.whole.size, rest.size - entry.whole.size);
    }
    return seen;
}

static void batches_become_sets_that_old_consumers_read(void **state) {
    static const enum compression codecs[] = {COMPRESSION_NONE, COMPRESSION_GZIP,
                                              COMPRESSION_SNAPPY, COMPRESSION_LZ4};
    (void)state;

    for (int8_t magic = 0; magic <= 1; magic++) {
        for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
            struct bytes stored = batch_of(codecs[i], 1000, 5, 0);
            struct down_conversion conversion = down(stored, magic, 1000);
            assert_int_equal(down_convert(&conversion), ERR_NONE);
            assert_int_equal(walk_set(&conversion.set, magic, 1000, 1), 5);
            assert_int_equal(conversion.next_offset, 1005);
            message_set_builder_done(&conversion.set);
            free((void *)(uintptr_t)stored.data);
        }
    }
}

static void what_lies_before_the_wanted_offset_is_left_out_unless_it_is_compressed(void **state) {
    struct bytes plain = batch_of(COMPRESSION_NONE, 1000, 5, 0);
    struct bytes compressed = batch_of(COMPRESSION_GZIP, 1000, 5, 0);
    struct down_conversion conversion = down(plain, 1, 1003);
    (void)state;

    assert_int_equal(down_convert(&conversion), ERR_NONE);
    assert_int_equal(walk_set(&conversion.set, 1, 1003, 4), 2);
    message_set_builder_done(&conversion.set);
    conversion = down(compressed, 1, 1003);
    assert_int_equal(down_convert(&conversion), ERR_NONE);
    assert_int_equal(walk_set(&conversion.set, 1, 1000, 1), 5);
    message_set_builder_done(&conversion.set);
    free((void *)(uintptr_t)plain.data);
    free((void *)(uintptr_t)compressed.data);
}

static void control_batches_and_torn_ends_are_left_out(void **state) {
    struct bytes stored =
        joined(batch_of(COMPRESSION_NONE, 0, 1, RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL),
               joined(batch_of(COMPRESSION_NONE, 1, 3, 0), batch_of(COMPRESSION_NONE, 4, 3, 0)));
    struct down_conversion conversion = down(bytes_of(stored.data, stored.size - 1), 1, 0);
    (void)state;

    assert_int_equal(down_convert(&conversion), ERR_NONE);
    assert_int_equal(walk_set(&conversion.set, 1, 1, 1), 3);
    assert_int_equal(conversion.next_offset, 4);
    message_set_builder_done(&conversion.set);
    free((void *)(uintptr_t)stored.data);
}

static void zstd_has_no_old_form(void **state) {
    struct bytes stored = batch_of(COMPRESSION_ZSTD, 0, 3, 0);
    struct down_conversion conversion = down(stored, 1, 0);
    (void)state;

    assert_int_equal(down_convert(&conversion), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    assert_null(conversion.set.data);
    free((void *)(uintptr_t)stored.data);
}

static void sets_in_old_segments_are_kept_or_go_down_to_magic_0(void **state) {
    struct hex old = hex_of(VECTOR_MAGIC_1_GZIP);
    struct down_conversion conversion = down(hex_bytes(&old), 1, 0);
    (void)state;

    assert_int_equal(down_convert(&conversion), ERR_NONE);
    assert_int_equal(conversion.set.size, old.size);
    assert_memory_equal(conversion.set.data, old.data, old.size);
    message_set_builder_done(&conversion.set);
    conversion = down(hex_bytes(&old), 0, 0);
    assert_int_equal(down_convert(&conversion), ERR_NONE);
    assert_int_equal(conversion.set.data[16], 0);
    message_set_builder_done(&conversion.set);
}

static void what_went_down_comes_up_again(void **state) {
    struct bytes stored = batch_of(COMPRESSION_LZ4, 0, 100, 0);
    struct down_conversion downward = down(stored, 1, 0);
    struct up_conversion upward;
    (void)state;

    assert_int_equal(down_convert(&downward), ERR_NONE);
    upward = up_conversion_of(bytes_of(downward.set.data, downward.set.size));
    assert_int_equal(up_convert(&upward), ERR_NONE);
    assert_int_equal(upward.codec, COMPRESSION_LZ4);
    check_records(bytes_of(upward.batch, upward.batch_size), 0, 100, TIMESTAMP + 1, 1);
    free(upward.batch);
    message_set_builder_done(&downward.set);
    free((void *)(uintptr_t)stored.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_of_a_real_client_become_one_batch),
        cmocka_unit_test(spoiled_sets_are_refused),
        cmocka_unit_test(a_torn_message_at_the_end_is_cut_off),
        cmocka_unit_test(batches_become_sets_that_old_consumers_read),
        cmocka_unit_test(what_lies_before_the_wanted_offset_is_left_out_unless_it_is_compressed),
        cmocka_unit_test(control_batches_and_torn_ends_are_left_out),
        cmocka_unit_test(zstd_has_no_old_form),
        cmocka_unit_test(sets_in_old_segments_are_kept_or_go_down_to_magic_0),
        cmocka_unit_test(what_went_down_comes_up_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
