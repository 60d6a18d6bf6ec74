#include "broker/peer/peer_calls.h"

#include <stdlib.h>

#include <uthash.h>

#include "broker/metadata/metadata_cache.h"
#include "client/base/logger.h"
#include "client/net/connection.h"

#define CONNECT_TIMEOUT_MS  5000
#define REQUEST_TIMEOUT_MS  30000
#define RESPONSE_BYTES_MAX  ((size_t)64 << 20)
#define ARENA_BYTES_MAX     (4 * RESPONSE_BYTES_MAX)
#define RESPONSE_STRUCT_MAX 512

struct call {
    TAILQ_ENTRY(call) link;
    struct peer *peer;
    const struct wire_api *api;
    int16_t version_max;
    const void *message;
    int64_t timeout_ms;
    peer_answered *answered;
    void *context;
};

TAILQ_HEAD(call_list, call);

struct peer {
    UT_hash_handle by_id;
    struct peer_calls *calls;
    int32_t id;
    int64_t broker_epoch;          /* that the connection was made to */
    enum error reason;             /* why it is being given up */
    struct connection *connection; /* NULL: none */
    struct call_list waiting;      /* for it to become ready */
};

struct peer_calls {
    struct peer_calls_config config;
    struct peer *peers;
    struct arena arena; /* of one response */
};

/* ---- Calls ---- */

static void finish(struct call *call, enum error error, const void *response) {
    peer_answered *answered = call->answered;
    void *context = call->context;

    free(call);
    answered(context, error, response);
}

static void fail_waiting(struct peer *peer, enum error error) {
    struct call_list failed = TAILQ_HEAD_INITIALIZER(failed);
    struct call *call;

    TAILQ_CONCAT(&failed, &peer->waiting, link);
    while ((call = TAILQ_FIRST(&failed)) != NULL) {
        TAILQ_REMOVE(&failed, call, link);
        finish(call, error, NULL);
    }
}

static void on_response(void *context, enum error error, int16_t version,
                        struct wire_reader *body) {
    struct call *call = context;
    struct arena *arena = &call->peer->calls->arena;
    const struct wire_message *response = call->api->response;
    max_align_t memory[RESPONSE_STRUCT_MAX / sizeof(max_align_t)];

    CHECK(response->size <= sizeof(memory));
    if (error == ERR_CANCELLED)
        error = call->peer->reason;
    if (error == ERR_NONE) {
        response->init(memory);
        error = response->decode(body, version, arena, memory);
    }
    finish(call, error, error == ERR_NONE ? memory : NULL);
    arena_reset(arena);
}

static void send_call(struct peer *peer, struct call *call) {
    connection_send(peer->connection, call->api, call->version_max, call->message, call->timeout_ms,
                    true, on_response, call);
}

/* ---- Connections ---- */

static void on_ready(void *context) {
    struct peer *peer = context;
    struct call *call;

    while ((call = TAILQ_FIRST(&peer->waiting)) != NULL) {
        TAILQ_REMOVE(&peer->waiting, call, link);
        send_call(peer, call);
    }
}

static void disconnect(struct peer *peer, enum error error) {
    struct connection *connection = peer->connection;

    peer->connection = NULL;
    peer->reason = error;
    connection_close(connection);
    fail_waiting(peer, error);
}

static void on_closed(void *context, enum error error) {
    struct peer *peer = context;

    LOG_DEBUG("peer_connection_closed", "broker=%d purpose=%s error=%s", peer->id,
              peer->calls->config.purpose, error_name(error));
    disconnect(peer, error);
}

static bool open_connection(struct peer *peer, const struct metadata_broker *broker) {
    const struct peer_calls_config *own = &peer->calls->config;
    const struct metadata_endpoint *endpoint = metadata_find_endpoint(broker, own->listener);
    char client_id[96];
    struct connection_config config = {
        .client_id = client_id,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .response_bytes_max = RESPONSE_BYTES_MAX,
        .negotiate = true,
        .on_ready = on_ready,
        .on_closed = on_closed,
        .context = peer,
    };

    if (endpoint == NULL)
        return false;
    snprintf(client_id, sizeof(client_id), "broker-%d-to-%s", own->broker_id, own->purpose);
    config.host = endpoint->host;
    config.port = (uint16_t)endpoint->port;
    peer->broker_epoch = broker->epoch;
    return connection_open(own->loop, &config, &peer->connection) == ERR_NONE;
}

static struct peer *find_peer(struct peer_calls *calls, int32_t broker_id) {
    struct peer *peer;

    HASH_FIND(by_id, calls->peers, &broker_id, sizeof(broker_id), peer);
    return peer;
}

static struct peer *need_peer(struct peer_calls *calls, int32_t broker_id) {
    struct peer *peer = find_peer(calls, broker_id);

    if (peer != NULL)
        return peer;
    peer = calloc(1, sizeof(*peer));
    CHECK(peer != NULL);
    peer->calls = calls;
    peer->id = broker_id;
    TAILQ_INIT(&peer->waiting);
    HASH_ADD(by_id, calls->peers, id, sizeof(peer->id), peer);
    return peer;
}

/* A peer with a connection, made or being made; NULL if there can be none. */
static struct peer *connected_peer(struct peer_calls *calls, int32_t broker_id) {
    const struct metadata *metadata = metadata_cache_get(calls->config.metadata);
    const struct metadata_broker *broker = metadata_find_broker(metadata, broker_id);
    struct peer *peer = broker == NULL ? find_peer(calls, broker_id) : need_peer(calls, broker_id);

    if (peer != NULL && peer->connection != NULL &&
        (broker == NULL || broker->epoch != peer->broker_epoch))
        disconnect(peer, ERR_CONNECTION_LOST);
    if (broker == NULL || (peer->connection == NULL && !open_connection(peer, broker)))
        peer = NULL;
    metadata_unref(metadata);
    return peer;
}

/* ---- The door ---- */

void peer_call(struct peer_calls *calls, int32_t broker_id, const struct wire_api *api,
               int16_t version_max, const void *message, int64_t timeout_ms,
               peer_answered *answered, void *context) {
    struct peer *peer = connected_peer(calls, broker_id);
    struct call *call;

    if (peer == NULL) {
        answered(context, ERR_BROKER_NOT_AVAILABLE, NULL);
        return;
    }
    call = calloc(1, sizeof(*call));
    CHECK(call != NULL);
    *call = (struct call){
        .peer = peer,
        .api = api,
        .version_max = version_max,
        .message = message,
        .timeout_ms = timeout_ms,
        .answered = answered,
        .context = context,
    };
    if (connection_is_ready(peer->connection))
        send_call(peer, call);
    else
        TAILQ_INSERT_TAIL(&peer->waiting, call, link);
}

void peer_calls_drop(struct peer_calls *calls, int32_t broker_id, enum error error) {
    struct peer *peer = find_peer(calls, broker_id);

    if (peer != NULL && peer->connection != NULL)
        disconnect(peer, error);
}

struct peer_calls *peer_calls_new(const struct peer_calls_config *config) {
    struct peer_calls *calls = calloc(1, sizeof(*calls));

    CHECK(calls != NULL);
    calls->config = *config;
    arena_init(&calls->arena, ARENA_BYTES_MAX);
    return calls;
}

void peer_calls_free(struct peer_calls *calls) {
    struct peer *peer, *next;

    if (calls == NULL)
        return;
    HASH_ITER (by_id, calls->peers, peer, next) {
        disconnect(peer, ERR_CANCELLED);
        HASH_DELETE(by_id, calls->peers, peer);
        free(peer);
    }
    arena_done(&calls->arena);
    free(calls);
}
