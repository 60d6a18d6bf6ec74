/* What stays of a batch, byte for byte where it matters; and what transactions leave behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "broker/log/compaction_filter.h"
#include "broker/log/compaction_transactions.h"
#include "client/wire/big_endian.h"
#include "client/wire/message_set_builder.h"

#define T0  1700000000000
#define NOW (T0 + 100000)

static const uint64_t secret[2] = {1, 2};

/* One letter is one record: its key in lower case; in upper case a tombstone, '-' no key. */
struct written {
    uint8_t *bytes;
    size_t size;
};

static struct written write_batch(const char *letters, int64_t base_offset,
                                  const struct record_batch_options *given) {
    struct record_batch_options options = *given;
    struct record_batch_builder *builder;
    struct written written;

    options.base_offset = base_offset;
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    for (size_t i = 0; letters[i] != '\0'; i++) {
        char key = letters[i] >= 'A' && letters[i] <= 'Z' ? (char)(letters[i] + 32) : letters[i];
        struct record_header header = {bytes_of_text("h"), bytes_of_text("x")};
        assert_int_equal(record_batch_builder_add(
                             builder, T0 + base_offset * 10 + (int64_t)i,
                             key == '-' ? BYTES_NULL : bytes_of(&key, 1),
                             key == letters[i] ? bytes_of_text("value") : BYTES_NULL, &header, 1),
                         ERR_NONE);
    }
    assert_int_equal(record_batch_builder_finish(builder, &written.bytes, &written.size), ERR_NONE);
    record_batch_builder_free(builder);
    return written;
}

/* The batches of an output as text: letters with offsets, "|" between batches, "h" and the
 * horizon's distance from now where there is one. */
static void describe(struct bytes data, char *text) {
    *text = '\0';
    while (data.size > 0) {
        struct record_iterator iterator;
        struct record_batch batch;
        struct record record;
        enum error error;
        assert_int_equal(record_batch_decode(data, &batch), ERR_NONE);
        assert_true(record_batch_crc_is_valid(&batch));
        text += snprintf(text, 32, "|%lld-%lld", (long long)batch.base_offset,
                         (long long)record_batch_last_offset(&batch));
        if ((batch.attributes & RECORD_BATCH_DELETE_HORIZON) != 0)
            text += snprintf(text, 32, " h%lld", (long long)batch.base_timestamp - NOW);
        assert_int_equal(record_iterator_init(&iterator, &batch, 1 << 20), ERR_NONE);
        while (record_iterator_next(&iterator, &record, &error)) {
            char letter = bytes_is_null(record.key) ? '-' : (char)record.key.data[0];
            if (bytes_is_null(record.value))
                letter = (char)(letter - 32);
            text += snprintf(text, 32, " %c%lld", letter, (long long)record.offset);
            assert_int_equal(record.timestamp, T0 + batch.base_offset * 10 + record.offset_delta);
            assert_int_equal(record.header_count, 1);
        }
        assert_int_equal(error, ERR_NONE);
        record_iterator_done(&iterator);
        data = bytes_of(data.data + batch.whole.size, data.size - batch.whole.size);
    }
}

static struct key_offsets *map_of(const char *letters) {
    struct key_offsets *map;

    assert_int_equal(key_offsets_new(100, 0.9, secret, &map), ERR_NONE);
    for (size_t i = 0; letters[i] != '\0'; i++) {
        char key = letters[i] >= 'A' && letters[i] <= 'Z' ? (char)(letters[i] + 32) : letters[i];
        if (key != '-' && key != '.')
            assert_true(key_offsets_put(map, bytes_of(&key, 1), (int64_t)i));
    }
    return map;
}

static void filter(const struct compaction_rules *rules, struct written written, bool discarded,
                   bool last, struct compaction_output *output) {
    struct stored_batch batch;
    struct compaction_batch whole = {&batch, discarded, last};

    assert_int_equal(stored_batch_decode(bytes_of(written.bytes, written.size), &batch), ERR_NONE);
    batch.whole = bytes_of(written.bytes, written.size);
    assert_int_equal(compaction_filter(rules, &whole, output), ERR_NONE);
}

