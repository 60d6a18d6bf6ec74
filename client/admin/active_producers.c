/* Who writes to partitions, as one broker knows it, and ending what hangs there. */
#include "client/admin/admin_call.h"
#include "client/wire/message/describe_producers.h"
#include "client/wire/message/write_txn_markers.h"

/* --- describing --------------------------------------------------------------------------- */

static enum error read_producers(struct admin_call *call,
                                 const struct describe_producers_response_topics_partitions *from,
                                 struct barnabas_partition_producers *to) {
    size_t count = (size_t)from->active_producers_count;
    struct barnabas_active_producer *items =
        arena_alloc(&call->result->arena, count + 1, sizeof(*items));

    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct describe_producers_response_topics_partitions_active_producers *producer =
            &from->active_producers[i];
        items[i] = (struct barnabas_active_producer){
            .producer_id = producer->producer_id,
            .producer_epoch = producer->producer_epoch,
            .coordinator_epoch = producer->coordinator_epoch,
            .last_sequence = producer->last_sequence,
            .last_ms = producer->last_timestamp,
            .start_offset = producer->current_txn_start_offset,
        };
    }
    to->partition = from->partition_index;
    to->error = from->error_code;
    to->items = items;
    to->count = count;
    return ERR_NONE;
}

static enum error producers_read(struct admin_call *call, const void *message) {
    const struct describe_producers_response *response = message;
    struct barnabas_producers *producers = &call->result->producers;
    struct barnabas_partition_producers *items;
    enum error error = ERR_NONE;
    size_t count = 0;

    for (int32_t i = 0; i < response->topics_count; i++)
        count += (size_t)response->topics[i].partitions_count;
    items = arena_alloc(&call->result->arena, count + 1, sizeof(*items));
    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    producers->items = items;
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct describe_producers_response_topics *topic = &response->topics[i];
        const char *name = admin_text(call, topic->name);

        if (name == NULL)
            return ERR_OUT_OF_MEMORY;
        for (int32_t j = 0; error == ERR_NONE && j < topic->partitions_count; j++) {
            items[producers->count].topic = name;
            error = read_producers(call, &topic->partitions[j], &items[producers->count++]);
        }
    }
    return error;
}

/* One entry per partition: brokers take a topic several times. */
static bool fill_topics(struct describe_producers_request *request, struct arena *arena,
                        const struct barnabas_topic_partition *partitions, size_t count) {
    int32_t *indexes = arena_alloc(arena, count + 1, sizeof(*indexes));

    describe_producers_request_init(request);
    request->topics = arena_alloc(arena, count + 1, sizeof(*request->topics));
    if (indexes == NULL || request->topics == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        indexes[i] = partitions[i].partition;
        describe_producers_request_topics_init(&request->topics[i]);
        request->topics[i].name = bytes_of_text(partitions[i].topic);
        request->topics[i].partition_indexes = &indexes[i];
        request->topics[i].partition_indexes_count = 1;
    }
    request->topics_count = (int32_t)count;
    return true;
}

int barnabas_admin_describe_producers(struct barnabas_admin *admin, int32_t broker_id,
                                      const struct barnabas_topic_partition *partitions,
                                      size_t count, int64_t timeout_ms,
                                      struct barnabas_producers **producers) {
    struct describe_producers_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = broker_id,
        .api = &describe_producers_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = producers_read,
    };
    enum error error = ERR_OUT_OF_MEMORY;
    struct arena arena;

    arena_init(&arena, SIZE_MAX / 2);
    if (fill_topics(&request, &arena, partitions, count))
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *producers = &result->producers;
    return error;
}

void barnabas_producers_free(struct barnabas_producers *producers) {
    admin_result_free((struct admin_result *)producers);
}

/* --- ending ------------------------------------------------------------------------------- */

static enum error marker_read(struct admin_call *call, const void *message) {
    const struct write_txn_markers_response *response = message;
    const struct write_txn_markers_response_markers *marker = response->markers;

    (void)call;
    if (response->markers_count != 1 || marker->topics_count != 1 ||
        marker->topics[0].partitions_count != 1)
        return ERR_MALFORMED;
    return marker->topics[0].partitions[0].error_code;
}

int barnabas_admin_abort_transaction(struct barnabas_admin *admin, int32_t leader_id,
                                     const struct barnabas_abort_marker *wanted,
                                     int64_t timeout_ms) {
    struct write_txn_markers_request_markers_topics topic;
    struct write_txn_markers_request_markers marker;
    struct write_txn_markers_request request;
    int32_t partition = wanted->partition.partition;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = leader_id,
        .api = &write_txn_markers_api,
        .version_max = 1,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = marker_read,
    };
    enum error error;

    write_txn_markers_request_markers_topics_init(&topic);
    topic.name = bytes_of_text(wanted->partition.topic);
    topic.partition_indexes = &partition;
    topic.partition_indexes_count = 1;
    write_txn_markers_request_markers_init(&marker);
    marker.producer_id = wanted->producer_id;
    marker.producer_epoch = wanted->producer_epoch;
    marker.coordinator_epoch = wanted->coordinator_epoch;
    marker.transaction_result = false;
    marker.topics = &topic;
    marker.topics_count = 1;
    write_txn_markers_request_init(&request);
    request.markers = &marker;
    request.markers_count = 1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        admin_result_free(result);
    return error;
}
