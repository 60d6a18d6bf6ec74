/*
 * From request frames to handlers and back: each file here serves one family of requests and
 * exports one `const struct api_handler` per API. The list of them (api_dispatch.c) is the dispatch
 * table, and what ApiVersions advertises falls out of it.
 *
 * A handler decodes the body, does its work and ends the call exactly once: api_respond,
 * api_finish_without_response or api_close. It may do so later: memory from the call's arena lives
 * until then, but the frame (and so every view decoded from it) only until the handler returns,
 * unless request_keep_frame() was called.
 *
 * Threads: a call belongs to its reactor. What waits for another thread comes back by posting a
 * task to call->request->executor.
 */
#ifndef BROKER_API_API_H
#define BROKER_API_API_H

#include <stdatomic.h>

#include "broker/server/request.h"
#include "client/wire/header.h"
#include "client/wire/message.h"

struct client_census;
struct config;
struct control;
struct live_config;
struct encoded_metadata;
struct fetch_sessions;
struct group_coordinator;
struct metadata_cache;
struct producer_ids;
struct replica_manager;
struct request_metrics;
struct server;
struct transaction_coordinator;
struct clock;

/* What handlers work on: the parts of one broker. Fixed while the server runs. */
struct api_context {
    int32_t broker_id;
    const char *cluster_id;
    const struct config *config;     /* as the file has them */
    struct live_config *live_config; /* those in force */
    struct clock *clock;
    struct metadata_cache *metadata;
    struct encoded_metadata *encoded_metadata;
    struct replica_manager *replicas;
    struct log_manager *logs;
    struct executor *background; /* for what waits for a disk; runs tasks concurrently */
    struct fetch_sessions *sessions;
    struct producer_ids *producer_ids;
    struct group_coordinator *groups;
    struct transaction_coordinator *transactions;
    struct control *control;
    struct request_metrics *metrics;        /* NULL: errors are not counted */
    struct client_census *clients;          /* NULL: they are not counted */
    const _Atomic int64_t *slow_request_ms; /* barnabas.slow.request.log.ms; changes */
    void (*request_stop)(void *context);    /* the process is to stop as on SIGTERM; any thread */
    void *stop_context;
};

/* One request being served; in the request's arena. */
struct api_call {
    struct api_context *context;
    struct request *request;
    const struct api_handler *handler;
    struct request_header header; /* client_id is copied into the arena */
    struct wire_reader body;      /* positioned behind the header */
};

/* ---- Of a call's connection (connection.c) ---- */

/* The client says what software it is. */
void api_note_client(struct api_call *call, struct bytes name, struct bytes version);

/* The fetch of a follower that waits; NULL: none, or there was no memory to note it. */
void *api_waiting_fetch(const struct request *request);
void api_set_waiting_fetch(struct request *request, void *fetch);

/* The server's. */
void api_on_connection_closed(void *context, void *user);

struct api_handler {
    const struct wire_api *api;
    int16_t version_max; /* advertised; versions from 0 */
    void (*handle)(struct api_call *call);
};

/* A request's kind (struct request_label) is its API's key, but for Fetch, of which Kafka's metrics
 * tell two apart. */
#define API_KIND_PRODUCE        0
#define API_KIND_FETCH_CONSUMER 126
#define API_KIND_FETCH_FOLLOWER 127
#define API_KIND_COUNT          128
/* Parts of Produce, by what their producers wait for; only their whole time is told. */
#define API_PART_PRODUCE_ACKS_LEADER 124
#define API_PART_PRODUCE_ACKS_ALL    125

/* "Produce", "FetchConsumer"; NULL if nothing of that kind is served. */
const char *api_kind_name(uint8_t kind);

/* Decodes the body into `message`, the struct of the API's request. On failure the connection is
 * closed, as Kafka does, and false returned: the call has ended. */
MUST_CHECK bool api_decode(struct api_call *call, void *message);

/* After request_keep_frame, which may have moved the bytes: puts the body's reader anew. Only
 * before anything was decoded. */
void api_reread(struct api_call *call);

/* Encodes the struct of the API's response behind its header; request_send ends the call. Returns
 * the body as it was encoded, until then; BYTES_NULL if it failed. */
struct bytes api_encode(struct api_call *call, const void *message);
/* Ends the call with a body that was encoded before. */
void api_respond_encoded(struct api_call *call, struct bytes body);
/* Both in one. */
void api_respond(struct api_call *call, const void *message);
void api_finish_without_response(struct api_call *call);
void api_close(struct api_call *call);

/* Zeroed memory of the call's arena. NULL past its bound: then close the call. */
void *api_alloc(struct api_call *call, size_t count, size_t size);

/* The server's on_request; `context` is the struct api_context. */
void api_on_request(void *context, struct request *request);
/* The server's on_request_over: counts it, and logs it if it was slow. */
void api_on_request_over(void *context, const struct request *request,
                         const struct request_times *times);

extern const struct api_handler *const api_handlers[];
extern const size_t api_handler_count;

#endif
