/*
 * The listening sockets, and the hand-over of what they accept: each new socket goes to the
 * reactor with the fewest connections. (SO_REUSEPORT would hash, which spreads few connections
 * badly.)
 *
 * Threads: acceptor_open and _free by the server's owner; the rest in the first reactor.
 */
#ifndef BROKER_SERVER_ACCEPTOR_H
#define BROKER_SERVER_ACCEPTOR_H

#include "broker/server/reactor.h"

struct acceptor;

/* Binds and listens at every listener of the configuration, whose `port` is set to the one that
 * was bound. Errors: ADDRESS_UNAVAILABLE, NAME_UNRESOLVED, OUT_OF_MEMORY. */
MUST_CHECK enum error acceptor_open(struct reactor_shared *shared, struct loop *loop,
                                    struct server_listener *listeners, size_t listener_count,
                                    struct acceptor **opened);
void acceptor_free(struct acceptor *acceptor); /* accepts NULL */

void acceptor_start(struct acceptor *acceptor);
/* Closes the listening sockets. */
void acceptor_stop(struct acceptor *acceptor);

/* From any reactor, when connection_quota_release says so. */
void acceptor_retry(struct acceptor *acceptor);

#endif
