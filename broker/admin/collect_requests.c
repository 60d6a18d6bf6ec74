/* Requests: how many, of which version, with which errors, and how long they took. */
#include "broker/admin/collect.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/api/api.h"
#include "broker/metrics/request_metrics.h"
#include "broker/server/server.h"

#define REQUESTS "kafka_network_requestmetrics_"

struct kind {
    const char *name;
    uint8_t number;
    struct request_totals totals;
};

/* What has come, one place per kind; Kafka counts fetches of both sorts as "Fetch" too. */
struct kinds {
    struct kind *kinds;
    size_t count;
};

static void read_kinds(struct kinds *kinds, const struct request_metrics *metrics) {
    kinds->kinds = calloc(API_KIND_COUNT, sizeof(*kinds->kinds));
    CHECK(kinds->kinds != NULL);
    for (size_t i = 0; i < API_KIND_COUNT; i++) {
        struct kind *kind = &kinds->kinds[kinds->count];

        kind->number = (uint8_t)i;
        kind->name = api_kind_name(kind->number);
        if (kind->name != NULL && request_metrics_read(metrics, kind->number, &kind->totals))
            kinds->count++;
    }
}

static void collect_counts(struct exposition *out, const struct kinds *kinds) {
    exposition_family(out, REQUESTS "requests_total", METRIC_COUNTER, "Requests that are over.");
    for (size_t i = 0; i < kinds->count; i++) {
        for (size_t version = 0; version < REQUEST_VERSIONS_MAX; version++) {
            const uint64_t count = kinds->kinds[i].totals.requests[version];
            char text[24];

            snprintf(text, sizeof(text), "%zu", version);
            if (count > 0)
                exposition_integer(out, "",
                                   LABELS({"request", kinds->kinds[i].name}, {"version", text}),
                                   (int64_t)count);
        }
    }
    exposition_family(out, REQUESTS "errors_total", METRIC_COUNTER,
                      "Error codes in responses; what went well is not counted.");
    for (size_t i = 0; i < kinds->count; i++) {
        for (int code = -1; code < REQUEST_ERRORS_MAX - 1; code++) {
            const uint64_t count = kinds->kinds[i].totals.errors[code + 1];

            if (count > 0)
                exposition_integer(out, "",
                                   LABELS({"request", kinds->kinds[i].name},
                                          {"error", error_name((enum error)code)}),
                                   (int64_t)count);
        }
    }
}

static void collect_bytes(struct exposition *out, const struct kinds *kinds) {
    exposition_family(out, REQUESTS "requestbytes", METRIC_SUMMARY, "Sizes of requests.");
    for (size_t i = 0; i < kinds->count; i++) {
        const struct request_totals *totals = &kinds->kinds[i].totals;

        exposition_integer(out, "_sum", LABELS({"request", kinds->kinds[i].name}),
                           (int64_t)totals->request_bytes);
        exposition_integer(out, "_count", LABELS({"request", kinds->kinds[i].name}),
                           (int64_t)totals->times[REQUEST_TIME_TOTAL].count);
    }
    exposition_family(out, "barnabas_request_bytes_total", METRIC_COUNTER, "Bytes of requests.");
    for (size_t i = 0; i < kinds->count; i++)
        exposition_integer(out, "", LABELS({"request", kinds->kinds[i].name}),
                           (int64_t)kinds->kinds[i].totals.request_bytes);
    exposition_family(out, "barnabas_response_bytes_total", METRIC_COUNTER, "Bytes of responses.");
    for (size_t i = 0; i < kinds->count; i++)
        exposition_integer(out, "", LABELS({"request", kinds->kinds[i].name}),
                           (int64_t)kinds->kinds[i].totals.response_bytes);
}

/* ---- Times ---- */

static const struct {
    const char *name;
    const char *help;
} times[] = {
    [REQUEST_TIME_TOTAL] = {REQUESTS "totaltimems",
                            "From a request's arrival until its response had left, in ms; "
                            "quantiles of the last one to two minutes."},
    [REQUEST_TIME_QUEUE] = {REQUESTS "requestqueuetimems",
                            "What of it was waiting to be run: until those before it on its "
                            "connection had run, or let it."},
    [REQUEST_TIME_LOCAL] = {REQUESTS "localtimems", "What of it was running."},
    [REQUEST_TIME_REMOTE] = {REQUESTS "remotetimems",
                             "What of it was waiting for others, for data, or for a disk."},
    [REQUEST_TIME_RESPONSE_QUEUE] = {REQUESTS "responsequeuetimems",
                                     "What of it was waiting to be sent: for earlier responses."},
    [REQUEST_TIME_SEND] = {REQUESTS "responsesendtimems",
                           "What of it was sending, and waiting for the socket."},
};

