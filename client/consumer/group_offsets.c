/* The group's book: OffsetCommit, one after the other in the order given, and OffsetFetch. */
#include <stdlib.h>
#include <string.h>

#include "client/consumer/consumer.h"
#include "client/wire/message/offset_commit.h"
#include "client/wire/message/offset_fetch.h"

#define OFFSETS_ARENA_BYTES ((size_t)256 << 20)

/* The newest version that asks for one group only. */
#define FETCH_VERSION_OF_ONE_GROUP 7

static const char *copy_text(struct arena *arena, const char *text) {
    return (const char *)arena_copy(arena, bytes_of_text(text)).data;
}

/* Null becomes "". */
static const char *copy_bytes(struct arena *arena, struct bytes text) {
    char *copy = arena_alloc(arena, text.size + 1, 1);

    if (copy != NULL && text.size > 0)
        memcpy(copy, text.data, text.size);
    return copy;
}

static int item_compare(const void *left, const void *right) {
    const struct barnabas_offset *a = left;
    const struct barnabas_offset *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

struct group_offsets *group_offsets_new(struct barnabas_consumer *consumer,
                                        const struct barnabas_offset *items, size_t count) {
    struct group_offsets *offsets = calloc(1, sizeof(*offsets));

    if (offsets == NULL)
        return NULL;
    arena_init(&offsets->memory, OFFSETS_ARENA_BYTES);
    offsets->call.consumer = consumer;
    offsets->generation_id = GENERATION_NONE;
    offsets->items = arena_alloc(&offsets->memory, count + 1, sizeof(*offsets->items));
    if (offsets->items == NULL)
        goto failed;
    for (size_t i = 0; i < count; i++) {
        struct barnabas_offset *item = &offsets->items[i];

        *item = items[i];
        item->error = ERR_NONE;
        item->topic = copy_text(&offsets->memory, items[i].topic);
        item->metadata = copy_text(&offsets->memory, items[i].metadata);
        if (item->topic == NULL || (items[i].metadata != NULL && item->metadata == NULL))
            goto failed;
        offsets->count++;
    }
    /* Those of a topic stand together in requests. */
    qsort(offsets->items, offsets->count, sizeof(*offsets->items), item_compare);
    return offsets;

failed:
    group_offsets_free(offsets);
    return NULL;
}

void group_offsets_free(struct group_offsets *offsets) {
    if (offsets == NULL)
        return;
    arena_done(&offsets->memory);
    free(offsets);
}

static bool begins_topic(const struct group_offsets *offsets, size_t index) {
    return index == 0 || strcmp(offsets->items[index].topic, offsets->items[index - 1].topic) != 0;
}

static struct barnabas_offset *find(struct group_offsets *offsets, struct bytes topic,
                                    int32_t partition) {
    for (size_t i = 0; i < offsets->count; i++)
        if (offsets->items[i].partition == partition &&
            bytes_equal_text(topic, offsets->items[i].topic))
            return &offsets->items[i];
    return NULL;
}

/* --- OffsetCommit ------------------------------------------------------------------------- */

void group_commit_add(struct barnabas_consumer *consumer, struct group_offsets *offsets) {
    struct consumer_group *group = &consumer->group;
    const struct membership *membership = &group->membership;

    mutex_lock(&consumer->lock);
    if (membership_has_place(membership)) {
        /* Of the generation in which it was given: later, the partitions may be others'. */
        offsets->generation_id = membership->generation_id;
        memcpy(offsets->member_id, membership->member_id, membership->member_id_size + 1);
    }
    group->auto_committing |= offsets->automatic;
    TAILQ_INSERT_TAIL(&group->commits, offsets, next);
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

static enum error commit_read(struct group_call *call, const void *message) {
    struct group_offsets *offsets = CONTAINER_OF(call, struct group_offsets, call);
    const struct offset_commit_response *response = message;
    enum error first = ERR_NONE;

    for (size_t i = 0; i < offsets->count; i++)
        offsets->items[i].error = ERR_MALFORMED; /* of what the answer does not name */
    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            struct barnabas_offset *item = find(offsets, response->topics[i].name,
                                                response->topics[i].partitions[j].partition_index);

            if (item == NULL)
                continue;
            item->error = response->topics[i].partitions[j].error_code;
        }
    for (size_t i = 0; i < offsets->count && first == ERR_NONE; i++)
        first = offsets->items[i].error;
    return first;
}

/* What was committed needs no automatic commit any more. */
static void note_committed(struct barnabas_consumer *consumer, const struct group_offsets *offsets)
    REQUIRES(consumer->lock) {
    for (size_t i = 0; i < offsets->count; i++) {
        const struct barnabas_offset *item = &offsets->items[i];
        struct consumed_partition *partition =
            consumed_partition_find(consumer, item->topic, item->partition);

        if (item->error == ERR_NONE && partition != NULL && partition->owned)
            partition->committed = item->offset;
    }
}

static void commit_done(struct group_call *call, enum error error) {
    struct group_offsets *offsets = CONTAINER_OF(call, struct group_offsets, call);
    struct barnabas_consumer *consumer = call->consumer;
    struct consumer_group *group = &consumer->group;

    if (error != ERR_NONE)
        cluster_log_write(consumer->handle.cluster, BARNABAS_LOG_WARN, "commit_failed",
                          "group=%s error=%s", consumer->settings->group_id, error_name(error));
    for (size_t i = 0; error != ERR_NONE && call->error == ERR_NONE && i < offsets->count; i++)
        offsets->items[i].error = error; /* there was no answer that could tell them apart */
    mutex_lock(&consumer->lock);
    group->committing = NULL;
    group->auto_committing &= !offsets->automatic;
    offsets->error = error;
    offsets->over = true;
    note_committed(consumer, offsets);
    if (error != ERR_NONE && offsets->generation_id != GENERATION_NONE)
        membership_on_refusal(&group->membership, error, offsets->generation_id);
    if (!offsets->waited_for && (offsets->committed != NULL || group->commits_are_seen)) {
        TAILQ_INSERT_TAIL(&group->committed, offsets, next);
        offsets = NULL; /* handed over */
    } else if (offsets->waited_for) {
        offsets = NULL; /* its waiter's */
    }
    condition_broadcast(&consumer->changed);
    mutex_unlock(&consumer->lock);
    group_offsets_free(offsets);
    fetcher_wake(consumer);
}

static enum error fill_commit(struct group_offsets *offsets,
                              struct offset_commit_request *request) {
    struct arena *arena = &offsets->call.arena;
    struct offset_commit_request_topics_partitions *partitions =
        arena_alloc(arena, offsets->count + 1, sizeof(*partitions));

    request->topics = arena_alloc(arena, offsets->count + 1, sizeof(*request->topics));
    request->topics_count = 0;
    if (partitions == NULL || request->topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < offsets->count; i++) {
        const struct barnabas_offset *item = &offsets->items[i];

        if (begins_topic(offsets, i)) {
            struct offset_commit_request_topics *topic = &request->topics[request->topics_count++];

            topic->name = bytes_of_text(item->topic);
            topic->partitions = &partitions[i];
        }
        request->topics[request->topics_count - 1].partitions_count++;
        offset_commit_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = item->partition;
        partitions[i].committed_offset = item->offset;
        partitions[i].committed_leader_epoch = item->leader_epoch;
        partitions[i].committed_metadata =
            bytes_of_text(item->metadata == NULL ? "" : item->metadata);
    }
    return ERR_NONE;
}

void group_commit_next(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    const struct settings *s = consumer->settings;
    struct offset_commit_request *request;
    struct group_offsets *offsets = NULL;

    mutex_lock(&consumer->lock);
    if (group->committing == NULL && (offsets = TAILQ_FIRST(&group->commits)) != NULL) {
        TAILQ_REMOVE(&group->commits, offsets, next);
        group->committing = offsets;
    }
    mutex_unlock(&consumer->lock);
    if (offsets == NULL)
        return;
    group_call_init(consumer, &offsets->call);
    offsets->call.read = commit_read;
    offsets->call.done = commit_done;
    request = arena_alloc(&offsets->call.arena, 1, sizeof(*request));
    if (request != NULL)
        offset_commit_request_init(request);
    if (request == NULL || fill_commit(offsets, request) != ERR_NONE) {
        arena_done(&offsets->call.arena);
        commit_done(&offsets->call, ERR_OUT_OF_MEMORY);
        return;
    }
    request->group_id = bytes_of_text(s->group_id);
    request->generation_id_or_member_epoch = offsets->generation_id;
    request->member_id = bytes_of_text(offsets->member_id);
    if (s->group_instance_id[0] != '\0' && offsets->generation_id != GENERATION_NONE)
        request->group_instance_id = bytes_of_text(s->group_instance_id);
    group_call_start(&offsets->call, &offset_commit_api, offset_commit_api.version_max, request,
                     offsets->deadline_ms);
}

/* --- OffsetFetch -------------------------------------------------------------------------- */

static enum error fetch_read(struct group_call *call, const void *message) {
    struct group_offsets *offsets = CONTAINER_OF(call, struct group_offsets, call);
    const struct offset_fetch_response *response = message;

    if (response->error_code != ERR_NONE)
        return response->error_code;
    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct offset_fetch_response_topics_partitions *found =
                &response->topics[i].partitions[j];
            struct barnabas_offset *item =
                find(offsets, response->topics[i].name, found->partition_index);

            /* One partition whose transaction is open makes all wait: it will be over soon. */
            if (found->error_code == ERR_UNSTABLE_OFFSET_COMMIT)
                return found->error_code;
            if (item == NULL)
                continue;
            item->offset = found->committed_offset;
            item->leader_epoch = found->committed_leader_epoch;
            item->error = found->error_code;
            item->metadata = copy_bytes(&offsets->memory, found->metadata);
            if (item->metadata == NULL)
                return ERR_OUT_OF_MEMORY;
        }
    return ERR_NONE;
}

