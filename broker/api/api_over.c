/* What is left of a request when it is over: its times, in the metrics and, if they were long, in
 * the log. */
#include "broker/api/api.h"

#include <assert.h>

#include "broker/metrics/request_metrics.h"
#include "broker/server/server.h"
#include "client/base/clock.h"
#include "client/base/logger.h"
#include "client/wire/message/api_keys.h"

/* Per thread: a broker that is slow should not write about it all day. */
#define SLOW_LINES_INTERVAL_NS INT64_C(1000000000)

static_assert(API_KIND_PRODUCE == API_PRODUCE, "for those who do not see the keys");

static const struct api_handler *handler_of(uint8_t kind) {
    int16_t key =
        kind == API_KIND_FETCH_CONSUMER || kind == API_KIND_FETCH_FOLLOWER ? API_FETCH : kind;

    for (size_t i = 0; i < api_handler_count; i++) {
        if (api_handlers[i]->api->key == key)
            return api_handlers[i];
    }
    return NULL;
}

const char *api_kind_name(uint8_t kind) {
    const struct api_handler *handler = handler_of(kind);

    if (kind == API_KIND_FETCH_CONSUMER)
        return "FetchConsumer";
    if (kind == API_KIND_FETCH_FOLLOWER)
        return "FetchFollower";
    return handler != NULL ? handler->api->name : NULL;
}

static void log_slow(const struct request *request, const struct request_observation *observation) {
    static _Thread_local int64_t next_ns;
    static _Thread_local uint64_t suppressed;
    const struct request_label *label = &request->label;
    const int64_t *ns = observation->ns;
    int64_t now_ns = clock_system()->monotonic_ns(clock_system());

    if (now_ns < next_ns) {
        suppressed++;
        return;
    }
    next_ns = now_ns + SLOW_LINES_INTERVAL_NS;
    LOG_WARN("slow_request",
             "request=%s version=%d client=%s client_id=%s correlation_id=%d listener=%s "
             "total_ms=%.3f queue_ms=%.3f local_ms=%.3f remote_ms=%.3f response_queue_ms=%.3f "
             "send_ms=%.3f request_bytes=%" PRIu64 " response_bytes=%" PRIu64
             " suppressed=%" PRIu64,
             api_kind_name(label->kind), label->version, request->client_address,
             LOG_QUOTED(bytes_of(label->client_id, label->client_id_size)), label->correlation_id,
             request->listener->name, (double)ns[REQUEST_TIME_TOTAL] / 1e6,
             (double)ns[REQUEST_TIME_QUEUE] / 1e6, (double)ns[REQUEST_TIME_LOCAL] / 1e6,
             (double)ns[REQUEST_TIME_REMOTE] / 1e6, (double)ns[REQUEST_TIME_RESPONSE_QUEUE] / 1e6,
             (double)ns[REQUEST_TIME_SEND] / 1e6, observation->request_bytes,
             observation->response_bytes, suppressed);
    suppressed = 0;
}

/* These wait for as long as the client wishes, or other members of its group take: that does not
 * make them slow. */
static bool waits_as_wished(uint8_t kind) {
    return kind == API_KIND_FETCH_CONSUMER || kind == API_KIND_FETCH_FOLLOWER ||
           kind == API_JOIN_GROUP || kind == API_SYNC_GROUP;
}

static bool is_slow(const struct request_observation *observation, int64_t limit_ms) {
    int64_t ns = observation->ns[REQUEST_TIME_TOTAL];

    /* Most are fast whatever they are. */
    if (limit_ms < 0 || ns / 1000000 < limit_ms)
        return false;
    /* What made it wait was slow, or waited as it wished. */
    ns -= observation->ns[REQUEST_TIME_QUEUE];
    if (waits_as_wished(observation->kind))
        ns -= observation->ns[REQUEST_TIME_REMOTE];
    return ns / 1000000 >= limit_ms;
}

void api_on_request_over(void *context, const struct request *request,
                         const struct request_times *times) {
    struct api_context *api = context;
    const int64_t ran_ns = times->waited_ns != 0 ? times->waited_ns : times->ended_ns;
    const int64_t sending_ns = times->sending_ns != 0 ? times->sending_ns : times->sent_ns;
    const struct request_observation observation = {
        .kind = request->label.kind,
        .version = request->label.version,
        .request_bytes = times->request_bytes,
        .response_bytes = times->response_bytes,
        .ns = {[REQUEST_TIME_TOTAL] = times->sent_ns - times->received_ns,
               [REQUEST_TIME_QUEUE] = times->started_ns - times->received_ns,
               [REQUEST_TIME_LOCAL] = ran_ns - times->started_ns,
               [REQUEST_TIME_REMOTE] = times->ended_ns - ran_ns,
               [REQUEST_TIME_RESPONSE_QUEUE] = sending_ns - times->ended_ns,
               [REQUEST_TIME_SEND] = times->sent_ns - sending_ns},
    };

    request_metrics_observe(api->metrics, &observation);
    if (request->label.part_of_kind != 0)
        request_metrics_observe_time(api->metrics, request->label.part_of_kind, REQUEST_TIME_TOTAL,
                                     observation.ns[REQUEST_TIME_TOTAL]);
    if (is_slow(&observation, atomic_load_explicit(api->slow_request_ms, memory_order_relaxed)))
        log_slow(request, &observation);
}
