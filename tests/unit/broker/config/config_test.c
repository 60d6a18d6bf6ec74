/* Proves which texts a broker starts with, what it makes of them, and the words in which it
 * refuses the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/config/config.h"

#define ZK "zookeeper.connect=localhost:2181\n"

static struct config *parse_or_fail(const char *text, struct config_report *report) {
    struct config *config = NULL;
    enum error error = config_parse("f", bytes_of_text(text), NULL, 0, report, &config);

    if (error != ERR_NONE)
        fail_msg("%s: %s", error_name(error),
                 report->count > 0 ? report->messages[0].text : "no message");
    return config;
}

static struct config *parse_quietly(const char *text) {
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = parse_or_fail(text, &report);
    if (report.count > 0)
        fail_msg("unexpected: %s", report.messages[0].text);
    config_report_done(&report);
    return config;
}

static void everything_has_kafkas_default(void **state) {
    struct config *config = parse_quietly(ZK);

    (void)state;
    assert_int_equal(config->broker_id, -1);
    assert_null(config->broker_rack);
    assert_int_equal(config->zookeeper_session_timeout_ms, 18000);
    assert_int_equal(config->zookeeper_connection_timeout_ms, 18000);
    assert_int_equal(config->listener_count, 1);
    assert_string_equal(config->listeners[0].name, "PLAINTEXT");
    assert_string_equal(config->listeners[0].host, "");
    assert_int_equal(config->listeners[0].port, 9092);
    assert_int_equal(config->advertised_listener_count, 1);
    assert_string_not_equal(config->advertised_listeners[0].host, "");
    assert_string_equal(config->inter_broker_listener_name, "PLAINTEXT");
    assert_int_equal(config->log_dir_count, 1);
    assert_string_equal(config->log_dirs[0], "/tmp/kafka-logs");
    assert_int_equal(config->log_retention_ms, INT64_C(604800000));
    assert_int_equal(config->log_roll_ms, INT64_C(604800000));
    assert_int_equal(config->log_roll_jitter_ms, 0);
    assert_true(config->log_flush_interval_ms == INT64_MAX);
    assert_int_equal(config->message_max_bytes, 1048588);
    assert_int_equal(config->socket_request_max_bytes, 104857600);
    assert_int_equal(config->offsets_topic_replication_factor, 3);
    assert_true(config->auto_create_topics_enable);
    assert_false(config->unclean_leader_election_enable);
    assert_true(config->num_network_threads >= 1);
    assert_null(config->admin_host);
    assert_true(config->log_cleaner_min_cleanable_ratio > 0.49);
    assert_true(config->log_cleaner_min_cleanable_ratio < 0.51);
    config_free(config);
}

static void the_admin_listener_is_an_address_with_a_host(void **state) {
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[::1]:0", "::1", 0},
        {"localhost:65535", "localhost", 65535},
        {":8080", NULL, 0},
        {"127.0.0.1", NULL, 0},
        {"127.0.0.1:65536", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"http://127.0.0.1:80", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_override override = {"barnabas.admin.listener", cases[i].text};
        struct config_report report;
        struct config *config = NULL;
        enum error error;

        config_report_init(&report);
        error = config_parse("f", bytes_of_text(ZK), &override, 1, &report, &config);
        assert_int_equal(error, cases[i].host == NULL ? ERR_CONFIG_INVALID : ERR_NONE);
        if (cases[i].host != NULL) {
            assert_string_equal(config->admin_host, cases[i].host);
            assert_int_equal(config->admin_port, cases[i].port);
        }
        config_free(config);
        config_report_done(&report);
    }
}

/* The lines of Kafka 3.9's config/server.properties that are not comments. */
static void kafkas_own_file_is_good(void **state) {
    static const char text[] = "broker.id=0\n"
                               "num.network.threads=3\n"
                               "num.io.threads=8\n"
                               "socket.send.buffer.bytes=102400\n"
                               "socket.receive.buffer.bytes=102400\n"
                               "socket.request.max.bytes=104857600\n"
                               "log.dirs=/tmp/kafka-logs\n"
                               "num.partitions=1\n"
                               "num.recovery.threads.per.data.dir=1\n"
                               "offsets.topic.replication.factor=1\n"
                               "transaction.state.log.replication.factor=1\n"
                               "transaction.state.log.min.isr=1\n"
                               "log.retention.hours=168\n"
                               "log.retention.check.interval.ms=300000\n"
                               "zookeeper.connect=localhost:2181\n"
                               "zookeeper.connection.timeout.ms=18000\n"
                               "group.initial.rebalance.delay.ms=0\n";
    struct config_report report;
    struct config *config;

    (void)state;
    config_report_init(&report);
    config = parse_or_fail(text, &report);
    assert_int_equal(report.error_count, 0);
    assert_int_equal(config->broker_id, 0);
    assert_int_equal(config->num_network_threads, 3);
    assert_int_equal(config->transaction_state_log_min_isr, 1);
    config_free(config);
    config_report_done(&report);
}

