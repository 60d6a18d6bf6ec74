/* The walk through what a broker sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/consumer/fetched.h"

/* A run of batches, one after the other. */
struct run {
    uint8_t data[4096];
    size_t size;
};

struct made_batch {
    int64_t base_offset;
    int records; /* with values "a", "b", ... */
    int16_t attributes;
    int64_t producer_id;
    enum compression codec;
    const char *key; /* of the first; a marker's: 4 bytes */
};

static void add(struct run *run, struct made_batch made) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    uint8_t *bytes;
    size_t size;

    options.codec = made.codec;
    options.attributes = made.attributes;
    options.base_offset = made.base_offset;
    options.producer_id = made.producer_id;
    options.producer_epoch = 0;
    options.partition_leader_epoch = 9;
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    for (int i = 0; i < made.records; i++) {
        char value = (char)('a' + i);

        assert_int_equal(record_batch_builder_add(
                             builder, 1000, made.key == NULL ? BYTES_NULL : bytes_of(made.key, 4),
                             bytes_of(&value, 1), NULL, 0),
                         ERR_NONE);
    }
    assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
    assert_true(run->size + size <= sizeof(run->data));
    memcpy(run->data + run->size, bytes, size);
    run->size += size;
    free(bytes);
    record_batch_builder_free(builder);
}

#define MARKER (RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL)
#define ABORT  "\0\0\0\0"
#define COMMIT "\0\0\0\1"

/* Walks it all and writes the offsets found as text: "3 4 5 ". */
static enum error walk_as(struct bytes records, int64_t from_offset, bool committed_only,
                          const struct aborted_transaction *aborted, size_t aborted_count,
                          char text[256], int64_t *position) {
    const struct fetched_options options = {true, committed_only, 1 << 20};
    struct fetched_walk walk;
    struct record record;
    struct record_batch batch;
    uint8_t *plain = NULL;
    enum fetched_step step;
    enum error error;
    size_t used = 0;

    text[0] = '\0';
    fetched_walk_init(&walk, &options, records, from_offset, aborted, aborted_count);
    while ((step = fetched_walk_next(&walk, &record, &batch, &plain, &error)) == FETCHED_RECORD ||
           step == FETCHED_BATCH) {
        if (step == FETCHED_BATCH)
            free(plain);
        else
            used += (size_t)snprintf(text + used, 256 - used, "%d ", (int)record.offset);
    }
    *position = fetched_walk_position(&walk);
    fetched_walk_done(&walk);
    return error;
}

static void assert_walks_as(const struct run *run, int64_t from_offset, bool committed_only,
                            const struct aborted_transaction *aborted, size_t aborted_count,
                            const char *offsets, int64_t position) {
    char text[256];
    int64_t reached;

    assert_int_equal(walk_as(bytes_of(run->data, run->size), from_offset, committed_only, aborted,
                             aborted_count, text, &reached),
                     ERR_NONE);
    assert_string_equal(text, offsets);
    assert_int_equal(reached, position);
}

static void records_before_the_position_are_left_out(void **state) {
    struct run run = {.size = 0};

    (void)state;
    add(&run, (struct made_batch){.base_offset = 10, .records = 3, .producer_id = -1});
    add(&run, (struct made_batch){.base_offset = 13, .records = 2, .producer_id = -1});
    assert_walks_as(&run, 0, false, NULL, 0, "10 11 12 13 14 ", 15);
    assert_walks_as(&run, 11, false, NULL, 0, "11 12 13 14 ", 15);
    assert_walks_as(&run, 13, false, NULL, 0, "13 14 ", 15);
    assert_walks_as(&run, 20, false, NULL, 0, "", 20);
}

static void compressed_batches_are_opened(void **state) {
    (void)state;
    for (enum compression codec = COMPRESSION_NONE; codec <= COMPRESSION_ZSTD; codec++) {
        struct run run = {.size = 0};

        add(&run, (struct made_batch){
                      .base_offset = 10, .records = 3, .producer_id = -1, .codec = codec});
        add(&run, (struct made_batch){
                      .base_offset = 13, .records = 1, .producer_id = -1, .codec = codec});
        assert_walks_as(&run, 12, false, NULL, 0, "12 13 ", 14);
    }
}

