#include "zk-schema/paths.h"

#include "tests/unit/zk-schema/znode_cases.h"

static void every_path_is_kafkas(void **state) {
    struct bytes topic = bytes_of_text("my.topic-1_x");

    (void)state;
    assert_string_equal(path_of_broker(7).text, "/brokers/ids/7");
    assert_string_equal(path_of_topic(topic).text, "/brokers/topics/my.topic-1_x");
    assert_string_equal(path_of_partitions(topic).text, "/brokers/topics/my.topic-1_x/partitions");
    assert_string_equal(path_of_partition(topic, 3).text,
                        "/brokers/topics/my.topic-1_x/partitions/3");
    assert_string_equal(path_of_partition_state(topic, 2147483647).text,
                        "/brokers/topics/my.topic-1_x/partitions/2147483647/state");
    assert_string_equal(path_of_topic_config(topic).text, "/config/topics/my.topic-1_x");
    assert_string_equal(path_of_deleted_topic(topic).text, "/admin/delete_topics/my.topic-1_x");
    assert_string_equal(path_of_child(PATH_CHANGES, "change_0000000007").text,
                        "/barnabas/changes/change_0000000007");
}

static void the_longest_topic_name_fits(void **state) {
    char name[250];
    struct znode_path path;

    (void)state;
    memset(name, 'x', 249);
    name[249] = '\0';
    path = path_of_partition_state(bytes_of(name, 249), INT32_MAX);
    assert_int_equal(strlen(path.text), strlen("/brokers/topics/"
                                               "/partitions/2147483647/state") +
                                            249);
}

static void startup_paths_have_their_parents_before_them(void **state) {
    (void)state;
    for (size_t i = 0; i < startup_path_count; i++) {
        const char *slash = strrchr(startup_paths[i], '/');
        size_t parent_size = (size_t)(slash - startup_paths[i]);
        bool has_parent = parent_size == 0;
        for (size_t j = 0; j < i; j++)
            has_parent |= strlen(startup_paths[j]) == parent_size &&
                          memcmp(startup_paths[j], startup_paths[i], parent_size) == 0;
        assert_true(has_parent);
    }
    assert_string_equal(startup_paths[startup_path_count - 1], PATH_OFFLINE_REPLICAS);
}

static void broker_ids_are_plain_numbers(void **state) {
    static const struct {
        const char *name;
        bool is_id;
        int32_t id;
    } cases[] = {
        {"0", true, 0},   {"2147483647", true, INT32_MAX},
        {"", false, 0},   {"2147483648", false, 0},
        {"-1", false, 0}, {"1x", false, 0},
        {"x", false, 0},  {" 1", false, 0},
        {"+1", false, 0}, {"99999999999999999999999", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int32_t id = -7;
        assert_int_equal(path_broker_id(cases[i].name, &id), cases[i].is_id);
        assert_int_equal(id, cases[i].is_id ? cases[i].id : -7);
    }
}

static void sequence_numbers_stand_behind_the_last_underscore(void **state) {
    static const struct {
        const char *name;
        bool has;
        uint32_t sequence;
    } cases[] = {
        {"change_0000000000", true, 0},
        {"change_0000000123", true, 123},
        {"isr_change_2147483647", true, INT32_MAX},
        {"change_4294967295", true, UINT32_MAX},
        {"change_4294967296", false, 0},
        {"change_-2147483648", false, 0}, /* ZooKeeper's counter ran over */
        {"change_", false, 0},
        {"change", false, 0},
        {"change_12x", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t sequence = 7;
        assert_int_equal(path_sequence(cases[i].name, &sequence), cases[i].has);
        assert_int_equal(sequence, cases[i].has ? cases[i].sequence : 7);
    }
}

static void a_name_is_the_last_component(void **state) {
    (void)state;
    assert_true(bytes_equal_text(path_name("/brokers/topics/t"), "t"));
    assert_true(bytes_equal_text(path_name("t"), "t"));
    assert_true(bytes_equal_text(path_name("/"), ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_path_is_kafkas),
        TEST(the_longest_topic_name_fits),
        TEST(startup_paths_have_their_parents_before_them),
        TEST(broker_ids_are_plain_numbers),
        TEST(sequence_numbers_stand_behind_the_last_underscore),
        TEST(a_name_is_the_last_component),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
