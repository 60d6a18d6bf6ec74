/* Proves what DescribeConfigs shows, and that the tables agree with each other and with the
 * page made from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/config/config.h"
#include "broker/config/config_describe.h"
#include "broker/config/setting.h"

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

/* "value source type rw | name=value/source name=value/source" */
static void describe(const struct config_entry *entry, char *text, size_t size) {
    size_t at;

    at = (size_t)snprintf(text, size, "%.*s %d %d %s%s |", BYTES_FORMAT(entry->value),
                          (int)entry->source, (int)entry->type, entry->is_read_only ? "ro" : "rw",
                          entry->is_sensitive ? " secret" : "");
    for (size_t i = 0; i < entry->synonym_count; i++)
        at += (size_t)snprintf(text + at, size - at, " %s=%.*s/%d", entry->synonyms[i].name,
                               BYTES_FORMAT(entry->synonyms[i].value),
                               (int)entry->synonyms[i].source);
    assert_true(at < size);
}

static void broker_settings_are_described(void **state) {
    static const struct {
        const char *key, *text;
    } cases[] = {
        {"broker.id", "7 4 3 ro | broker.id=7/4 broker.id=-1/5"},
        {"num.partitions", "1 5 3 ro | num.partitions=1/5"},
        {"broker.rack", " 5 2 ro |"},
        {"min.insync.replicas", "1 5 3 rw | min.insync.replicas=1/5"},
        {"log.retention.hours", "24 4 3 ro | log.retention.hours=24/4 log.retention.hours=168/5"},
        {"log.roll.hours", "2 4 3 ro | log.roll.hours=2/4 log.roll.hours=168/5"},
        {"log.retention.ms", " 5 5 rw |"},
        {"log.roll.ms", "9 4 5 rw | log.roll.ms=9/4 log.roll.hours=2/4 "
                        "log.roll.hours=168/5"},
        {"sasl.jaas.config", " 4 9 ro secret | sasl.jaas.config=/4"},
        {"log.cleanup.policy", "delete 5 7 rw | log.cleanup.policy=delete/5"},
    };
    struct config *config = broker_config("broker.id = 7\nlog.retention.hours=24\nlog.roll.ms=9\n"
                                          "log.roll.hours=2\nsasl.jaas.config=secret\n");

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_entry entry = {0};
        char text[512];

        for (size_t row = 0; row < config_describe_broker_count(); row++) {
            config_describe_broker(config, row, &entry);
            if (strcmp(entry.name, cases[i].key) == 0)
                break;
        }
        assert_string_equal(entry.name, cases[i].key);
        describe(&entry, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
    config_free(config);
}

static void topic_settings_are_described(void **state) {
    static const struct {
        const char *key, *text;
    } cases[] = {
        {"retention.ms", "5 1 5 rw | retention.ms=5/1"},
        {"segment.ms", "7200000 5 5 rw |"},
        {"min.insync.replicas", "2 4 3 rw | min.insync.replicas=2/4 min.insync.replicas=1/5"},
        {"max.message.bytes", "1048588 5 3 rw | message.max.bytes=1048588/5"},
        {"flush.ms", "9223372036854775807 5 5 rw |"},
        {"leader.replication.throttled.replicas", " 5 7 rw |"},
        {"message.format.version", "3.0-IV1 5 2 rw | log.message.format.version=3.0-IV1/5"},
        {"min.cleanable.dirty.ratio", "0.5 5 6 rw | log.cleaner.min.cleanable.ratio=0.5/5"},
    };
    struct config *config = broker_config("log.roll.hours=2\nmin.insync.replicas=2\n");
    const struct config_pair overrides[] = {{bytes_of_text("retention.ms"), bytes_of_text("5")}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_entry entry = {0};
        char text[512];

        for (size_t row = 0; row < config_describe_topic_count(); row++) {
            config_describe_topic(config, overrides, 1, row, &entry);
            if (strcmp(entry.name, cases[i].key) == 0)
                break;
        }
        assert_string_equal(entry.name, cases[i].key);
        describe(&entry, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
    config_free(config);
}

static void check_row(const struct setting *setting) {
    union setting_value value;

    assert_non_null(setting->limits);
    assert_true(setting->doc[strlen(setting->doc) - 1] == '.');
    if (setting->value != NULL && !setting_parse(setting, bytes_of_text(setting->value), &value))
        fail_msg("the default of %s is not allowed", setting->key);
    if (setting->status == SETTING_IGNORED || setting->status == SETTING_REFUSED) {
        assert_non_null(setting->reason);
        assert_true(setting->reason[strlen(setting->reason) - 1] != '.');
    }
    if (setting->status == SETTING_SUPPORTED && setting->value == NULL &&
        setting->broker_key == NULL && setting->type != CONFIG_TYPE_INT &&
        setting->type != CONFIG_TYPE_LONG && setting->type != CONFIG_TYPE_STRING &&
        setting->type != CONFIG_TYPE_PASSWORD)
        fail_msg("%s cannot be without a value", setting->key);
}

static void every_row_is_complete_and_every_key_is_there_once(void **state) {
    (void)state;
    for (size_t i = 0; i < config_setting_count; i++) {
        check_row(&config_settings[i]);
        assert_null(setting_find(config_settings, i, bytes_of_text(config_settings[i].key)));
    }
    for (size_t i = 0; i < topic_config_setting_count; i++) {
        const struct setting *setting = &topic_config_settings[i];
        check_row(setting);
        assert_null(setting_find(topic_config_settings, i, bytes_of_text(setting->key)));
        if (setting->broker_key != NULL) {
            const struct setting *broker = setting_find(config_settings, config_setting_count,
                                                        bytes_of_text(setting->broker_key));
            assert_non_null(broker);
            assert_int_equal(broker->type, setting->type);
            if (setting->status == SETTING_SUPPORTED)
                assert_int_equal(broker->field_offset, setting->broker_field_offset);
        }
    }
}

/* Make it new with: build/debug/broker/barnabasd --print-config-docs > broker/config/SETTINGS.md */
static void the_reference_page_is_what_the_tables_say(void **state) {
    const char *root = getenv("BARNABAS_SOURCE");
    char path[4096], *made = NULL, *held;
    size_t made_size = 0, held_size;
    FILE *out = open_memstream(&made, &made_size);
    FILE *page;

    (void)state;
    assert_non_null(root);
    assert_non_null(out);
    config_write_docs(out);
    assert_int_equal(fclose(out), 0);
    snprintf(path, sizeof(path), "%s/broker/config/SETTINGS.md", root);
    page = fopen(path, "rb");
    assert_non_null(page);
    held = malloc(made_size + 1);
    assert_non_null(held);
    held_size = fread(held, 1, made_size + 1, page);
    fclose(page);
    if (held_size != made_size || memcmp(held, made, made_size) != 0)
        fail_msg("broker/config/SETTINGS.md is stale: make it with barnabasd --print-config-docs");
    free(held);
    free(made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broker_settings_are_described),
        cmocka_unit_test(topic_settings_are_described),
        cmocka_unit_test(every_row_is_complete_and_every_key_is_there_once),
        cmocka_unit_test(the_reference_page_is_what_the_tables_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
