/* Records: Fetch, without sessions. */
#include <stdlib.h>

#include "client/consumer/ask.h"
#include "client/wire/message/fetch.h"

/* The newest version that names topics instead of giving their ids. */
#define FETCH_VERSION_WITH_NAMES 12

/* By first_offset, as the walk needs them. */
static int aborted_compare(const void *left, const void *right) {
    const struct aborted_transaction *a = left;
    const struct aborted_transaction *b = right;

    return (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

static struct fetched_entry *
entry_of_answer(struct barnabas_consumer *consumer, const struct asked_partition *item,
                const struct fetch_response_responses_partitions *answer, size_t records_size) {
    size_t aborted_count =
        answer->aborted_transactions_count > 0 ? (size_t)answer->aborted_transactions_count : 0;
    struct fetched_entry *entry =
        entry_new(consumer, item->partition, item->fetch_offset,
                  bytes_of(answer->records.data.data, records_size), aborted_count);

    if (entry == NULL)
        return NULL;
    for (size_t i = 0; i < aborted_count; i++)
        entry->aborted[i] =
            (struct aborted_transaction){answer->aborted_transactions[i].producer_id,
                                         answer->aborted_transactions[i].first_offset};
    entry->aborted_count = aborted_count;
    qsort(entry->aborted, aborted_count, sizeof(*entry->aborted), aborted_compare);
    return entry;
}

/* Up to where may be read, if the user wants to know that it has been. */
static int64_t end_of_interest(const struct settings *settings,
                               const struct fetch_response_responses_partitions *answer) {
    if (!settings->partition_eof)
        return -1;
    return settings->isolation == ISOLATION_READ_COMMITTED ? answer->last_stable_offset
                                                           : answer->high_watermark;
}

static void answer_records(struct ask_call *call,
                           const struct fetch_response_responses_partitions *answer,
                           struct asked_partition *item) {
    struct barnabas_consumer *consumer = call->consumer;
    struct reader *reader = &item->partition->reader;
    struct fetched_summary summary;
    struct reader_outcome outcome = {0};
    struct fetched_entry *entry;
    enum error error = answer->error_code;

    if (error == ERR_NONE)
        error = fetched_summarise(answer->records.data, &summary);
    if (error != ERR_NONE) {
        ask_fail(call, item, error);
        return;
    }
    entry = entry_of_answer(consumer, item, answer, summary.size);
    if (entry == NULL) {
        ask_fail(call, item, ERR_OUT_OF_MEMORY);
        return;
    }
    item->answered = true;
    mutex_lock(&consumer->lock);
    if (ask_is_current(item)) {
        reader->high_watermark = answer->high_watermark;
        reader->log_start_offset = answer->log_start_offset;
        reader->last_stable_offset = answer->last_stable_offset;
        reader_on_records(reader, summary.next_offset, summary.leader_epoch, item->leader_epoch,
                          end_of_interest(consumer->settings, answer), &outcome);
        entry_tell(entry, &outcome);
        entry_queue(consumer, entry);
        entry = NULL; /* handed over */
    }
    mutex_unlock(&consumer->lock);
    fetched_entry_free(consumer, entry);
    if (answer->preferred_read_replica >= 0)
        item->partition->near_replica_id = answer->preferred_read_replica;
}

static enum error answer_fetch(struct ask_call *call, int16_t version, struct wire_reader *body,
                               struct arena *arena) {
    struct fetch_response response;
    enum error error = fetch_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    if (response.error_code != ERR_NONE)
        return response.error_code;
    for (int32_t i = 0; i < response.responses_count; i++) {
        const struct fetch_response_responses *topic = &response.responses[i];

        for (int32_t j = 0; j < topic->partitions_count; j++) {
            const struct fetch_response_responses_partitions *answer = &topic->partitions[j];
            struct asked_partition *item = ask_find(
                call, topic->topic, version > FETCH_VERSION_WITH_NAMES ? &topic->topic_id : NULL,
                answer->partition_index);

            if (item == NULL)
                continue;
            if (answer->current_leader.leader_id >= 0)
                cluster_learn_leader(call->consumer->handle.cluster, item->partition->topic->name,
                                     answer->partition_index, answer->current_leader.leader_id,
                                     answer->current_leader.leader_epoch);
            answer_records(call, answer, item);
        }
    }
    return ERR_NONE;
}

static enum error send_fetch(struct ask_call *call, struct arena *arena) {
    const struct settings *s = call->consumer->settings;
    int16_t version_max = fetch_api.version_max;
    struct fetch_request request;
    struct fetch_request_topics *topic = NULL;
    struct fetch_request_topics_partitions *partitions =
        arena_alloc(arena, call->count, sizeof(*partitions));

    fetch_request_init(&request);
    request.max_wait_ms = (int32_t)s->fetch_wait_ms_max;
    request.min_bytes = (int32_t)s->fetch_bytes_min;
    request.max_bytes = (int32_t)s->fetch_bytes_max;
    request.isolation_level = (int8_t)s->isolation;
    request.session_id = 0;
    request.session_epoch = -1;
    request.rack_id = bytes_of_text(s->rack);
    request.topics = arena_alloc(arena, call->count, sizeof(*request.topics));
    request.topics_count = 0;
    if (partitions == NULL || request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < call->count; i++) {
        const struct asked_partition *item = &call->items[i];

        if (!ask_same_topic(call, i)) {
            topic = &request.topics[request.topics_count++];
            topic->topic = bytes_of_text(item->partition->topic->name);
            topic->topic_id = item->topic_id;
            topic->partitions = &partitions[i];
        }
        if (uuid_is_zero(&item->topic_id))
            version_max = FETCH_VERSION_WITH_NAMES;
        topic->partitions_count++;
        fetch_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition = item->partition->index;
        partitions[i].current_leader_epoch = item->leader_epoch;
        partitions[i].fetch_offset = item->fetch_offset;
        partitions[i].partition_max_bytes = (int32_t)s->partition_fetch_bytes_max;
    }
    ask_send(call, &fetch_api, version_max, &request);
    return ERR_NONE;
}

const struct ask_kind ask_records = {send_fetch, answer_fetch, reader_on_fetch_error};
