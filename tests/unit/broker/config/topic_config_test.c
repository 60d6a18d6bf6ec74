/* Proves how a topic's settings are worked out from the broker's and its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/config/config.h"
#include "broker/config/topic_config.h"

static struct config *broker_config(const char *text) {
    struct config_report report;
    struct config *config = NULL;
    char whole[512];

    snprintf(whole, sizeof(whole), "zookeeper.connect=z\n%s", text);
    config_report_init(&report);
    assert_int_equal(config_parse("f", bytes_of_text(whole), NULL, 0, &report, &config), ERR_NONE);
    config_report_done(&report);
    return config;
}

static struct config_pair pair(const char *key, const char *value) {
    return (struct config_pair){bytes_of_text(key), bytes_of_text(value)};
}

static void a_topic_without_overrides_has_the_brokers_settings(void **state) {
    struct config *broker = broker_config("log.retention.minutes=3\nlog.cleanup.policy=compact\n"
                                          "compression.type=lz4\nmin.insync.replicas=2\n"
                                          "log.message.timestamp.type=LogAppendTime\n"
                                          "log.cleaner.min.cleanable.ratio=0.25\n"
                                          "log.message.timestamp.difference.max.ms=77\n");
    struct topic_config topic = topic_config_of_broker(broker);

    (void)state;
    assert_int_equal(topic.retention_ms, 180000);
    assert_int_equal(topic.cleanup_policy, TOPIC_CLEANUP_COMPACT);
    assert_int_equal(topic.compression_type, 3);
    assert_int_equal(topic_config_compression_level(&topic), 9);
    assert_int_equal(topic.min_insync_replicas, 2);
    assert_int_equal(topic.message_timestamp_type, TOPIC_TIMESTAMP_LOG_APPEND_TIME);
    assert_true(topic.min_cleanable_dirty_ratio > 0.24 && topic.min_cleanable_dirty_ratio < 0.26);
    assert_int_equal(topic.message_timestamp_before_max_ms, 77);
    assert_int_equal(topic.message_timestamp_after_max_ms, 77);
    assert_int_equal(topic.segment_bytes, 1073741824);
    config_free(broker);
}

static void overrides_go_before_the_brokers_settings(void **state) {
    struct config *broker = broker_config("");
    const struct config_pair overrides[] = {
        pair("retention.ms", "5"),
        pair("cleanup.policy", "compact, delete"),
        pair("compression.type", "uncompressed"),
        pair("unclean.leader.election.enable", "True"),
        pair("message.timestamp.difference.max.ms", "9"),
        pair("message.timestamp.after.max.ms", "8"),
        pair("retention.ms", " 6 "),
        pair("local.retention.ms", "1"),
        pair("remote.storage.enable", "false"),
        pair("leader.replication.throttled.replicas", "0:1,1:2"),
    };
    struct topic_config topic;
    char message[CONFIG_MESSAGE_SIZE] = "";

    (void)state;
    assert_int_equal(
        topic_config_resolve(broker, overrides, ARRAY_COUNT(overrides), &topic, message), ERR_NONE);
    assert_int_equal(topic.retention_ms, 6);
    assert_int_equal(topic.cleanup_policy, TOPIC_CLEANUP_COMPACT | TOPIC_CLEANUP_DELETE);
    assert_int_equal(topic.compression_type, 0);
    assert_int_equal(topic_config_compression_level(&topic), INT32_MIN);
    assert_true(topic.unclean_leader_election_enable);
    assert_int_equal(topic.message_timestamp_before_max_ms, 9);
    assert_int_equal(topic.message_timestamp_after_max_ms, 8);
    config_free(broker);
}

static void a_bad_override_is_named(void **state) {
    static const struct {
        const char *key, *value, *message;
    } cases[] = {
        {"segment.bytes", "13",
         "segment.bytes is \"13\"; allowed: a whole number from 14 to 2147483647"},
        {"retention.ms", "-2",
         "retention.ms is \"-2\"; allowed: a whole number from -1 to 9223372036854775807"},
        {"retention.ms", NULL,
         "retention.ms is null; allowed: a whole number from -1 to 9223372036854775807"},
        {"retention.ms", "",
         "retention.ms is \"\"; allowed: a whole number from -1 to 9223372036854775807"},
        {"cleanup.policy", "shred",
         "cleanup.policy is \"shred\"; allowed: a list of any of delete, compact"},
        {"compression.type", "PRODUCER",
         "compression.type is \"PRODUCER\"; allowed: one of uncompressed, gzip, snappy, lz4, "
         "zstd, producer"},
        {"min.insync.replica", "1",
         "no topic setting is called \"min.insync.replica\"; did you mean min.insync.replicas?"},
        {"colour", "red", "no topic setting is called \"colour\""},
        {"col\nour", "red", "no topic setting is called \"col\\x0aour\""},
        {"remote.storage.enable", "true",
         "remote.storage.enable is \"true\", but tiered storage is not supported; allowed: false"},
        {"min.compaction.lag.ms", "9223372036854775807", NULL},
        {"follower.replication.throttled.replicas", "0-1",
         "follower.replication.throttled.replicas is \"0-1\"; allowed: * or a list of "
         "partition:broker"},
    };
    struct config *broker = broker_config("log.cleaner.max.compaction.lag.ms=5\n");

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct config_pair overrides[] = {pair("retention.bytes", "1"),
                                                pair(cases[i].key, cases[i].value)};
        struct topic_config topic = {.retention_ms = 4711};
        char message[CONFIG_MESSAGE_SIZE] = "";
        const char *expected = cases[i].message != NULL
                                   ? cases[i].message
                                   : "min.compaction.lag.ms is 9223372036854775807; allowed: at "
                                     "most max.compaction.lag.ms, 5";

        assert_int_equal(topic_config_resolve(broker, overrides, 2, &topic, message),
                         ERR_INVALID_CONFIG);
        assert_string_equal(message, expected);
        assert_int_equal(topic.retention_ms, 4711);
    }
    config_free(broker);
}

static void what_a_znode_holds_is_taken_as_far_as_it_is_good(void **state) {
    struct config *broker = broker_config("");
    const struct config_pair overrides[] = {pair("retention.ms", "5"), pair("colour", "red"),
                                            pair("segment.bytes", "x"),
                                            pair("min.insync.replicas", "2")};
    struct topic_config topic;
    char message[CONFIG_MESSAGE_SIZE];

    (void)state;
    assert_int_equal(topic_config_load(broker, overrides, 4, &topic, message), 2);
    assert_string_equal(message, "no topic setting is called \"colour\"");
    assert_int_equal(topic.retention_ms, 5);
    assert_int_equal(topic.segment_bytes, 1073741824);
    assert_int_equal(topic.min_insync_replicas, 2);
    assert_int_equal(topic_config_load(broker, overrides, 1, &topic, message), 0);
    assert_string_equal(message, "");
    config_free(broker);
}

static void keys_and_lists_are_known(void **state) {
    (void)state;
    assert_true(topic_config_is_key(bytes_of_text("retention.ms")));
    assert_false(topic_config_is_key(bytes_of_text("log.retention.ms")));
    assert_true(topic_config_is_list(bytes_of_text("cleanup.policy")));
    assert_false(topic_config_is_list(bytes_of_text("retention.ms")));
    assert_false(topic_config_is_list(bytes_of_text("colour")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_without_overrides_has_the_brokers_settings),
        cmocka_unit_test(overrides_go_before_the_brokers_settings),
        cmocka_unit_test(a_bad_override_is_named),
        cmocka_unit_test(what_a_znode_holds_is_taken_as_far_as_it_is_good),
        cmocka_unit_test(keys_and_lists_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
