/* Connections, bytes, and how busy the threads are that serve them. */
#include "broker/admin/collect.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/metrics/client_census.h"
#include "broker/server/server.h"
#include "client/base/check.h"
#include "client/base/clock.h"

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

enum connections_told { OPEN, ACCEPTED, CLOSED };

static int64_t told_of(struct server_listener_counters counters, enum connections_told told) {
    switch (told) {
    case OPEN:
        return (int64_t)counters.connections;
    case ACCEPTED:
        return (int64_t)counters.connections_accepted;
    case CLOSED:
        break;
    }
    /* Those that a reactor has not begun to serve yet are not accepted yet. */
    return counters.connections_accepted > counters.connections
               ? (int64_t)(counters.connections_accepted - counters.connections)
               : 0;
}

static void connections(struct exposition *out, const struct server *server) {
    static const struct {
        const char *name;
        const char *help;
        enum metric_type type;
        enum connections_told told;
    } families[] = {
        {SERVER "connection_count", "Open connections.", METRIC_GAUGE, OPEN},
        {SERVER "connection_creation_total", "Connections accepted.", METRIC_COUNTER, ACCEPTED},
        {SERVER "connection_close_total", "Connections that are over.", METRIC_COUNTER, CLOSED},
    };

    for (size_t f = 0; f < ARRAY_COUNT(families); f++) {
        exposition_family(out, families[f].name, families[f].type, families[f].help);
        for (size_t l = 0; l < server_listener_count(server); l++)
            for (size_t i = 0; i < server_reactor_count(server); i++) {
                char index[24];

                snprintf(index, sizeof(index), "%zu", i);
                exposition_integer(
                    out, "",
                    LABELS({"listener", server_listener_at(server, l)->name},
                           {"networkProcessor", index}),
                    told_of(server_listener_counters(server, i, l), families[f].told));
            }
    }
}

/* As in Kafka, a listener that lets anybody in counts nobody as authenticated; there are no others
 * yet. Source: Apache Kafka 3.9, Selector.pollSelectionKeys: only what is not ready at once. */
static void authentications(struct exposition *out, const struct server *server) {
    static const struct {
        const char *name;
        const char *help;
        enum metric_type type;
    } families[] = {
        {SERVER "successful_authentication_total", "Clients that proved who they are.",
         METRIC_COUNTER},
        {SERVER "successful_authentication_rate", "The same, per second.", METRIC_GAUGE},
        {SERVER "failed_authentication_total", "Clients that could not.", METRIC_COUNTER},
        {SERVER "failed_authentication_rate", "The same, per second.", METRIC_GAUGE},
    };

    for (size_t f = 0; f < ARRAY_COUNT(families); f++) {
        exposition_family(out, families[f].name, families[f].type, families[f].help);
        for (size_t l = 0; l < server_listener_count(server); l++)
            for (size_t i = 0; i < server_reactor_count(server); i++) {
                const struct server_listener *listener = server_listener_at(server, l);
                char index[24];

                snprintf(index, sizeof(index), "%zu", i);
                if (strcmp(listener->security_protocol, "PLAINTEXT") == 0)
                    exposition_integer(
                        out, "", LABELS({"listener", listener->name}, {"networkProcessor", index}),
                        0);
            }
    }
}

static void clients(struct exposition *out, const struct admin_view *view) {
    struct client_sort *sorts = calloc(CLIENT_SORTS_MAX + 1, sizeof(*sorts));
    int64_t silent = 0;
    size_t count;

    CHECK(sorts != NULL);
    for (size_t i = 0; i < server_reactor_count(view->parts.server); i++)
        silent += (int64_t)server_reactor_counters(view->parts.server, i).connections;
    count = client_census_read(view->parts.clients, sorts);
    exposition_family(out, "barnabas_connections", METRIC_GAUGE,
                      "Open connections by what the client says it is; without labels those that "
                      "did not say.");
    for (size_t i = 0; i < count; i++) {
        exposition_integer(
            out, "", LABELS({"client_software", sorts[i].name}, {"version", sorts[i].version}),
            sorts[i].connections);
        silent -= sorts[i].connections;
    }
    exposition_integer(out, "", NO_LABELS, silent > 0 ? silent : 0);
    free(sorts);
}

/* Kafka's network threads move bytes, and its handler threads run requests; here both is one. */
static void idle(struct exposition *out, const struct admin_view *view) {
    const struct server *server = view->parts.server;
    size_t count = server_reactor_count(server);
    double busy = 0;

    exposition_family(out, "barnabas_reactor_busy_ratio", METRIC_GAUGE,
                      "The share of the last one to two minutes that each thread which serves "
                      "connections worked; 1 is all of it.");
    for (size_t i = 0; i < count; i++) {
        double share =
            recent_busy_share(&view->recent, i, (int64_t)server_reactor_counters(server, i).busy_ns,
                              clock_system()->monotonic_ns(clock_system()));
        char index[24];

        snprintf(index, sizeof(index), "%zu", i);
        exposition_number(out, "", LABELS({"networkProcessor", index}), share);
        busy += share;
    }
    exposition_family(out, "kafka_network_socketserver_networkprocessoravgidle_percent",
                      METRIC_GAUGE, "The share of it that they were idle, on average.");
    exposition_number(out, "", NO_LABELS, 1 - busy / (double)count);
    exposition_family(out, "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
                      METRIC_GAUGE, "The same: the same threads run requests.");
    exposition_number(out, "", NO_LABELS, 1 - busy / (double)count);
}

static void delays(struct exposition *out, const struct pulse *pulse) {
    exposition_family(out, "barnabas_thread_delay_seconds", METRIC_GAUGE,
                      "How long a task waited last until the thread ran it.");
    for (size_t i = 0; i < pulse->count; i++)
        exposition_number(out, "", LABELS({"thread", pulse_name(pulse, i)}),
                          (double)pulse_delay_ns(pulse, i) / 1e9);
}

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
    connections(out, server);
    authentications(out, server);
    clients(out, view);
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
    idle(out, view);
    delays(out, &view->pulse);
    exposition_single(out, "barnabas_inflight_bytes", METRIC_GAUGE,
                      "Bytes of requests that are held: unfinished ones, and kept ones.",
                      server_queued_request_bytes(server));
}
