/* Proves what settings changed at run time do, and which can be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/config/config_describe.h"
#include "broker/config/live_config.h"

static const struct config_layer nothing = {NULL, 0};

static struct config *file_config(void) {
    struct config_report report;
    struct config *config = NULL;

    config_report_init(&report);
    assert_int_equal(
        config_parse("f",
                     bytes_of_text("zookeeper.connect=z\nlog.retention.hours=2\n"
                                   "min.insync.replicas=2\nbroker.id=7\nnum.network.threads=3\n"),
                     NULL, 0, &report, &config),
        ERR_NONE);
    config_report_done(&report);
    return config;
}

static struct config *overlay(const struct config *file, struct config_layer of_all,
                              struct config_layer of_broker, size_t warnings) {
    struct config_report report;
    struct config *overlaid = NULL;

    config_report_init(&report);
    assert_int_equal(config_overlay(file, &of_all, &of_broker, &report, &overlaid), ERR_NONE);
    assert_int_equal(report.warning_count, warnings);
    config_report_done(&report);
    return overlaid;
}

#define LAYER(key, value)   \
    ((struct config_layer){ \
        (const struct config_pair[]){{bytes_of_text(key), bytes_of_text(value)}}, 1})

static void without_changes_everything_is_as_in_the_file(void **state) {
    struct config *file = file_config();
    struct config *same = overlay(file, nothing, nothing, 0);

    (void)state;
    assert_int_equal(same->log_retention_ms, 2 * 3600 * 1000);
    assert_int_equal(same->log_segment_bytes, file->log_segment_bytes);
    assert_int_equal(same->min_insync_replicas, 2);
    assert_int_equal(same->broker_id, 7);
    assert_int_equal(same->num_network_threads, 3);
    assert_int_equal(same->log_flush_interval_ms, INT64_MAX);
    assert_int_equal(same->log_message_timestamp_before_max_ms, INT64_MAX);
    config_free(same);
    config_free(file);
}

static void a_broker_comes_before_all_brokers_and_both_before_the_file(void **state) {
    struct config *file = file_config();
    struct config *of_all = overlay(file, LAYER("min.insync.replicas", "3"), nothing, 0);
    struct config *both =
        overlay(file, LAYER("min.insync.replicas", "3"), LAYER("min.insync.replicas", "4"), 0);

    (void)state;
    assert_int_equal(of_all->min_insync_replicas, 3);
    assert_int_equal(both->min_insync_replicas, 4);
    assert_int_equal(file->min_insync_replicas, 2);
    assert_false(config_is_same(of_all, both));
    config_free(of_all);
    config_free(both);
    config_free(file);
}

static void what_several_keys_decide_is_worked_out_anew(void **state) {
    struct config *file = file_config();
    struct config *retention = overlay(file, LAYER("log.retention.ms", "5"), nothing, 0);
    struct config *difference =
        overlay(file, nothing, LAYER("log.message.timestamp.difference.max.ms", "9"), 0);
    struct config *limits =
        overlay(file, LAYER("max.connections.per.ip.overrides", "10.0.0.1:5,::1:6"), nothing, 0);

    (void)state;
    assert_int_equal(retention->log_retention_ms, 5);
    assert_int_equal(limits->address_limit_count, 2);
    assert_string_equal(limits->address_limits[1].address, "::1");
    config_free(limits);
    assert_int_equal(difference->log_message_timestamp_before_max_ms, 9);
    config_free(retention);
    config_free(difference);
    config_free(file);
}

static void what_cannot_be_changed_is_left_out_and_named(void **state) {
    static const char *const pairs[][2] = {
        {"broker.id", "8"}, {"no.such", "8"}, {"num.io.threads", "9"}, {"log.segment.bytes", "x"}};
    struct config *file = file_config();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        struct config *overlaid = overlay(file, nothing, LAYER(pairs[i][0], pairs[i][1]), 1);
        assert_int_equal(overlaid->broker_id, 7);
        assert_int_equal(overlaid->log_segment_bytes, file->log_segment_bytes);
        config_free(overlaid);
    }
    config_free(file);
}

static void only_what_is_acted_upon_may_be_asked_for(void **state) {
    static const struct {
        const char *key, *value, *message; /* NULL: allowed */
    } cases[] = {
        {"log.segment.bytes", "2000000", NULL},
        {"log.retention.ms", "-1", NULL},
        {"unclean.leader.election.enable", "true", NULL},
        {"leader.replication.throttled.rate", "1000", NULL},
        {"leader.replication.throttled.rate", "x", "Invalid value \"x\" for configuration"},
        {"log.retention.ms", "x", "Invalid value \"x\" for configuration log.retention.ms"},
        {"min.insync.replicas", "0", "Invalid value \"0\""},
        {"log.retention.ms", "0", "log.retention.ms is 0"},
        {"max.connections", "50", NULL},
        {"max.connections.per.ip", "0", "max.connections.per.ip is 0"},
        {"max.connections.per.ip.overrides", "10.0.0.1:5,::1:6", NULL},
        {"max.connections.per.ip.overrides", "localhost:5", "allowed: numeric address:count"},
        {"log.cleaner.min.compaction.lag.ms", "9223372036854775807", NULL},
        {"log.retention.hours", "5", "Cannot update these configs dynamically: Set(log.ret"},
        {"broker.id", "5", "Cannot update these configs dynamically: Set(broker.id)"},
        {"num.io.threads", "5", "Cannot update these configs dynamically: Set(num.io.threads)"},
        {"num.network.threads", "5", "Cannot update these configs dynamically"},
        {"listener.name.x.ssl.keystore.type", "PEM", "Cannot update these configs dynamically"},
        {"no.such", "5", "no setting is called"},
    };
    struct config *file = file_config();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_layer after = LAYER(cases[i].key, cases[i].value);
        char message[CONFIG_MESSAGE_SIZE] = "";
        enum error error =
            config_layer_check(file, &nothing, &after, i % 2 == 0, &nothing, message);

        if (error != (cases[i].message == NULL ? ERR_NONE : ERR_INVALID_REQUEST))
            fail_msg("%s=%s: %s", cases[i].key, cases[i].value, error_name(error));
        if (cases[i].message != NULL && strstr(message, cases[i].message) == NULL)
            fail_msg("%s=%s: %s", cases[i].key, cases[i].value, message);
    }
    config_free(file);
}

