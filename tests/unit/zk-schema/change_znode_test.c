#include "zk-schema/change_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

#define ID_A "gI3W0fYzTBmdqdRqJxyDsA"
#define ID_B "Yw3p2K5xQk2vJmS0Rr5Gxg"

static struct change_znode change;

static enum error decode(struct bytes data) {
    return change_znode_decode(NODE, data, &arena, &change, &problem);
}

static struct uuid uuid_of(const char *text) {
    struct uuid uuid;

    assert_int_equal(uuid_from_text(bytes_of_text(text), &uuid), ERR_NONE);
    return uuid;
}

static const char everything[] =
    "{\"v\":1,\"c\":[101,12],"
    "\"t\":[{\"n\":\"orders\",\"i\":\"" ID_A "\",\"p\":{\"0\":[4,1],\"1\":[2]},\"a\":{\"0\":[4]},"
    "\"r\":{\"0\":[1]},\"s\":{\"retention.ms\":\"1000\"}},"
    "{\"n\":\"plain\",\"i\":\"" ID_B "\",\"p\":{\"0\":[1]}}],"
    "\"d\":[[\"gone\",\"" ID_B "\"],[\"removed\",\"" ID_A "\",true]],"
    "\"s\":[[\"" ID_A "\",[[0,101,37,12,5,0,101,102],[1,-1,0,12,0,1,103]]],"
    "[\"" ID_B "\",[[7,1,2,12,4,0,1]]]]}";

static void an_entry_is_read(void **state) {
    struct uuid a = uuid_of(ID_A);
    struct uuid b = uuid_of(ID_B);

    (void)state;
    assert_int_equal(decode(bytes_of_text(everything)), ERR_NONE);
    assert_int_equal(change.controller_id, 101);
    assert_int_equal(change.controller_epoch, 12);
    assert_int_equal(change.topic_count, 2);
    assert_string_equal(change.topics[0].name, "orders");
    assert_true(uuid_equal(&change.topics[0].assignment.topic_id, &a));
    assert_int_equal(change.topics[0].assignment.partition_count, 2);
    ASSERT_IDS(change.topics[0].assignment.partitions[0].replicas,
               change.topics[0].assignment.partitions[0].replica_count, 4, 1);
    ASSERT_IDS(change.topics[0].assignment.partitions[0].adding_replicas,
               change.topics[0].assignment.partitions[0].adding_count, 4);
    ASSERT_IDS(change.topics[0].assignment.partitions[0].removing_replicas,
               change.topics[0].assignment.partitions[0].removing_count, 1);
    assert_true(change.topics[0].has_settings);
    assert_string_equal(change.topics[0].settings.entries[0].value, "1000");
    assert_false(change.topics[1].has_settings);
    assert_int_equal(change.deletion_count, 2);
    assert_string_equal(change.deletions[0].name, "gone");
    assert_true(uuid_equal(&change.deletions[0].topic_id, &b));
    assert_false(change.deletions[0].is_by_others);
    assert_true(change.deletions[1].is_by_others);
    assert_int_equal(change.state_count, 3);
    assert_true(uuid_equal(&change.states[1].topic_id, &a));
    assert_int_equal(change.states[0].partition, 0);
    assert_int_equal(change.states[0].state.leader, 101);
    assert_int_equal(change.states[0].state.leader_epoch, 37);
    assert_int_equal(change.states[0].state.controller_epoch, 12);
    assert_int_equal(change.states[0].partition_epoch, 5);
    assert_int_equal(change.states[0].state.leader_recovery_state, 0);
    ASSERT_IDS(change.states[0].state.isr, change.states[0].state.isr_count, 101, 102);
    assert_int_equal(change.states[1].state.leader, -1);
    assert_int_equal(change.states[1].state.leader_recovery_state, 1);
    assert_true(uuid_equal(&change.states[2].topic_id, &b));
    assert_int_equal(change.states[2].partition, 7);
}

static void what_was_read_is_written_alike(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text(everything)), ERR_NONE);
    ASSERT_BYTES(change_znode_encode(&change, &arena), everything);
}

