/*
 * TxnOffsetCommit: offsets of a group that count when the producer's transaction commits. Asked of
 * the group's coordinator, after AddOffsetsToTxn of the transaction's.
 */
#include "client/wire/message/txn_offset_commit.h"
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/group/group_coordinator.h"
#include "broker/metadata/metadata_cache.h"

struct committing {
    struct hop hop; /* first */
    struct txn_offset_commit_request wire;
    struct group_commit commit;
};

/* Older clients do not know that a coordinator may be loading. */
static int16_t code_for(const struct api_call *call, enum error error) {
    if (error == ERR_COORDINATOR_LOAD_IN_PROGRESS && call->header.api_version < 2)
        error = ERR_COORDINATOR_NOT_AVAILABLE;
    return error_to_wire(error);
}

static bool tell_topic(struct api_call *call, const struct txn_offset_commit_request_topics *from,
                       const struct group_commit_offset *offsets,
                       struct txn_offset_commit_response_topics *to) {
    txn_offset_commit_response_topics_init(to);
    to->name = from->name;
    to->partitions = api_alloc(call, (size_t)from->partitions_count, sizeof(*to->partitions));
    if (to->partitions == NULL)
        return false;
    to->partitions_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        txn_offset_commit_response_topics_partitions_init(&to->partitions[i]);
        to->partitions[i].partition_index = from->partitions[i].partition_index;
        to->partitions[i].error_code = code_for(call, offsets[i].error);
    }
    return true;
}

static void respond(struct hop *hop) {
    const struct committing *committing = (const struct committing *)hop;
    const struct group_commit_offset *offsets = committing->commit.offsets;
    struct txn_offset_commit_response response;
    int32_t count = committing->wire.topics_count;

    txn_offset_commit_response_init(&response);
    response.topics = api_alloc(hop->call, (size_t)count, sizeof(*response.topics));
    response.topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct txn_offset_commit_request_topics *from = &committing->wire.topics[i];
        if (response.topics == NULL || !tell_topic(hop->call, from, offsets, &response.topics[i])) {
            api_close(hop->call);
            return;
        }
        offsets += from->partitions_count;
    }
    api_respond(hop->call, &response);
}

static void on_committed(struct group_commit *commit) {
    hop_return(&CONTAINER_OF(commit, struct committing, commit)->hop, respond);
}

static void run(struct hop *hop) {
    group_coordinator_commit(hop->call->context->groups, &((struct committing *)hop)->commit);
}

static bool is_known(const struct metadata *metadata, struct bytes topic_name, int32_t partition) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, topic_name);

    return topic != NULL && metadata_find_partition(topic, partition) != NULL;
}

static struct group_commit_offset
offset_of(const struct metadata *metadata, struct bytes topic,
          const struct txn_offset_commit_request_topics_partitions *from) {
    return (struct group_commit_offset){
        .topic = topic,
        .partition = from->partition_index,
        .record =
            {
                .offset = from->committed_offset,
                .leader_epoch = from->committed_leader_epoch,
                .metadata = bytes_is_null(from->committed_metadata) ? bytes_of_text("")
                                                                    : from->committed_metadata,
                .commit_ms = -1,
                .expire_ms = -1,
            },
        .error = is_known(metadata, topic, from->partition_index) ? ERR_NONE
                                                                  : ERR_UNKNOWN_TOPIC_OR_PARTITION,
    };
}

/* False past the arena's bound. */
static bool fill_commit(struct api_call *call, struct committing *committing) {
    const struct txn_offset_commit_request *wire = &committing->wire;
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    struct group_commit *commit = &committing->commit;
    size_t count = 0;

    for (int32_t i = 0; i < wire->topics_count; i++)
        count += (size_t)wire->topics[i].partitions_count;
    *commit = (struct group_commit){
        .group_id = wire->group_id,
        .member_id = wire->member_id,
        .instance_id = wire->group_instance_id,
        .generation = wire->generation_id,
        .producer_id = wire->producer_id,
        .producer_epoch = wire->producer_epoch,
        .offsets = api_alloc(call, count, sizeof(*commit->offsets)),
        .done = on_committed,
    };
    for (int32_t i = 0; commit->offsets != NULL && i < wire->topics_count; i++) {
        const struct txn_offset_commit_request_topics *topic = &wire->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++)
            commit->offsets[commit->count++] =
                offset_of(metadata, topic->name, &topic->partitions[j]);
    }
    metadata_unref(metadata);
    return commit->offsets != NULL;
}

static void handle(struct api_call *call) {
    struct committing *committing = hop_new(call, sizeof(*committing));

    if (committing == NULL || !api_decode(call, &committing->wire))
        return;
    if (fill_commit(call, committing))
        hop_to_groups(&committing->hop, run);
    else
        api_close(call);
}

const struct api_handler api_txn_offset_commit = {&txn_offset_commit_api, 4, handle};
