/*
 * OffsetFetch: the offsets that groups have committed. Before version 8 a request is for one group,
 * and the answer lies in the response itself; both forms are filled in as answers per group.
 * Version 0 is about offsets that are kept in ZooKeeper (zookeeper_offsets.h).
 */
#include <stdlib.h>

#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/api/zookeeper_offsets.h"
#include "broker/group/group_coordinator.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/offset_fetch.h"

#define NO_OFFSET (-1)

struct fetching {
    struct hop hop; /* first */
    struct offset_fetch_request wire;
    struct offset_fetch_request_groups single; /* before version 8 */
    struct offset_fetch_response_groups *answers;
    int32_t count;
    bool is_too_large;
    struct zookeeper_offsets zookeeper; /* version 0 */
};

/* ---- On the coordinator's thread ---- */

static void *allocate(struct fetching *fetching, size_t count, size_t size) {
    void *memory = api_alloc(fetching->hop.call, count + 1, size);

    if (memory == NULL)
        fetching->is_too_large = true;
    return memory;
}

static struct bytes copy_text(struct fetching *fetching, struct bytes source) {
    struct bytes copy = arena_copy(&fetching->hop.call->request->arena, source);

    if (bytes_is_null(copy))
        fetching->is_too_large = true;
    return copy;
}

/* What the group, if there is one, says of the partition. */
static void answer_partition(struct fetching *fetching, const struct group_offsets *offsets,
                             struct bytes topic, int32_t partition,
                             struct offset_fetch_response_groups_topics_partitions *to) {
    const struct offset_record *record =
        offsets == NULL ? NULL : group_offsets_find(offsets, topic, partition);

    offset_fetch_response_groups_topics_partitions_init(to);
    to->partition_index = partition;
    to->committed_offset = NO_OFFSET;
    to->metadata = bytes_of_text("");
    if (offsets != NULL && fetching->wire.require_stable &&
        group_offsets_is_pending(offsets, topic, partition)) {
        to->error_code = ERR_UNSTABLE_OFFSET_COMMIT;
    } else if (record != NULL) {
        to->committed_offset = record->offset;
        to->committed_leader_epoch = record->leader_epoch;
        to->metadata = copy_text(fetching, record->metadata);
    }
}

static void answer_topic(struct fetching *fetching, const struct group_offsets *offsets,
                         const struct offset_fetch_request_groups_topics *from,
                         struct offset_fetch_response_groups_topics *to) {
    offset_fetch_response_groups_topics_init(to);
    to->name = from->name;
    to->partitions =
        allocate(fetching, (size_t)from->partition_indexes_count, sizeof(*to->partitions));
    if (to->partitions == NULL)
        return;
    to->partitions_count = from->partition_indexes_count;
    for (int32_t i = 0; i < from->partition_indexes_count; i++)
        answer_partition(fetching, offsets, from->name, from->partition_indexes[i],
                         &to->partitions[i]);
}

/* All that the group has committed; they come ordered by topic. */
static void answer_everything(struct fetching *fetching, const struct group_offsets *offsets,
                              struct offset_fetch_response_groups *to) {
    struct offset_fetch_response_groups_topics *topic = NULL;
    struct offset_fetch_response_groups_topics_partitions *partitions;
    struct group_offset *listed;
    size_t count;

    group_offsets_list(offsets, &listed, &count);
    to->topics = allocate(fetching, count, sizeof(*to->topics));
    partitions = allocate(fetching, count, sizeof(*partitions));
    for (size_t i = 0; i < count && !fetching->is_too_large; i++) {
        if (!listed[i].is_committed)
            continue;
        if (topic == NULL || !bytes_equal(topic->name, listed[i].topic)) {
            topic = &to->topics[to->topics_count++];
            offset_fetch_response_groups_topics_init(topic);
            topic->name = copy_text(fetching, listed[i].topic);
            topic->partitions = partitions;
        }
        answer_partition(fetching, offsets, listed[i].topic, listed[i].partition, partitions++);
        topic->partitions_count++;
    }
    free(listed);
}

