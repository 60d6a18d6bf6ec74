/*
 * A client's connection to one broker: requests go out, responses come back in order and are
 * handed to the callback of the request they answer.
 *
 * connection_open resolves the host on a helper thread, connects, and (if `negotiate`) asks
 * ApiVersions first, newest version, falling back as the broker's answer says. When the
 * connection fails, every outstanding callback is called with CONNECTION_FAILED (never sent) or
 * CONNECTION_LOST (outcome unknown), then on_closed. A request without an answer within its
 * timeout closes the connection.
 *
 * on_closed is given NAME_UNRESOLVED, CONNECTION_FAILED (could not be reached, or not ready in
 * time), CONNECTION_LOST (after it was ready), REQUEST_TIMED_OUT, UNSUPPORTED_VERSION (the broker
 * speaks no ApiVersions that we do), MALFORMED (what came is no answer to the oldest request),
 * OUT_OF_MEMORY, or the error with which the broker answered ApiVersions.
 *
 * Threads: only the loop's thread. No callback is called from within connection_open or
 * connection_send. Ownership: connection_close may be called at any time, also from callbacks;
 * callbacks outstanding are called with CANCELLED before it returns.
 * The seam for TLS and SASL is the stage between the dialer's socket and ready.
 */
#ifndef CLIENT_NET_CONNECTION_H
#define CLIENT_NET_CONNECTION_H

#include "client/net/loop.h"
#include "client/wire/message.h"
#include "client/wire/reader.h"

struct connection;

struct connection_config {
    const char *host; /* name or address; copied */
    uint16_t port;
    const char *client_id;           /* copied */
    int64_t connect_timeout_ms;      /* until ready */
    int64_t request_timeout_ms;      /* default for a request */
    size_t response_bytes_max;       /* a larger frame closes the connection */
    bool negotiate;                  /* ask ApiVersions first */
    void (*on_ready)(void *context); /* may be NULL */
    /* Called once, unless connection_close was called first. May call connection_close. */
    void (*on_closed)(void *context, enum error error);
    void *context;
};

/* `body` is positioned behind the response header and is valid during the call; NULL on error. */
typedef void response_callback(void *context, enum error error, int16_t version,
                               struct wire_reader *body);

MUST_CHECK enum error connection_open(struct loop *loop, const struct connection_config *config,
                                      struct connection **opened);
void connection_close(struct connection *connection); /* accepts NULL; frees */

bool connection_is_ready(const struct connection *connection);

/* The newest version that both sides speak, at most `version_max`; -1 if none. Once ready. */
int16_t connection_version(const struct connection *connection, int16_t api_key,
                           int16_t version_max);

/* Encodes and queues a request in version min(version_max, the broker's); only once ready (else
 * `done` gets CONNECTION_FAILED). `timeout_ms` <= 0 means the configured one. `message` is the
 * struct of `api`'s request and is read during the call only. If the broker does not speak the API,
 * `done` gets UNSUPPORTED_VERSION. `expect_response` is false only for Produce with acks=0: then
 * `done` is called when the request has been handed to the kernel. */
void connection_send(struct connection *connection, const struct wire_api *api, int16_t version_max,
                     const void *message, int64_t timeout_ms, bool expect_response,
                     response_callback *done, void *context);

size_t connection_in_flight(const struct connection *connection);

#endif
