/* Where an epoch ends in a newer leader's log: OffsetForLeaderEpoch. */
#include "client/consumer/ask.h"
#include "client/wire/message/offset_for_leader_epoch.h"

/* From this version on, brokers check the epoch that the client knows, and name the one found. */
#define EPOCH_VERSION_MIN 2

static void answer_epoch(struct ask_call *call,
                         const struct offset_for_leader_epoch_response_topics_partitions *answer,
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
        reader_on_epoch_end(&item->partition->reader, ERR_NONE, answer->leader_epoch,
                            answer->end_offset, item->leader_epoch,
                            consumer->settings->offset_reset, 0, &outcome);
        outcome_queue(consumer, item->partition, &outcome);
    }
    mutex_unlock(&consumer->lock);
    ask_act_on(consumer, item, outcome.error, &outcome);
}

static enum error answer_epochs(struct ask_call *call, int16_t version, struct wire_reader *body,
                                struct arena *arena) {
    struct offset_for_leader_epoch_response response;
    enum error error = offset_for_leader_epoch_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response.topics_count; i++)
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++) {
            const struct offset_for_leader_epoch_response_topics_partitions *answer =
                &response.topics[i].partitions[j];
            struct asked_partition *item =
                ask_find(call, response.topics[i].topic, NULL, answer->partition);

            if (item != NULL)
                answer_epoch(call, answer, item);
        }
    return ERR_NONE;
}

/* A broker that cannot tell leaves positions unchecked. */
static void skip_epochs(struct ask_call *call) {
    struct barnabas_consumer *consumer = call->consumer;

    mutex_lock(&consumer->lock);
    for (size_t i = 0; i < call->count; i++) {
        struct asked_partition *item = &call->items[i];
        struct reader_outcome none;

        item->answered = true;
        if (ask_is_current(item))
            reader_on_epoch_end(&item->partition->reader, ERR_NONE, item->fetch_epoch,
                                item->fetch_offset, item->leader_epoch,
                                consumer->settings->offset_reset, 0, &none);
    }
    mutex_unlock(&consumer->lock);
    ask_end(call, ERR_NONE);
}

static enum error send_epochs(struct ask_call *call, struct arena *arena) {
    struct offset_for_leader_epoch_request request;
    struct offset_for_leader_epoch_request_topics *topic = NULL;
    struct offset_for_leader_epoch_request_topics_partitions *partitions =
        arena_alloc(arena, call->count, sizeof(*partitions));

    if (connection_version(call->connection, offset_for_leader_epoch_api.key,
                           offset_for_leader_epoch_api.version_max) < EPOCH_VERSION_MIN) {
        skip_epochs(call);
        return ERR_NONE;
    }
    offset_for_leader_epoch_request_init(&request);
    request.replica_id = -1;
    request.topics = arena_alloc(arena, call->count, sizeof(*request.topics));
    request.topics_count = 0;
    if (partitions == NULL || request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < call->count; i++) {
        const struct asked_partition *item = &call->items[i];

        if (!ask_same_topic(call, i)) {
            topic = &request.topics[request.topics_count++];
            topic->topic = bytes_of_text(item->partition->topic->name);
            topic->partitions = &partitions[i];
        }
        topic->partitions_count++;
        offset_for_leader_epoch_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition = item->partition->index;
        partitions[i].current_leader_epoch = item->leader_epoch;
        partitions[i].leader_epoch = item->fetch_epoch;
    }
    ask_send(call, &offset_for_leader_epoch_api, offset_for_leader_epoch_api.version_max, &request);
    return ERR_NONE;
}

static void fail_epoch(struct reader *reader, enum error error, enum offset_reset policy,
                       int64_t retry_at_ms, struct reader_outcome *outcome) {
    reader_on_epoch_end(reader, error, -1, -1, -1, policy, retry_at_ms, outcome);
}

const struct ask_kind ask_epochs = {send_epochs, answer_epochs, fail_epoch};