static void what_was_there_before_does_not_hinder(void **state) {
    struct config *file = file_config();
    const struct config_pair pairs[] = {{bytes_of_text("num.io.threads"), bytes_of_text("16")},
                                        {bytes_of_text("log.segment.bytes"), bytes_of_text("99")}};
    const struct config_layer before = {pairs, 1}, after = {pairs, 2};
    char message[CONFIG_MESSAGE_SIZE];

    (void)state;
    assert_int_equal(config_layer_check(file, &before, &after, false, &nothing, message), ERR_NONE);
    assert_int_equal(config_layer_check(file, &nothing, &after, false, &nothing, message),
                     ERR_INVALID_REQUEST);
    config_free(file);
}

static void the_layers_together_are_checked(void **state) {
    struct config *file = file_config();
    struct config_layer after = LAYER("log.cleaner.min.compaction.lag.ms", "10");
    struct config_layer other = LAYER("log.cleaner.max.compaction.lag.ms", "5");
    char message[CONFIG_MESSAGE_SIZE];

    (void)state;
    assert_int_equal(config_layer_check(file, &nothing, &after, true, &nothing, message), ERR_NONE);
    assert_int_equal(config_layer_check(file, &nothing, &after, true, &other, message),
                     ERR_INVALID_REQUEST);
    assert_non_null(strstr(message, "allowed: at most log.cleaner.max.compaction.lag.ms"));
    config_free(file);
}