static const struct {
    const char *text, *message;
} bad_values[] = {
    {"", "f: zookeeper.connect is required: host:port,...[/chroot]"},
    {"zookeeper.connect=/chroot\n",
     "f:1: zookeeper.connect is \"/chroot\"; allowed: host:port,...[/chroot]"},
    {"zookeeper.connect=a:2181,b:99999\n",
     "f:1: zookeeper.connect is \"a:2181,b:99999\"; allowed: host:port,...[/chroot]"},
    {ZK "num.partitions=0\n",
     "f:2: num.partitions is \"0\"; allowed: a whole number from 1 to 2147483647"},
    {ZK "num.partitions=\n",
     "f:2: num.partitions is \"\"; allowed: a whole number from 1 to 2147483647"},
    {ZK "\n\nnum.partitions=\\\n  3x\n",
     "f:4: num.partitions is \"3x\"; allowed: a whole number from 1 to 2147483647"},
    {ZK "num.partitions=2147483648\n",
     "f:2: num.partitions is \"2147483648\"; allowed: a whole number from 1 to 2147483647"},
    {ZK "log.retention.bytes=9223372036854775808\n",
     "f:2: log.retention.bytes is \"9223372036854775808\"; allowed: a whole number from "
     "-9223372036854775808 to 9223372036854775807"},
    {ZK "offsets.topic.replication.factor=40000\n",
     "f:2: offsets.topic.replication.factor is \"40000\"; allowed: a whole number from 1 to "
     "32767"},
    {ZK "delete.topic.enable=yes\n", "f:2: delete.topic.enable is \"yes\"; allowed: true or false"},
    {ZK "log.cleaner.min.cleanable.ratio=1.5\n",
     "f:2: log.cleaner.min.cleanable.ratio is \"1.5\"; allowed: a number from 0 to 1"},
    {ZK "log.cleaner.min.cleanable.ratio=nan\n",
     "f:2: log.cleaner.min.cleanable.ratio is \"nan\"; allowed: a number from 0 to 1"},
    {ZK "compression.type=brotli\n",
     "f:2: compression.type is \"brotli\"; allowed: one of uncompressed, zstd, lz4, snappy, "
     "gzip, producer"},
    {ZK "compression.gzip.level=0\n",
     "f:2: compression.gzip.level is \"0\"; allowed: a whole number from 1 to 9, or -1"},
    {ZK "log.cleanup.policy=delete,keep\n",
     "f:2: log.cleanup.policy is \"delete,keep\"; allowed: a list of any of compact, delete"},
    {ZK "log.retention.ms=0\n", "f:2: log.retention.ms is 0; allowed: -1, or 1 and above"},
    {ZK "log.retention.hours=0\n", "f:2: log.retention.hours is 0; allowed: -1, or 1 and above"},
    {ZK "log.roll.ms=0\n",
     "f:2: log.roll.ms is \"0\"; allowed: a whole number from 1 to 9223372036854775807"},
    {ZK "log.cleaner.threads=128\n",
     "f: log.cleaner.dedupe.buffer.size is 134217728; allowed: more than 1048576 for each of "
     "log.cleaner.threads, 128"},
    {ZK "replica.fetch.wait.max.ms=40000\nreplica.lag.time.max.ms=50000\n",
     "f:2: replica.fetch.wait.max.ms is 40000; allowed: at most replica.socket.timeout.ms, "
     "30000"},
    {ZK "replica.lag.time.max.ms=400\n",
     "f: replica.fetch.wait.max.ms is 500; allowed: at most replica.lag.time.max.ms, 400"},
    {ZK "log.cleaner.min.compaction.lag.ms=5\nlog.cleaner.max.compaction.lag.ms=4\n",
     "f:2: log.cleaner.min.compaction.lag.ms is 5; allowed: at most "
     "log.cleaner.max.compaction.lag.ms, 4"},
    {ZK "queued.max.request.bytes=1000\n",
     "f:2: queued.max.request.bytes is 1000; allowed: -1, or socket.request.max.bytes, "
     "104857600, and above"},
    {ZK "broker.id=1001\n",
     "f:2: broker.id is 1001; allowed while broker.id.generation.enable is true: from -1 to "
     "reserved.broker.max.id, 1000"},
    {ZK "broker.id.generation.enable=false\n",
     "f: broker.id is -1; allowed while broker.id.generation.enable is false: 0 and above"},
    {ZK "broker.id=1\nnode.id=2\n", "f:3: node.id is 2, but broker.id is 1; allowed: the same"},
    {ZK "log.dirs=,\n", "f:2: log.dirs is empty; allowed: one directory or more"},
    {ZK "log.dirs=/a, /b ,/a\n", "f:2: log.dirs has \"/a\" twice"},
    {ZK "max.connections.per.ip.overrides=10.0.0.1\n",
     "f:2: max.connections.per.ip.overrides has the entry \"10.0.0.1\"; allowed: "
     "numeric address:count"},
    {ZK "max.connections.per.ip.overrides=host.example:1\n",
     "f:2: max.connections.per.ip.overrides has the entry \"host.example:1\"; allowed: "
     "numeric address:count"},
    {ZK "max.connections.per.ip=0\n",
     "f:2: max.connections.per.ip is 0; allowed only with max.connections.per.ip.overrides"},
    {ZK "process.roles=broker\n",
     "f:2: process.roles is \"broker\", but this broker coordinates through ZooKeeper; leave "
     "it out"},
    {ZK "zookeeper.metadata.migration.enable=true\n",
     "f:2: zookeeper.metadata.migration.enable is \"true\", but this broker stays with "
     "ZooKeeper; allowed: false"},
    {ZK "authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n",
     "f:2: authorizer.class.name is \"kafka.security.authorizer.AclAuthorizer\", but "
     "authorization is not built yet, so everybody would be allowed everything; leave it "
     "out"},
    {ZK "a=\\u12\n", "f:2: \\u must be followed by four hexadecimal digits"},
};

