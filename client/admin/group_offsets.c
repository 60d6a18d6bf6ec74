/* What a group has committed: read, set, deleted. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/outcomes.h"
#include "client/wire/message/offset_commit.h"
#include "client/wire/message/offset_delete.h"
#include "client/wire/message/offset_fetch.h"

/* The newest version that asks for one group only. */
#define FETCH_VERSION_OF_ONE_GROUP 7

static int offset_compare(const void *left, const void *right) {
    const struct barnabas_offset *a = left;
    const struct barnabas_offset *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static enum error offsets_read(struct admin_call *call, const void *message) {
    const struct offset_fetch_response *response = message;
    struct barnabas_offset *items;
    size_t count = 0;

    if (response->error_code != ERR_NONE)
        return response->error_code;
    for (int32_t i = 0; i < response->topics_count; i++)
        count += (size_t)response->topics[i].partitions_count;
    items = arena_alloc(&call->result->arena, count + 1, sizeof(*items));
    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    count = 0;
    for (int32_t i = 0; i < response->topics_count; i++) {
        const char *topic = admin_text(call, response->topics[i].name);

        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct offset_fetch_response_topics_partitions *from =
                &response->topics[i].partitions[j];
            struct barnabas_offset *item = &items[count++];

            *item = (struct barnabas_offset){
                .topic = topic,
                .partition = from->partition_index,
                .offset = from->committed_offset,
                .leader_epoch = from->committed_leader_epoch,
                .metadata = admin_text(call, from->metadata),
                .error = from->error_code,
            };
            if (topic == NULL || item->metadata == NULL)
                return ERR_OUT_OF_MEMORY;
        }
    }
    qsort(items, count, sizeof(*items), offset_compare);
    call->result->offsets = (struct barnabas_offsets){count, items};
    return ERR_NONE;
}

int barnabas_admin_group_offsets(struct barnabas_admin *admin, const char *group,
                                 int64_t timeout_ms, struct barnabas_offsets **offsets) {
    struct offset_fetch_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_GROUP_COORDINATOR,
        .key = group,
        .api = &offset_fetch_api,
        .version_max = FETCH_VERSION_OF_ONE_GROUP,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = offsets_read,
    };
    enum error error;

    offset_fetch_request_init(&request);
    request.group_id = bytes_of_text(group);
    request.topics = NULL;
    request.topics_count = -1; /* all */
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *offsets = &result->offsets;
    return error;
}

void barnabas_offsets_free(struct barnabas_offsets *offsets) {
    admin_result_free((struct admin_result *)offsets);
}

/* --- setting ------------------------------------------------------------------------------ */

static enum error set_read(struct admin_call *call, const void *message) {
    const struct offset_commit_response *response = message;
    enum error error = ERR_NONE;
    size_t count = 0;

    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            enum error found = response->topics[i].partitions[j].error_code;

            /* These say that the whole came to the wrong place, or too early. */
            if (found == ERR_NOT_COORDINATOR || found == ERR_COORDINATOR_NOT_AVAILABLE ||
                found == ERR_COORDINATOR_LOAD_IN_PROGRESS)
                return found;
            count++;
        }
    error = outcomes_begin(call, count);
    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count && error == ERR_NONE; j++)
            error = outcomes_add(call, response->topics[i].name,
                                 response->topics[i].partitions[j].partition_index,
                                 response->topics[i].partitions[j].error_code, BYTES_NULL);
    return error;
}

/* Lines of a topic that follow each other share its place in the request. */
static bool fill_lines(struct arena *arena, const struct barnabas_offset *offsets, size_t count,
                       struct offset_commit_request *request) {
    struct offset_commit_request_topics_partitions *lines =
        arena_alloc(arena, count + 1, sizeof(*lines));
    struct offset_commit_request_topics *topic = NULL;

    request->topics = arena_alloc(arena, count + 1, sizeof(*request->topics));
    if (lines == NULL || request->topics == NULL)
        return false;
    request->topics_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(offsets[i].topic, offsets[i - 1].topic) != 0) {
            topic = &request->topics[request->topics_count++];
            offset_commit_request_topics_init(topic);
            topic->name = bytes_of_text(offsets[i].topic);
            topic->partitions = &lines[i];
        }
        topic->partitions_count++;
        offset_commit_request_topics_partitions_init(&lines[i]);
        lines[i].partition_index = offsets[i].partition;
        lines[i].committed_offset = offsets[i].offset;
        lines[i].committed_leader_epoch = offsets[i].leader_epoch;
        lines[i].committed_metadata =
            bytes_of_text(offsets[i].metadata == NULL ? "" : offsets[i].metadata);
    }
    return true;
}

int barnabas_admin_set_group_offsets(struct barnabas_admin *admin, const char *group,
                                     const struct barnabas_offset *offsets, size_t count,
                                     int64_t timeout_ms, struct barnabas_outcomes **outcomes) {
    struct offset_commit_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_GROUP_COORDINATOR,
        .key = group,
        .api = &offset_commit_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = set_read,
    };
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    offset_commit_request_init(&request);
    request.group_id = bytes_of_text(group);
    request.member_id = bytes_of_text("");
    if (fill_lines(&arena, offsets, count, &request))
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}

/* --- deleting ----------------------------------------------------------------------------- */

static enum error delete_read(struct admin_call *call, const void *message) {
    const struct offset_delete_response *response = message;
    enum error error = response->error_code;
    size_t count = 0;

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->topics_count; i++)
        count += (size_t)response->topics[i].partitions_count;
    error = outcomes_begin(call, count);
    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count && error == ERR_NONE; j++)
            error = outcomes_add(call, response->topics[i].name,
                                 response->topics[i].partitions[j].partition_index,
                                 response->topics[i].partitions[j].error_code, BYTES_NULL);
    return error;
}

static bool fill_deletions(struct arena *arena, const struct barnabas_topic_partition *partitions,
                           size_t count, struct offset_delete_request *request) {
    struct offset_delete_request_topics_partitions *lines =
        arena_alloc(arena, count + 1, sizeof(*lines));
    struct offset_delete_request_topics *topic = NULL;

    request->topics = arena_alloc(arena, count + 1, sizeof(*request->topics));
    if (request->topics == NULL || lines == NULL)
        return false;
    request->topics_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(partitions[i].topic, partitions[i - 1].topic) != 0) {
            topic = &request->topics[request->topics_count++];
            offset_delete_request_topics_init(topic);
            topic->name = bytes_of_text(partitions[i].topic);
            topic->partitions = &lines[i];
        }
        topic->partitions_count++;
        lines[i].partition_index = partitions[i].partition;
    }
    return true;
}

int barnabas_admin_delete_group_offsets(struct barnabas_admin *admin, const char *group,
                                        const struct barnabas_topic_partition *partitions,
                                        size_t count, int64_t timeout_ms,
                                        struct barnabas_outcomes **outcomes) {
    struct offset_delete_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_GROUP_COORDINATOR,
        .key = group,
        .api = &offset_delete_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = delete_read,
    };
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    offset_delete_request_init(&request);
    request.group_id = bytes_of_text(group);
    if (fill_deletions(&arena, partitions, count, &request))
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}
