#include "broker/api/commit_wait.h"
#include "broker/api/handlers.h"
#include "broker/api/leader_hints.h"

#include "broker/log/log.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/produce.h"
#include "client/wire/record_batch.h"

/*
 * Produce: every partition is appended at once, in the order of arrival; with acks=all the call
 * then waits, without a thread, until the high watermark has passed what was appended, and with
 * flush.messages until it is on disk. The whole
 * operation lives in the request's arena, so it ends only when no waiter's task is on its way.
 */

#define STORAGE_ERROR_VERSION_MIN 4
#define LEADER_HINTS_VERSION_MIN  10

struct produced {
    struct produce_response_responses_partition_responses *response;
    struct commit_item append; /* with a reference of its partition */
};

struct production {
    struct api_call *call;
    struct produce_response response;
    struct produced *produced;
    int32_t produced_count;
    struct commit_wait wait;
};

static void fail(struct produce_response_responses_partition_responses *response,
                 enum error error) {
    response->error_code = error_to_wire(error);
    response->base_offset = -1;
    response->log_append_time_ms = -1;
    response->log_start_offset = -1;
}

/* What only the request's version and the batch's header decide. */
static enum error check_batch(const struct api_call *call, struct bytes records) {
    int16_t version = call->header.api_version;

    if (version < 3)
        return ERR_NONE; /* any format */
    if (bytes_is_null(records) || records.size < RECORD_BATCH_PREFIX_BYTES)
        return ERR_INVALID_RECORD;
    if (records.data[16] != 2)
        return ERR_INVALID_RECORD;
    if (version < 7 && records.size >= RECORD_BATCH_HEADER_BYTES &&
        (records.data[22] & RECORD_BATCH_CODEC_MASK) == COMPRESSION_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    return ERR_NONE;
}

static enum error find_partition(struct api_call *call, const struct metadata *metadata,
                                 struct bytes topic, int32_t index, struct partition **partition) {
    const struct metadata_topic *known = metadata_find_topic(metadata, topic);

    if (known == NULL || metadata_find_partition(known, index) == NULL)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (known->is_internal && !bytes_equal_text(call->header.client_id, "__admin_client"))
        return ERR_INVALID_TOPIC_EXCEPTION;
    *partition = replica_manager_find(call->context->replicas, topic, index);
    return *partition == NULL ? ERR_NOT_LEADER_OR_FOLLOWER : ERR_NONE;
}

static void tell_record_errors(struct api_call *call, const struct log_append_result *result,
                               struct produce_response_responses_partition_responses *response) {
    int32_t count = result->record_error_count;

    response->error_message = bytes_of_text(result->message);
    if (count == 0)
        return;
    response->record_errors = api_alloc(call, (size_t)count, sizeof(*response->record_errors));
    if (response->record_errors == NULL)
        return;
    for (int32_t i = 0; i < count; i++) {
        response->record_errors[i].batch_index = result->record_errors[i].record_index;
        response->record_errors[i].batch_index_error_message =
            bytes_of_text(result->record_errors[i].message);
    }
    response->record_errors_count = count;
}

/* Kafka counts as failed what a producer could not have avoided. */
static bool is_failure(enum error error) {
    return error != ERR_NONE && error != ERR_DUPLICATE_BATCH &&
           error != ERR_NOT_LEADER_OR_FOLLOWER && error != ERR_MESSAGE_TOO_LARGE &&
           error != ERR_RECORD_LIST_TOO_LARGE && error != ERR_CORRUPT_MESSAGE &&
           error != ERR_KAFKA_STORAGE_ERROR;
}

static void count(struct partition *partition, size_t size, enum error error,
                  const struct log_append_result *result) {
    partition_count_traffic(partition, TRAFFIC_PRODUCE_REQUESTS, 1);
    if (error == ERR_NONE) {
        partition_count_traffic(partition, TRAFFIC_BYTES_IN, size);
        partition_count_traffic(partition, TRAFFIC_MESSAGES_IN,
                                (uint64_t)(result->last_offset - result->base_offset + 1));
    } else if (error == ERR_MESSAGE_TOO_LARGE || error == ERR_RECORD_LIST_TOO_LARGE) {
        partition_count_traffic(partition, TRAFFIC_BYTES_REJECTED, size);
    }
    if (is_failure(error))
        partition_count_traffic(partition, TRAFFIC_FAILED_PRODUCE_REQUESTS, 1);
}

static void append(struct production *production, const struct metadata *metadata,
                   const struct produce_request *request, struct bytes topic,
                   const struct produce_request_topic_data_partition_data *data,
                   struct produced *produced) {
    struct api_call *call = production->call;
    struct partition_append options = {
        .acks = request->acks,
        .wall_ms = clock_wall_ms(call->context->clock),
        .arena = &call->request->arena,
        .origin = LOG_APPEND_CLIENT,
        .leader_epoch = ANY_LEADER_EPOCH,
    };
    struct bytes records = data->records.data;
    struct log_append_result result = {.log_start_offset = -1};
    enum error error = ERR_NONE;

