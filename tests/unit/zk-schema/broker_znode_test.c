#include "zk-schema/broker_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

static struct broker_znode broker;

static enum error decode(struct bytes data) {
    return broker_znode_decode(NODE, data, &arena, &broker, &problem);
}

static void assert_endpoint(int32_t index, const char *listener, const char *host, int32_t port,
                            const char *protocol) {
    const struct broker_endpoint *endpoint = &broker.endpoints[index];

    assert_true(index < broker.endpoint_count);
    assert_string_equal(endpoint->listener, listener);
    assert_string_equal(endpoint->host, host);
    assert_int_equal(endpoint->port, port);
    assert_string_equal(endpoint->security_protocol, protocol);
}

static void what_kafka_writes_is_read(void **state) {
    (void)state;
    assert_int_equal(
        decode(bytes_of_text(
            "{\"features\":{},\"listener_security_protocol_map\":{\"INTERNAL\":\"PLAINTEXT\","
            "\"EXTERNAL\":\"SASL_SSL\"},\"endpoints\":[\"INTERNAL://10.0.0.1:9092\","
            "\"EXTERNAL://kafka1.example.org:9093\"],\"jmx_port\":-1,\"port\":9092,"
            "\"host\":\"10.0.0.1\",\"rack\":\"dc1\",\"version\":5,"
            "\"timestamp\":\"1732132799000\"}")),
        ERR_NONE);
    assert_int_equal(broker.endpoint_count, 2);
    assert_endpoint(0, "INTERNAL", "10.0.0.1", 9092, "PLAINTEXT");
    assert_endpoint(1, "EXTERNAL", "kafka1.example.org", 9093, "SASL_SSL");
    assert_string_equal(broker.rack, "dc1");
    assert_int_equal(broker.timestamp_ms, 1732132799000);
}

static void version_5_is_written(void **state) {
    static const struct broker_endpoint endpoints[] = {
        {"EXTERNAL", "kafka1.example.org", 9093, "SASL_SSL"},
        {"INTERNAL", "10.0.0.1", 9092, "PLAINTEXT"},
        {"SIX", "::1", 9094, "SSL"},
    };
    static const struct broker_znode written = {"dc1", 1732132799000, endpoints, 3};

    (void)state;
    ASSERT_BYTES(broker_znode_encode(&written, &arena),
                 "{\"features\":{},\"listener_security_protocol_map\":{"
                 "\"EXTERNAL\":\"SASL_SSL\",\"INTERNAL\":\"PLAINTEXT\",\"SIX\":\"SSL\"},"
                 "\"endpoints\":[\"EXTERNAL://kafka1.example.org:9093\","
                 "\"INTERNAL://10.0.0.1:9092\",\"SIX://[::1]:9094\"],\"rack\":\"dc1\","
                 "\"jmx_port\":-1,\"port\":9092,\"host\":\"10.0.0.1\",\"version\":5,"
                 "\"timestamp\":\"1732132799000\"}");
    assert_int_equal(decode(broker_znode_encode(&written, &arena)), ERR_NONE);
    assert_endpoint(0, "EXTERNAL", "kafka1.example.org", 9093, "SASL_SSL");
    assert_endpoint(2, "SIX", "::1", 9094, "SSL");
}

static void without_plaintext_host_is_null_and_without_rack_there_is_no_key(void **state) {
    static const struct broker_endpoint endpoint = {"SECURE", "h", 1, "SSL"};
    static const struct broker_znode written = {NULL, 5, &endpoint, 1};

    (void)state;
    ASSERT_BYTES(broker_znode_encode(&written, &arena),
                 "{\"features\":{},\"listener_security_protocol_map\":{\"SECURE\":\"SSL\"},"
                 "\"endpoints\":[\"SECURE://h:1\"],\"jmx_port\":-1,\"port\":-1,"
                 "\"host\":null,\"version\":5,\"timestamp\":\"5\"}");
    assert_int_equal(decode(broker_znode_encode(&written, &arena)), ERR_NONE);
    assert_null(broker.rack);
}

static void old_versions_are_read(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text("{\"version\":1,\"host\":\"h\",\"port\":9092,"
                                          "\"jmx_port\":9999,\"timestamp\":\"1\"}")),
                     ERR_NONE);
    assert_endpoint(0, "PLAINTEXT", "h", 9092, "PLAINTEXT");
    assert_int_equal(decode(bytes_of_text("{\"version\":2,\"host\":\"h\",\"port\":9092,"
                                          "\"jmx_port\":9999,\"timestamp\":\"1\","
                                          "\"endpoints\":[\"SSL://h:9093\"]}")),
                     ERR_NONE);
    assert_endpoint(0, "SSL", "h", 9093, "SSL");
    assert_int_equal(decode(bytes_of_text("{\"version\":3,\"endpoints\":[\"plaintext://:9092\"],"
                                          "\"rack\":\"r\"}")),
                     ERR_NONE);
    assert_endpoint(0, "PLAINTEXT", "", 9092, "PLAINTEXT");
    assert_string_equal(broker.rack, "r");
}

static void unknown_keys_are_ignored(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text("{\"version\":9,\"endpoints\":[],\"new\":[{}],"
                                          "\"features\":{\"x\":{\"min_version\":1}}}")),
                     ERR_NONE);
    assert_int_equal(broker.endpoint_count, 0);
}

static void bad_content_is_named(void **state) {
    static const struct bad_content cases[] = {
        {"", NULL},
        {"hello", NULL},
        {"[]", NULL},
        {"{\"version\":5", NULL},
        {"{\"version\":5,\"version\":5,\"endpoints\":[]}", NULL},
        {"{\"endpoints\":[]}", "version"},
        {"{\"version\":\"5\",\"endpoints\":[]}", "version"},
        {"{\"version\":0,\"endpoints\":[]}", "version"},
        {"{\"version\":99999999999,\"endpoints\":[]}", "version"},
        {"{\"version\":1,\"port\":1}", "host"},
        {"{\"version\":1,\"host\":\"h\"}", "port"},
        {"{\"version\":1,\"host\":\"h\",\"port\":65536}", "port"},
        {"{\"version\":5}", "endpoints"},
        {"{\"version\":5,\"endpoints\":{}}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[1]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"A\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"://h:1\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"A://h\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"A://h:\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"A://h:x\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"A://h:65536\"]}", "endpoints"},
        {"{\"version\":5,\"endpoints\":[\"A://h:1\"],\"listener_security_protocol_map\":{}}", "A"},
        {"{\"version\":5,\"endpoints\":[],\"listener_security_protocol_map\":[]}",
         "listener_security_protocol_map"},
        {"{\"version\":5,\"endpoints\":[],\"rack\":7}", "rack"},
    };

    (void)state;
    check_bad_content(cases, ARRAY_COUNT(cases), decode);
    check_bounded_memory("{\"version\":5,\"endpoints\":[\"A://h:1\",\"B://h:2\"],\"rack\":\"r\"}",
                         decode);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_kafka_writes_is_read),
        TEST(version_5_is_written),
        TEST(without_plaintext_host_is_null_and_without_rack_there_is_no_key),
        TEST(old_versions_are_read),
        TEST(unknown_keys_are_ignored),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
