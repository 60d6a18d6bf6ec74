#include "broker/control/controller_channel.h"

#include <stdlib.h>

#include "client/base/logger.h"
#include "client/net/connection.h"

#define CONNECT_TIMEOUT_MS  5000
#define RESPONSE_BYTES_MAX  ((size_t)64 << 20)
#define RESPONSE_STRUCT_MAX 512

struct controller_call {
    struct controller_channel *channel;
    const struct wire_api *api;
    int16_t version_max;
    const void *message;
    int64_t timeout_ms;
    control_controller_response *done;
    void *context;
    TAILQ_ENTRY(controller_call) link;
};

TAILQ_HEAD(call_list, controller_call);

struct controller_channel {
    struct controller_channel_config config;
    struct connection *connection; /* NULL: none */
    int32_t controller_id;         /* that the connection leads to */
    bool ready;
    struct call_list waiting; /* for the connection to become ready */
    struct arena arena;
};

static void finish(struct controller_call *call, enum error error, const void *response) {
    control_controller_response *done = call->done;
    void *context = call->context;

    free(call);
    done(context, error, response);
}

static void fail_waiting(struct controller_channel *channel, enum error error) {
    struct call_list failed = TAILQ_HEAD_INITIALIZER(failed);
    struct controller_call *call;

    TAILQ_CONCAT(&failed, &channel->waiting, link);
    while ((call = TAILQ_FIRST(&failed)) != NULL) {
        TAILQ_REMOVE(&failed, call, link);
        finish(call, error, NULL);
    }
}

static void on_response(void *context, enum error error, int16_t version,
                        struct wire_reader *body) {
    struct controller_call *call = context;
    struct controller_channel *channel = call->channel;
    const struct wire_message *response = call->api->response;
    max_align_t memory[RESPONSE_STRUCT_MAX / sizeof(max_align_t)];

    CHECK(response->size <= sizeof(memory));
    if (error == ERR_NONE) {
        response->init(memory);
        error = response->decode(body, version, &channel->arena, memory);
    } else if (error != ERR_CANCELLED) {
        error = ERR_NOT_CONTROLLER;
    }
    finish(call, error, error == ERR_NONE ? memory : NULL);
    arena_reset(&channel->arena);
}

static void send_call(struct controller_channel *channel, struct controller_call *call) {
    connection_send(channel->connection, call->api, call->version_max, call->message,
                    call->timeout_ms, true, on_response, call);
}

static void on_ready(void *context) {
    struct controller_channel *channel = context;
    struct controller_call *call;

    channel->ready = true;
    while ((call = TAILQ_FIRST(&channel->waiting)) != NULL) {
        TAILQ_REMOVE(&channel->waiting, call, link);
        send_call(channel, call);
    }
}

static void disconnect(struct controller_channel *channel) {
    struct connection *connection = channel->connection;

    channel->connection = NULL;
    channel->ready = false;
    connection_close(connection);
}

static void on_closed(void *context, enum error error) {
    struct controller_channel *channel = context;

    LOG_DEBUG("controller_connection_closed", "controller=%d error=%s", channel->controller_id,
              error_name(error));
    disconnect(channel);
    fail_waiting(channel, ERR_NOT_CONTROLLER);
}

static bool connect_to(struct controller_channel *channel, const struct metadata *metadata) {
    const struct metadata_broker *broker = metadata_find_broker(metadata, metadata->controller_id);
    const struct metadata_endpoint *endpoint =
        broker == NULL ? NULL : metadata_find_endpoint(broker, channel->config.listener);
    char client_id[64];
    struct connection_config config = {
        .client_id = client_id,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .request_timeout_ms = 30000,
        .response_bytes_max = RESPONSE_BYTES_MAX,
        .negotiate = true,
        .on_ready = on_ready,
        .on_closed = on_closed,
        .context = channel,
    };

    if (endpoint == NULL)
        return false;
    snprintf(client_id, sizeof(client_id), "broker-%d-to-controller", channel->config.broker_id);
    config.host = endpoint->host;
    config.port = (uint16_t)endpoint->port;
    channel->controller_id = metadata->controller_id;
    return connection_open(channel->config.loop, &config, &channel->connection) == ERR_NONE;
}

void controller_channel_call(struct controller_channel *channel, const struct wire_api *api,
                             int16_t version_max, const void *message, int64_t timeout_ms,
                             control_controller_response *done, void *context) {
    const struct metadata *metadata = metadata_cache_get(channel->config.metadata);
    struct controller_call *call = calloc(1, sizeof(*call));
    bool is_connected;

    CHECK(call != NULL);
    *call = (struct controller_call){channel,    api,  version_max, message,
                                     timeout_ms, done, context,     {0}};
    if (channel->connection != NULL && channel->controller_id != metadata->controller_id) {
        disconnect(channel);
        fail_waiting(channel, ERR_NOT_CONTROLLER);
    }
    is_connected = channel->connection != NULL || connect_to(channel, metadata);
    metadata_unref(metadata);
    if (!is_connected)
        finish(call, ERR_NOT_CONTROLLER, NULL);
    else if (channel->ready)
        send_call(channel, call);
    else
        TAILQ_INSERT_TAIL(&channel->waiting, call, link);
}

enum error controller_channel_new(const struct controller_channel_config *config,
                                  struct controller_channel **created) {
    struct controller_channel *channel = calloc(1, sizeof(*channel));

    if (channel == NULL)
        return ERR_OUT_OF_MEMORY;
    channel->config = *config;
    channel->controller_id = METADATA_NO_BROKER;
    TAILQ_INIT(&channel->waiting);
    arena_init(&channel->arena, RESPONSE_BYTES_MAX * 4);
    *created = channel;
    return ERR_NONE;
}

void controller_channel_free(struct controller_channel *channel) {
    if (channel == NULL)
        return;
    disconnect(channel);
    fail_waiting(channel, ERR_CANCELLED);
    arena_done(&channel->arena);
    free(channel);
}
