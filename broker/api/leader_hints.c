#include "broker/api/leader_hints.h"

#include "broker/metadata/metadata_cache.h"
#include "broker/server/server.h"

bool leader_hints_begin(struct leader_hints *hints, struct api_call *call,
                        int32_t partition_count) {
    *hints = (struct leader_hints){.call = call};
    hints->nodes = api_alloc(call, (size_t)partition_count, sizeof(*hints->nodes));
    if (hints->nodes == NULL)
        return false;
    hints->metadata = metadata_cache_get(call->context->metadata);
    return true;
}

void leader_hints_end(struct leader_hints *hints) {
    metadata_unref(hints->metadata);
}

static bool has_node(const struct leader_hints *hints, int32_t id) {
    for (int32_t i = 0; i < hints->node_count; i++) {
        if (hints->nodes[i].id == id)
            return true;
    }
    return false;
}

static bool add_node(struct leader_hints *hints, int32_t id) {
    struct arena *arena = &hints->call->request->arena;
    const struct metadata_broker *broker = metadata_find_broker(hints->metadata, id);
    const struct metadata_endpoint *endpoint =
        broker == NULL ? NULL
                       : metadata_find_endpoint(broker, hints->call->request->listener->name);
    struct leader_node node = {.id = id};

    if (endpoint == NULL)
        return false;
    node.host = arena_copy(arena, bytes_of_text(endpoint->host));
    node.port = endpoint->port;
    if (broker->rack != NULL)
        node.rack = arena_copy(arena, bytes_of_text(broker->rack));
    if (bytes_is_null(node.host))
        return false;
    hints->nodes[hints->node_count++] = node;
    return true;
}

bool leader_hints_find(struct leader_hints *hints, const struct metadata_topic *topic,
                       int32_t index, int32_t *leader_id, int32_t *leader_epoch) {
    const struct metadata_partition *state =
        topic == NULL ? NULL : metadata_find_partition(topic, index);

    if (state == NULL || state->leader < 0 ||
        (!has_node(hints, state->leader) && !add_node(hints, state->leader)))
        return false;
    *leader_id = state->leader;
    *leader_epoch = state->leader_epoch;
    return true;
}
