/*
 * Accepts connections, cuts what arrives into frames, runs a handler for each, and sends the
 * responses in the order of the requests. It moves bytes and knows no API.
 *
 * Each reactor is one thread with an event loop and the connections it was given. A request runs
 * inline on its reactor while later ones of the same connection are read and run already, up to
 * `outstanding_requests_max`. See broker/server/request.h for what a handler does with one.
 *
 * Bounds: connections (total, per address), the size of a frame, bytes of frames held broker-wide
 * (past it sockets are not read), requests and unsent response bytes per connection (past them
 * that connection is not read).
 *
 * Threads: server_new, _start, _stop, _free by one thread, none of the reactors; the rest by any.
 */
#ifndef BROKER_SERVER_SERVER_H
#define BROKER_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/server/request.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/executor.h"

struct server;

/* One endpoint. `advertised_*` and `security_protocol` are not used here: they travel with it for
 * those who tell clients where to connect. */
struct server_listener {
    const char *name;              /* "PLAINTEXT", "INTERNAL" */
    const char *security_protocol; /* "PLAINTEXT" */
    const char *host;              /* numeric or a name; empty or NULL: all interfaces */
    uint16_t port;                 /* 0: the kernel picks one, see server_listener_port */
    const char *advertised_host;
    uint16_t advertised_port;
    bool exempt_from_connections_max; /* the inter-broker listener */
};

struct server_address_limit {
    const char *address; /* numeric */
    int32_t connections_max;
};

/* What can change while the server runs. */
struct server_limits {
    int32_t connections_max;                           /* [max.connections] */
    int32_t connections_per_ip_max;                    /* [max.connections.per.ip] */
    const struct server_address_limit *address_limits; /* [...per.ip.overrides] copied */
    size_t address_limit_count;
};

/* Keys of server.properties in brackets. Start from server_config_default. */
struct server_config {
    const struct server_listener *listeners; /* [listeners] copied, strings too */
    size_t listener_count;
    int32_t reactor_count;          /* [num.network.threads] 0: cores - 1, at least 1 */
    int32_t listen_backlog;         /* [socket.listen.backlog.size] */
    int32_t send_buffer_bytes;      /* [socket.send.buffer.bytes] -1: the kernel tunes it */
    int32_t receive_buffer_bytes;   /* [socket.receive.buffer.bytes] likewise */
    const char *congestion_control; /* [barnabas.socket.congestion.control] NULL or "": the
                                       system's, but reno for peers on a loopback address; copied */
    int32_t connections_max;        /* [max.connections] */
    int32_t connections_per_ip_max; /* [max.connections.per.ip] */
    const struct server_address_limit *address_limits; /* [...per.ip.overrides] copied */
    size_t address_limit_count;
    int64_t connection_idle_ms_max;   /* [connections.max.idle.ms] negative: never */
    int32_t frame_bytes_max;          /* [socket.request.max.bytes] */
    int64_t queued_request_bytes_max; /* [queued.max.request.bytes] -1: no bound */
    size_t outstanding_requests_max;  /* per connection: running, or answered and unsent */
    size_t unsent_response_bytes_max; /* per connection, in memory; file ranges do not count */
    size_t arena_bytes_max;           /* per request */
    size_t response_bytes_max;        /* per response, in memory */

    void (*on_request)(void *context, struct request *request);
    /* A request is over: its response has left, or there was none to send. Not called for those
     * whose connection was closed before. On the connection's reactor. May be NULL. */
    void (*on_request_over)(void *context, const struct request *request,
                            const struct request_times *times);
    /* `user` as the handler set it, if not NULL. On the connection's reactor, or in server_free
     * for those whose requests never ended. May be NULL. */
    void (*on_connection_closed)(void *context, void *user);
    void *context;
};

extern const struct server_config server_config_default;

/* Binds and listens, so that a port in use is found before anybody hears of this broker; accepts
 * nothing yet. Logs what failed (event listener_failed with name, host, port and the reason).
 * Errors: ADDRESS_UNAVAILABLE, NAME_UNRESOLVED, CONFIG_INVALID (an address limit whose address is
 * not numeric), OUT_OF_MEMORY. */
MUST_CHECK enum error server_new(const struct server_config *config, struct server **created);

/* Starts the reactors and begins to accept. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error server_start(struct server *server);

/* Stops accepting and reading; lets requests under way finish for up to `drain_ms` and sends
 * their responses; then closes what is left (abandoning its requests) and ends the threads.
 * The executors take tasks, without running them, until server_free. */
void server_stop(struct server *server, int64_t drain_ms);

/* Stops first if need be. Frees requests that nobody ended: whoever may still hold one or post
 * to an executor must have been stopped before. Accepts NULL. */
void server_free(struct server *server);

/* Connections that are over a new limit stay until they end. Errors: CONFIG_INVALID (an address
 * that is not numeric: nothing has changed), OUT_OF_MEMORY. */
MUST_CHECK enum error server_set_limits(struct server *server, const struct server_limits *limits);

size_t server_listener_count(const struct server *server);
/* With the port that is really bound; valid until server_free. */
const struct server_listener *server_listener_at(const struct server *server, size_t index);

size_t server_reactor_count(const struct server *server);
struct executor *server_reactor_executor(struct server *server, size_t index);

/* Of one reactor; only ever growing, but for the first three. Read without a lock, so that they
 * may be some events apart. */
struct server_counters {
    uint64_t connections; /* open now */
    uint64_t requests_outstanding;
    uint64_t requests_stashed; /* read whole, but not run yet */
    uint64_t connections_accepted;
    uint64_t connections_closed_idle;
    uint64_t connections_refused; /* over a bound; counted by the first reactor */
    uint64_t frames_refused;      /* negative or over the bound */
    uint64_t requests;
    uint64_t responses;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t busy_ns; /* CPU time of the thread; over wall time it is the busy ratio */
};

struct server_counters server_reactor_counters(const struct server *server, size_t index);

/* Of one reactor and listener, as above. */
struct server_listener_counters {
    uint64_t connections; /* open now */
    uint64_t connections_accepted;
};

struct server_listener_counters
server_listener_counters(const struct server *server, size_t reactor_index, size_t listener_index);

/* Requests of that kind (request_label) that wait now for something else than a thread. */
int64_t server_waiting_requests(const struct server *server, uint8_t kind);

/* Bytes of frames that are held now: unfinished or kept. */
int64_t server_queued_request_bytes(const struct server *server);

#endif
