/* What a clean stop tells: read back as it was written, and no changed byte is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "broker/log/shutdown_summary.h"

static struct epoch_start epochs[] = {{0, 0}, {3, 700}};

static struct summarised_log logs[] = {
    {.topic = {(const uint8_t *)"orders", 6},
     .partition = 12,
     .topic_id = {{1, 2, 3}},
     .folder_inode = 1835077,
     .first_base_offset = 5,
     .start_offset = 7,
     .end_offset = 1500,
     .size = 98304,
     .epochs = epochs,
     .epoch_count = 2},
    {.topic = {(const uint8_t *)"a", 1}, .partition = INT32_MAX, .end_offset = INT64_MAX},
    {.topic = {(const uint8_t *)"orders", 6}, .partition = 2},
};

static char *encode(size_t count, size_t *size) {
    const struct shutdown_summary summary = {{42, 1764445000123456789}, logs, count};
    char *text;

    assert_int_equal(shutdown_summary_encode(&summary, &text, size), ERR_NONE);
    return text;
}

static void logs_are_found_as_they_were_written(void **state) {
    struct shutdown_summary summary;
    struct arena arena;
    size_t size;
    (void)state;

    for (size_t count = 0; count <= ARRAY_COUNT(logs); count++) {
        char *text = encode(count, &size);
        arena_init(&arena, 1 << 20);
        assert_int_equal(shutdown_summary_parse(bytes_of(text, size), &arena, &summary), ERR_NONE);
        assert_int_equal(summary.marker.inode, 42);
        assert_int_equal(summary.marker.changed_ns, 1764445000123456789);
        assert_int_equal(summary.count, count);
        for (size_t i = 0; i < ARRAY_COUNT(logs); i++) {
            const struct summarised_log *found =
                shutdown_summary_find(&summary, logs[i].topic, logs[i].partition);
            if (i >= count) {
                assert_null(found);
                continue;
            }
            assert_true(uuid_equal(&found->topic_id, &logs[i].topic_id));
            assert_int_equal(found->first_base_offset, logs[i].first_base_offset);
            assert_int_equal(found->folder_inode, logs[i].folder_inode);
            assert_int_equal(found->start_offset, logs[i].start_offset);
            assert_int_equal(found->end_offset, logs[i].end_offset);
            assert_int_equal(found->size, logs[i].size);
            assert_int_equal(found->epoch_count, logs[i].epoch_count);
            if (logs[i].epoch_count > 0)
                assert_int_equal(found->epochs[1].start_offset, 700);
        }
        assert_null(shutdown_summary_find(&summary, bytes_of_text("orders"), 3));
        arena_done(&arena);
        free(text);
    }
}

static void no_changed_or_missing_byte_is_believed(void **state) {
    struct shutdown_summary summary;
    struct arena arena;
    size_t size;
    char *text = encode(ARRAY_COUNT(logs), &size);
    (void)state;

    for (size_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            text[at] ^= (char)(1 << bit);
            arena_init(&arena, 1 << 20);
            assert_int_equal(shutdown_summary_parse(bytes_of(text, size), &arena, &summary),
                             ERR_DISK_CORRUPT);
            arena_done(&arena);
            text[at] ^= (char)(1 << bit);
        }
        arena_init(&arena, 1 << 20);
        assert_int_equal(shutdown_summary_parse(bytes_of(text, at), &arena, &summary),
                         ERR_DISK_CORRUPT);
        arena_done(&arena);
    }
    free(text);
}

static void a_partition_that_is_there_twice_makes_it_unbelievable(void **state) {
    struct summarised_log twice[] = {logs[0], logs[2], logs[0]};
    const struct shutdown_summary written = {{1, 1}, twice, ARRAY_COUNT(twice)};
    struct shutdown_summary summary;
    struct arena arena;
    size_t size;
    char *text;
    (void)state;

    assert_int_equal(shutdown_summary_encode(&written, &text, &size), ERR_NONE);
    arena_init(&arena, 1 << 20);
    assert_int_equal(shutdown_summary_parse(bytes_of(text, size), &arena, &summary),
                     ERR_DISK_CORRUPT);
    arena_done(&arena);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_are_found_as_they_were_written),
        cmocka_unit_test(no_changed_or_missing_byte_is_believed),
        cmocka_unit_test(a_partition_that_is_there_twice_makes_it_unbelievable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