static void every_bad_value_is_named_with_place_and_what_is_allowed(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad_values); i++) {
        struct config_report report;
        struct config *config = NULL;

        config_report_init(&report);
        assert_int_equal(
            config_parse("f", bytes_of_text(bad_values[i].text), NULL, 0, &report, &config),
            ERR_CONFIG_INVALID);
        assert_null(config);
        if (strcmp(report.messages[0].text, bad_values[i].message) != 0)
            fail_msg("\n     got: %s\nexpected: %s", report.messages[0].text,
                     bad_values[i].message);
        assert_true(report.messages[0].is_error);
        if (report.error_count != 1)
            fail_msg("%s: more than one error, then: %s", bad_values[i].message,
                     report.messages[1].text);
        config_report_done(&report);
    }
}

static void listeners_are_checked(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"listeners=PLAINTEXT:9092\n",
         "f:2: listeners has the entry \"PLAINTEXT:9092\"; allowed: NAME://host:port with a port "
         "from 0 to 65535"},
        {"listeners=PLAINTEXT://h:70000\n",
         "f:2: listeners has the entry \"PLAINTEXT://h:70000\"; allowed: NAME://host:port with a "
         "port from 0 to 65535"},
        {"listeners=PLAINTEXT://h/x:1\n",
         "f:2: listeners has the entry \"PLAINTEXT://h/x:1\"; allowed: NAME://host:port with a "
         "port from 0 to 65535"},
        {"listeners=\n", "f:2: listeners is empty; allowed: NAME://host:port,..."},
        {"listeners=SSL://h:1\n",
         "f:2: listeners has the listener SSL with the security protocol SSL, which is not "
         "supported yet; allowed: PLAINTEXT"},
        {"listeners=EXTERNAL://h:1\n",
         "f:2: listeners names the listener \"EXTERNAL\", which listener.security.protocol.map "
         "does not have"},
        {"listeners=PLAINTEXT://h:1,PLAINTEXT://h:2\n",
         "f:2: listeners has the listener PLAINTEXT twice"},
        {"listeners=PLAINTEXT://h:1,A://h:1\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,A:"
         "PLAINTEXT\n",
         "f:2: listeners has the port 1 twice"},
        {"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,A:PLAIN\n",
         "f:2: listener.security.protocol.map has the entry \"A:PLAIN\"; allowed: NAME:PROTOCOL, "
         "where PROTOCOL is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},
        {"listeners=PLAINTEXT://0.0.0.0:9092\n",
         "f:2: nobody can connect to 0.0.0.0; set advertised.listeners to an address of this "
         "machine"},
        {"advertised.listeners=SASL_SSL://h:1\n",
         "f:2: advertised.listeners has the listener SASL_SSL with the security protocol "
         "SASL_SSL, which is not supported yet; allowed: PLAINTEXT"},
        {"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,A:PLAINTEXT\nadvertised.listeners=A:/"
         "/h:1,PLAINTEXT://h:2\n",
         "f:3: advertised.listeners has the listener A, which listeners does not have"},
        {"inter.broker.listener.name=INTERNAL\n",
         "f:2: inter.broker.listener.name is \"INTERNAL\", which is not a listener in listeners"},
        {"security.inter.broker.protocol=SSL\n",
         "f:2: security.inter.broker.protocol is \"SSL\", which is not a listener in listeners"},
        {"inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT\n",
         "f:2: inter.broker.listener.name and security.inter.broker.protocol are both set; "
         "allowed: one of them"},
        {"control.plane.listener.name=CONTROLLER\n",
         "f:2: control.plane.listener.name is \"CONTROLLER\", but the controller has no listener "
         "of its own: it writes to ZooKeeper; leave it out"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_report report;
        struct config *config = NULL;
        char text[512];

        snprintf(text, sizeof(text), ZK "%s", cases[i].text);
        config_report_init(&report);
        assert_int_equal(config_parse("f", bytes_of_text(text), NULL, 0, &report, &config),
                         ERR_CONFIG_INVALID);
        if (strcmp(report.messages[0].text, cases[i].message) != 0)
            fail_msg("\n     got: %s\nexpected: %s", report.messages[0].text, cases[i].message);
        config_report_done(&report);
    }
}

