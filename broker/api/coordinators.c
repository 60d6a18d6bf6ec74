#include "broker/api/handlers.h"
#include "broker/control/control.h"
#include "broker/journal/coordinator_key.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/server/server.h"
#include "client/wire/message/find_coordinator.h"

#define KEY_TYPE_GROUP       0
#define KEY_TYPE_TRANSACTION 1
#define KEY_TYPE_SHARE       2 /* known since version 6; nobody coordinates any in Kafka 3.9 */

/* The broker that leads `key`'s partition of an internal topic, as clients of the listener reach
 * it; NULL: not available. */
static const struct metadata_broker *find_coordinator(const struct metadata *metadata,
                                                      const struct metadata_topic *topic,
                                                      struct bytes key) {
    const struct metadata_partition *partition;

    if (topic->partition_count == 0)
        return NULL;
    partition = metadata_find_partition(topic, coordinator_partition(key, topic->partition_count));
    return partition == NULL ? NULL : metadata_find_broker(metadata, partition->leader);
}

/* On an error, `found` says so as clients expect it. */
static enum error look_up(struct api_call *call, const struct metadata *metadata, int8_t key_type,
                          struct bytes key, struct find_coordinator_response_coordinators *found) {
    struct bytes topic_name = bytes_of_text(
        key_type == KEY_TYPE_TRANSACTION ? "__transaction_state" : "__consumer_offsets");
    const struct metadata_broker *broker;
    const struct metadata_endpoint *endpoint;
    const struct metadata_topic *topic;

    if (key_type == KEY_TYPE_SHARE && call->header.api_version >= 6)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    if (key_type != KEY_TYPE_GROUP && key_type != KEY_TYPE_TRANSACTION)
        return ERR_INVALID_REQUEST;
    topic = metadata_find_topic(metadata, topic_name);
    if (topic == NULL) {
        control_create_topic_automatically(call->context->control, topic_name);
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    broker = find_coordinator(metadata, topic, key);
    if (broker == NULL)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    endpoint = metadata_find_endpoint(broker, call->request->listener->name);
    if (endpoint == NULL)
        return ERR_COORDINATOR_NOT_AVAILABLE;
    found->node_id = broker->id;
    found->host = bytes_of_text(endpoint->host);
    found->port = endpoint->port;
    return ERR_NONE;
}

static enum error answer_key(struct api_call *call, const struct metadata *metadata,
                             int8_t key_type, struct bytes key,
                             struct find_coordinator_response_coordinators *answer) {
    enum error error;

    find_coordinator_response_coordinators_init(answer);
    answer->key = key;
    answer->node_id = METADATA_NO_BROKER;
    answer->host = bytes_of_text("");
    answer->port = -1;
    answer->error_message = bytes_of_text("");
    error = look_up(call, metadata, key_type, key, answer);
    answer->error_code = error_to_wire(error);
    /* As Kafka, where only a type that it does not know is an exception, with its message. */
    if (key_type < KEY_TYPE_GROUP || key_type > KEY_TYPE_SHARE)
        answer->error_message = bytes_of_text(error_text(error));
    return error;
}

/* Versions 0 to 3: one key, the answer beside it. */
static void respond_single(struct api_call *call, const struct metadata *metadata,
                           const struct find_coordinator_request *request) {
    struct find_coordinator_response_coordinators answer;
    struct find_coordinator_response response;
    enum error error = answer_key(call, metadata, request->key_type, request->key, &answer);

    find_coordinator_response_init(&response);
    response.error_code = answer.error_code;
    response.error_message = bytes_of_text(error == ERR_NONE ? "NONE" : error_text(error));
    response.node_id = answer.node_id;
    response.host = answer.host;
    response.port = answer.port;
    api_respond(call, &response);
}

static void respond_batch(struct api_call *call, const struct metadata *metadata,
                          const struct find_coordinator_request *request) {
    struct find_coordinator_response response;
    int32_t count = request->coordinator_keys_count;

    find_coordinator_response_init(&response);
    response.coordinators = api_alloc(call, (size_t)count + 1, sizeof(*response.coordinators));
    if (response.coordinators == NULL) {
        api_close(call);
        return;
    }
    response.coordinators_count = count;
    for (int32_t i = 0; i < count; i++)
        (void)answer_key(call, metadata, request->key_type, request->coordinator_keys[i],
                         &response.coordinators[i]);
    api_respond(call, &response);
}

static void handle_find_coordinator(struct api_call *call) {
    struct find_coordinator_request request;
    const struct metadata *metadata;

    if (!api_decode(call, &request))
        return;
    metadata = metadata_cache_get(call->context->metadata);
    if (call->header.api_version >= 4)
        respond_batch(call, metadata, &request);
    else
        respond_single(call, metadata, &request);
    metadata_unref(metadata);
}

const struct api_handler api_find_coordinator = {&find_coordinator_api, 6, handle_find_coordinator};
