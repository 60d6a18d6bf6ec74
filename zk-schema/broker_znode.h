/*
 * /brokers/ids/N: an ephemeral znode in which a live broker says where it is reached. Its czxid is
 * the broker epoch. Version 5 is written, 1 to 5 are read.
 */
#ifndef ZK_SCHEMA_BROKER_ZNODE_H
#define ZK_SCHEMA_BROKER_ZNODE_H

#include "zk-schema/znode_json.h"

struct broker_endpoint {
    const char *listener; /* upper case */
    const char *host;     /* IPv6 without brackets */
    int32_t port;
    const char *security_protocol; /* "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL" */
};

struct broker_znode {
    const char *rack; /* NULL: none */
    int64_t timestamp_ms;
    const struct broker_endpoint *endpoints;
    int32_t endpoint_count;
};

/* Null if memory is out. */
struct bytes broker_znode_encode(const struct broker_znode *broker, struct arena *arena);
MUST_CHECK enum error broker_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                          struct broker_znode *broker, struct znode_error *error);

#endif
