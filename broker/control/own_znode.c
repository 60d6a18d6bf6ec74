#include "broker/control/own_znode.h"

#include "broker/config/config.h"
#include "zk-schema/broker_znode.h"

struct bytes own_znode(const struct config *config, int64_t now_ms, struct arena *arena) {
    struct broker_endpoint endpoints[CONFIG_LISTENERS_MAX];
    struct broker_znode znode = {
        .rack = config->broker_rack,
        .timestamp_ms = now_ms,
        .endpoints = endpoints,
        .endpoint_count = (int32_t)config->advertised_listener_count,
    };

    for (size_t i = 0; i < config->advertised_listener_count; i++) {
        const struct config_listener *listener = &config->advertised_listeners[i];
        endpoints[i] = (struct broker_endpoint){listener->name, listener->host, listener->port,
                                                security_protocol_name(listener->protocol)};
    }
    return broker_znode_encode(&znode, arena);
}
