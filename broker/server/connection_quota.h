/*
 * How many connections there may be: in all, and per client address.
 *
 * The acceptor reserves a place before it accepts: when all are taken, new clients wait in the
 * kernel's backlog, as with Kafka. A client over its address's limit is accepted and closed.
 *
 * Threads: any; `lock` is a leaf. Source: Apache Kafka 3.9, SocketServer.ConnectionQuotas.
 */
#ifndef BROKER_SERVER_CONNECTION_QUOTA_H
#define BROKER_SERVER_CONNECTION_QUOTA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "broker/server/server.h"
#include "client/base/check.h"
#include "client/base/sync.h"

struct address_count;

struct connection_quota {
    struct mutex lock;
    int32_t connections_max;         /* lock */
    int32_t per_address_max;         /* lock */
    int32_t connections;             /* lock */
    bool acceptor_waits;             /* lock; a reservation was refused since the last release */
    struct address_count *addresses; /* lock; hash table: those with connections or a limit */
};

/* Errors: OUT_OF_MEMORY, CONFIG_INVALID (an address that is not numeric). */
MUST_CHECK enum error connection_quota_init(struct connection_quota *quota,
                                            const struct server_config *config);
void connection_quota_done(struct connection_quota *quota);

/* Other limits than before; connections over them stay. *retry: the acceptor should try again.
 * Errors: CONFIG_INVALID (an address that is not numeric: nothing has changed), OUT_OF_MEMORY. */
MUST_CHECK enum error connection_quota_set_limits(struct connection_quota *quota,
                                                  const struct server_limits *limits, bool *retry);

/* A place among connections_max. When false, some later release returns true. */
bool connection_quota_reserve(struct connection_quota *quota, bool exempt);

/* A place among those of the address; needs a reservation. */
bool connection_quota_admit(struct connection_quota *quota, const struct in6_addr *address);

/* Gives back the reservation, and the address's place unless `address` is NULL. True if the
 * acceptor should try again. */
bool connection_quota_release(struct connection_quota *quota, const struct in6_addr *address);

/* IPv4 addresses are mapped into IPv6. False for other families. */
bool connection_address(const struct sockaddr_storage *from, struct in6_addr *address);

#endif
