/*
 * Requests to other brokers of the cluster, and to this one, over the inter-broker listener: one
 * connection per broker, made when it is first needed.
 *
 * Calls wait while the connection is made. When it cannot be, or breaks, all calls of that broker
 * end with the connection's error (connection.h): whoever cares asks again. A broker that has
 * registered anew, perhaps at another address, gets a new connection.
 *
 * Threads: the loop's.
 */
#ifndef BROKER_PEER_PEER_CALLS_H
#define BROKER_PEER_PEER_CALLS_H

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/message.h"

struct loop;
struct metadata_cache;
struct peer_calls;

struct peer_calls_config {
    struct loop *loop;
    struct metadata_cache *metadata;
    const char *listener; /* the inter-broker listener's name */
    const char *purpose;  /* ends the client id: "broker-3-to-<purpose>" */
    int32_t broker_id;
};

/* All that the config points to outlives the calls. */
struct peer_calls *peer_calls_new(const struct peer_calls_config *config);
/* Ends what is under way with CANCELLED. Accepts NULL. */
void peer_calls_free(struct peer_calls *calls);

/* `response` is the struct of the API's response, valid during the call; NULL on an error. */
typedef void peer_answered(void *context, enum error error, const void *response);

/* `message`, the struct of the API's request, must live until `answered`, which is called exactly
 * once, perhaps from inside of the call: BROKER_NOT_AVAILABLE if the broker is not known.
 * `version_max` bounds the version; `timeout_ms` counts from the sending. */
void peer_call(struct peer_calls *calls, int32_t broker_id, const struct wire_api *api,
               int16_t version_max, const void *message, int64_t timeout_ms,
               peer_answered *answered, void *context);

/* Gives the connection to the broker up, if there is one: its calls end with `error`. */
void peer_calls_drop(struct peer_calls *calls, int32_t broker_id, enum error error);

#endif
