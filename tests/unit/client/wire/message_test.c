/* Proves for every message and version that what is encoded is decoded to the same, with random
 * content, and that no bytes from outside do more than be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/message.h"
#include "client/wire/message/api_keys.h"
#include "tests/unit/client/wire/fill.h"

#define ARENA_BYTES_MAX  ((size_t)1 << 22)
#define WRITER_BYTES_MAX ((size_t)1 << 24)

/* One message in one version; what a test needs to encode and decode it. */
struct subject {
    const struct wire_api *api;
    const struct wire_message *message;
    void (*fill_any)(struct fill *fill, int16_t version, void *out);
    int16_t version;
    struct arena arena;      /* of what is decoded */
    struct arena fill_arena; /* of what is filled in */
    struct wire_writer writer;
    struct wire_writer writer_again;
    void *filled;
    void *decoded;
};

static void for_each_message(void (*test)(struct subject *subject)) {
    assert_int_equal(fill_entry_count, wire_api_count);
    for (size_t i = 0; i < wire_api_count * 2; i++) {
        const struct wire_api *api = wire_apis[i / 2];
        struct subject subject = {.api = api};

        subject.message = i % 2 == 0 ? api->request : api->response;
        subject.fill_any = i % 2 == 0 ? fill_entries[i / 2].request : fill_entries[i / 2].response;
        subject.filled = calloc(1, subject.message->size);
        subject.decoded = calloc(1, subject.message->size);
        assert_non_null(subject.filled);
        assert_non_null(subject.decoded);
        arena_init(&subject.arena, ARENA_BYTES_MAX);
        arena_init(&subject.fill_arena, ARENA_BYTES_MAX);
        wire_writer_init(&subject.writer, WRITER_BYTES_MAX);
        wire_writer_init(&subject.writer_again, WRITER_BYTES_MAX);
        for (int16_t v = api->version_min; v <= api->version_max; v++) {
            subject.version = v;
            test(&subject);
        }
        wire_writer_done(&subject.writer_again);
        wire_writer_done(&subject.writer);
        arena_done(&subject.fill_arena);
        arena_done(&subject.arena);
        free(subject.decoded);
        free(subject.filled);
    }
}

static enum error encode(const struct subject *subject, struct wire_writer *writer,
                         const void *message) {
    wire_writer_reset(writer);
    subject->message->encode(writer, subject->version, message);
    return writer->error;
}

static enum error decode(struct subject *subject, struct bytes data, size_t *remaining) {
    struct wire_reader reader;
    enum error error;

    arena_reset(&subject->arena);
    wire_reader_init(&reader, data);
    error = subject->message->decode(&reader, subject->version, &subject->arena, subject->decoded);
    *remaining = wire_reader_remaining(&reader);
    return error;
}

static void fill_randomly(struct subject *subject, uint64_t seed) {
    struct fill fill = {.arena = &subject->fill_arena};

    arena_reset(&subject->fill_arena);
    rng_seed(&fill.rng, seed);
    subject->fill_any(&fill, subject->version, subject->filled);
}

static struct bytes written(const struct wire_writer *writer) {
    return bytes_of(writer->data, writer->size);
}

static char *printed(const struct subject *subject, const void *message) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    subject->message->print(out, subject->version, message);
    fclose(out);
    return text;
}

static void fail_subject(const struct subject *subject, const char *what, uint64_t seed) {
    fail_msg("%s version %d seed %d: %s", subject->message->name, subject->version, (int)seed,
             what);
}

static void round_trip(struct subject *subject) {
    for (uint64_t seed = 1; seed <= 30; seed++) {
        size_t remaining;
        char *before;
        char *after;

        fill_randomly(subject, seed);
        if (encode(subject, &subject->writer, subject->filled) != ERR_NONE)
            fail_subject(subject, "does not encode", seed);
        if (decode(subject, written(&subject->writer), &remaining) != ERR_NONE)
            fail_subject(subject, "does not decode", seed);
        if (remaining != 0)
            fail_subject(subject, "leaves bytes over", seed);
        if (encode(subject, &subject->writer_again, subject->decoded) != ERR_NONE ||
            !bytes_equal(written(&subject->writer), written(&subject->writer_again)))
            fail_subject(subject, "encodes to other bytes after decoding", seed);
        before = printed(subject, subject->filled);
        after = printed(subject, subject->decoded);
        if (strcmp(before, after) != 0)
            fail_subject(subject, "has other values after decoding", seed);
        free(after);
        free(before);
    }
}

static void every_message_survives_a_round_trip_in_every_version(void **state) {
    (void)state;
    for_each_message(round_trip);
}

static void cut_off(struct subject *subject) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct bytes whole;
        size_t remaining;

        fill_randomly(subject, seed);
        assert_int_equal(encode(subject, &subject->writer, subject->filled), ERR_NONE);
        whole = written(&subject->writer);
        for (size_t size = 0; size < whole.size; size++) {
            if (decode(subject, bytes_of(whole.data, size), &remaining) != ERR_MALFORMED)
                fail_subject(subject, "decodes although it is cut off", seed);
        }
    }
}

static void every_message_that_is_cut_off_is_malformed(void **state) {
    (void)state;
    for_each_message(cut_off);
}