static void several_listeners_are_kept_in_order(void **state) {
    struct config *config = parse_quietly(
        ZK "listeners=internal://10.0.0.1:9092, EXTERNAL://[::1]:9092,LOCAL://:0\n"
           "advertised.listeners=EXTERNAL://kafka.example.org:19092,INTERNAL://10.0.0.1:9092\n"
           "listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:plaintext , "
           "local:PLAINTEXT,OTHER:SSL\n"
           "inter.broker.listener.name=Internal\n");

    (void)state;
    assert_int_equal(config->listener_count, 3);
    assert_string_equal(config->listeners[0].name, "INTERNAL");
    assert_string_equal(config->listeners[0].host, "10.0.0.1");
    assert_string_equal(config->listeners[1].host, "::1");
    assert_int_equal(config->listeners[1].port, 9092);
    assert_string_equal(config->listeners[2].name, "LOCAL");
    assert_int_equal(config->listeners[2].port, 0);
    assert_int_equal(config->advertised_listener_count, 2);
    assert_string_equal(config->advertised_listeners[0].name, "EXTERNAL");
    assert_string_equal(config->advertised_listeners[0].host, "kafka.example.org");
    assert_int_equal(config->advertised_listeners[0].port, 19092);
    assert_string_equal(config->inter_broker_listener_name, "INTERNAL");
    config_free(config);
}