    if (request->acks < -1 || request->acks > 1)
        error = ERR_INVALID_REQUIRED_ACKS;
    if (error == ERR_NONE)
        error = find_partition(call, metadata, topic, data->index, &produced->append.partition);
    if (error == ERR_NONE)
        error = check_batch(call, records);
    if (error == ERR_NONE)
        error = partition_append_as_leader(
            produced->append.partition, (uint8_t *)(uintptr_t)records.data, records.size, &options,
            &result, &produced->append.commit.leader_epoch);
    if (produced->append.partition != NULL)
        count(produced->append.partition, records.size, error, &result);
    /* Older clients do not know the error of a disk. */
    if (error_to_wire(error) == error_to_wire(ERR_KAFKA_STORAGE_ERROR) &&
        call->header.api_version < STORAGE_ERROR_VERSION_MIN)
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    if (error != ERR_NONE && error != ERR_DUPLICATE_BATCH) {
        fail(produced->response, error);
        tell_record_errors(call, &result, produced->response);
        return;
    }
    produced->response->base_offset = result.base_offset;
    produced->response->log_append_time_ms = result.log_append_time;
    produced->response->log_start_offset = result.log_start_offset;
    produced->append.commit.required_offset = request->acks == -1 ? result.last_offset + 1 : -1;
    produced->append.commit.flush_offset = result.flush_offset;
    if (error == ERR_DUPLICATE_BATCH)
        produced->append.commit.leader_epoch = partition_leader_epoch(produced->append.partition);
    if (request->acks == -1 || (request->acks == 1 && result.flush_offset >= 0)) {
        commit_wait_add(&production->wait, &produced->append);
    }
}

/* ---- Ending ---- */

static void release(struct production *production) {
    for (int32_t i = 0; i < production->produced_count; i++)
        partition_unref(production->produced[i].append.partition);
}

static bool has_error(const struct production *production) {
    for (int32_t i = 0; i < production->produced_count; i++) {
        if (production->produced[i].response->error_code != ERR_NONE)
            return true;
    }
    return false;
}

static void fill_nodes(struct production *production, const struct leader_hints *hints) {
    struct produce_response *response = &production->response;

    response->node_endpoints =
        api_alloc(production->call, (size_t)hints->node_count, sizeof(*response->node_endpoints));
    if (response->node_endpoints == NULL)
        return;
    for (int32_t i = 0; i < hints->node_count; i++) {
        const struct leader_node *node = &hints->nodes[i];
        response->node_endpoints[i] =
            (struct produce_response_node_endpoints){node->id, node->host, node->port, node->rack};
    }
    response->node_endpoints_count = hints->node_count;
}

static void tell_leaders_of(struct leader_hints *hints,
                            const struct produce_response_responses *topic) {
    const struct metadata_topic *known = metadata_find_topic(hints->metadata, topic->name);

    for (int32_t i = 0; i < topic->partition_responses_count; i++) {
        struct produce_response_responses_partition_responses *response =
            &topic->partition_responses[i];
        if (response->error_code == error_to_wire(ERR_NOT_LEADER_OR_FOLLOWER))
            (void)leader_hints_find(hints, known, response->index,
                                    &response->current_leader.leader_id,
                                    &response->current_leader.leader_epoch);
    }
}

static void tell_leaders(struct production *production) {
    struct leader_hints hints;

    if (production->call->header.api_version < LEADER_HINTS_VERSION_MIN || !has_error(production) ||
        !leader_hints_begin(&hints, production->call, production->produced_count))
        return;
    for (int32_t i = 0; i < production->response.responses_count; i++)
        tell_leaders_of(&hints, &production->response.responses[i]);
    fill_nodes(production, &hints);
    leader_hints_end(&hints);
}

static void on_committed(struct commit_item *item, enum error error) {
    if (error != ERR_NONE)
        fail(CONTAINER_OF(item, struct produced, append)->response, error);
}

static void on_all_committed(struct commit_wait *wait) {
    struct production *production = CONTAINER_OF(wait, struct production, wait);

    tell_leaders(production);
    release(production);
    api_respond(production->call, &production->response);
}

/* ---- The call ---- */

static bool prepare(struct production *production, const struct produce_request *request) {
    struct api_call *call = production->call;
    int32_t total = 0;

    for (int32_t i = 0; i < request->topic_data_count; i++)
        total += request->topic_data[i].partition_data_count;
    produce_response_init(&production->response);
    production->response.responses =
        api_alloc(call, (size_t)request->topic_data_count, sizeof(*production->response.responses));
    production->produced = api_alloc(call, (size_t)total, sizeof(*production->produced));
    return production->response.responses != NULL && production->produced != NULL;
}

static bool append_topic(struct production *production, const struct metadata *metadata,
                         const struct produce_request *request, int32_t at) {
    const struct produce_request_topic_data *topic = &request->topic_data[at];
    struct produce_response_responses *response = &production->response.responses[at];
    struct api_call *call = production->call;
    int32_t count = topic->partition_data_count;

    response->name = arena_copy(&call->request->arena, topic->name);
    response->partition_responses =
        api_alloc(call, (size_t)count, sizeof(*response->partition_responses));
    if (bytes_is_null(response->name) || response->partition_responses == NULL)
        return false;
    response->partition_responses_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct produced *produced = &production->produced[production->produced_count++];
        produced->response = &response->partition_responses[i];
        produce_response_responses_partition_responses_init(produced->response);
        produced->response->index = topic->partition_data[i].index;
        append(production, metadata, request, topic->name, &topic->partition_data[i], produced);
    }
    production->response.responses_count++;
    return true;
}

static void handle(struct api_call *call) {
    struct production *production = api_alloc(call, 1, sizeof(*production));
    const struct metadata *metadata;
    struct produce_request request;
    bool is_whole = true;

    if (!api_decode(call, &request))
        return;
    if (production == NULL) {
        api_close(call);
        return;
    }
    production->call = call;
    production->wait = (struct commit_wait){
        .request = call->request, .on_item = on_committed, .on_over = on_all_committed};
    metadata = metadata_cache_get(call->context->metadata);
    is_whole = prepare(production, &request);
    for (int32_t i = 0; is_whole && i < request.topic_data_count; i++)
        is_whole = append_topic(production, metadata, &request, i);
    metadata_unref(metadata);
    if (!is_whole || (request.acks == 0 && has_error(production))) {
        /* Without a response, closing is the only way to say that something went wrong. */
        release(production);
        api_close(call);
    } else if (request.acks == 0) {
        release(production);
        api_finish_without_response(call);
    } else {
        commit_wait_begin(&production->wait, request.timeout_ms);
    }
}

const struct api_handler api_produce = {&produce_api, 11, handle};
