/* Partitions get other replicas. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/outcomes.h"
#include "client/wire/message/alter_partition_reassignments.h"
#include "client/wire/message/list_partition_reassignments.h"

/* --- To begin and to cancel --------------------------------------------------------------- */

static enum error altered_read(struct admin_call *call, const void *message) {
    const struct alter_partition_reassignments_response *response = message;
    size_t count = 0;
    enum error error = response->error_code;

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->responses_count; i++)
        count += (size_t)response->responses[i].partitions_count;
    error = outcomes_begin(call, count);
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct alter_partition_reassignments_response_responses *topic =
            &response->responses[i];

        for (int32_t j = 0; j < topic->partitions_count && error == ERR_NONE; j++)
            error =
                outcomes_add(call, topic->name, topic->partitions[j].partition_index,
                             topic->partitions[j].error_code, topic->partitions[j].error_message);
    }
    return error;
}

/* Partitions of one topic that stand together become one entry. */
static enum error wanted_fill(struct arena *arena, const struct barnabas_new_replicas *wanted,
                              size_t count, struct alter_partition_reassignments_request *request) {
    struct alter_partition_reassignments_request_topics *topic = NULL;
    struct alter_partition_reassignments_request_topics_partitions *partitions =
        arena_alloc(arena, count + 1, sizeof(*partitions));

    request->topics = arena_alloc(arena, count + 1, sizeof(*request->topics));
    if (partitions == NULL || request->topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(wanted[i].topic, wanted[i - 1].topic) != 0) {
            topic = &request->topics[request->topics_count++];
            alter_partition_reassignments_request_topics_init(topic);
            topic->name = bytes_of_text(wanted[i].topic);
            topic->partitions = &partitions[i];
        }
        alter_partition_reassignments_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = wanted[i].partition;
        partitions[i].replicas_count =
            wanted[i].replicas == NULL ? -1 : (int32_t)wanted[i].replica_count;
        partitions[i].replicas = (int32_t *)(uintptr_t)wanted[i].replicas;
        topic->partitions_count++;
    }
    return ERR_NONE;
}

int barnabas_admin_alter_reassignments(struct barnabas_admin *admin,
                                       const struct barnabas_new_replicas *wanted, size_t count,
                                       int64_t timeout_ms, struct barnabas_outcomes **outcomes) {
    struct alter_partition_reassignments_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &alter_partition_reassignments_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = altered_read,
    };
    struct arena arena;
    enum error error;

    arena_init(&arena, SIZE_MAX / 2);
    alter_partition_reassignments_request_init(&request);
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    error = wanted_fill(&arena, wanted, count, &request);
    if (error == ERR_NONE)
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}

/* --- To see what is under way ------------------------------------------------------------- */

static const int32_t *ids_copy(struct admin_call *call, const int32_t *ids, int32_t count) {
    int32_t *copy = arena_alloc(&call->result->arena, (size_t)count + 1, sizeof(*copy));

    if (copy != NULL && count > 0)
        memcpy(copy, ids, (size_t)count * sizeof(*copy));
    return copy;
}

static enum error
reassignment_fill(struct admin_call *call, struct bytes topic,
                  const struct list_partition_reassignments_response_topics_partitions *from,
                  struct barnabas_reassignment *to) {
    to->topic = admin_text(call, topic);
    to->partition = from->partition_index;
    to->replicas = ids_copy(call, from->replicas, from->replicas_count);
    to->replica_count = (size_t)from->replicas_count;
    to->adding = ids_copy(call, from->adding_replicas, from->adding_replicas_count);
    to->adding_count = (size_t)from->adding_replicas_count;
    to->removing = ids_copy(call, from->removing_replicas, from->removing_replicas_count);
    to->removing_count = (size_t)from->removing_replicas_count;
    return to->topic == NULL || to->replicas == NULL || to->adding == NULL || to->removing == NULL
               ? ERR_OUT_OF_MEMORY
               : ERR_NONE;
}

static enum error list_read(struct admin_call *call, const void *message) {
    const struct list_partition_reassignments_response *response = message;
    struct barnabas_reassignments *list = &call->result->reassignments;
    struct barnabas_reassignment *items;
    size_t count = 0;
    enum error error = response->error_code;

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->topics_count; i++)
        count += (size_t)response->topics[i].partitions_count;
    items = arena_alloc(&call->result->arena, count + 1, sizeof(*items));
    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    list->items = items;
    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count && error == ERR_NONE; j++)
            error = reassignment_fill(call, response->topics[i].name,
                                      &response->topics[i].partitions[j], &items[list->count++]);
    return error;
}

int barnabas_admin_list_reassignments(struct barnabas_admin *admin, int64_t timeout_ms,
                                      struct barnabas_reassignments **reassignments) {
    struct list_partition_reassignments_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &list_partition_reassignments_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = list_read,
    };
    enum error error;

    list_partition_reassignments_request_init(&request);
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    request.topics_count = -1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *reassignments = &result->reassignments;
    return error;
}
