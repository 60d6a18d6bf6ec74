/* Topics: create, delete, describe. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/outcomes.h"
#include "client/wire/message/create_topics.h"
#include "client/wire/message/delete_topics.h"
#include "client/wire/message/metadata.h"

/* Where the whole request must be asked again: from another broker, or later. */
static bool is_misdirected(enum error error) {
    return error == ERR_NOT_CONTROLLER || error == ERR_COORDINATOR_NOT_AVAILABLE;
}

/* --- create ------------------------------------------------------------------------------ */

static enum error create_read(struct admin_call *call, const void *message) {
    const struct create_topics_response *response = message;
    enum error error;

    for (int32_t i = 0; i < response->topics_count; i++)
        if (is_misdirected(response->topics[i].error_code))
            return response->topics[i].error_code;
    if ((error = outcomes_begin(call, (size_t)response->topics_count)) != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->topics_count && error == ERR_NONE; i++)
        error = outcomes_add(call, response->topics[i].name, -1, response->topics[i].error_code,
                             response->topics[i].error_message);
    return error;
}

static enum error create_topic_fill(struct arena *arena, const struct barnabas_new_topic *from,
                                    struct create_topics_request_topics *to) {
    create_topics_request_topics_init(to);
    to->name = bytes_of_text(from->name);
    to->num_partitions = from->partition_count;
    to->replication_factor = from->replication_factor;
    to->configs = arena_alloc(arena, from->setting_count + 1, sizeof(*to->configs));
    if (to->configs == NULL)
        return ERR_OUT_OF_MEMORY;
    to->configs_count = (int32_t)from->setting_count;
    for (size_t i = 0; i < from->setting_count; i++) {
        create_topics_request_topics_configs_init(&to->configs[i]);
        to->configs[i].name = bytes_of_text(from->settings[i].key);
        to->configs[i].value = bytes_of_text(from->settings[i].value);
    }
    return ERR_NONE;
}

int barnabas_admin_create_topics(struct barnabas_admin *admin,
                                 const struct barnabas_new_topic *topics, size_t count,
                                 bool validate_only, int64_t timeout_ms,
                                 struct barnabas_outcomes **outcomes) {
    struct create_topics_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &create_topics_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = create_read,
    };
    struct arena arena;
    enum error error = ERR_NONE;

    arena_init(&arena, SIZE_MAX / 2);
    create_topics_request_init(&request);
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    request.validate_only = validate_only;
    request.topics = arena_alloc(&arena, count + 1, sizeof(*request.topics));
    request.topics_count = (int32_t)count;
    if (request.topics == NULL)
        error = ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count && error == ERR_NONE; i++)
        error = create_topic_fill(&arena, &topics[i], &request.topics[i]);
    if (error == ERR_NONE)
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}

/* --- delete ------------------------------------------------------------------------------ */

/* The newest version that takes a plain list of names; later ones also take ids. */
#define DELETE_VERSION_WITH_NAMES 5

static enum error delete_read(struct admin_call *call, const void *message) {
    const struct delete_topics_response *response = message;
    enum error error;

    for (int32_t i = 0; i < response->responses_count; i++)
        if (is_misdirected(response->responses[i].error_code))
            return response->responses[i].error_code;
    if ((error = outcomes_begin(call, (size_t)response->responses_count)) != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->responses_count && error == ERR_NONE; i++)
        error =
            outcomes_add(call, response->responses[i].name, -1, response->responses[i].error_code,
                         response->responses[i].error_message);
    return error;
}

int barnabas_admin_delete_topics(struct barnabas_admin *admin, const char *const *names,
                                 size_t count, int64_t timeout_ms,
                                 struct barnabas_outcomes **outcomes) {
    struct delete_topics_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &delete_topics_api,
        .version_max = DELETE_VERSION_WITH_NAMES,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = delete_read,
    };
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    delete_topics_request_init(&request);
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    request.topic_names = arena_alloc(&arena, count + 1, sizeof(*request.topic_names));
    if (request.topic_names != NULL) {
        request.topic_names_count = (int32_t)count;
        for (size_t i = 0; i < count; i++)
            request.topic_names[i] = bytes_of_text(names[i]);
        error = admin_call_run(admin, &call, &result);
    }
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}

/* --- describe ---------------------------------------------------------------------------- */

