#include "zk-schema/admin_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"
#include "zk-schema/zk_client.h"

static const struct admin_partition *partitions;
static int32_t partition_count;
static int32_t broker_id;
static struct producer_id_block block;
static struct feature_znode feature;

static enum error decode_list(struct bytes data) {
    return partition_list_znode_decode(NODE, data, false, &arena, &partitions, &partition_count,
                                       &problem);
}

static enum error decode_reassignment(struct bytes data) {
    return partition_list_znode_decode(NODE, data, true, &arena, &partitions, &partition_count,
                                       &problem);
}

static enum error decode_offline(struct bytes data) {
    return offline_replicas_znode_decode(NODE, data, &arena, &partitions, &partition_count,
                                         &problem);
}

static enum error decode_log_dir_event(struct bytes data) {
    return log_dir_event_znode_decode(NODE, data, &arena, &broker_id, &problem);
}

static enum error decode_block(struct bytes data) {
    return producer_id_block_znode_decode(NODE, data, &arena, &block, &problem);
}

static enum error decode_feature(struct bytes data) {
    return feature_znode_decode(NODE, data, &arena, &feature, &problem);
}

static void what_kafka_writes_is_read(void **state) {
    (void)state;
    assert_int_equal(decode_list(bytes_of_text("{\"version\":1,\"partitions\":[{\"topic\":\"t\","
                                               "\"partition\":0},{\"topic\":\"u\","
                                               "\"partition\":7}]}")),
                     ERR_NONE);
    assert_int_equal(partition_count, 2);
    assert_string_equal(partitions[1].topic, "u");
    assert_int_equal(partitions[1].partition, 7);
    assert_int_equal(decode_reassignment(bytes_of_text(
                         "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,"
                         "\"replicas\":[1,2],\"log_dirs\":[\"any\",\"any\"]}]}")),
                     ERR_NONE);
    ASSERT_IDS(partitions[0].replicas, partitions[0].replica_count, 1, 2);
    assert_int_equal(
        decode_log_dir_event(bytes_of_text("{\"version\":1,\"broker\":101,\"event\":1}")),
        ERR_NONE);
    assert_int_equal(broker_id, 101);
    assert_int_equal(decode_block(bytes_of_text("{\"version\":1,\"broker\":101,"
                                                "\"block_start\":\"1000\","
                                                "\"block_end\":\"1999\"}")),
                     ERR_NONE);
    assert_int_equal(block.broker_id, 101);
    assert_int_equal(block.first_id, 1000);
    assert_int_equal(block.last_id, 1999);
    assert_int_equal(decode_feature(bytes_of_text("{\"features\":{},\"version\":2,\"status\":1}")),
                     ERR_NONE);
    assert_int_equal(feature.status, 1);
    assert_int_equal(feature.finalized_features, 0);
    assert_int_equal(decode_feature(bytes_of_text(
                         "{\"features\":{\"metadata.version\":{\"max_version_level\":1}},"
                         "\"version\":2,\"status\":0}")),
                     ERR_NONE);
    assert_int_equal(feature.finalized_features, 1);
}

static void it_is_written_as_kafka_does(void **state) {
    static const int32_t replicas[] = {1, 2};
    static const struct admin_partition written = {"t", 3, replicas, 2};
    static const struct producer_id_block first_block = {101, 0, 999};

    (void)state;
    ASSERT_BYTES(partition_list_znode_encode(&written, 1, &arena),
                 "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":3}]}");
    ASSERT_BYTES(reassign_znode_encode(&written, 1, &arena),
                 "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":3,"
                 "\"replicas\":[1,2]}]}");
    ASSERT_BYTES(log_dir_event_znode_encode(101, &arena),
                 "{\"version\":1,\"broker\":101,\"event\":1}");
    ASSERT_BYTES(producer_id_block_znode_encode(&first_block, &arena),
                 "{\"version\":1,\"broker\":101,\"block_start\":\"0\",\"block_end\":\"999\"}");
    ASSERT_BYTES(feature_znode_encode(&arena), "{\"features\":{},\"version\":2,\"status\":1}");
}

static void offline_replicas_are_written_by_topic(void **state) {
    static const struct admin_partition written[] = {{.topic = "b", .partition = 2},
                                                     {.topic = "a", .partition = 1},
                                                     {.topic = "b", .partition = 0}};

    (void)state;
    ASSERT_BYTES(offline_replicas_znode_encode(written, 3, &arena),
                 "{\"version\":1,\"topics\":{\"b\":[2,0],\"a\":[1]}}");
    ASSERT_BYTES(offline_replicas_znode_encode(NULL, 0, &arena), "{\"version\":1,\"topics\":{}}");
    assert_int_equal(decode_offline(bytes_of_text("{\"topics\":{\"a\":[1],\"b\":[2,0]}}")),
                     ERR_NONE);
    assert_int_equal(partition_count, 3);
    assert_string_equal(partitions[2].topic, "b");
    assert_int_equal(partitions[2].partition, 0);
}

