/*
 * Host names to addresses, on a helper thread, because getaddrinfo blocks.
 *
 * Threads: the loop's; the helper touches neither the loop nor the caller. A lookup that was
 * cancelled may go on in the background; its result is dropped.
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
