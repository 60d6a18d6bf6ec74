/*
 * A socket on its way to a host: the name is looked up, then its addresses, of IPv4 and IPv6, are
 * tried one after the other, in the order in which the system gives them. Each may take its share
 * of the time that is left, so that one which swallows packets does not keep the others from
 * being tried.
 *
 * Threads: the loop's. Embed it; it must not move between dialer_start and dialer_done.
 */
#ifndef CLIENT_NET_DIALER_H
#define CLIENT_NET_DIALER_H

#include "client/net/resolver.h"

struct dialer {
    /* One of these is called at the end, once, and not before dialer_start has returned; it may
     * call dialer_done, and free the memory. The socket, which does not block, is the callee's. */
    void (*connected)(struct dialer *dialer, int fd);
    /* NAME_UNRESOLVED, CONNECTION_FAILED, OUT_OF_MEMORY. */
    void (*failed)(struct dialer *dialer, enum error error);

    /* Its own. */
    struct loop *loop;
    struct resolver_lookup *lookup; /* while the name is looked up */
    struct resolved resolved;
    size_t next_address;
    int fd; /* of the address that is being tried; -1: none */
    struct event *event;
    struct loop_timer timer; /* begins with a numeric address; then, the share of one address */
    int64_t deadline_ms;
};

/* Before anything else; sets no callback. */
void dialer_init(struct dialer *dialer, struct loop *loop);

/* Errors: OUT_OF_MEMORY; then no callback is called. */
MUST_CHECK enum error dialer_start(struct dialer *dialer, const char *host, uint16_t port,
                                   int64_t within_ms);

/* The same where the addresses are known. */
void dialer_start_resolved(struct dialer *dialer, const struct resolved *resolved,
                           int64_t within_ms);

/* Ends it without a callback. */
void dialer_stop(struct dialer *dialer);
void dialer_done(struct dialer *dialer);

#endif