static void who_has_got_a_config_keeps_it(void **state) {
    struct config *file = file_config();
    const struct config_pair pair = {bytes_of_text("min.insync.replicas"), bytes_of_text("5")};
    struct config_report report;
    struct live_config *live;
    const struct config *before, *after, *emptied;

    (void)state;
    config_report_init(&report);
    assert_int_equal(live_config_new(file, &live), ERR_NONE);
    before = live_config_get(live);
    assert_int_equal(live_config_set(live, true, &pair, 1, &report), ERR_NONE);
    after = live_config_get(live);
    assert_int_equal(live_config_set(live, true, NULL, 0, &report), ERR_NONE);
    emptied = live_config_get(live);
    assert_int_equal(before->min_insync_replicas, 2);
    assert_int_equal(after->min_insync_replicas, 5);
    assert_int_equal(emptied->min_insync_replicas, 2);
    assert_true(config_is_same(before, emptied));
    live_config_release(before);
    live_config_release(after);
    live_config_release(emptied);
    live_config_free(live);
    config_report_done(&report);
    config_free(file);
}

/* As DescribeConfigs of Kafka 3.9 shows them: only where they were set, and never to be changed. */
static void rates_are_shown_where_they_were_set(void **state) {
    const struct config_layer of_all = LAYER("leader.replication.throttled.rate", "2000");
    const struct config_pair pairs[] = {
        {bytes_of_text("leader.replication.throttled.rate"), bytes_of_text(" 1000")},
        {bytes_of_text("replica.alter.log.dirs.io.max.bytes.per.second"), bytes_of_text("7")},
    };
    const struct config_layer of_one = {pairs, 2};
    struct config *file = file_config();
    struct config *overlaid = overlay(file, of_all, of_one, 0);
    struct config_entry entry;
    size_t shown = 0, of_default = 0;
    (void)state;

    assert_int_equal(overlaid->leader_replication_throttled_rate, 1000);
    assert_int_equal(overlaid->replica_alter_log_dirs_rate, 7);
    assert_false(config_is_same(file, overlaid));
    for (size_t i = 0; i < config_describe_rate_count(); i++) {
        assert_false(config_describe_rate(file, i, false, &entry));
        if (config_describe_rate(overlaid, i, true, &entry)) {
            of_default++;
            assert_string_equal(entry.name, "leader.replication.throttled.rate");
            assert_true(bytes_equal_text(entry.value, "2000"));
            assert_int_equal(entry.source, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER);
        }
        if (!config_describe_rate(overlaid, i, false, &entry))
            continue;
        shown++;
        assert_true(entry.is_read_only);
        assert_int_equal(entry.type, CONFIG_TYPE_LONG);
        assert_int_equal(entry.source, CONFIG_SOURCE_DYNAMIC_BROKER);
        assert_null(entry.documentation);
        if (strcmp(entry.name, "leader.replication.throttled.rate") == 0) {
            assert_true(bytes_equal_text(entry.value, "1000"));
            assert_int_equal(entry.synonym_count, 2);
            assert_true(bytes_equal_text(entry.synonyms[1].value, "2000"));
        }
    }
    assert_int_equal(shown, 2);
    assert_int_equal(of_default, 1);
    config_free(overlaid);
    config_free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_shown_where_they_were_set),
        cmocka_unit_test(without_changes_everything_is_as_in_the_file),
        cmocka_unit_test(a_broker_comes_before_all_brokers_and_both_before_the_file),
        cmocka_unit_test(what_several_keys_decide_is_worked_out_anew),
        cmocka_unit_test(what_cannot_be_changed_is_left_out_and_named),
        cmocka_unit_test(only_what_is_acted_upon_may_be_asked_for),
        cmocka_unit_test(what_was_there_before_does_not_hinder),
        cmocka_unit_test(the_layers_together_are_checked),
        cmocka_unit_test(who_has_got_a_config_keeps_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