static void records_stay_or_go(void **state) {
    static const struct {
        const char *label;
        const char *batch;
        int64_t base_offset;
        const char *log; /* all records up to latest, by offset */
        bool discarded, last;
        const char *left;
    } cases[] = {
        {"all are the newest", "abc", 0, "abc", false, false, "|0-2 a0 b1 c2"},
        {"the first was replaced", "abc", 0, "abca", false, false, "|0-2 b1 c2"},
        {"the last was replaced: the last offset stays", "abc", 0, "abcc", false, false,
         "|0-2 a0 b1"},
        {"replaced within the batch", "aab", 0, "aab", false, false, "|0-2 a1 b2"},
        {"all were replaced", "ab", 0, "abab", false, false, ""},
        {"of a producer's last one the header stays", "ab", 0, "abab", false, true, "|0-1"},
        {"without a key it goes", "a-", 0, "a-", false, false, "|0-1 a0"},
        {"behind what was looked at everything stays", "a-A", 4, "aaaa", false, false,
         "|4-6 h60 a4 -5 A6"},
        {"partly behind it", "aab", 2, "..aa", false, false, "|2-4 a3 b4"},
        {"a new tombstone gets its time", "aB", 0, "aB", false, false, "|0-1 h60 a0 B1"},
        {"a tombstone was replaced", "aB", 0, "aBb", false, false, "|0-1 a0"},
        {"aborted", "ab", 0, "ab", true, false, ""},
        {"aborted, the producer's last", "ab", 0, "ab", true, true, "|0-1"},
    };
    enum compression codecs[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases) * ARRAY_COUNT(codecs); i++) {
        size_t at = i / ARRAY_COUNT(codecs);
        struct record_batch_options options = record_batch_options_default;
        struct compaction_output output = {0};
        struct compaction_rules rules = {.newest = map_of(cases[at].log),
                                         .latest_offset = (int64_t)strlen(cases[at].log) - 1,
                                         .now_ms = NOW,
                                         .delete_retention_ms = 60};
        struct written written;
        char text[1000];
        options.codec = codecs[i % ARRAY_COUNT(codecs)];
        written = write_batch(cases[at].batch, cases[at].base_offset, &options);
        filter(&rules, written, cases[at].discarded, cases[at].last, &output);
        describe(bytes_of(output.data, output.size), text);
        if (strcmp(text, cases[at].left) != 0)
            fail_msg("%s: %s, not %s", cases[at].label, text, cases[at].left);
        free(written.bytes);
        compaction_output_done(&output);
        key_offsets_free((struct key_offsets *)rules.newest);
    }
}

static void what_is_whole_keeps_its_bytes(void **state) {
    struct compaction_output output = {0};
    struct compaction_rules rules = {.newest = map_of("abc"), .latest_offset = 2, .now_ms = NOW};
    struct record_batch_options options = record_batch_options_default;
    struct written written;
    (void)state;

    options.codec = COMPRESSION_GZIP;
    written = write_batch("abc", 0, &options);
    filter(&rules, written, false, false, &output);
    assert_int_equal(output.size, written.size);
    assert_memory_equal(output.data, written.bytes, written.size);
    assert_int_equal(output.batch_count, 1);
    free(written.bytes);
    compaction_output_done(&output);
    key_offsets_free((struct key_offsets *)rules.newest);
}

static void a_tombstone_goes_at_its_horizon(void **state) {
    struct compaction_output first = {0};
    struct compaction_output second = {0};
    struct compaction_rules rules = {
        .newest = map_of("aB"), .latest_offset = 1, .now_ms = NOW, .delete_retention_ms = 60};
    struct written written = write_batch("aB", 0, &record_batch_options_default);
    char text[200];
    (void)state;

    filter(&rules, written, false, false, &first);
    rules.now_ms = NOW + 59;
    filter(&rules, (struct written){first.data, first.size}, false, false, &second);
    assert_int_equal(second.size, first.size);
    assert_memory_equal(second.data, first.data, first.size);
    compaction_output_clear(&second);
    rules.now_ms = NOW + 60;
    filter(&rules, (struct written){first.data, first.size}, false, false, &second);
    describe(bytes_of(second.data, second.size), text);
    assert_string_equal(text, "|0-1 h60 a0");
    free(written.bytes);
    compaction_output_done(&first);
    compaction_output_done(&second);
    key_offsets_free((struct key_offsets *)rules.newest);
}

