/*
 * The ZooKeeper session over libzookeeper_mt: the real form of the port zk-schema/zk.h.
 *
 * The session lives for ever: when it expires, the listener is told, the dead handle is closed,
 * and a new session is opened (after which all watches are to be set again). Opening and closing
 * happen on a thread of its own, because the library resolves names and waits in there. The
 * library's two threads only copy what they bring and post it.
 *
 * Requests made while there is no session complete with ZK_SESSION_EXPIRED. A request that is too
 * large for ZooKeeper completes with ZK_REFUSED: sent, it would break the connection and take all
 * others with it.
 *
 * Pitfalls of the library that this file keeps away from its callers: one watch function and one
 * context for all watches of a session (its session events cost n squared otherwise), no DNS
 * look-up per response, no NULL completions, data copied before the callback returns, no request
 * before the credentials. One remains: it sends all watches in one packet when it reconnects, and
 * the server refuses it, for ever, above jute.maxbuffer (1 MiB, some 17,000 watches). Hold few.
 *
 * Threads: everything on the executor's thread.
 * Source: ZooKeeper 3.8 C client, zookeeper.h.
 */
#ifndef ZK_SCHEMA_ZK_CLIENT_H
#define ZK_SCHEMA_ZK_CLIENT_H

#include "client/base/check.h"
#include "client/base/clock.h"
#include "client/base/executor.h"
#include "zk-schema/zk.h"

/* Below the default of jute.maxbuffer (1,048,575), with room for what is not counted. */
#define REQUEST_BYTES_MAX 1040000

struct zk_client;

struct zk_client_config {
    const char *connect;        /* zookeeper.connect: host:port,...[/chroot]; copied */
    int32_t session_timeout_ms; /* zookeeper.session.timeout.ms; the server may change it */
    const char *digest_auth;    /* "user:password", or NULL; copied */
    bool set_acl;               /* zookeeper.set.acl; needs digest_auth */
    struct executor *executor;
    struct zk_listener *listener;
    struct clock *clock; /* of zk_client_session_deadline_ms; any thread; NULL: the system's */
};

/* Starts to connect; the listener hears of ZK_SESSION_NEW. A missing chroot is made first.
 * Errors: CONFIG_INVALID (malformed connect string, or set_acl without credentials), OUT_OF_MEMORY.
 */
MUST_CHECK enum error zk_client_open(const struct zk_client_config *config,
                                     struct zk_client **opened);

/* Ends the session, so that its ephemeral znodes vanish, and frees the client. Outstanding
 * completions are called with CANCELLED first; nothing is called after the return. Waits for
 * the library's threads. Not from the client's own callbacks. Accepts NULL. */
void zk_client_close(struct zk_client *client);

struct zk *zk_client_zk(struct zk_client *client);

/* What the server granted, in ms; 0 before the first session. */
int32_t zk_client_session_timeout_ms(const struct zk_client *client);

/* The monotonic time in ms from which on the server may have ended the session, which it only
 * tells when we are connected again: INT64_MAX while connected, a third of the timeout after the
 * connection was lost, INT64_MIN while there is no session. */
int64_t zk_client_session_deadline_ms(const struct zk_client *client);

#endif