void group_fetch_start(struct group_offsets *offsets) {
    struct barnabas_consumer *consumer = offsets->call.consumer;
    struct offset_fetch_request_topics *topic = NULL;
    struct offset_fetch_request *request;
    int32_t *indexes;

    group_call_init(consumer, &offsets->call);
    offsets->call.read = fetch_read;
    request = arena_alloc(&offsets->call.arena, 1, sizeof(*request));
    indexes = arena_alloc(&offsets->call.arena, offsets->count + 1, sizeof(*indexes));
    if (request != NULL) {
        offset_fetch_request_init(request);
        request->topics =
            arena_alloc(&offsets->call.arena, offsets->count + 1, sizeof(*request->topics));
    }
    if (request == NULL || indexes == NULL || request->topics == NULL) {
        arena_done(&offsets->call.arena);
        offsets->call.done(&offsets->call, ERR_OUT_OF_MEMORY);
        return;
    }
    request->group_id = bytes_of_text(consumer->settings->group_id);
    request->require_stable = true;
    request->topics_count = 0;
    for (size_t i = 0; i < offsets->count; i++) {
        if (begins_topic(offsets, i)) {
            topic = &request->topics[request->topics_count++];
            topic->name = bytes_of_text(offsets->items[i].topic);
            topic->partition_indexes = &indexes[i];
            topic->partition_indexes_count = 0;
        }
        indexes[i] = offsets->items[i].partition;
        topic->partition_indexes_count++;
        offsets->items[i].offset = BARNABAS_OFFSET_NONE;
        offsets->items[i].leader_epoch = -1;
    }
    group_call_start(&offsets->call, &offset_fetch_api, FETCH_VERSION_OF_ONE_GROUP, request,
                     offsets->deadline_ms);
}
