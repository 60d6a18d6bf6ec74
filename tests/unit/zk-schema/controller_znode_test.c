#include "zk-schema/controller_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

static struct controller_znode controller;
static int32_t epoch;
static const char *cluster_id;

static enum error decode_controller(struct bytes data) {
    return controller_znode_decode(NODE, data, &arena, &controller, &problem);
}

static enum error decode_epoch(struct bytes data) {
    return controller_epoch_znode_decode(NODE, data, &epoch, &problem);
}

static enum error decode_cluster_id(struct bytes data) {
    return cluster_id_znode_decode(NODE, data, &arena, &cluster_id, &problem);
}

static void what_kafka_writes_is_read(void **state) {
    (void)state;
    assert_int_equal(decode_controller(bytes_of_text(
                         "{\"version\":2,\"brokerid\":101,\"timestamp\":\"1732132799000\","
                         "\"kraftControllerEpoch\":-1}")),
                     ERR_NONE);
    assert_int_equal(controller.broker_id, 101);
    assert_int_equal(controller.timestamp_ms, 1732132799000);
    assert_int_equal(controller.kraft_controller_epoch, -1);
    assert_int_equal(
        decode_controller(bytes_of_text("{\"version\":1,\"brokerid\":7,\"timestamp\":\"1\"}")),
        ERR_NONE);
    assert_int_equal(controller.kraft_controller_epoch, -1);
    assert_int_equal(decode_controller(bytes_of_text("{\"brokerid\":3000,"
                                                     "\"kraftControllerEpoch\":5}")),
                     ERR_NONE);
    assert_int_equal(controller.kraft_controller_epoch, 5);
    assert_int_equal(decode_epoch(bytes_of_text("12")), ERR_NONE);
    assert_int_equal(epoch, 12);
    assert_int_equal(
        decode_cluster_id(bytes_of_text("{\"version\":\"1\",\"id\":\"Yw3p2K5xQk2vJmS0Rr5Gxg\"}")),
        ERR_NONE);
    assert_string_equal(cluster_id, "Yw3p2K5xQk2vJmS0Rr5Gxg");
}

static void it_is_written_as_kafka_does(void **state) {
    static const struct controller_znode written = {101, 1732132799000, -1};

    (void)state;
    ASSERT_BYTES(controller_znode_encode(&written, &arena),
                 "{\"version\":2,\"brokerid\":101,\"timestamp\":\"1732132799000\","
                 "\"kraftControllerEpoch\":-1}");
    ASSERT_BYTES(controller_epoch_znode_encode(2147483647, &arena), "2147483647");
    /* The version is a string here and nowhere else. */
    ASSERT_BYTES(cluster_id_znode_encode("Yw3p2K5xQk2vJmS0Rr5Gxg", &arena),
                 "{\"version\":\"1\",\"id\":\"Yw3p2K5xQk2vJmS0Rr5Gxg\"}");
}

static void bad_content_is_named(void **state) {
    static const struct bad_content controllers[] = {
        {"", NULL},
        {"101", NULL},
        {"{\"version\":2}", "brokerid"},
        {"{\"brokerid\":\"101\"}", "brokerid"},
        {"{\"brokerid\":1,\"timestamp\":5}", "timestamp"},
        {"{\"brokerid\":1,\"kraftControllerEpoch\":\"x\"}", "kraftControllerEpoch"},
    };
    static const struct bad_content epochs[] = {
        {"", NULL},   {"x", NULL},          {"1x", NULL},
        {"-1", NULL}, {"2147483648", NULL}, {"99999999999999999999999", NULL},
    };
    static const struct bad_content ids[] = {
        {"{\"version\":\"1\"}", "id"},
        {"{\"id\":\"\"}", "id"},
        {"{\"id\":1}", "id"},
    };

    (void)state;
    check_bad_content(controllers, ARRAY_COUNT(controllers), decode_controller);
    check_bad_content(epochs, ARRAY_COUNT(epochs), decode_epoch);
    check_bad_content(ids, ARRAY_COUNT(ids), decode_cluster_id);
    check_bounded_memory("{\"version\":\"1\",\"id\":\"x\"}", decode_cluster_id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_kafka_writes_is_read),
        TEST(it_is_written_as_kafka_does),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