static void collect_time(struct exposition *out, const struct kinds *kinds,
                         const struct recent *recent, enum request_time time) {
    struct histogram_snapshot *difference = malloc(sizeof(*difference));

    CHECK(difference != NULL);
    exposition_family(out, times[time].name, METRIC_SUMMARY, times[time].help);
    for (size_t i = 0; i < kinds->count; i++) {
        const struct kind *kind = &kinds->kinds[i];

        recent_since(recent, kind->number, &kind->totals, time, difference);
        collect_quantiles(out, kind->name, difference, &kind->totals.times[time]);
    }
    free(difference);
}

/* ---- What Kafka has no names for ---- */

static void collect_produce(struct exposition *out, const struct request_metrics *metrics) {
    static const struct {
        const char *acks;
        uint8_t part;
    } parts[] = {{"1", API_PART_PRODUCE_ACKS_LEADER}, {"all", API_PART_PRODUCE_ACKS_ALL}};
    struct request_totals *totals = malloc(sizeof(*totals));

    CHECK(totals != NULL);
    exposition_family(out, "barnabas_produce_ack_seconds", METRIC_HISTOGRAM,
                      "From the arrival of records until their acknowledgement had left, by what "
                      "the producer waits for.");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        (void)request_metrics_read(metrics, parts[i].part, totals);
        collect_buckets(out, "acks", parts[i].acks, &totals->times[REQUEST_TIME_TOTAL]);
    }
    exposition_family(out, "barnabas_append_seconds", METRIC_HISTOGRAM,
                      "How long a produce request ran: its batches were checked and appended, "
                      "with waiting for locks and for room in the kernel's cache.");
    (void)request_metrics_read(metrics, API_KIND_PRODUCE, totals);
    collect_buckets(out, "acks", NULL, &totals->times[REQUEST_TIME_LOCAL]);
    free(totals);
}

static void collect_queue(struct exposition *out, const struct server *server) {
    int64_t count = 0;

    for (size_t i = 0; i < server_reactor_count(server); i++)
        count += (int64_t)server_reactor_counters(server, i).requests_stashed;
    exposition_single(out, "kafka_network_requestchannel_requestqueuesize", METRIC_GAUGE,
                      "Requests that were read but not run yet, because of those before them on "
                      "their connection.",
                      count);
}

/* ---- Those that wait ---- */

static void collect_waiting(struct exposition *out, const struct server *server) {
    exposition_family(out, "barnabas_waiters", METRIC_GAUGE,
                      "Requests that wait for others, for data, or for a disk.");
    for (size_t i = 0; i < API_KIND_COUNT; i++) {
        const int64_t waiting = server_waiting_requests(server, (uint8_t)i);

        if (waiting > 0)
            exposition_integer(out, "", LABELS({"request", api_kind_name((uint8_t)i)}), waiting);
    }
    exposition_family(out, "kafka_server_delayedoperationpurgatory_purgatorysize", METRIC_GAUGE,
                      "Requests that wait, by Kafka's names.");
    exposition_integer(out, "", LABELS({"delayedOperation", "Produce"}),
                       server_waiting_requests(server, API_KIND_PRODUCE));
    exposition_integer(out, "", LABELS({"delayedOperation", "Fetch"}),
                       server_waiting_requests(server, API_KIND_FETCH_CONSUMER) +
                           server_waiting_requests(server, API_KIND_FETCH_FOLLOWER));
}

void collect_requests(struct exposition *out, const struct admin_view *view) {
    struct kinds kinds = {0};

    read_kinds(&kinds, view->parts.metrics);
    collect_counts(out, &kinds);
    collect_bytes(out, &kinds);
    for (size_t i = 0; i < REQUEST_TIME_COUNT; i++)
        collect_time(out, &kinds, &view->recent, (enum request_time)i);
    collect_queue(out, view->parts.server);
    collect_produce(out, view->parts.metrics);
    collect_waiting(out, view->parts.server);
    free(kinds.kinds);
}
