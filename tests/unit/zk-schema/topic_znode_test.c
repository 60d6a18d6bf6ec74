#include "zk-schema/topic_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

static struct topic_znode topic;

static enum error decode(struct bytes data) {
    return topic_znode_decode(NODE, data, &arena, &topic, &problem);
}

static const char kafkas[] =
    "{\"version\":3,\"topic_id\":\"gI3W0fYzTBmdqdRqJxyDsA\",\"partitions\":{\"0\":[101,102,103],"
    "\"1\":[102,103,101]},\"adding_replicas\":{},\"removing_replicas\":{}}";

static void what_kafka_writes_is_read(void **state) {
    char id[UUID_TEXT_SIZE + 1];

    (void)state;
    assert_int_equal(decode(bytes_of_text(kafkas)), ERR_NONE);
    uuid_to_text(&topic.topic_id, id);
    assert_string_equal(id, "gI3W0fYzTBmdqdRqJxyDsA");
    assert_int_equal(topic.partition_count, 2);
    ASSERT_IDS(topic.partitions[0].replicas, topic.partitions[0].replica_count, 101, 102, 103);
    ASSERT_IDS(topic.partitions[1].replicas, topic.partitions[1].replica_count, 102, 103, 101);
    assert_int_equal(topic.partitions[1].adding_count, 0);
}

static void partitions_are_ascending_by_number(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text("{\"version\":1,\"partitions\":{\"10\":[1],\"9\":[2],"
                                          "\"0\":[3],\"1\":[4]}}")),
                     ERR_NONE);
    assert_int_equal(topic.partition_count, 4);
    assert_int_equal(topic.partitions[0].partition, 0);
    assert_int_equal(topic.partitions[1].partition, 1);
    assert_int_equal(topic.partitions[2].partition, 9);
    assert_int_equal(topic.partitions[3].partition, 10);
    assert_true(uuid_is_zero(&topic.topic_id));
}

static void a_reassignment_is_written_and_read(void **state) {
    static const int32_t replicas[] = {4, 5, 1};
    static const struct topic_znode_partition partitions[] = {
        {0, replicas, 3, replicas, 2, &replicas[2], 1},
        {1, replicas, 1, NULL, 0, NULL, 0},
    };
    struct topic_znode written = {.partitions = partitions, .partition_count = 2};

    (void)state;
    assert_int_equal(uuid_from_text(bytes_of_text("gI3W0fYzTBmdqdRqJxyDsA"), &written.topic_id),
                     ERR_NONE);
    ASSERT_BYTES(topic_znode_encode(&written, &arena),
                 "{\"partitions\":{\"0\":[4,5,1],\"1\":[4]},"
                 "\"topic_id\":\"gI3W0fYzTBmdqdRqJxyDsA\",\"adding_replicas\":{\"0\":[4,5]},"
                 "\"removing_replicas\":{\"0\":[1]},\"version\":3}");
    assert_int_equal(decode(topic_znode_encode(&written, &arena)), ERR_NONE);
    ASSERT_IDS(topic.partitions[0].adding_replicas, topic.partitions[0].adding_count, 4, 5);
    ASSERT_IDS(topic.partitions[0].removing_replicas, topic.partitions[0].removing_count, 1);
    assert_int_equal(topic.partitions[1].removing_count, 0);
}

static void a_topic_without_id_is_written_without(void **state) {
    static const struct topic_znode written = {.partition_count = 0};

    (void)state;
    ASSERT_BYTES(topic_znode_encode(&written, &arena),
                 "{\"partitions\":{},\"adding_replicas\":{},\"removing_replicas\":{},"
                 "\"version\":3}");
}

static void bad_content_is_named(void **state) {
    static const struct bad_content cases[] = {
        {"null", NULL},
        {"{}", "partitions"},
        {"{\"partitions\":[]}", "partitions"},
        {"{\"partitions\":{\"0\":1}}", "partitions"},
        {"{\"partitions\":{\"0\":[\"1\"]}}", "partitions"},
        {"{\"partitions\":{\"0\":[1.5]}}", "partitions"},
        {"{\"partitions\":{\"0\":[2147483648]}}", "partitions"},
        {"{\"partitions\":{\"\":[1]}}", "partitions"},
        {"{\"partitions\":{\"-1\":[1]}}", "partitions"},
        {"{\"partitions\":{\"1x\":[1]}}", "partitions"},
        {"{\"partitions\":{\"2147483648\":[1]}}", "partitions"},
        {"{\"partitions\":{\"1\":[1],\"01\":[2]}}", "partitions"},
        {"{\"partitions\":{},\"adding_replicas\":[]}", "adding_replicas"},
        {"{\"partitions\":{\"0\":[1]},\"adding_replicas\":{\"0\":2}}", "adding_replicas"},
        {"{\"partitions\":{\"0\":[1]},\"removing_replicas\":{\"0\":[true]}}", "removing_replicas"},
        {"{\"partitions\":{},\"topic_id\":\"short\"}", "topic_id"},
        {"{\"partitions\":{},\"topic_id\":7}", "topic_id"},
    };

    (void)state;
    check_bad_content(cases, ARRAY_COUNT(cases), decode);
    check_bounded_memory(kafkas, decode);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_kafka_writes_is_read),
        TEST(partitions_are_ascending_by_number),
        TEST(a_reassignment_is_written_and_read),
        TEST(a_topic_without_id_is_written_without),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
