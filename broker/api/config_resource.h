/*
 * What DescribeConfigs, AlterConfigs and IncrementalAlterConfigs are about: a topic, this broker,
 * all brokers, or this broker's loggers; and who may be asked about it.
 *
 * Threads: reactors. Source: Apache Kafka 3.9, ConfigHelper, ZkAdminManager.
 */
#ifndef BROKER_API_CONFIG_RESOURCE_H
#define BROKER_API_CONFIG_RESOURCE_H

#include "broker/api/api.h"
#include "broker/config/topic_config.h"
#include "broker/metadata/metadata.h"

/* resource_type of the protocol. */
enum config_resource_kind {
    CONFIG_RESOURCE_TOPIC = 2,
    CONFIG_RESOURCE_BROKER = 4,
    CONFIG_RESOURCE_BROKER_LOGGER = 8
};

struct config_resource {
    enum config_resource_kind kind;
    bool is_default; /* of BROKER: the settings of all brokers */
};

/* Errors: INVALID_REQUEST with a message (in the call's arena): an unknown kind, another broker.
 * `is_change`: settings are not read but changed, for which Kafka has other messages. */
MUST_CHECK enum error config_resource_find(struct api_call *call, int8_t type, struct bytes name,
                                           bool is_change, struct config_resource *resource,
                                           struct bytes *message);

/* The topic's own settings, as views of the snapshot; in the call's arena, NULL past its bound. */
struct config_pair *config_resource_overrides(struct api_call *call,
                                              const struct metadata_topic *topic);

#endif
