/* Connections, bytes, and how busy the threads are that serve them. */
#include "broker/admin/collect.h"

#include <stddef.h>
#include <stdio.h>

#include "broker/server/server.h"

/* A counter that every reactor has. */
static void per_reactor(struct exposition *out, const struct server *server, const char *name,
                        enum metric_type type, const char *help, size_t counter) {
    exposition_family(out, name, type, help);
    for (size_t i = 0; i < server_reactor_count(server); i++) {
        const struct server_counters counters = server_reactor_counters(server, i);
        char index[24];

        snprintf(index, sizeof(index), "%zu", i);
        exposition_integer(out, "", LABELS({"networkProcessor", index}),
                           *(const int64_t *)((const char *)&counters + counter));
    }
}

#define SERVER "kafka_server_socket_server_metrics_"

static void busy(struct exposition *out, const struct server *server) {
    exposition_family(out, "barnabas_reactor_busy_seconds_total", METRIC_COUNTER,
                      "CPU time of each thread that serves connections.");
    for (size_t i = 0; i < server_reactor_count(server); i++) {
        char index[24];

        snprintf(index, sizeof(index), "%zu", i);
        exposition_number(out, "", LABELS({"networkProcessor", index}),
                          (double)server_reactor_counters(server, i).busy_ns / 1e9);
    }
}

void collect_server(struct exposition *out, const struct admin_view *view) {
    const struct server *server = view->parts.server;

#define PER_REACTOR(name, type, help, field) \
    per_reactor(out, server, name, type, help, offsetof(struct server_counters, field))
    PER_REACTOR(SERVER "connection_count", METRIC_GAUGE, "Open connections.", connections);
    PER_REACTOR(SERVER "connection_creation_total", METRIC_COUNTER, "Connections accepted.",
                connections_accepted);
    PER_REACTOR(SERVER "expired_connections_killed_count", METRIC_COUNTER,
                "Connections closed because they were idle for too long.", connections_closed_idle);
    PER_REACTOR(SERVER "incoming_byte_total", METRIC_COUNTER, "Bytes received.", bytes_in);
    PER_REACTOR(SERVER "outgoing_byte_total", METRIC_COUNTER, "Bytes sent.", bytes_out);
    PER_REACTOR(SERVER "request_total", METRIC_COUNTER, "Requests received.", requests);
    PER_REACTOR(SERVER "response_total", METRIC_COUNTER, "Responses sent.", responses);
    PER_REACTOR("barnabas_connections_refused_total", METRIC_COUNTER,
                "Connections closed at once because a limit was reached.", connections_refused);
    PER_REACTOR("barnabas_frames_refused_total", METRIC_COUNTER,
                "Requests larger than allowed, or of negative size.", frames_refused);
    PER_REACTOR("barnabas_requests_outstanding", METRIC_GAUGE,
                "Requests that run, wait, or whose response waits for its turn.",
                requests_outstanding);
#undef PER_REACTOR
    busy(out, server);
    exposition_single(out, "barnabas_inflight_bytes", METRIC_GAUGE,
                      "Bytes of requests that are held: unfinished ones, and kept ones.",
                      server_queued_request_bytes(server));
}
