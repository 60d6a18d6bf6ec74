/*
 * The settings of one topic: the broker's, overlaid with the topic's own.
 *
 * A plain value without pointers: copy it as you like. One field per supported row of
 * TOPIC_CONFIG_LIST (topic_config_list.h), named like the key with underscores.
 *
 * Threads: any. Source: Apache Kafka 3.9, LogConfig.
 */
#ifndef BROKER_CONFIG_TOPIC_CONFIG_H
#define BROKER_CONFIG_TOPIC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/config/config_report.h"
#include "broker/config/topic_config_list.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

struct config;

/* Bits of cleanup_policy. */
#define TOPIC_CLEANUP_DELETE  1
#define TOPIC_CLEANUP_COMPACT 2

/* message_timestamp_type; the numbers are those in record batches. */
#define TOPIC_TIMESTAMP_CREATE_TIME     0
#define TOPIC_TIMESTAMP_LOG_APPEND_TIME 1

/* compression_type: 0 to 4 are the codecs of record batches (client/wire/compression.h). */
#define TOPIC_COMPRESSION_PRODUCER 5

#define TOPIC_CONFIG_C_BOOLEAN bool
#define TOPIC_CONFIG_C_INT     int32_t
#define TOPIC_CONFIG_C_LONG    int64_t
#define TOPIC_CONFIG_C_DOUBLE  double
#define TOPIC_CONFIG_C_STRING  uint8_t /* which of ONE_OF, from 0 */
#define TOPIC_CONFIG_C_LIST    uint8_t /* a bit for each of SUBSET_OF, the first is 1 */

#define TOPIC_CONFIG_FIELD(field, key, type, ...) TOPIC_CONFIG_C_##type field;
#define TOPIC_CONFIG_NO_FIELD(...)

struct topic_config {
    TOPIC_CONFIG_LIST(TOPIC_CONFIG_FIELD, TOPIC_CONFIG_NO_FIELD, TOPIC_CONFIG_NO_FIELD,
                      TOPIC_CONFIG_NO_FIELD)
};

#undef TOPIC_CONFIG_FIELD
#undef TOPIC_CONFIG_NO_FIELD

/* One override, as requests and znodes carry them; views. */
struct config_pair {
    struct bytes key;
    struct bytes value;
};

/* The level that belongs to compression_type; COMPRESSION_LEVEL_DEFAULT (INT32_MIN) where there
 * is none to choose. */
int32_t topic_config_compression_level(const struct topic_config *config);

/* What a topic without overrides has. */
struct topic_config topic_config_of_broker(const struct config *broker);

/* Checks all overrides and overlays them: what CreateTopics and AlterConfigs ask. Of a key that
 * comes twice the last counts.
 * Errors: INVALID_CONFIG; *resolved is untouched and `message` says which key, which value and
 * what is allowed. */
MUST_CHECK enum error topic_config_resolve(const struct config *broker,
                                           const struct config_pair *overrides, size_t count,
                                           struct topic_config *resolved,
                                           char message[CONFIG_MESSAGE_SIZE]);

/* The same for what /config/topics holds already: a newer or foreign broker may have written
 * what we do not know, and the topic must work nevertheless. Bad overrides are left out and
 * counted in the result; `message` describes the first of them. */
size_t topic_config_load(const struct config *broker, const struct config_pair *overrides,
                         size_t count, struct topic_config *resolved,
                         char message[CONFIG_MESSAGE_SIZE]);

/* Whether a topic may override that key. */
bool topic_config_is_key(struct bytes key);

/* Whether the key's values are lists, which IncrementalAlterConfigs may append to. */
bool topic_config_is_list(struct bytes key);

#endif