static void the_header_keeps_what_tells_of_the_producer(void **state) {
    struct record_batch_options options = record_batch_options_default;
    struct compaction_output output = {0};
    struct compaction_rules rules = {.newest = map_of("abab"), .latest_offset = 3, .now_ms = NOW};
    struct record_batch batch;
    struct written written;
    (void)state;

    options.codec = COMPRESSION_LZ4;
    options.attributes = RECORD_BATCH_TRANSACTIONAL;
    options.producer_id = 77;
    options.producer_epoch = 3;
    options.base_sequence = 12;
    options.partition_leader_epoch = 5;
    written = write_batch("ab", 0, &options);
    filter(&rules, written, false, true, &output);
    assert_int_equal(output.size, RECORD_BATCH_HEADER_BYTES);
    assert_int_equal(record_batch_decode(bytes_of(output.data, output.size), &batch), ERR_NONE);
    assert_true(record_batch_crc_is_valid(&batch));
    assert_int_equal(batch.attributes, RECORD_BATCH_TRANSACTIONAL);
    assert_int_equal(batch.producer_id, 77);
    assert_int_equal(batch.producer_epoch, 3);
    assert_int_equal(record_batch_last_sequence(&batch), 13);
    assert_int_equal(batch.partition_leader_epoch, 5);
    assert_int_equal(batch.record_count, 0);
    assert_int_equal(batch.base_timestamp, -1);
    assert_int_equal(batch.max_timestamp, T0 + 1);
    free(written.bytes);
    compaction_output_done(&output);
    key_offsets_free((struct key_offsets *)rules.newest);
}

/* ---- magic 0 and 1 ---- */

static void add_message(struct message_set_builder *set, int8_t magic, int64_t offset, char letter,
                        int64_t timestamp) {
    char key = letter >= 'a' ? letter : (char)(letter + 32);
    struct message_set_entry entry = {.offset = offset,
                                      .magic = magic,
                                      .timestamp = timestamp,
                                      .key = bytes_of(&key, 1),
                                      .value = key == letter ? bytes_of_text("v") : BYTES_NULL};

    assert_int_equal(message_set_builder_add(set, &entry), ERR_NONE);
}

static void describe_messages(const struct compaction_output *output, char *text) {
    struct message_set_iterator iterator;
    struct message_set_entry entry;
    struct record record;

    *text = '\0';
    if (output->size == 0)
        return;
    assert_int_equal(message_set_entry_decode(bytes_of(output->data, output->size), &entry),
                     ERR_NONE);
    assert_true(message_set_entry_crc_is_valid(&entry));
    assert_int_equal(entry.whole.size, output->size);
    text += snprintf(text, 32, "%lld:", (long long)entry.offset);
    assert_int_equal(message_set_iterator_init(&iterator, &entry, 1 << 20), ERR_NONE);
    while (message_set_iterator_next(&iterator, &record))
        text += snprintf(text, 32, " %c%lld",
                         bytes_is_null(record.value) ? record.key.data[0] - 32 : record.key.data[0],
                         (long long)record.offset);
    message_set_iterator_done(&iterator);
}

