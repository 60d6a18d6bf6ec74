#include "zk-schema/partition_state_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

static struct partition_state_znode partition_state;

static enum error decode(struct bytes data) {
    return partition_state_znode_decode(NODE, data, &arena, &partition_state, &problem);
}

static const char kafkas[] = "{\"controller_epoch\":12,\"leader\":101,\"version\":1,"
                             "\"leader_epoch\":37,\"isr\":[101,102,103]}";

static void what_kafka_writes_is_read(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text(kafkas)), ERR_NONE);
    assert_int_equal(partition_state.leader, 101);
    assert_int_equal(partition_state.leader_epoch, 37);
    assert_int_equal(partition_state.controller_epoch, 12);
    assert_int_equal(partition_state.leader_recovery_state, 0);
    ASSERT_IDS(partition_state.isr, partition_state.isr_count, 101, 102, 103);
}

static void the_recovery_state_is_only_written_while_recovering(void **state) {
    static const int32_t isr[] = {3};
    struct partition_state_znode written = {
        .leader = -1, .leader_epoch = 2, .controller_epoch = 9, .isr = isr, .isr_count = 1};

    (void)state;
    ASSERT_BYTES(partition_state_znode_encode(&written, &arena),
                 "{\"controller_epoch\":9,\"leader\":-1,\"version\":1,\"leader_epoch\":2,"
                 "\"isr\":[3]}");
    written.leader_recovery_state = 1;
    ASSERT_BYTES(partition_state_znode_encode(&written, &arena),
                 "{\"controller_epoch\":9,\"leader\":-1,\"version\":1,"
                 "\"leader_recovery_state\":1,\"leader_epoch\":2,\"isr\":[3]}");
    assert_int_equal(decode(partition_state_znode_encode(&written, &arena)), ERR_NONE);
    assert_int_equal(partition_state.leader, -1);
    assert_int_equal(partition_state.leader_recovery_state, 1);
}

static void bad_content_is_named(void **state) {
    static const struct bad_content cases[] = {
        {"{\"leader_epoch\":0,\"controller_epoch\":1,\"isr\":[1]}", "leader"},
        {"{\"leader\":1,\"controller_epoch\":1,\"isr\":[1]}", "leader_epoch"},
        {"{\"leader\":1,\"leader_epoch\":0,\"isr\":[1]}", "controller_epoch"},
        {"{\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":1}", "isr"},
        {"{\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":1,\"isr\":[]}", "isr"},
        {"{\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":1,\"isr\":1}", "isr"},
        {"{\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":1,\"isr\":[null]}", "isr"},
        {"{\"leader\":null,\"leader_epoch\":0,\"controller_epoch\":1,\"isr\":[1]}", "leader"},
        {"{\"leader\":1,\"leader_epoch\":0,\"controller_epoch\":1,\"isr\":[1],"
         "\"leader_recovery_state\":2}",
         "leader_recovery_state"},
    };

    (void)state;
    check_bad_content(cases, ARRAY_COUNT(cases), decode);
    check_bounded_memory(kafkas, decode);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_kafka_writes_is_read),
        TEST(the_recovery_state_is_only_written_while_recovering),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
