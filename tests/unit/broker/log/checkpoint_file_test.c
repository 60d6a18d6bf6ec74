/* Checkpoint files as Kafka writes them. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/checkpoint_file.h"

static void a_file_is_written_as_kafka_does_and_read_again(void **state) {
    static const char expected[] = "0\n3\norders 0 1500\na-b 1 0\norders 2 9223372036854775807\n";
    const struct offset_checkpoint entries[] = {
        {bytes_of_text("orders"), 0, 1500, 0},
        {bytes_of_text("a-b"), 1, 0, 1},
        {bytes_of_text("orders"), 2, INT64_MAX, 2},
    };
    struct offset_checkpoint *read;
    struct fixture f;
    uint8_t *data;
    size_t count;
    size_t size;
    (void)state;

    fixture_init(&f);
    assert_int_equal(
        offset_checkpoint_write(&f.disk.disk, path_in(f.root, "checkpoint"), entries, 3), ERR_NONE);
    data = slurp(path_in(f.root, "checkpoint"), &size);
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(data, expected, size);
    free(data);
    assert_int_equal(offset_checkpoint_read(&f.disk.disk, path_in(f.root, "checkpoint"), &f.arena,
                                            &read, &count),
                     ERR_NONE);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_true(bytes_equal(read[i].topic, entries[i].topic));
        assert_int_equal(read[i].partition, entries[i].partition);
        assert_int_equal(read[i].offset, entries[i].offset);
        assert_int_equal(read[i].line, i);
    }
    assert_false(file_exists(f.root, "checkpoint.tmp"));
    fixture_done(&f);
}

static void a_missing_or_empty_file_has_no_entries(void **state) {
    struct offset_checkpoint *read;
    struct fixture f;
    size_t count = 9;
    (void)state;

    fixture_init(&f);
    assert_int_equal(offset_checkpoint_read(&f.disk.disk, path_in(f.root, "checkpoint"), &f.arena,
                                            &read, &count),
                     ERR_NONE);
    assert_int_equal(count, 0);
    spit(path_in(f.root, "checkpoint"), "", 0);
    assert_int_equal(offset_checkpoint_read(&f.disk.disk, path_in(f.root, "checkpoint"), &f.arena,
                                            &read, &count),
                     ERR_NONE);
    assert_int_equal(count, 0);
    fixture_done(&f);
}

static void malformed_texts_are_corrupt(void **state) {
    static const char *const texts[] = {
        "0",
        "0\n",
        "1\n0\n",
        "0\n1\n",
        "0\n0\nt 0 0\n",
        "0\n1\nt 0 0",
        "0\n1\nt 0 0\nt 1 0\n",
        "0\n2\nt 0 0\n",
        "0\n1\nt 0 -1\n",
        "0\n1\nt -1 0\n",
        "0\n1\nt 2147483648 0\n",
        "0\n1\nt 0 9223372036854775808\n",
        "0\n1\n 0 0\n",
        "0\n1\nt  0 0\n",
        "0\n1\nt\n0 0\n",
        "0\n1\nt 0 0 \n",
        "0\n2147483647\nt 0 0\n",
        "0\n+1\nt 0 0\n",
        "0\r\n0\r\n",
    };
    struct offset_checkpoint *read;
    struct arena arena;
    size_t count;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (offset_checkpoint_parse(bytes_of_text(texts[i]), &arena, &read, &count) !=
            ERR_DISK_CORRUPT)
            fail_msg("accepted: %s", texts[i]);
    }
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_as_kafka_does_and_read_again),
        cmocka_unit_test(a_missing_or_empty_file_has_no_entries),
        cmocka_unit_test(malformed_texts_are_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
