/*
 * The broker's settings, read once from server.properties (Kafka's keys and meanings).
 *
 * struct config has one field per supported row of CONFIG_LIST (config_list.h), named like the
 * key with underscores, and behind them what is worked out from several keys. A broker that
 * starts has a config in which every check has passed.
 *
 * Precedence of values: --override, then the file, then the default. Of log.retention.ms,
 * .minutes and .hours (and their like) the finest that is set counts; the field of the finest
 * holds the result.
 *
 * Threads: any, as nothing changes after the start; what is changed at run time makes a new config
 * (config_overlay.h, live_config.h). Ownership: strings belong to the config.
 * Source: Apache Kafka 3.9, KafkaConfig.validateValues; ServerTopicConfigSynonyms.
 */
#ifndef BROKER_CONFIG_CONFIG_H
#define BROKER_CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "broker/config/config_list.h"
#include "broker/config/config_report.h"
#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define CONFIG_LISTENERS_MAX      16
#define CONFIG_LOG_DIRS_MAX       64
#define CONFIG_ADDRESS_LIMITS_MAX 256

/* Kafka's numbers. */
enum security_protocol {
    SECURITY_PLAINTEXT = 0,
    SECURITY_SSL = 1,
    SECURITY_SASL_PLAINTEXT = 2,
    SECURITY_SASL_SSL = 3
};

/* "PLAINTEXT" ... */
const char *security_protocol_name(enum security_protocol protocol);

struct config_listener {
    const char *name; /* upper case */
    const char *host; /* of a listener, "" is all interfaces; of an advertised one never "" */
    int32_t port; /* 0: the kernel chooses (an advertised 0 is then the port of that listener) */
    enum security_protocol protocol;
};

struct config_address_limit {
    const char *address; /* numeric, as given */
    int32_t connections_max;
};

/* A row's value as text, as DescribeConfigs shows it. */
struct config_value {
    const char *text; /* NULL: none */
    int line;         /* in the file; 0 if from --override or the default */
    bool is_set;      /* by the file or --override */
    /* Changed at run time (config_overlay.h), NULL if not: for this broker, for all brokers. They
     * come before `text`, in this order. */
    const char *of_broker;
    const char *of_all;
};

/* Settings that are only known at run time: config_rates in setting.h. */
#define CONFIG_RATE_COUNT 3

#define CONFIG_ROW_COUNTED(...) +1
#define CONFIG_ROW_NOTHING(...)

/* How many rows the table has. */
#define CONFIG_SETTING_COUNT \
    (0 CONFIG_LIST(CONFIG_ROW_COUNTED, CONFIG_ROW_COUNTED, CONFIG_ROW_COUNTED))

#define CONFIG_FIELD(field, key, type, ...) CONFIG_C_##type field;

struct config {
    CONFIG_LIST(CONFIG_FIELD, CONFIG_ROW_NOTHING, CONFIG_ROW_NOTHING)

    struct config_listener listeners[CONFIG_LISTENERS_MAX]; /* in the order of the file */
    size_t listener_count;                                  /* >= 1 */
    struct config_listener advertised_listeners[CONFIG_LISTENERS_MAX];
    size_t advertised_listener_count;
    const char *inter_broker_listener_name; /* upper case; one of the advertised ones */

    const char *admin_host; /* of barnabas.admin.listener; NULL: there is none */
    uint16_t admin_port;    /* 0: the kernel chooses */

    /* Only known at run time; INT64_MAX: no bound. Bytes per second. */
    int64_t leader_replication_throttled_rate;
    int64_t follower_replication_throttled_rate;
    int64_t replica_alter_log_dirs_rate;

    const char *log_dirs[CONFIG_LOG_DIRS_MAX]; /* absolute or relative, as given; all different */
    size_t log_dir_count;                      /* >= 1 */

    struct config_address_limit address_limits[CONFIG_ADDRESS_LIMITS_MAX];
    size_t address_limit_count; /* of max.connections.per.ip.overrides */

    struct config_value values[CONFIG_SETTING_COUNT]; /* by row, for config_describe.h */
    struct config_value rates[CONFIG_RATE_COUNT];     /* likewise, of config_rates */
    struct arena strings;
    atomic_int references; /* of an overlay, by live_config.h */
};

#undef CONFIG_FIELD

/* A "key=value" of the command line. */
struct config_override {
    const char *key;
    const char *value;
};

/* Reads and checks a file. Every problem goes to `report`, not just the first; with an error
 * among them nothing is created. An advertised listener without a host gets this machine's name.
 * The caller frees *loaded. Errors: CONFIG_INVALID (also when the file cannot be read),
 * OUT_OF_MEMORY. */
MUST_CHECK enum error config_load(const char *path, const struct config_override *overrides,
                                  size_t override_count, struct config_report *report,
                                  struct config **loaded);

/* The same from a text; `name` stands for the file in messages. What tests use:
 * config_parse("test", bytes_of_text("zookeeper.connect=localhost\n"), ...). */
MUST_CHECK enum error config_parse(const char *name, struct bytes text,
                                   const struct config_override *overrides, size_t override_count,
                                   struct config_report *report, struct config **parsed);

void config_free(struct config *config); /* accepts NULL */

/* `barnabasd --check-config FILE`: prints the report and a verdict to standard output; returns
 * the exit status, 0 if a broker would start with it. */
int config_check_main(const char *path, const struct config_override *overrides,
                      size_t override_count);

/* `barnabasd --print-config-docs`: prints SETTINGS.md, which is made from the tables. */
void config_print_docs(void);
void config_write_docs(FILE *out);

/* Splits "key=value" of an --override in place. False if there is no '=' or no key. */
bool config_override_parse(char *text, struct config_override *override);

#endif
