/*
 * All settings with value, source and documentation, as DescribeConfigs answers them.
 *
 *   for (size_t i = 0; i < config_describe_broker_count(); i++) {
 *       struct config_entry entry;
 *       config_describe_broker(config, i, &entry);
 *       ...
 *   }
 *
 * Threads: any. Source: Apache Kafka 3.9, ConfigHelper.
 */
#ifndef BROKER_CONFIG_CONFIG_DESCRIBE_H
#define BROKER_CONFIG_CONFIG_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/config/topic_config.h"
#include "client/base/bytes.h"

/* config_source of the protocol. */
enum config_source {
    CONFIG_SOURCE_TOPIC = 1,
    CONFIG_SOURCE_DYNAMIC_BROKER = 2,
    CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
    CONFIG_SOURCE_STATIC_BROKER = 4,
    CONFIG_SOURCE_DEFAULT = 5,
    CONFIG_SOURCE_DYNAMIC_BROKER_LOGGER = 6
};

/* config_type of the protocol. */
enum config_type {
    CONFIG_TYPE_BOOLEAN = 1,
    CONFIG_TYPE_STRING = 2,
    CONFIG_TYPE_INT = 3,
    CONFIG_TYPE_SHORT = 4,
    CONFIG_TYPE_LONG = 5,
    CONFIG_TYPE_DOUBLE = 6,
    CONFIG_TYPE_LIST = 7,
    CONFIG_TYPE_CLASS = 8,
    CONFIG_TYPE_PASSWORD = 9
};

#define CONFIG_SYNONYMS_MAX 16
#define CONFIG_ROOM_SIZE    64

struct config_synonym {
    const char *name;
    struct bytes value; /* null if there is none or it is sensitive */
    enum config_source source;
};

struct config_entry {
    const char *name;   /* static */
    struct bytes value; /* null if there is none or it is sensitive; a view of the config, of an
                         * override, static, or of `room` */
    enum config_source source;
    enum config_type type;
    bool is_sensitive;
    bool is_read_only;
    const char *documentation; /* static; NULL: there is none */
    /* In order of precedence, the one in effect first. */
    struct config_synonym synonyms[CONFIG_SYNONYMS_MAX];
    size_t synonym_count;
    char room[CONFIG_ROOM_SIZE]; /* for `value`: the entry must not be copied */
};

/* Resource type broker: all rows of CONFIG_LIST. Read-only is what cannot be changed at run time
 * here, which is more than in Kafka. */
size_t config_describe_broker_count(void);
void config_describe_broker(const struct config *config, size_t index, struct config_entry *entry);

/* Resource type broker without a name: false if the row was not changed for all brokers. */
bool config_describe_default(const struct config *config, size_t index, struct config_entry *entry);

/* Rates that are only known at run time, of which those are shown that were set: false if this one
 * was not; `is_default` as above. Read-only, as Kafka has it. */
size_t config_describe_rate_count(void);
bool config_describe_rate(const struct config *config, size_t index, bool is_default,
                          struct config_entry *entry);

/* Resource type topic: all rows of TOPIC_CONFIG_LIST. Values and source follow the overrides
 * given; an override that is not valid is shown nevertheless. */
size_t config_describe_topic_count(void);
void config_describe_topic(const struct config *config, const struct config_pair *overrides,
                           size_t count, size_t index, struct config_entry *entry);

#endif
