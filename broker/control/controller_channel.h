/*
 * The connection to whichever broker is the controller, this one included.
 *
 * Calls wait while the connection is made; when it fails, or no controller is known, they end with
 * NOT_CONTROLLER, and whoever cares asks again.
 *
 * Threads: the control thread.
 */
#ifndef BROKER_CONTROL_CONTROLLER_CHANNEL_H
#define BROKER_CONTROL_CONTROLLER_CHANNEL_H

#include "broker/control/control.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/check.h"
#include "client/net/loop.h"

struct controller_channel;

struct controller_channel_config {
    struct loop *loop;
    struct metadata_cache *metadata;
    const char *listener; /* the inter-broker listener's name */
    int32_t broker_id;
};

MUST_CHECK enum error controller_channel_new(const struct controller_channel_config *config,
                                             struct controller_channel **created);
/* Ends what waits with CANCELLED. Accepts NULL. */
void controller_channel_free(struct controller_channel *channel);

/* As control_call_controller. */
void controller_channel_call(struct controller_channel *channel, const struct wire_api *api,
                             int16_t version_max, const void *message, int64_t timeout_ms,
                             control_controller_response *done, void *context);

#endif
