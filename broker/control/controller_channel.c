#include "broker/control/controller_channel.h"

#include <stdlib.h>

#include "broker/peer/peer_calls.h"

struct controller_channel {
    struct controller_channel_config config;
    struct peer_calls *calls;
    int32_t controller_id; /* that was called last */
};

struct controller_call {
    control_controller_response *done;
    void *context;
};

static void on_answered(void *context, enum error error, const void *response) {
    struct controller_call call = *(struct controller_call *)context;

    free(context);
    if (error != ERR_NONE && error != ERR_CANCELLED)
        error = ERR_NOT_CONTROLLER;
    call.done(call.context, error, response);
}

void controller_channel_call(struct controller_channel *channel, const struct wire_api *api,
                             int16_t version_max, const void *message, int64_t timeout_ms,
                             control_controller_response *done, void *context) {
    const struct metadata *metadata = metadata_cache_get(channel->config.metadata);
    int32_t controller_id = metadata->controller_id;
    struct controller_call *call = calloc(1, sizeof(*call));

    metadata_unref(metadata);
    CHECK(call != NULL);
    *call = (struct controller_call){done, context};
    /* What the last one was asked it cannot do any more, and it may never answer. */
    if (controller_id != channel->controller_id)
        peer_calls_drop(channel->calls, channel->controller_id, ERR_NOT_CONTROLLER);
    channel->controller_id = controller_id;
    peer_call(channel->calls, controller_id, api, version_max, message, timeout_ms, on_answered,
              call);
}

enum error controller_channel_new(const struct controller_channel_config *config,
                                  struct controller_channel **created) {
    struct controller_channel *channel = calloc(1, sizeof(*channel));
    const struct peer_calls_config calls = {
        .loop = config->loop,
        .metadata = config->metadata,
        .listener = config->listener,
        .purpose = "controller",
        .broker_id = config->broker_id,
    };

    if (channel == NULL)
        return ERR_OUT_OF_MEMORY;
    channel->config = *config;
    channel->controller_id = METADATA_NO_BROKER;
    channel->calls = peer_calls_new(&calls);
    *created = channel;
    return ERR_NONE;
}

void controller_channel_free(struct controller_channel *channel) {
    if (channel == NULL)
        return;
    peer_calls_free(channel->calls);
    free(channel);
}