/* Half of a broker of 50,000 partitions. ZooKeeper takes no more in a request. */
static void what_lay_in_a_large_directory_fits_a_request(void **state) {
    enum { TOPICS = 2500, PARTITIONS = 10 };
    static char names[TOPICS][32];
    static struct admin_partition written[TOPICS * PARTITIONS];
    struct bytes encoded;
    struct arena large;

    (void)state;
    for (int i = 0; i < TOPICS * PARTITIONS; i++) {
        snprintf(names[i / PARTITIONS], sizeof(names[0]), "orders.of.a.customer-%04d",
                 i / PARTITIONS);
        written[i] =
            (struct admin_partition){.topic = names[i / PARTITIONS], .partition = i % PARTITIONS};
    }
    arena_init(&large, 64 << 20);
    encoded = offline_replicas_znode_encode(written, TOPICS * PARTITIONS, &large);
    assert_in_range(encoded.size, 1, REQUEST_BYTES_MAX - 1000);
    assert_int_equal(offline_replicas_znode_decode(NODE, encoded, &large, &partitions,
                                                   &partition_count, &problem),
                     ERR_NONE);
    assert_int_equal(partition_count, TOPICS * PARTITIONS);
    arena_done(&large);
}

static void bad_content_is_named(void **state) {
    static const struct bad_content lists[] = {
        {"{}", "partitions"},
        {"{\"partitions\":{}}", "partitions"},
        {"{\"partitions\":[1]}", "topic"},
        {"{\"partitions\":[{\"partition\":1}]}", "topic"},
        {"{\"partitions\":[{\"topic\":\"t\"}]}", "partition"},
    };
    static const struct bad_content reassignments[] = {
        {"{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}", "replicas"},
        {"{\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[\"1\"]}]}", "replicas"},
    };
    static const struct bad_content offline[] = {
        {"{}", "topics"},
        {"{\"topics\":[]}", "topics"},
        {"{\"topics\":{\"t\":1}}", "topics"},
        {"{\"topics\":{\"t\":[\"1\"]}}", "topics"},
    };
    static const struct bad_content events[] = {{"{\"version\":1}", "broker"}};
    static const struct bad_content blocks[] = {
        {"", NULL},
        {"{\"block_start\":\"0\",\"block_end\":\"1\"}", "broker"},
        {"{\"broker\":1,\"block_end\":\"1\"}", "block_start"},
        {"{\"broker\":1,\"block_start\":0,\"block_end\":\"1\"}", "block_start"},
        {"{\"broker\":1,\"block_start\":\"0\",\"block_end\":\"x\"}", "block_end"},
        {"{\"broker\":1,\"block_start\":\"0\",\"block_end\":\"99999999999999999999\"}",
         "block_end"},
        {"{\"broker\":1,\"block_start\":\"-5\",\"block_end\":\"1\"}", "block_start"},
        {"{\"broker\":1,\"block_start\":\"5\",\"block_end\":\"4\"}", "block_end"},
    };
    static const struct bad_content features[] = {
        {"{\"features\":{},\"status\":1}", "version"},
        {"{\"features\":{},\"status\":1,\"version\":3}", "version"},
        {"{\"features\":{},\"version\":2}", "status"},
        {"{\"status\":1,\"version\":2}", "features"},
        {"{\"features\":[],\"status\":1,\"version\":2}", "features"},
    };

    (void)state;
    check_bad_content(lists, ARRAY_COUNT(lists), decode_list);
    check_bad_content(reassignments, ARRAY_COUNT(reassignments), decode_reassignment);
    check_bad_content(offline, ARRAY_COUNT(offline), decode_offline);
    check_bounded_memory("{\"topics\":{\"t\":[0,1]}}", decode_offline);
    check_bad_content(events, ARRAY_COUNT(events), decode_log_dir_event);
    check_bad_content(blocks, ARRAY_COUNT(blocks), decode_block);
    check_bad_content(features, ARRAY_COUNT(features), decode_feature);
    check_bounded_memory("{\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[1]}]}",
                         decode_reassignment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_kafka_writes_is_read),
        TEST(it_is_written_as_kafka_does),
        TEST(offline_replicas_are_written_by_topic),
        TEST(what_lay_in_a_large_directory_fits_a_request),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