static const int32_t *ids_copy(struct admin_call *call, const int32_t *ids, int32_t count,
                               size_t *copied_count) {
    int32_t *copy = arena_alloc(&call->result->arena, (size_t)count + 1, sizeof(*copy));

    if (copy != NULL && count > 0)
        memcpy(copy, ids, (size_t)count * sizeof(*copy));
    *copied_count = count > 0 ? (size_t)count : 0;
    return copy;
}

static int partition_compare(const void *left, const void *right) {
    const struct barnabas_partition_info *a = left;
    const struct barnabas_partition_info *b = right;

    return (a->partition > b->partition) - (a->partition < b->partition);
}

static enum error partition_fill(struct admin_call *call,
                                 const struct metadata_response_topics_partitions *from,
                                 struct barnabas_partition_info *to) {
    to->partition = from->partition_index;
    to->error = from->error_code;
    to->leader = from->leader_id;
    to->leader_epoch = from->leader_epoch;
    to->replicas =
        ids_copy(call, from->replica_nodes, from->replica_nodes_count, &to->replica_count);
    to->isr = ids_copy(call, from->isr_nodes, from->isr_nodes_count, &to->isr_count);
    to->offline =
        ids_copy(call, from->offline_replicas, from->offline_replicas_count, &to->offline_count);
    return to->replicas == NULL || to->isr == NULL || to->offline == NULL ? ERR_OUT_OF_MEMORY
                                                                          : ERR_NONE;
}

static enum error topic_fill(struct admin_call *call, const struct metadata_response_topics *from,
                             struct barnabas_topic_info *to) {
    struct barnabas_partition_info *partitions;
    char id[UUID_TEXT_SIZE + 1] = "";
    enum error error = ERR_NONE;

    if (!uuid_is_zero(&from->topic_id))
        uuid_to_text(&from->topic_id, id);
    to->name = admin_text(call, from->name);
    to->id = admin_text(call, bytes_of_text(id));
    to->error = from->error_code;
    to->internal = from->is_internal;
    to->partition_count = (size_t)from->partitions_count;
    partitions = arena_alloc(&call->result->arena, to->partition_count + 1, sizeof(*partitions));
    to->partitions = partitions;
    if (to->name == NULL || to->id == NULL || partitions == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < from->partitions_count && error == ERR_NONE; i++)
        error = partition_fill(call, &from->partitions[i], &partitions[i]);
    qsort(partitions, to->partition_count, sizeof(*partitions), partition_compare);
    return error;
}

static int topic_compare(const void *left, const void *right) {
    const struct barnabas_topic_info *a = left;
    const struct barnabas_topic_info *b = right;

    return strcmp(a->name, b->name);
}

static enum error describe_read(struct admin_call *call, const void *message) {
    const struct metadata_response *response = message;
    size_t count = response->topics_count > 0 ? (size_t)response->topics_count : 0;
    struct barnabas_topic_info *items =
        arena_alloc(&call->result->arena, count + 1, sizeof(*items));
    enum error error = ERR_NONE;

    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count && error == ERR_NONE; i++)
        error = topic_fill(call, &response->topics[i], &items[i]);
    if (error != ERR_NONE)
        return error;
    qsort(items, count, sizeof(*items), topic_compare);
    call->result->topics.count = count;
    call->result->topics.items = items;
    return ERR_NONE;
}

int barnabas_admin_describe_topics(struct barnabas_admin *admin, const char *const *names,
                                   size_t count, int64_t timeout_ms,
                                   struct barnabas_topics **topics) {
    struct metadata_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_ANY_BROKER,
        .api = &metadata_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = describe_read,
    };
    enum error error;

    metadata_request_init(&request);
    request.allow_auto_topic_creation = false;
    request.topics = calloc(count + 1, sizeof(*request.topics));
    if (request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    request.topics_count = names == NULL ? -1 : (int32_t)count;
    for (size_t i = 0; names != NULL && i < count; i++) {
        metadata_request_topics_init(&request.topics[i]);
        request.topics[i].name = bytes_of_text(names[i]);
    }
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_UNSUPPORTED_VERSION) {
        /* Brokers before 0.11 cannot be told not to create; asking is better than failing. */
        request.allow_auto_topic_creation = true;
        error = admin_call_run(admin, &call, &result);
    }
    free(request.topics);
    if (error == ERR_NONE)
        *topics = &result->topics;
    return error;
}