static void answer_group(struct fetching *fetching, const struct offset_fetch_request_groups *from,
                         struct offset_fetch_response_groups *to) {
    struct group_coordinator *groups = fetching->hop.call->context->groups;
    enum error error = group_coordinator_check(groups, from->group_id);
    const struct group_offsets *offsets =
        error == ERR_NONE ? group_coordinator_offsets(groups, from->group_id) : NULL;

    offset_fetch_response_groups_init(to);
    to->group_id = from->group_id;
    to->error_code = error_to_wire(error);
    if (error != ERR_NONE)
        return;
    if (from->topics_count < 0) {
        if (offsets != NULL)
            answer_everything(fetching, offsets, to);
        return;
    }
    to->topics = allocate(fetching, (size_t)from->topics_count, sizeof(*to->topics));
    if (to->topics == NULL)
        return;
    to->topics_count = from->topics_count;
    for (int32_t i = 0; i < from->topics_count; i++)
        answer_topic(fetching, offsets, &from->topics[i], &to->topics[i]);
}

/* ---- Of one group, before version 8 ---- */

/* Version 1 has no error of the group: each partition has it. */
static void spread_error(struct fetching *fetching, struct offset_fetch_response_groups *answer) {
    const struct offset_fetch_request_groups *from = &fetching->single;
    int16_t error_code = answer->error_code;

    answer->topics = allocate(fetching, (size_t)from->topics_count, sizeof(*answer->topics));
    if (answer->topics == NULL)
        return;
    answer->topics_count = from->topics_count;
    for (int32_t i = 0; i < from->topics_count; i++) {
        struct offset_fetch_response_groups_topics *topic = &answer->topics[i];
        answer_topic(fetching, NULL, &from->topics[i], topic);
        for (int32_t j = 0; j < topic->partitions_count; j++)
            topic->partitions[j].error_code = error_code;
    }
}

static bool take_topics(struct api_call *call, struct fetching *fetching) {
    const struct offset_fetch_request *wire = &fetching->wire;
    struct offset_fetch_request_groups_topics *topics = api_alloc(
        call, (size_t)(wire->topics_count > 0 ? wire->topics_count : 0) + 1, sizeof(*topics));

    if (topics == NULL)
        return false;
    for (int32_t i = 0; i < wire->topics_count; i++) {
        topics[i].name = wire->topics[i].name;
        topics[i].partition_indexes = wire->topics[i].partition_indexes;
        topics[i].partition_indexes_count = wire->topics[i].partition_indexes_count;
    }
    fetching->single.group_id = wire->group_id;
    fetching->single.topics = topics;
    fetching->single.topics_count = wire->topics_count;
    return true;
}

