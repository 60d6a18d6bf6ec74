/*
 * OffsetCommit and OffsetDelete: what groups remember of their progress, written and removed.
 *
 * What version 0 of OffsetCommit commits is kept in ZooKeeper, as Kafka does for clients of 0.8; no
 * coordinator is asked, so that any broker takes it.
 */
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/api/zookeeper_offsets.h"
#include "broker/config/config.h"
#include "broker/group/group_coordinator.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/clock.h"
#include "client/wire/message/offset_commit.h"
#include "client/wire/message/offset_delete.h"

static bool is_known(const struct metadata *metadata, struct bytes topic_name, int32_t partition) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, topic_name);

    return topic != NULL && metadata_find_partition(topic, partition) != NULL;
}

/* ---- OffsetCommit ---- */

struct committing {
    struct hop hop; /* first */
    struct offset_commit_request wire;
    struct group_commit commit;
    struct zookeeper_offsets zookeeper; /* version 0 */
};

static bool tell_topic(struct api_call *call, const struct offset_commit_request_topics *from,
                       const struct group_commit_offset *offsets,
                       struct offset_commit_response_topics *to) {
    offset_commit_response_topics_init(to);
    to->name = from->name;
    to->partitions = api_alloc(call, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
    if (to->partitions == NULL)
        return false;
    to->partitions_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        offset_commit_response_topics_partitions_init(&to->partitions[i]);
        to->partitions[i].partition_index = from->partitions[i].partition_index;
        to->partitions[i].error_code = error_to_wire(offsets[i].error);
    }
    return true;
}

static void commit_respond(struct hop *hop) {
    const struct committing *committing = (const struct committing *)hop;
    const struct group_commit_offset *offsets = committing->commit.offsets;
    struct offset_commit_response response;
    int32_t count = committing->wire.topics_count;

    offset_commit_response_init(&response);
    response.topics = api_alloc(hop->call, (size_t)count + 1, sizeof(*response.topics));
    response.topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct offset_commit_request_topics *from = &committing->wire.topics[i];
        if (response.topics == NULL || !tell_topic(hop->call, from, offsets, &response.topics[i])) {
            api_close(hop->call);
            return;
        }
        offsets += from->partitions_count;
    }
    api_respond(hop->call, &response);
}

static void on_committed(struct group_commit *commit) {
    hop_return(&CONTAINER_OF(commit, struct committing, commit)->hop, commit_respond);
}

static void commit_run(struct hop *hop) {
    struct committing *committing = (struct committing *)hop;

    group_coordinator_commit(hop->call->context->groups, &committing->commit);
}

/* ---- Version 0 ---- */

static void on_zookeeper_committed(struct zookeeper_offsets *zookeeper) {
    struct committing *committing = CONTAINER_OF(zookeeper, struct committing, zookeeper);

    for (int32_t i = 0; i < zookeeper->count; i++)
        committing->commit.offsets[i].error = zookeeper->items[i].error;
    hop_return(&committing->hop, commit_respond);
}

static void zookeeper_run(struct hop *hop) {
    struct committing *committing = (struct committing *)hop;

    zookeeper_offsets_run(&committing->zookeeper, on_zookeeper_committed);
}

/* False past the arena's bound. */
static bool fill_zookeeper(struct api_call *call, struct committing *committing) {
    struct group_commit *commit = &committing->commit;

    if (!zookeeper_offsets_init(&committing->zookeeper, call, (size_t)commit->count, true))
        return false;
    for (int32_t i = 0; i < commit->count; i++) {
        struct group_commit_offset *offset = &commit->offsets[i];

        if (offset->error == ERR_NONE && group_offset_metadata_length(offset->record.metadata) >
                                             call->context->config->offset_metadata_max_bytes)
            offset->error = ERR_OFFSET_METADATA_TOO_LARGE;
        if (!zookeeper_offsets_add(&committing->zookeeper, call, commit->group_id, offset->topic,
                                   offset->partition, offset->record.offset, offset->error))
            return false;
    }
    return true;
}

/* ---- The request ---- */

static struct offset_record
record_of(const struct api_call *call, const struct offset_commit_request *wire,
          const struct offset_commit_request_topics_partitions *partition) {
    struct offset_record record = {
        .offset = partition->committed_offset,
        .leader_epoch = partition->committed_leader_epoch,
        .metadata = bytes_is_null(partition->committed_metadata) ? bytes_of_text("")
                                                                 : partition->committed_metadata,
        .commit_ms = call->header.api_version == 1 ? partition->commit_timestamp : -1,
        .expire_ms = -1,
    };

    if (wire->retention_time_ms >= 0 &&
        __builtin_add_overflow(clock_wall_ms(call->context->clock), wire->retention_time_ms,
                               &record.expire_ms))
        record.expire_ms = INT64_MAX;
    return record;
}