static void old_messages_are_compacted_too(void **state) {
    static const struct {
        const char *messages;
        const char *log;
        bool keep_tombstones;
        const char *left;
    } cases[] = {
        {"abc", "abc", false, "2: a0 b1 c2"}, {"abc", "abca", false, "2: b1 c2"},
        {"abc", "abcc", false, "1: a0 b1"},   {"abc", "abcabc", false, ""},
        {"aBc", "aBc", true, "2: a0 B1 c2"},  {"aBc", "aBc", false, "2: a0 c2"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases) * 2; i++) {
        size_t at = i / 2;
        int8_t magic = (int8_t)(i % 2);
        struct message_set_builder inner = {0};
        struct message_set_builder outer = {0};
        struct compaction_output output = {0};
        struct message_set_entry wrapper = {
            .offset = 2, .magic = magic, .attributes = COMPRESSION_GZIP, .timestamp = T0};
        struct compaction_rules rules = {.newest = map_of(cases[at].log),
                                         .latest_offset = (int64_t)strlen(cases[at].log) - 1,
                                         .now_ms = NOW,
                                         .keep_legacy_tombstones = cases[at].keep_tombstones};
        char text[200];
        for (int j = 0; j < 3; j++)
            add_message(&inner, magic, j, cases[at].messages[j], T0 + j);
        assert_int_equal(
            message_set_builder_add_wrapper(&outer, &wrapper, bytes_of(inner.data, inner.size)),
            ERR_NONE);
        filter(&rules, (struct written){outer.data, outer.size}, false, false, &output);
        describe_messages(&output, text);
        assert_string_equal(text, cases[at].left);
        message_set_builder_done(&inner);
        message_set_builder_done(&outer);
        compaction_output_done(&output);
        key_offsets_free((struct key_offsets *)rules.newest);
    }
}

/* ---- transactions ---- */

static struct written write_marker(int64_t offset, int64_t producer_id, int16_t type,
                                   bool is_empty) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    struct written written;
    uint8_t key[4] = {0};
    uint8_t value[6] = {0};

    big_endian_store_u16(key + 2, (uint16_t)type);
    options.attributes = RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL;
    options.producer_id = producer_id;
    options.producer_epoch = 0;
    options.base_offset = offset;
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    assert_int_equal(record_batch_builder_add(builder, T0, bytes_of(key, sizeof(key)),
                                              bytes_of(value, sizeof(value)), NULL, 0),
                     ERR_NONE);
    assert_int_equal(record_batch_builder_finish(builder, &written.bytes, &written.size), ERR_NONE);
    record_batch_builder_free(builder);
    if (is_empty) {
        struct record_batch batch;
        assert_int_equal(record_batch_decode(bytes_of(written.bytes, written.size), &batch),
                         ERR_NONE);
        batch.records = bytes_of("", 0);
        batch.record_count = 0;
        written.size = RECORD_BATCH_HEADER_BYTES;
        record_batch_write_header(written.bytes, &batch);
    }
    return written;
}

/* A step is "d<producer>" data in a transaction, "n<producer>" without one, "a", "c" and "e" an
 * ABORT, COMMIT or empty marker; the answer of each is '-' (goes), '+' (stays) or 'i' (stays, with
 * its entry of the index). Offsets count the steps. */