static void trailing(struct subject *subject) {
    size_t remaining;

    fill_randomly(subject, 1);
    assert_int_equal(encode(subject, &subject->writer, subject->filled), ERR_NONE);
    wire_write_i32(&subject->writer, 1);
    if (decode(subject, written(&subject->writer), &remaining) != ERR_NONE || remaining != 4)
        fail_subject(subject, "does not leave trailing bytes alone", 1);
}

static void bytes_behind_a_message_are_ignored(void **state) {
    (void)state;
    for_each_message(trailing);
}

/* A message of defaults ends with its empty tagged section, which gets a field of tag 99. */
static void unknown_tag(struct subject *subject) {
    static const uint8_t section[] = {1, 99, 2, 0xaa, 0xbb};
    size_t remaining;

    if (!wire_api_is_flexible(subject->api, subject->version))
        return;
    subject->message->init(subject->filled);
    assert_int_equal(encode(subject, &subject->writer, subject->filled), ERR_NONE);
    subject->writer.size--;
    assert_int_equal(subject->writer.data[subject->writer.size], 0);
    wire_write_raw(&subject->writer, bytes_of(section, sizeof(section)));
    if (decode(subject, written(&subject->writer), &remaining) != ERR_NONE || remaining != 0)
        fail_subject(subject, "does not skip an unknown tagged field", 0);
}

static void unknown_tagged_fields_are_skipped(void **state) {
    (void)state;
    for_each_message(unknown_tag);
}

static void mutated(struct subject *subject) {
    struct rng rng;

    rng_seed(&rng, (uint64_t)subject->version);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        size_t remaining;

        fill_randomly(subject, seed);
        assert_int_equal(encode(subject, &subject->writer, subject->filled), ERR_NONE);
        /* Some requests have no fields in their first version. */
        for (uint64_t i = 0; i <= seed % 4 && subject->writer.size > 0; i++) {
            const uint64_t at = rng_below(&rng, subject->writer.size);
            static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

            subject->writer.data[at] = rng_below(&rng, 2) == 0
                                           ? values[rng_below(&rng, ARRAY_COUNT(values))]
                                           : (uint8_t)rng_next(&rng);
        }
        if (decode(subject, written(&subject->writer), &remaining) != ERR_NONE)
            continue;
        if (encode(subject, &subject->writer_again, subject->decoded) != ERR_NONE)
            fail_subject(subject, "decodes to what does not encode", seed);
        if (decode(subject, written(&subject->writer_again), &remaining) != ERR_NONE ||
            remaining != 0)
            fail_subject(subject, "decodes to what does not decode again", seed);
    }
}

static void damaged_messages_are_refused_or_decode_to_something_valid(void **state) {
    (void)state;
    for_each_message(mutated);
}

static void versions_that_do_not_exist_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < wire_api_count * 2; i++) {
        const struct wire_api *api = wire_apis[i / 2];
        const struct wire_message *message = i % 2 == 0 ? api->request : api->response;
        const int16_t versions[] = {(int16_t)(api->version_min - 1),
                                    (int16_t)(api->version_max + 1), INT16_MIN, INT16_MAX};

        for (size_t v = 0; v < ARRAY_COUNT(versions); v++) {
            static const uint8_t zeros[64];
            void *decoded = calloc(1, message->size);
            struct arena arena;
            struct wire_reader reader;
            struct wire_writer writer;

            assert_non_null(decoded);
            arena_init(&arena, ARENA_BYTES_MAX);
            wire_reader_init(&reader, bytes_of(zeros, sizeof(zeros)));
            wire_writer_init(&writer, WRITER_BYTES_MAX);
            assert_int_equal(message->decode(&reader, versions[v], &arena, decoded),
                             ERR_UNSUPPORTED_VERSION);
            message->encode(&writer, versions[v], decoded);
            assert_int_equal(writer.error, ERR_UNSUPPORTED_VERSION);
            assert_int_equal(writer.size, 0);
            wire_writer_done(&writer);
            arena_done(&arena);
            free(decoded);
        }
    }
}

static void apis_are_found_by_key(void **state) {
    (void)state;
    for (size_t i = 0; i < wire_api_count; i++) {
        assert_ptr_equal(wire_api_find(wire_apis[i]->key), wire_apis[i]);
        if (i > 0)
            assert_true(wire_apis[i - 1]->key < wire_apis[i]->key);
    }
    assert_null(wire_api_find(-1));
    assert_null(wire_api_find(52)); /* Vote: no broker that works with ZooKeeper has it */
    assert_null(wire_api_find(INT16_MAX));
    assert_string_equal(wire_api_find(API_LIST_OFFSETS)->name, "ListOffsets");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_a_round_trip_in_every_version),
        cmocka_unit_test(every_message_that_is_cut_off_is_malformed),
        cmocka_unit_test(bytes_behind_a_message_are_ignored),
        cmocka_unit_test(unknown_tagged_fields_are_skipped),
        cmocka_unit_test(damaged_messages_are_refused_or_decode_to_something_valid),
        cmocka_unit_test(versions_that_do_not_exist_are_refused),
        cmocka_unit_test(apis_are_found_by_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
