/* The file that binds a partition's data to a topic id. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/partition_metadata.h"

static void the_file_is_kafkas_and_is_read_again(void **state) {
    static const char expected[] = "version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA";
    struct uuid topic_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    struct uuid read;
    struct fixture f;
    uint8_t *data;
    size_t size;
    (void)state;

    fixture_init(&f);
    assert_int_equal(partition_metadata_read(&f.disk.disk, f.log_path, &read), ERR_NONE);
    assert_true(uuid_is_zero(&read));
    assert_int_equal(partition_metadata_write(&f.disk.disk, f.log_path, &topic_id, true), ERR_NONE);
    data = slurp(path_in(f.log_path, "partition.metadata"), &size);
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(data, expected, size);
    free(data);
    assert_int_equal(partition_metadata_read(&f.disk.disk, f.log_path, &read), ERR_NONE);
    assert_true(uuid_equal(&read, &topic_id));
    fixture_done(&f);
}

static void malformed_texts_are_corrupt(void **state) {
    static const struct {
        const char *text;
        enum error error;
    } cases[] = {
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA\n", ERR_NONE},
        {"version: 1\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA", ERR_NONE},
        {"", ERR_DISK_CORRUPT},
        {"version: 0\n", ERR_DISK_CORRUPT},
        {"version: -1\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA", ERR_DISK_CORRUPT},
        {"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", ERR_DISK_CORRUPT},
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PE", ERR_DISK_CORRUPT},
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4P!A", ERR_DISK_CORRUPT},
        {"topic_id: AQIDBAUGBwgJCgsMDQ4PEA\nversion: 0", ERR_DISK_CORRUPT},
    };
    struct uuid read;
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (partition_metadata_parse(bytes_of_text(cases[i].text), &read) != cases[i].error)
            fail_msg("case %zu", i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_kafkas_and_is_read_again),
        cmocka_unit_test(malformed_texts_are_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
