/* Where a log begins or ends, or was at some time: ListOffsets. */
#include "client/consumer/ask.h"
#include "client/wire/message/list_offsets.h"

static void answer_offset(struct ask_call *call,
                          const struct list_offsets_response_topics_partitions *answer,
                          struct asked_partition *item) {
    struct barnabas_consumer *consumer = call->consumer;
    struct reader_outcome outcome = {0};

    if (answer->error_code != ERR_NONE) {
        ask_fail(call, item, answer->error_code);
        return;
    }
    item->answered = true;
    mutex_lock(&consumer->lock);
    if (ask_is_current(item)) {
        struct reader *reader = &item->partition->reader;
        bool confirms = reader->state == READER_CONFIRMING;
        int64_t offset = answer->offset;

        if (answer->old_style_offsets_count > 0)
            offset = answer->old_style_offsets[0];
        reader_on_offset(reader, ERR_NONE, offset,
                         confirms ? item->leader_epoch : answer->leader_epoch, 0, &outcome);
        if (item->partition->position < 0 && reader->state == READER_READING)
            item->partition->position = reader->fetch_offset;
        outcome_queue(consumer, item->partition, &outcome);
    }
    mutex_unlock(&consumer->lock);
    ask_act_on(consumer, item, ERR_NONE, &outcome);
}

static enum error answer_offsets(struct ask_call *call, int16_t version, struct wire_reader *body,
                                 struct arena *arena) {
    struct list_offsets_response response;
    enum error error = list_offsets_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response.topics_count; i++)
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++) {
            const struct list_offsets_response_topics_partitions *answer =
                &response.topics[i].partitions[j];
            struct asked_partition *item =
                ask_find(call, response.topics[i].name, NULL, answer->partition_index);

            if (item != NULL)
                answer_offset(call, answer, item);
        }
    return ERR_NONE;
}

static enum error send_offsets(struct ask_call *call, struct arena *arena) {
    struct list_offsets_request request;
    struct list_offsets_request_topics *topic = NULL;
    struct list_offsets_request_topics_partitions *partitions =
        arena_alloc(arena, call->count, sizeof(*partitions));

    list_offsets_request_init(&request);
    request.replica_id = -1;
    request.isolation_level = (int8_t)call->consumer->settings->isolation;
    request.topics = arena_alloc(arena, call->count, sizeof(*request.topics));
    request.topics_count = 0;
    if (partitions == NULL || request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < call->count; i++) {
        const struct asked_partition *item = &call->items[i];

        if (!ask_same_topic(call, i)) {
            topic = &request.topics[request.topics_count++];
            topic->name = bytes_of_text(item->partition->topic->name);
            topic->partitions = &partitions[i];
        }
        topic->partitions_count++;
        list_offsets_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = item->partition->index;
        partitions[i].current_leader_epoch = item->leader_epoch;
        partitions[i].timestamp = item->timestamp;
    }
    ask_send(call, &list_offsets_api, list_offsets_api.version_max, &request);
    return ERR_NONE;
}

static void fail_offset(struct reader *reader, enum error error, enum offset_reset policy,
                        int64_t retry_at_ms, struct reader_outcome *outcome) {
    (void)policy;
    reader_on_offset(reader, error, -1, -1, retry_at_ms, outcome);
}

const struct ask_kind ask_offsets = {send_offsets, answer_offsets, fail_offset};
