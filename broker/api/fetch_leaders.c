#include "broker/api/fetch_leaders.h"

#include "broker/api/leader_hints.h"

#define LEADER_HINTS_VERSION_MIN 16

static void fill_nodes(struct api_call *call, const struct leader_hints *hints,
                       struct fetch_response *response) {
    response->node_endpoints =
        api_alloc(call, (size_t)hints->node_count, sizeof(*response->node_endpoints));
    if (response->node_endpoints == NULL)
        return;
    for (int32_t i = 0; i < hints->node_count; i++) {
        const struct leader_node *node = &hints->nodes[i];
        response->node_endpoints[i] =
            (struct fetch_response_node_endpoints){node->id, node->host, node->port, node->rack};
    }
    response->node_endpoints_count = hints->node_count;
}

static bool is_of_another_leader(int16_t error_code) {
    return error_code == error_to_wire(ERR_NOT_LEADER_OR_FOLLOWER) ||
           error_code == error_to_wire(ERR_FENCED_LEADER_EPOCH);
}

void fetch_tell_leaders(struct api_call *call, int32_t leader_max,
                        struct fetch_response *response) {
    struct leader_hints hints;

    if (call->header.api_version < LEADER_HINTS_VERSION_MIN ||
        !leader_hints_begin(&hints, call, leader_max))
        return;
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct fetch_response_responses *topic = &response->responses[i];
        const struct metadata_topic *known =
            metadata_find_topic_by_id(hints.metadata, &topic->topic_id);
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct fetch_response_responses_partitions *partition = &topic->partitions[j];
            if (is_of_another_leader(partition->error_code))
                (void)leader_hints_find(&hints, known, partition->partition_index,
                                        &partition->current_leader.leader_id,
                                        &partition->current_leader.leader_epoch);
        }
    }
    fill_nodes(call, &hints, response);
    leader_hints_end(&hints);
}