/* False past the arena's bound. */
static bool fill_commit(struct api_call *call, struct committing *committing) {
    const struct offset_commit_request *wire = &committing->wire;
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    struct group_commit *commit = &committing->commit;
    size_t count = 0;

    for (int32_t i = 0; i < wire->topics_count; i++)
        count += (size_t)wire->topics[i].partitions_count;
    *commit = (struct group_commit){
        .group_id = wire->group_id,
        .member_id = wire->member_id,
        .instance_id = wire->group_instance_id,
        .generation = wire->generation_id_or_member_epoch,
        .producer_id = -1,
        .producer_epoch = -1,
        .offsets = api_alloc(call, count + 1, sizeof(*commit->offsets)),
        .done = on_committed,
    };
    for (int32_t i = 0; commit->offsets != NULL && i < wire->topics_count; i++) {
        const struct offset_commit_request_topics *topic = &wire->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            int32_t partition = topic->partitions[j].partition_index;
            commit->offsets[commit->count++] = (struct group_commit_offset){
                .topic = topic->name,
                .partition = partition,
                .record = record_of(call, wire, &topic->partitions[j]),
                .error = is_known(metadata, topic->name, partition)
                             ? ERR_NONE
                             : ERR_UNKNOWN_TOPIC_OR_PARTITION,
            };
        }
    }
    metadata_unref(metadata);
    return commit->offsets != NULL;
}

static void handle_offset_commit(struct api_call *call) {
    struct committing *committing = hop_new(call, sizeof(*committing));

    if (committing == NULL || !api_decode(call, &committing->wire))
        return;
    if (!fill_commit(call, committing) ||
        (call->header.api_version == 0 && !fill_zookeeper(call, committing)))
        api_close(call);
    else if (call->header.api_version == 0)
        hop_to_control(&committing->hop, zookeeper_run);
    else
        hop_to_groups(&committing->hop, commit_run);
}

const struct api_handler api_offset_commit = {&offset_commit_api, 9, handle_offset_commit};

/* ---- OffsetDelete ---- */

struct removing {
    struct hop hop; /* first */
    struct offset_delete_request wire;
    struct group_offset_removal *removals;
    int32_t count;
    enum error error;
};

static bool tell_removed(struct api_call *call, const struct offset_delete_request_topics *from,
                         const struct group_offset_removal *removals,
                         struct offset_delete_response_topics *to) {
    offset_delete_response_topics_init(to);
    to->name = from->name;
    to->partitions = api_alloc(call, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
    if (to->partitions == NULL)
        return false;
    to->partitions_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        offset_delete_response_topics_partitions_init(&to->partitions[i]);
        to->partitions[i].partition_index = from->partitions[i].partition_index;
        to->partitions[i].error_code = error_to_wire(removals[i].error);
    }
    return true;
}

static void remove_respond(struct hop *hop) {
    const struct removing *removing = (const struct removing *)hop;
    const struct group_offset_removal *removals = removing->removals;
    struct offset_delete_response response;
    int32_t count = removing->error == ERR_NONE ? removing->wire.topics_count : 0;

    offset_delete_response_init(&response);
    response.error_code = error_to_wire(removing->error);
    response.topics = api_alloc(hop->call, (size_t)count + 1, sizeof(*response.topics));
    response.topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct offset_delete_request_topics *from = &removing->wire.topics[i];
        if (response.topics == NULL ||
            !tell_removed(hop->call, from, removals, &response.topics[i])) {
            api_close(hop->call);
            return;
        }
        removals += from->partitions_count;
    }
    api_respond(hop->call, &response);
}

static void on_removed(void *context, enum error error) {
    struct removing *removing = context;

    removing->error = error;
    hop_return(&removing->hop, remove_respond);
}

static void remove_run(struct hop *hop) {
    struct removing *removing = (struct removing *)hop;

    group_coordinator_delete_offsets(hop->call->context->groups, removing->wire.group_id,
                                     removing->removals, removing->count, on_removed, removing);
}

static bool fill_removals(struct api_call *call, struct removing *removing) {
    const struct offset_delete_request *wire = &removing->wire;
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    size_t count = 0;

    for (int32_t i = 0; i < wire->topics_count; i++)
        count += (size_t)wire->topics[i].partitions_count;
    removing->removals = api_alloc(call, count + 1, sizeof(*removing->removals));
    for (int32_t i = 0; removing->removals != NULL && i < wire->topics_count; i++) {
        const struct offset_delete_request_topics *topic = &wire->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            int32_t partition = topic->partitions[j].partition_index;
            removing->removals[removing->count++] = (struct group_offset_removal){
                topic->name, partition,
                is_known(metadata, topic->name, partition) ? ERR_NONE
                                                           : ERR_UNKNOWN_TOPIC_OR_PARTITION};
        }
    }
    metadata_unref(metadata);
    return removing->removals != NULL;
}

static void handle_offset_delete(struct api_call *call) {
    struct removing *removing = hop_new(call, sizeof(*removing));

    if (removing == NULL || !api_decode(call, &removing->wire))
        return;
    if (!fill_removals(call, removing)) {
        api_close(call);
    } else if (removing->wire.group_id.size == 0) {
        removing->error = ERR_INVALID_GROUP_ID;
        remove_respond(&removing->hop);
    } else {
        hop_to_groups(&removing->hop, remove_run);
    }
}

const struct api_handler api_offset_delete = {&offset_delete_api, 0, handle_offset_delete};
