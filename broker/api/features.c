/*
 * UpdateFeatures: a cluster with ZooKeeper has no feature that could be raised or lowered, in Kafka
 * 3.9 too. The controller says so of each.
 * Source: Apache Kafka 3.9, KafkaController.validateFeatureUpdate.
 */
#include <stdio.h>

#include "broker/api/handlers.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/update_features.h"

enum upgrade_type { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };

#define MESSAGE_SIZE 128

static int8_t type_of(const struct api_call *call,
                      const struct update_features_request_feature_updates *update) {
    if (call->header.api_version > 0)
        return update->upgrade_type;
    return update->allow_downgrade ? SAFE_DOWNGRADE : UPGRADE;
}

/* Why not; in the call's arena, null past its bound. */
static struct bytes reason(struct api_call *call,
                           const struct update_features_request_feature_updates *update) {
    int8_t type = type_of(call, update);
    char text[MESSAGE_SIZE];

    if (update->feature.size == 0)
        return bytes_of_text("Feature name can not be empty.");
    if (type < UPGRADE || type > UNSAFE_DOWNGRADE)
        return bytes_of_text("Received unknown upgrade type.");
    if (update->max_version_level >= 1)
        return bytes_of_text("Could not apply finalized feature update because the provided "
                             "feature is not supported.");
    if (type != UPGRADE)
        return bytes_of_text("Can not delete non-existing finalized feature.");
    snprintf(text, sizeof(text),
             "Can not provide versionLevel: %d less than 1 without setting the SAFE downgradeType "
             "in the request.",
             update->max_version_level);
    return arena_copy(&call->request->arena, bytes_of_text(text));
}

static void handle_update_features(struct api_call *call) {
    struct update_features_request request;
    struct update_features_response response;

    if (!api_decode(call, &request))
        return;
    update_features_response_init(&response);
    response.error_message = BYTES_NULL;
    if (!metadata_cache_is_controller(call->context->metadata, call->context->broker_id)) {
        response.error_code = error_to_wire(ERR_NOT_CONTROLLER);
        response.error_message = bytes_of_text(error_text(ERR_NOT_CONTROLLER));
        api_respond(call, &response);
        return;
    }
    response.results =
        api_alloc(call, (size_t)request.feature_updates_count, sizeof(*response.results));
    for (int32_t i = 0; response.results != NULL && i < request.feature_updates_count; i++)
        response.results[response.results_count++] = (struct update_features_response_results){
            request.feature_updates[i].feature, error_to_wire(ERR_INVALID_REQUEST),
            reason(call, &request.feature_updates[i])};
    if (response.results == NULL)
        api_close(call);
    else
        api_respond(call, &response);
}

const struct api_handler api_update_features = {&update_features_api, 1, handle_update_features};