static void the_finest_time_counts(void **state) {
    static const struct {
        const char *text;
        int64_t retention_ms, roll_ms, jitter_ms, flush_ms;
    } cases[] = {
        {"", 604800000, 604800000, 0, INT64_MAX},
        {"log.retention.hours=2\n", 7200000, 604800000, 0, INT64_MAX},
        {"log.retention.minutes=3\nlog.retention.hours=2\n", 180000, 604800000, 0, INT64_MAX},
        {"log.retention.ms=4\nlog.retention.minutes=3\n", 4, 604800000, 0, INT64_MAX},
        {"log.retention.minutes=-5\n", -1, 604800000, 0, INT64_MAX},
        {"log.retention.hours=2147483647\n", INT64_C(7730941129200000), 604800000, 0, INT64_MAX},
        {"log.roll.hours=1\nlog.roll.jitter.hours=2\n", 604800000, 3600000, 7200000, INT64_MAX},
        {"log.roll.hours=1\nlog.roll.ms=7\nlog.roll.jitter.ms=8\n", 604800000, 7, 8, INT64_MAX},
        {"log.flush.scheduler.interval.ms=9\n", 604800000, 604800000, 0, 9},
        {"log.flush.scheduler.interval.ms=9\nlog.flush.interval.ms=10\n", 604800000, 604800000, 0,
         10},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[512];
        struct config *config;

        snprintf(text, sizeof(text), ZK "%s", cases[i].text);
        config = parse_quietly(text);
        assert_true(config->log_retention_ms == cases[i].retention_ms);
        assert_true(config->log_roll_ms == cases[i].roll_ms);
        assert_true(config->log_roll_jitter_ms == cases[i].jitter_ms);
        assert_true(config->log_flush_interval_ms == cases[i].flush_ms);
        config_free(config);
    }
}

static void what_has_no_effect_is_warned_of(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"num.partition=3\n",
         "f:2: no setting is called \"num.partition\"; did you mean num.partitions?"},
        {"log.retenton.ms=3\n",
         "f:2: no setting is called \"log.retenton.ms\"; did you mean log.retention.ms?"},
        {"my.plugin.setting=3\n", "f:2: no setting is called \"my.plugin.setting\""},
        {"num.io.threads=9\n",
         "f:2: num.io.threads has no effect: requests run on the network threads, without a "
         "hand-over"},
        {"num.partitions=3\nnum.partitions=4\n",
         "f:3: \"num.partitions\" is set again; the value in line 2 does not count"},
        {"listener.name.internal.max.connections=5\n",
         "f:2: listener.name.internal.max.connections has no effect: settings of single listeners "
         "are not supported yet"},
        {"listener.name.l.scram-sha-256.sasl.jaas.config=secret\n",
         "f:2: listener.name.l.scram-sha-256.sasl.jaas.config has no effect: SASL is not "
         "supported yet; such a listener is refused"},
        {"listener.name.l.max.conections=5\n",
         "f:2: no setting is called \"listener.name.l.max.conections\"; did you mean "
         "max.connections?"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_report report;
        char text[512];

        snprintf(text, sizeof(text), ZK "%s", cases[i].text);
        config_report_init(&report);
        config_free(parse_or_fail(text, &report));
        assert_int_equal(report.count, 1);
        assert_int_equal(report.warning_count, 1);
        assert_false(report.messages[0].is_error);
        if (strcmp(report.messages[0].text, cases[i].message) != 0)
            fail_msg("\n     got: %s\nexpected: %s", report.messages[0].text, cases[i].message);
        config_report_done(&report);
    }
}

static void a_default_written_out_is_not_warned_of(void **state) {
    (void)state;
    config_free(parse_quietly(ZK "num.io.threads = 8 \nlog.cleaner.enable=TRUE\n"
                                 "process.roles=\ncontroller.listener.names=\n"
                                 "authorizer.class.name=\nlog.cleaner.io.buffer.load.factor=0.90\n"
                                 "zookeeper.metadata.migration.enable=False\n"));
}

