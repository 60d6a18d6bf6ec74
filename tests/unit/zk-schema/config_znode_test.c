#include "zk-schema/config_znode.h"

#include "tests/unit/zk-schema/znode_cases.h"

static struct config_znode config;
static const char *entity_path;

static enum error decode(struct bytes data) {
    return config_znode_decode(NODE, data, &arena, &config, &problem);
}

static enum error decode_change(struct bytes data) {
    return config_change_znode_decode(NODE, data, &arena, &entity_path, &problem);
}

static const char kafkas[] =
    "{\"version\":1,\"config\":{\"retention.ms\":\"1000\",\"cleanup.policy\":\"compact\"}}";

static void what_kafka_writes_is_read(void **state) {
    (void)state;
    assert_int_equal(decode(bytes_of_text(kafkas)), ERR_NONE);
    assert_int_equal(config.entry_count, 2);
    assert_string_equal(config.entries[0].key, "retention.ms");
    assert_string_equal(config.entries[0].value, "1000");
    assert_string_equal(config.entries[1].key, "cleanup.policy");
    assert_string_equal(config.entries[1].value, "compact");
}

static void null_empty_and_an_absent_member_are_no_overrides(void **state) {
    (void)state;
    assert_int_equal(decode(BYTES_NULL), ERR_NONE);
    assert_int_equal(config.entry_count, 0);
    assert_int_equal(decode(bytes_of("", 0)), ERR_NONE);
    assert_int_equal(decode(bytes_of_text("{\"version\":1}")), ERR_NONE);
    assert_int_equal(config.entry_count, 0);
}

static void values_are_strings(void **state) {
    static const struct config_entry entries[] = {{"retention.ms", "1000"},
                                                  {"x", "a\"b\n\xc3\xa4"}};
    static const struct config_znode written = {entries, 2};
    static const struct config_znode empty = {NULL, 0};

    (void)state;
    ASSERT_BYTES(
        config_znode_encode(&written, &arena),
        "{\"version\":1,\"config\":{\"x\":\"a\\\"b\\n\xc3\xa4\",\"retention.ms\":\"1000\"}}");
    ASSERT_BYTES(config_znode_encode(&empty, &arena), "{\"version\":1,\"config\":{}}");
}

static void what_is_no_utf_8_is_replaced_as_in_kafka(void **state) {
    static const struct config_entry entries[] = {{"x", "a\xff"
                                                        "b\xc3(\xe2\x82\xac\xc3"}};
    static const struct config_znode written = {entries, 1};

    (void)state;
    ASSERT_BYTES(config_znode_encode(&written, &arena),
                 "{\"version\":1,\"config\":{\"x\":\"a\xef\xbf\xbd"
                 "b\xef\xbf\xbd(\xe2\x82\xac\xef\xbf\xbd\"}}");
}

static void changes_of_both_versions_name_the_entity(void **state) {
    (void)state;
    ASSERT_BYTES(config_change_znode_encode("brokers/<default>", &arena),
                 "{\"version\":2,\"entity_path\":\"brokers/<default>\"}");
    assert_int_equal(decode_change(bytes_of_text(
                         "{\"version\":2,\"entity_path\":\"users/CN%3Da/clients/<default>\"}")),
                     ERR_NONE);
    assert_string_equal(entity_path, "users/CN%3Da/clients/<default>");
    assert_int_equal(decode_change(bytes_of_text("{\"version\":1,\"entity_type\":\"topics\","
                                                 "\"entity_name\":\"x\"}")),
                     ERR_NONE);
    assert_string_equal(entity_path, "topics/x");
}

static void bad_content_is_named(void **state) {
    static const struct bad_content configs[] = {
        {"x", NULL},
        {"{\"config\":[]}", "config"},
        {"{\"config\":{\"retention.ms\":1000}}", "retention.ms"},
        {"{\"config\":{\"retention.ms\":null}}", "retention.ms"},
    };
    static const struct bad_content changes[] = {
        {"", NULL},
        {"{}", "version"},
        {"{\"version\":2}", "entity_path"},
        {"{\"version\":1,\"entity_type\":\"topics\"}", "entity_name"},
        {"{\"version\":1,\"entity_name\":\"x\"}", "entity_type"},
    };

    (void)state;
    check_bad_content(configs, ARRAY_COUNT(configs), decode);
    check_bad_content(changes, ARRAY_COUNT(changes), decode_change);
    check_bounded_memory(kafkas, decode);
    check_bounded_memory("{\"version\":1,\"entity_type\":\"topics\",\"entity_name\":\"x\"}",
                         decode_change);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_kafka_writes_is_read),
        TEST(null_empty_and_an_absent_member_are_no_overrides),
        TEST(values_are_strings),
        TEST(what_is_no_utf_8_is_replaced_as_in_kafka),
        TEST(changes_of_both_versions_name_the_entity),
        TEST(bad_content_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
