#include "broker/api/handlers.h"

#include "broker/log/producer_state.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/describe_producers.h"
#include "controller/core/topic_name.h"

/* DescribeProducers: who writes to a partition, as the replica here knows it. Administrators find
 * with it transactions that hang (KIP-664). */

typedef struct describe_producers_response_topics_partitions producers_answer;

static bool fill_producers(struct api_call *call, const struct producer_view *views, size_t count,
                           producers_answer *answer) {
    answer->active_producers = api_alloc(call, count, sizeof(*answer->active_producers));
    if (answer->active_producers == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        describe_producers_response_topics_partitions_active_producers_init(
            &answer->active_producers[i]);
        answer->active_producers[i].producer_id = views[i].producer_id;
        answer->active_producers[i].producer_epoch = views[i].producer_epoch;
        answer->active_producers[i].last_sequence = views[i].last_sequence;
        answer->active_producers[i].last_timestamp = views[i].last_timestamp;
        answer->active_producers[i].coordinator_epoch = views[i].coordinator_epoch;
        answer->active_producers[i].current_txn_start_offset = views[i].current_txn_first_offset;
    }
    answer->active_producers_count = (int32_t)count;
    return true;
}

static enum error describe(struct api_call *call, struct bytes topic, producers_answer *answer) {
    const struct metadata *metadata;
    const struct metadata_topic *known;
    struct producer_view *views;
    struct partition *partition =
        replica_manager_find(call->context->replicas, topic, answer->partition_index);
    enum error error = ERR_NOT_LEADER_OR_FOLLOWER;
    size_t count;

    if (partition != NULL) {
        error = partition_list_producers(partition, &call->request->arena, &views, &count);
        partition_unref(partition);
        if (error == ERR_NONE && !fill_producers(call, views, count, answer))
            error = ERR_OUT_OF_MEMORY;
        return error;
    }
    metadata = metadata_cache_get(call->context->metadata);
    known = metadata_find_topic(metadata, topic);
    if (known == NULL || metadata_find_partition(known, answer->partition_index) == NULL)
        error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    metadata_unref(metadata);
    return error;
}

/* An error of the whole topic, with Kafka's message. */
static enum error check_topic(struct api_call *call, struct bytes name, struct bytes *message) {
    char text[TOPIC_NAME_MESSAGE_SIZE];
    const struct metadata *metadata;
    bool is_known;

    if (!controller_topic_name_is_valid(name)) {
        controller_topic_name_explain(name, text, sizeof(text));
        *message = arena_copy(&call->request->arena, bytes_of_text(text));
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    metadata = metadata_cache_get(call->context->metadata);
    is_known = metadata_find_topic(metadata, name) != NULL;
    metadata_unref(metadata);
    *message = is_known ? BYTES_NULL : bytes_of_text(error_text(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    return is_known ? ERR_NONE : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static bool describe_topic(struct api_call *call,
                           const struct describe_producers_request_topics *in,
                           struct describe_producers_response_topics *out) {
    int32_t count = in->partition_indexes_count;
    struct bytes message;
    enum error error = check_topic(call, in->name, &message);

    describe_producers_response_topics_init(out);
    out->name = in->name;
    out->partitions = api_alloc(call, (size_t)count, sizeof(*out->partitions));
    if (out->partitions == NULL)
        return false;
    out->partitions_count = count;
    for (int32_t i = 0; i < count; i++) {
        producers_answer *answer = &out->partitions[i];
        describe_producers_response_topics_partitions_init(answer);
        answer->partition_index = in->partition_indexes[i];
        answer->error_message = message;
        answer->error_code =
            error_to_wire(error != ERR_NONE ? error : describe(call, in->name, answer));
    }
    return true;
}

static void handle(struct api_call *call) {
    struct describe_producers_request request;
    struct describe_producers_response response;

    if (!api_decode(call, &request))
        return;
    describe_producers_response_init(&response);
    response.topics = api_alloc(call, (size_t)request.topics_count, sizeof(*response.topics));
    if (response.topics == NULL) {
        api_close(call);
        return;
    }
    for (int32_t i = 0; i < request.topics_count; i++) {
        if (!describe_topic(call, &request.topics[i], &response.topics[response.topics_count++])) {
            api_close(call);
            return;
        }
    }
    api_respond(call, &response);
}

const struct api_handler api_describe_producers = {&describe_producers_api, 0, handle};