static bool tell_single(struct api_call *call, const struct offset_fetch_response_groups *answer,
                        struct offset_fetch_response *response) {
    response->error_code = answer->error_code;
    response->topics = api_alloc(call, (size_t)answer->topics_count + 1, sizeof(*response->topics));
    if (response->topics == NULL)
        return false;
    response->topics_count = answer->topics_count;
    for (int32_t i = 0; i < answer->topics_count; i++) {
        const struct offset_fetch_response_groups_topics *from = &answer->topics[i];
        struct offset_fetch_response_topics *to = &response->topics[i];
        offset_fetch_response_topics_init(to);
        to->name = from->name;
        to->partitions =
            api_alloc(call, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
        if (to->partitions == NULL)
            return false;
        to->partitions_count = from->partitions_count;
        for (int32_t j = 0; j < from->partitions_count; j++) {
            struct offset_fetch_response_topics_partitions *partition = &to->partitions[j];
            offset_fetch_response_topics_partitions_init(partition);
            partition->partition_index = from->partitions[j].partition_index;
            partition->committed_offset = from->partitions[j].committed_offset;
            partition->committed_leader_epoch = from->partitions[j].committed_leader_epoch;
            partition->metadata = from->partitions[j].metadata;
            partition->error_code = from->partitions[j].error_code;
        }
    }
    return true;
}

/* ---- The request ---- */

static void fetch_respond(struct hop *hop) {
    struct fetching *fetching = (struct fetching *)hop;
    int16_t version = hop->call->header.api_version;
    struct offset_fetch_response response;

    offset_fetch_response_init(&response);
    if (version >= 8) {
        response.groups = fetching->answers;
        response.groups_count = fetching->count;
    } else if (!fetching->is_too_large) {
        if (version == 1 && fetching->answers[0].error_code != ERR_NONE)
            spread_error(fetching, &fetching->answers[0]);
        if (!tell_single(hop->call, &fetching->answers[0], &response))
            fetching->is_too_large = true;
    }
    if (fetching->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &response);
}

static void fetch_run(struct hop *hop) {
    struct fetching *fetching = (struct fetching *)hop;
    const struct offset_fetch_request_groups *groups =
        hop->call->header.api_version >= 8 ? fetching->wire.groups : &fetching->single;

    for (int32_t i = 0; i < fetching->count; i++)
        answer_group(fetching, &groups[i], &fetching->answers[i]);
    hop_return(hop, fetch_respond);
}

/* ---- Version 0 ---- */

/* In the order in which they were added. Without an offset there is no such partition. */
static void on_zookeeper_fetched(struct zookeeper_offsets *zookeeper) {
    struct fetching *fetching = CONTAINER_OF(zookeeper, struct fetching, zookeeper);
    struct offset_fetch_response_groups *answer = &fetching->answers[0];
    const struct zookeeper_offset *item = zookeeper->items;

    for (int32_t i = 0; i < answer->topics_count; i++)
        for (int32_t j = 0; j < answer->topics[i].partitions_count; j++, item++) {
            struct offset_fetch_response_groups_topics_partitions *to =
                &answer->topics[i].partitions[j];

            if (item->error == ERR_NONE)
                to->committed_offset = item->at.offset;
            else if (item->error == ERR_ZK_NO_NODE)
                to->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
            else
                to->error_code = error_to_wire(item->error);
        }
    hop_return(&fetching->hop, fetch_respond);
}

static void zookeeper_run(struct hop *hop) {
    struct fetching *fetching = (struct fetching *)hop;

    zookeeper_offsets_run(&fetching->zookeeper, on_zookeeper_fetched);
}

/* False past the arena's bound. */
static bool fill_zookeeper(struct api_call *call, struct fetching *fetching) {
    const struct offset_fetch_request_groups *from = &fetching->single;
    struct offset_fetch_response_groups *answer = &fetching->answers[0];
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    size_t count = 0;
    bool fits;

    for (int32_t i = 0; i < from->topics_count; i++)
        count += (size_t)from->topics[i].partition_indexes_count;
    offset_fetch_response_groups_init(answer);
    answer->topics = allocate(fetching, (size_t)from->topics_count, sizeof(*answer->topics));
    fits =
        zookeeper_offsets_init(&fetching->zookeeper, call, count, false) && answer->topics != NULL;
    for (int32_t i = 0; fits && i < from->topics_count; i++) {
        const struct offset_fetch_request_groups_topics *topic = &from->topics[i];
        const struct metadata_topic *known = metadata_find_topic(metadata, topic->name);

        answer_topic(fetching, NULL, topic, &answer->topics[answer->topics_count++]);
        for (int32_t j = 0; fits && j < topic->partition_indexes_count; j++) {
            int32_t partition = topic->partition_indexes[j];
            bool is_there = known != NULL && metadata_find_partition(known, partition) != NULL;

            fits = zookeeper_offsets_add(&fetching->zookeeper, call, from->group_id, topic->name,
                                         partition, NO_OFFSET,
                                         is_there ? ERR_NONE : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        }
    }
    metadata_unref(metadata);
    return fits && !fetching->is_too_large;
}

static void handle_offset_fetch(struct api_call *call) {
    struct fetching *fetching = hop_new(call, sizeof(*fetching));
    bool is_single = call->header.api_version < 8;

    if (fetching == NULL || !api_decode(call, &fetching->wire))
        return;
    fetching->count = is_single ? 1 : fetching->wire.groups_count;
    fetching->answers = api_alloc(call, (size_t)fetching->count + 1, sizeof(*fetching->answers));
    if (fetching->answers == NULL || (is_single && !take_topics(call, fetching))) {
        api_close(call);
        return;
    }
    if (call->header.api_version > 0)
        hop_to_groups(&fetching->hop, fetch_run);
    else if (fill_zookeeper(call, fetching))
        hop_to_control(&fetching->hop, zookeeper_run);
    else
        api_close(call);
}

const struct api_handler api_offset_fetch = {&offset_fetch_api, 9, handle_offset_fetch};
