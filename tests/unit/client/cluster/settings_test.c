/* The table of a client's settings: what may be set, what is refused and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cluster/settings.h"

static void defaults_are_those_of_kafkas_clients(void **state) {
    static const struct {
        const char *key;
        const char *value;
    } cases[] = {
        {"bootstrap.servers", ""},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"batch.size", "16384"},
        {"linger.ms", "0"},
        {"buffer.memory", "33554432"},
        {"max.block.ms", "60000"},
        {"retries", "2147483647"},
        {"request.timeout.ms", "30000"},
        {"delivery.timeout.ms", "120000"},
        {"max.in.flight.requests.per.connection", "5"},
        {"compression.type", "none"},
        {"auto.offset.reset", "latest"},
        {"isolation.level", "read_uncommitted"},
        {"fetch.max.bytes", "52428800"},
        {"max.poll.records", "500"},
        {"check.crcs", "true"},
    };
    struct settings settings;
    char text[SETTING_TEXT_MAX];

    (void)state;
    settings_init(&settings);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_true(settings_get(&settings, cases[i].key, text));
        assert_string_equal(text, cases[i].value);
    }
    assert_int_equal(settings.acks, ACKS_ALL);
    assert_int_equal(settings.offset_reset, OFFSET_RESET_LATEST);
}

static void what_is_set_is_what_is_got(void **state) {
    static const struct {
        const char *key;
        const char *value;
        const char *got;
    } cases[] = {
        {"acks", "-1", "all"},
        {"acks", "0", "0"},
        {"compression.type", "zstd", "zstd"},
        {"auto.offset.reset", "none", "none"},
        {"enable.idempotence", "FALSE", "false"},
        {"linger.ms", "2147483647", "2147483647"},
        {"client.id", "", ""},
        {"client.id", "a b=c", "a b=c"},
        {"partitioner", "round_robin", "round_robin"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct settings settings;
        char text[SETTING_TEXT_MAX];
        char reason[256] = "";

        settings_init(&settings);
        assert_int_equal(
            settings_set(&settings, cases[i].key, cases[i].value, reason, sizeof(reason)),
            ERR_NONE);
        assert_string_equal(reason, "");
        assert_true(settings_was_set(&settings, cases[i].key));
        assert_true(settings_get(&settings, cases[i].key, text));
        assert_string_equal(text, cases[i].got);
    }
}

static void what_is_not_allowed_is_refused_with_what_is(void **state) {
    static const struct {
        const char *key;
        const char *value;
        const char *reason;
    } cases[] = {
        {"acks", "2", "acks=2: not one of 0|1|all|-1"},
        {"acks", "", "acks=: not one of 0|1|all|-1"},
        {"acks", "0|1", "acks=0|1: not one of 0|1|all|-1"},
        {"compression.type", "read_committed",
         "compression.type=read_committed: not one of none|gzip|snappy|lz4|zstd"},
        {"linger.ms", "-1", "linger.ms=-1: not a number from 0 to 2147483647"},
        {"linger.ms", "5ms", "linger.ms=5ms: not a number from 0 to 2147483647"},
        {"linger.ms", " 5", "linger.ms= 5: not a number from 0 to 2147483647"},
        {"linger.ms", "99999999999999999999",
         "linger.ms=99999999999999999999: not a number from 0 to 2147483647"},
        {"check.crcs", "yes", "check.crcs=yes: neither true nor false"},
        {"bootstrap.server", "x", "unknown key bootstrap.server; the nearest is bootstrap.servers"},
        {"compression.codec", "x",
         "unknown key compression.codec; the nearest is compression.type"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct settings settings;
        char reason[256] = "";

        settings_init(&settings);
        assert_int_equal(
            settings_set(&settings, cases[i].key, cases[i].value, reason, sizeof(reason)),
            ERR_CONFIG_INVALID);
        assert_string_equal(reason, cases[i].reason);
    }
}

static void idempotence_gives_way_unless_it_was_asked_for(void **state) {
    static const struct {
        const char *label;
        const char *pairs[4]; /* key, value, ... */
        enum error error;
        bool idempotent;
    } cases[] = {
        {"nothing set", {NULL}, ERR_NONE, true},
        {"acks=1", {"acks", "1"}, ERR_NONE, false},
        {"six in flight", {"max.in.flight.requests.per.connection", "6"}, ERR_NONE, false},
        {"no retries", {"retries", "0"}, ERR_NONE, false},
        {"asked for", {"enable.idempotence", "true"}, ERR_NONE, true},
        {"asked for, acks=1",
         {"enable.idempotence", "true", "acks", "1"},
         ERR_CONFIG_INVALID,
         true},
        {"declined", {"enable.idempotence", "false", "acks", "1"}, ERR_NONE, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct settings settings;
        char reason[256] = "";

        settings_init(&settings);
        assert_int_equal(settings_set(&settings, "bootstrap.servers", "a", reason, sizeof(reason)),
                         ERR_NONE);
        for (size_t j = 0; j < 4 && cases[i].pairs[j] != NULL; j += 2)
            assert_int_equal(settings_set(&settings, cases[i].pairs[j], cases[i].pairs[j + 1],
                                          reason, sizeof(reason)),
                             ERR_NONE);
        assert_int_equal(settings_check_producer(&settings, reason, sizeof(reason)),
                         cases[i].error);
        assert_int_equal(settings.idempotence, cases[i].idempotent);
    }
}

static void set(struct settings *settings, const char *key, const char *value) {
    char reason[256];

    assert_int_equal(settings_set(settings, key, value, reason, sizeof(reason)), ERR_NONE);
}

static void bootstrap_servers_must_be_set(void **state) {
    struct settings settings;
    char reason[256] = "";

    (void)state;
    settings_init(&settings);
    assert_int_equal(settings_check(&settings, reason, sizeof(reason)), ERR_CONFIG_INVALID);
    assert_string_equal(reason, "bootstrap.servers is not set");
}

static void delivery_timeout_stretches_unless_it_was_set(void **state) {
    struct settings settings;
    char reason[256] = "";

    (void)state;
    settings_init(&settings);
    set(&settings, "bootstrap.servers", "a");
    set(&settings, "request.timeout.ms", "200000");
    assert_int_equal(settings_check_producer(&settings, reason, sizeof(reason)), ERR_NONE);
    assert_int_equal(settings.delivery_timeout_ms, 200000);
    set(&settings, "delivery.timeout.ms", "1000");
    assert_int_equal(settings_check_producer(&settings, reason, sizeof(reason)),
                     ERR_CONFIG_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_kafkas_clients),
        cmocka_unit_test(what_is_set_is_what_is_got),
        cmocka_unit_test(what_is_not_allowed_is_refused_with_what_is),
        cmocka_unit_test(idempotence_gives_way_unless_it_was_asked_for),
        cmocka_unit_test(bootstrap_servers_must_be_set),
        cmocka_unit_test(delivery_timeout_stretches_unless_it_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