static void an_override_goes_before_the_file(void **state) {
    char good[] = "num.partitions=7", no_key[] = "=7", no_sign[] = "num.partitions";
    struct config_override overrides[2];
    struct config_report report;
    struct config *config = NULL;

    (void)state;
    assert_true(config_override_parse(good, &overrides[0]));
    assert_false(config_override_parse(no_key, &overrides[1]));
    assert_false(config_override_parse(no_sign, &overrides[1]));
    config_report_init(&report);
    assert_int_equal(
        config_parse("f", bytes_of_text(ZK "num.partitions=3\n"), overrides, 1, &report, &config),
        ERR_NONE);
    assert_int_equal(config->num_partitions, 7);
    assert_int_equal(report.count, 0);
    config_free(config);

    overrides[1] = (struct config_override){"broker.id", "x"};
    config = NULL;
    assert_int_equal(config_parse("f", bytes_of_text(ZK), overrides, 2, &report, &config),
                     ERR_CONFIG_INVALID);
    assert_null(config);
    assert_string_equal(
        report.messages[0].text,
        "--override: broker.id is \"x\"; allowed: a whole number from -1 to 2147483647");
    config_report_done(&report);
}

static void all_problems_are_reported_in_one_go_and_passwords_are_not_shown(void **state) {
    struct config_report report;
    struct config *config = NULL;

    (void)state;
    config_report_init(&report);
    assert_int_equal(config_parse("f", bytes_of_text("num.partitions=0\nbroker.id=x\nfoo=1\n"),
                                  NULL, 0, &report, &config),
                     ERR_CONFIG_INVALID);
    assert_int_equal(report.error_count, 3);
    assert_int_equal(report.warning_count, 1);
    config_report_done(&report);

    config_report_init(&report);
    config = parse_or_fail(ZK "delegation.token.secret.key=swordfish\n", &report);
    assert_int_equal(report.count, 1);
    assert_null(strstr(report.messages[0].text, "swordfish"));
    config_free(config);
    config_report_done(&report);
}

static void limits_of_addresses_are_parsed(void **state) {
    struct config *config =
        parse_quietly(ZK "max.connections.per.ip=0\n"
                         "max.connections.per.ip.overrides=10.0.0.1:5, ::1:6,10.0.0.2:0\n");

    (void)state;
    assert_int_equal(config->address_limit_count, 3);
    assert_string_equal(config->address_limits[0].address, "10.0.0.1");
    assert_int_equal(config->address_limits[0].connections_max, 5);
    assert_string_equal(config->address_limits[1].address, "::1");
    assert_int_equal(config->address_limits[2].connections_max, 0);
    config_free(config);
}

static void a_file_is_loaded_and_a_missing_one_named(void **state) {
    char path[] = "/tmp/barnabas-config-XXXXXX";
    int fd = mkstemp(path);
    struct config_report report;
    struct config *config = NULL;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ZK "broker.id=5\n", strlen(ZK "broker.id=5\n")),
                     strlen(ZK "broker.id=5\n"));
    close(fd);
    config_report_init(&report);
    assert_int_equal(config_load(path, NULL, 0, &report, &config), ERR_NONE);
    assert_int_equal(config->broker_id, 5);
    config_free(config);
    assert_int_equal(unlink(path), 0);
    config = NULL;
    assert_int_equal(config_load("/nowhere/x.properties", NULL, 0, &report, &config),
                     ERR_CONFIG_INVALID);
    assert_string_equal(report.messages[0].text,
                        "/nowhere/x.properties: cannot be read: No such file or directory");
    config_report_done(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_kafkas_default),
        cmocka_unit_test(the_admin_listener_is_an_address_with_a_host),
        cmocka_unit_test(kafkas_own_file_is_good),
        cmocka_unit_test(every_bad_value_is_named_with_place_and_what_is_allowed),
        cmocka_unit_test(listeners_are_checked),
        cmocka_unit_test(several_listeners_are_kept_in_order),
        cmocka_unit_test(the_finest_time_counts),
        cmocka_unit_test(what_has_no_effect_is_warned_of),
        cmocka_unit_test(a_default_written_out_is_not_warned_of),
        cmocka_unit_test(an_override_goes_before_the_file),
        cmocka_unit_test(all_problems_are_reported_in_one_go_and_passwords_are_not_shown),
        cmocka_unit_test(limits_of_addresses_are_parsed),
        cmocka_unit_test(a_file_is_loaded_and_a_missing_one_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