static void an_entry_may_only_name_the_controller(void **state) {
    static const struct change_znode written = {.controller_id = 1, .controller_epoch = 2};

    (void)state;
    ASSERT_BYTES(change_znode_encode(&written, &arena), "{\"v\":1,\"c\":[1,2]}");
    assert_int_equal(decode(bytes_of_text("{\"c\":[1,2],\"v\":1}")), ERR_NONE);
    assert_int_equal(change.topic_count + change.deletion_count + change.state_count, 0);
}

static void empty_settings_are_told_from_none(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text("{\"c\":[1,2],\"v\":1,\"t\":[{\"n\":\"t\",\"i\":\"" ID_A
                                          "\",\"p\":{},\"s\":{}}]}")),
                     ERR_NONE);
    assert_true(change.topics[0].has_settings);
    assert_int_equal(change.topics[0].settings.entry_count, 0);
}

/* The rate at which brokers follow a failure depends on it (some 56 bytes were planned). */
static void a_state_takes_less_than_56_bytes(void **state) {
    enum { COUNT = 500 };
    static const int32_t isr[] = {1001, 1002, 1003};
    static struct change_state states[COUNT];
    struct change_znode written = {
        .controller_id = 1001, .controller_epoch = 99, .states = states, .state_count = COUNT};

    (void)state;
    for (int32_t i = 0; i < COUNT; i++)
        states[i] = (struct change_state){uuid_of(ID_A), i, 12345, {1001, 678, 99, isr, 3, 0}};
    assert_in_range(change_znode_encode(&written, &arena).size, 500, 56 * COUNT);
}

static void bad_content_is_named(void **state) {
    static const struct bad_content cases[] = {
        {"", NULL},
        {"{\"c\":[1,2]}", "v"},
        {"{\"c\":[1,2],\"v\":2}", "v"},
        {"{\"v\":1}", "c"},
        {"{\"c\":[1],\"v\":1}", "c"},
        {"{\"c\":[1,\"2\"],\"v\":1}", "c"},
        {"{\"c\":[1,2],\"v\":1,\"t\":{}}", "t"},
        {"{\"c\":[1,2],\"v\":1,\"t\":[7]}", "n"},
        {"{\"c\":[1,2],\"v\":1,\"t\":[{\"n\":\"t\",\"p\":{}}]}", "i"},
        {"{\"c\":[1,2],\"v\":1,\"t\":[{\"n\":\"t\",\"i\":\"" ID_A "\"}]}", "p"},
        {"{\"c\":[1,2],\"v\":1,\"t\":[{\"n\":\"t\",\"i\":\"" ID_A "\",\"p\":{\"x\":[1]}}]}", "p"},
        {"{\"c\":[1,2],\"v\":1,\"t\":[{\"n\":\"t\",\"i\":\"" ID_A "\",\"p\":{},\"a\":7}]}", "a"},
        {"{\"c\":[1,2],\"v\":1,\"t\":[{\"n\":\"t\",\"i\":\"" ID_A "\",\"p\":{},\"s\":{\"k\":1}}]}",
         "k"},
        {"{\"c\":[1,2],\"v\":1,\"d\":[[]]}", "d"},
        {"{\"c\":[1,2],\"v\":1,\"d\":[[\"t\",\"x\"]]}", "d"},
        {"{\"c\":[1,2],\"v\":1,\"s\":[[\"x\",[]]]}", "s"},
        {"{\"c\":[1,2],\"v\":1,\"s\":[[\"" ID_A "\",[7]]]}", "s"},
        {"{\"c\":[1,2],\"v\":1,\"s\":[[\"" ID_A "\",[[0,1,2,3,4,0]]]]}", "s"},
        {"{\"c\":[1,2],\"v\":1,\"s\":[[\"" ID_A "\",[[-1,1,2,3,4,0,1]]]]}", "s"},
        {"{\"c\":[1,2],\"v\":1,\"s\":[[\"" ID_A "\",[[0,1,2,3,4,2,1]]]]}", "s"},
    };

    (void)state;
    check_bad_content(cases, ARRAY_COUNT(cases), decode);
    check_bounded_memory(everything, decode);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_read),
        TEST(what_was_read_is_written_alike),
        TEST(an_entry_may_only_name_the_controller),
        TEST(empty_settings_are_told_from_none),
        TEST(a_state_takes_less_than_56_bytes),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