static void data_and_markers_go_together(void **state) {
    static const struct {
        const char *label;
        struct aborted_transaction aborts[2];
        size_t abort_count;
        const char *steps;
        const char *answers;
    } cases[] = {
        {"committed", {{0}}, 0, "d1d1c1", "+++"},
        {"nothing left of it", {{0}}, 0, "c1", "-"},
        {"aborted", {{1, 0, 2, 3}}, 1, "d1d1a1", "--i"},
        {"nothing left of what was aborted", {{1, 0, 2, 3}}, 1, "n2n2a1", "++-"},
        {"two producers", {{1, 0, 3, 4}}, 1, "d1d2c2a1", "-++i"},
        {"one after the other", {{1, 0, 1, 2}, {1, 4, 5, 6}}, 2, "d1a1d1c1d1a1", "-i++-i"},
        {"an emptied marker", {{0}}, 0, "d1e1", "+-"},
        {"begun before what is looked at", {{1, -5, 1, 2}}, 1, "d1a1", "-i"},
        {"an ABORT that the index does not know stays with its data", {{0}}, 0, "d1a1", "++"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct compaction_transactions *transactions;
        assert_int_equal(
            compaction_transactions_new(cases[i].aborts, cases[i].abort_count, &transactions),
            ERR_NONE);
        for (int64_t j = 0; cases[i].steps[j * 2] != '\0'; j++) {
            struct record_batch_options options = record_batch_options_default;
            char kind = cases[i].steps[j * 2];
            const struct aborted_transaction *abort;
            struct stored_batch batch;
            struct written written;
            bool discard;
            options.producer_id = cases[i].steps[j * 2 + 1] - '0';
            options.producer_epoch = 0;
            options.base_sequence = 0;
            options.attributes = kind == 'd' ? RECORD_BATCH_TRANSACTIONAL : 0;
            written = kind == 'd' || kind == 'n'
                          ? write_batch("x", j, &options)
                          : write_marker(j, options.producer_id, kind == 'c' ? 1 : 0, kind == 'e');
            assert_int_equal(stored_batch_decode(bytes_of(written.bytes, written.size), &batch),
                             ERR_NONE);
            batch.whole = bytes_of(written.bytes, written.size);
            discard = compaction_transactions_discard(transactions, &batch, &abort);
            if ((discard ? '-' : abort != NULL ? 'i' : '+') != cases[i].answers[j])
                fail_msg("%s: step %d", cases[i].label, (int)j);
            free(written.bytes);
        }
        compaction_transactions_free(transactions);
    }
}

static void a_marker_goes_when_its_time_has_come(void **state) {
    struct compaction_rules rules = {
        .newest = map_of(""), .latest_offset = 10, .now_ms = NOW, .delete_retention_ms = 60};
    struct written marker = write_marker(3, 1, 1, false);
    struct compaction_output first = {0};
    struct compaction_output second = {0};
    struct record_batch batch;
    (void)state;

    filter(&rules, marker, false, false, &first);
    assert_int_equal(first.size, marker.size);
    assert_memory_equal(first.data, marker.bytes, marker.size);
    compaction_output_clear(&first);
    filter(&rules, marker, true, false, &first);
    assert_int_equal(record_batch_decode(bytes_of(first.data, first.size), &batch), ERR_NONE);
    assert_true((batch.attributes & RECORD_BATCH_DELETE_HORIZON) != 0);
    assert_int_equal(batch.base_timestamp, NOW + 60);
    assert_int_equal(batch.record_count, 1);
    rules.now_ms = NOW + 59;
    filter(&rules, (struct written){first.data, first.size}, true, false, &second);
    assert_int_equal(second.size, first.size);
    compaction_output_clear(&second);
    rules.now_ms = NOW + 60;
    filter(&rules, (struct written){first.data, first.size}, true, false, &second);
    assert_int_equal(second.size, 0);
    filter(&rules, (struct written){first.data, first.size}, true, true, &second);
    assert_int_equal(second.size, RECORD_BATCH_HEADER_BYTES);
    free(marker.bytes);
    compaction_output_done(&first);
    compaction_output_done(&second);
    key_offsets_free((struct key_offsets *)rules.newest);
}

static void what_is_damaged_is_said_to_be(void **state) {
    struct compaction_rules rules = {.newest = map_of("ab"), .latest_offset = 1, .now_ms = NOW};
    struct written written = write_batch("ab", 0, &record_batch_options_default);
    struct compaction_output output = {0};
    struct stored_batch batch;
    struct compaction_batch whole = {&batch, false, false};
    (void)state;

    big_endian_store_u32(written.bytes + 57, 3); /* more records than there are */
    assert_int_equal(stored_batch_decode(bytes_of(written.bytes, written.size), &batch), ERR_NONE);
    batch.whole = bytes_of(written.bytes, written.size);
    assert_int_equal(compaction_filter(&rules, &whole, &output), ERR_INVALID_RECORD);
    free(written.bytes);
    compaction_output_done(&output);
    key_offsets_free((struct key_offsets *)rules.newest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_stay_or_go),
        cmocka_unit_test(what_is_whole_keeps_its_bytes),
        cmocka_unit_test(a_tombstone_goes_at_its_horizon),
        cmocka_unit_test(the_header_keeps_what_tells_of_the_producer),
        cmocka_unit_test(old_messages_are_compacted_too),
        cmocka_unit_test(data_and_markers_go_together),
        cmocka_unit_test(a_marker_goes_when_its_time_has_come),
        cmocka_unit_test(what_is_damaged_is_said_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
