/*
 * Host names to addresses, on a helper thread, because getaddrinfo blocks.
 *
 * Threads: the loop's; the helper touches neither the loop nor the caller. A lookup that was
 * cancelled may go on in the background; its result is dropped. It ends when the system's resolver
 * gives up (resolv.conf(5): by default after 10 s for each name server), and holds its thread and
 * its own memory until then, and no handle. One connection has at most one that is not cancelled;
 * a cluster whose names cannot be looked up makes a new one for each broker when the last has
 * failed or socket.connection.setup.timeout.ms is over, so that no more are under way than fit into
 * the resolver's time.
 */
#ifndef CLIENT_NET_RESOLVER_H
#define CLIENT_NET_RESOLVER_H

#include <netinet/in.h>

#include "client/net/loop.h"

#define RESOLVED_ADDRESSES_MAX 8

struct resolved {
    struct sockaddr_storage addresses[RESOLVED_ADDRESSES_MAX]; /* in the order to try them */
    size_t count;
};

/* Whether `host` is a numeric address; no lookup is needed then. */
bool resolver_numeric(const char *host, uint16_t port, struct resolved *resolved);

struct resolver_lookup;

/* `done` is called once, on the loop's thread and not before this returns, unless the lookup is
 * cancelled; `resolved` is valid during the call and not empty if `error` is NONE.
 * `error`: NONE, NAME_UNRESOLVED. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error resolver_start(struct loop *loop, const char *host, uint16_t port,
                                     void (*done)(void *context, enum error error,
                                                  const struct resolved *resolved),
                                     void *context, struct resolver_lookup **started);

/* Before `done` was called. Accepts NULL. */
void resolver_cancel(struct resolver_lookup *lookup);

#endif
