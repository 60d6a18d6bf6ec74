/*
 * TxnOffsetCommit: offsets of a group that count when the producer's transaction commits. Asked of
 * the group's coordinator, after AddOffsetsToTxn of the transaction's.
 */
#include "client/wire/message/txn_offset_commit.h"
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/api/verification.h"
#include "broker/group/group_coordinator.h"
#include "broker/journal/coordinator_key.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/partition.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/record_batch.h"

#define ABORTABLE_VERSION_MIN 4

struct committing {
    struct hop hop; /* first */
    struct txn_offset_commit_request wire;
    struct group_commit commit;
    struct partition *partition; /* of the group's offsets, while it is asked about; a reference */
    struct verification verification;
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

/* ---- Verification ---- */

/* A reference; NULL: it is not here. */
static struct partition *find_partition_of_group(const struct api_call *call,
                                                 struct bytes group_id) {
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    struct bytes name = bytes_of_text("__consumer_offsets");
    const struct metadata_topic *topic = metadata_find_topic(metadata, name);
    struct partition *partition = NULL;

    if (topic != NULL && topic->partition_count > 0)
        partition = replica_manager_find(call->context->replicas, name,
                                         coordinator_partition(group_id, topic->partition_count));
    metadata_unref(metadata);
    return partition;
}

static void on_verified(struct verification *verification) {
    struct committing *committing = CONTAINER_OF(verification, struct committing, verification);
    bool knows_abortable = committing->hop.call->header.api_version >= ABORTABLE_VERSION_MIN;

    committing->commit.refused =
        verification_error(verification->request.errors[0], knows_abortable);
    partition_unref(committing->partition);
    hop_to_groups(&committing->hop, run);
}

static bool has_any_to_append(const struct group_commit *commit) {
    for (int32_t i = 0; i < commit->count; i++) {
        if (commit->offsets[i].error == ERR_NONE)
            return true;
    }
    return false;
}

/* Whether a verification is under way; on_verified goes on then. */
static bool verify(struct committing *committing) {
    struct group_commit *commit = &committing->commit;
    struct verification *verification = &committing->verification;
    struct api_call *call = committing->hop.call;

    commit->must_be_verified = verification_is_enabled(call);
    if (!commit->must_be_verified || !has_any_to_append(commit) ||
        !verification_init(verification, call, 1))
        return false;
    committing->partition = find_partition_of_group(call, commit->group_id);
    if (committing->partition == NULL)
        return false;
    verification_add(verification, committing->partition, commit->producer_id,
                     commit->producer_epoch, RECORD_NO_SEQUENCE, &commit->guard);
    if (commit->guard != LOG_NO_GUARD) {
        verification_ask(verification, committing->wire.transactional_id, commit->producer_id,
                         commit->producer_epoch, on_verified);
        return true;
    }
    partition_unref(committing->partition);
    return false;
}

static void refuse_nameless_group(struct committing *committing) {
    struct group_commit *commit = &committing->commit;

    for (int32_t i = 0; i < commit->count; i++) {
        if (commit->offsets[i].error == ERR_NONE)
            commit->offsets[i].error = ERR_INVALID_GROUP_ID;
    }
    respond(&committing->hop);
}

static void handle(struct api_call *call) {
    struct committing *committing = hop_new(call, sizeof(*committing));

    if (committing == NULL || !api_decode(call, &committing->wire))
        return;
    if (!fill_commit(call, committing))
        api_close(call);
    else if (committing->commit.group_id.size == 0)
        refuse_nameless_group(committing);
    else if (!verify(committing))
        hop_to_groups(&committing->hop, run);
}

const struct api_handler api_txn_offset_commit = {&txn_offset_commit_api, 4, handle};