static void a_batch_that_is_cut_off_is_ignored(void **state) {
    struct fetched_summary summary;
    struct run run = {.size = 0};
    size_t whole;

    (void)state;
    add(&run, (struct made_batch){.base_offset = 10, .records = 3, .producer_id = -1});
    whole = run.size;
    add(&run, (struct made_batch){.base_offset = 13, .records = 2, .producer_id = -1});
    for (size_t size = whole; size < run.size; size++) {
        struct run cut = run;

        cut.size = size;
        assert_walks_as(&cut, 0, false, NULL, 0, "10 11 12 ", 13);
        assert_int_equal(fetched_summarise(bytes_of(cut.data, size), &summary), ERR_NONE);
        assert_int_equal(summary.next_offset, 13);
        assert_int_equal(summary.size, whole);
        assert_int_equal(summary.leader_epoch, 9);
    }
    assert_int_equal(fetched_summarise(bytes_of("", 0), &summary), ERR_NONE);
    assert_int_equal(summary.next_offset, -1);
}

static void markers_are_passed_but_not_delivered(void **state) {
    struct run run = {.size = 0};

    (void)state;
    add(&run, (struct made_batch){10, 2, RECORD_BATCH_TRANSACTIONAL, 7, COMPRESSION_NONE, NULL});
    add(&run, (struct made_batch){12, 1, MARKER, 7, COMPRESSION_NONE, COMMIT});
    assert_walks_as(&run, 0, false, NULL, 0, "10 11 ", 13);
    assert_walks_as(&run, 0, true, NULL, 0, "10 11 ", 13);
}

static void aborted_records_are_for_the_uncommitted_only(void **state) {
    const struct aborted_transaction aborted[] = {{7, 10}, {7, 16}};
    struct run run = {.size = 0};

    (void)state;
    /* 7 aborts twice and commits between; 8 commits all the while; 9 has no transaction. */
    add(&run, (struct made_batch){10, 1, RECORD_BATCH_TRANSACTIONAL, 7, COMPRESSION_NONE, NULL});
    add(&run, (struct made_batch){11, 1, RECORD_BATCH_TRANSACTIONAL, 8, COMPRESSION_NONE, NULL});
    add(&run, (struct made_batch){12, 1, MARKER, 7, COMPRESSION_NONE, ABORT});
    add(&run, (struct made_batch){13, 1, RECORD_BATCH_TRANSACTIONAL, 7, COMPRESSION_NONE, NULL});
    add(&run, (struct made_batch){14, 1, MARKER, 7, COMPRESSION_NONE, COMMIT});
    add(&run, (struct made_batch){15, 1, 0, 9, COMPRESSION_NONE, NULL});
    add(&run, (struct made_batch){16, 1, RECORD_BATCH_TRANSACTIONAL, 7, COMPRESSION_ZSTD, NULL});
    add(&run, (struct made_batch){17, 1, MARKER, 7, COMPRESSION_NONE, ABORT});
    add(&run, (struct made_batch){18, 1, RECORD_BATCH_TRANSACTIONAL, 8, COMPRESSION_NONE, NULL});
    assert_walks_as(&run, 0, true, aborted, 2, "11 13 15 18 ", 19);
    assert_walks_as(&run, 0, false, aborted, 2, "10 11 13 15 16 18 ", 19);
}

static void damage_is_an_error_where_it_is_met(void **state) {
    struct run run = {.size = 0};
    struct fetched_summary summary;
    char text[256];
    int64_t position;

    (void)state;
    add(&run, (struct made_batch){.base_offset = 10, .records = 2, .producer_id = -1});
    add(&run, (struct made_batch){.base_offset = 12, .records = 2, .producer_id = -1});
    run.data[run.size - 1] ^= 1;
    assert_int_equal(walk_as(bytes_of(run.data, run.size), 0, false, NULL, 0, text, &position),
                     ERR_CORRUPT_MESSAGE);
    assert_string_equal(text, "10 11 ");
    assert_int_equal(position, 12);
    run.data[16] = 0; /* magic */
    assert_int_equal(fetched_summarise(bytes_of(run.data, run.size), &summary),
                     ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_before_the_position_are_left_out),
        cmocka_unit_test(compressed_batches_are_opened),
        cmocka_unit_test(a_batch_that_is_cut_off_is_ignored),
        cmocka_unit_test(markers_are_passed_but_not_delivered),
        cmocka_unit_test(aborted_records_are_for_the_uncommitted_only),
        cmocka_unit_test(damage_is_an_error_where_it_is_met),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
