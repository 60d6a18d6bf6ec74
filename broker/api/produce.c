#include "broker/api/commit_wait.h"
#include "broker/api/handlers.h"
#include "broker/api/leader_hints.h"
#include "broker/api/verification.h"

#include "broker/log/log.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/produce.h"
#include "client/wire/record_batch.h"

/*
 * Produce: every partition is appended at once, in the order of arrival; with acks=all the call
 * then waits, without a thread, until the high watermark has passed what was appended, and with
 * flush.messages until it is on disk. The first batch of a transaction in a partition waits before
 * that, for the coordinator (verification.h). The whole operation lives in the request's arena, so
 * it ends only when no waiter's task is on its way.
 */

#define STORAGE_ERROR_VERSION_MIN 4
#define LEADER_HINTS_VERSION_MIN  10
#define ABORTABLE_VERSION_MIN     11

struct produced {
    struct produce_response_responses_partition_responses *response;
    struct commit_item append; /* with a reference of its partition */
    uint64_t guard;            /* of its verification; LOG_NO_GUARD: it needed none */
    enum error refused;        /* before the append; NONE */
    const char *message;       /* why, or NULL */
};

/* Of the batches that are transactional. */
struct producer {
    int32_t batch_count;
    bool is_ambiguous; /* they are not all of the same */
    int64_t id;
    int16_t epoch;
};

struct production {
    struct api_call *call;
    struct produce_request request;
    struct produce_response response;
    struct produced *produced; /* in the order of the request */
    int32_t produced_count;
    struct producer producer;
    bool must_be_verified; /* what is transactional */
    struct verification verification;
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
        return records.data[16] < 2 ? ERR_INVALID_RECORD : ERR_CORRUPT_MESSAGE;
    if (version < 7 && records.size >= RECORD_BATCH_HEADER_BYTES &&
        (records.data[22] & RECORD_BATCH_CODEC_MASK) == COMPRESSION_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    return ERR_NONE;
}

static bool is_transactional(struct bytes records, struct record_batch *batch) {
    return records.size >= RECORD_BATCH_HEADER_BYTES && records.data[16] == 2 &&
           (records.data[22] & RECORD_BATCH_TRANSACTIONAL) != 0 &&
           record_batch_decode(records, batch) == ERR_NONE && batch->producer_id >= 0;
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

static void count_flaw(struct partition *partition, const struct log_append_result *result) {
    static const enum traffic kinds[] = {
        [LOG_FLAW_CRC] = TRAFFIC_INVALID_CRC,
        [LOG_FLAW_MAGIC] = TRAFFIC_INVALID_MAGIC,
        [LOG_FLAW_OFFSET_OR_SEQUENCE] = TRAFFIC_INVALID_OFFSET,
        [LOG_FLAW_NO_KEY] = TRAFFIC_NO_KEY,
    };

    if (result->flaw != LOG_FLAW_NONE)
        partition_count_traffic(partition, kinds[result->flaw], (uint64_t)result->flaw_count);
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
    count_flaw(partition, result);
}

/* What speaks against the append before the partition is asked, in Kafka's order. */
static enum error check_append(struct production *production, const struct metadata *metadata,
                               struct bytes topic,
                               const struct produce_request_topic_data_partition_data *data,
                               struct produced *produced) {
    struct api_call *call = production->call;
    int16_t acks = production->request.acks;
    enum error found = ERR_NONE;
    enum error error;

    if (produced->append.partition == NULL)
        found = find_partition(call, metadata, topic, data->index, &produced->append.partition);
    if (found == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        return found;
    error = check_batch(call, data->records.data);
    if (error != ERR_NONE)
        return error;
    return acks < -1 || acks > 1 ? ERR_INVALID_REQUIRED_ACKS : found;
}

static enum error try_append(struct production *production, const struct metadata *metadata,
                             struct bytes topic,
                             const struct produce_request_topic_data_partition_data *data,
                             struct produced *produced, struct log_append_result *result) {
    struct api_call *call = production->call;
    struct partition_append options = {
        .acks = production->request.acks,
        .wall_ms = clock_wall_ms(call->context->clock),
        .arena = &call->request->arena,
        .origin = LOG_APPEND_CLIENT,
        .leader_epoch = ANY_LEADER_EPOCH,
        .must_be_verified = production->must_be_verified,
        .guard = produced->guard,
    };
    struct bytes records = data->records.data;
    enum error error = produced->refused;

    if (error == ERR_NONE)
        error = check_append(production, metadata, topic, data, produced);
    if (error == ERR_NONE)
        error = partition_append_as_leader(produced->append.partition,
                                           (uint8_t *)(uintptr_t)records.data, records.size,
                                           &options, result, &produced->append.commit.leader_epoch);
    if (produced->append.partition != NULL)
        count(produced->append.partition, records.size, error, result);
    /* Older clients do not know the error of a disk. */
    if (error_to_wire(error) == error_to_wire(ERR_KAFKA_STORAGE_ERROR) &&
        call->header.api_version < STORAGE_ERROR_VERSION_MIN)
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    return error;
}

static void append(struct production *production, const struct metadata *metadata,
                   struct bytes topic, const struct produce_request_topic_data_partition_data *data,
                   struct produced *produced) {
    int16_t acks = production->request.acks;
    struct log_append_result result = {.log_start_offset = -1};
    enum error error = try_append(production, metadata, topic, data, produced, &result);

    if (error != ERR_NONE && error != ERR_DUPLICATE_BATCH) {
        fail(produced->response, error);
        if (produced->refused != ERR_NONE)
            result.message = produced->message;
        tell_record_errors(production->call, &result, produced->response);
        return;
    }
    produced->response->base_offset = result.base_offset;
    produced->response->log_append_time_ms = result.log_append_time;
    produced->response->log_start_offset = result.log_start_offset;
    produced->append.commit.required_offset = acks == -1 ? result.last_offset + 1 : -1;
    produced->append.commit.flush_offset = result.flush_offset;
    if (acks == -1 || (acks == 1 && result.flush_offset >= 0)) {
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

/* Calls `each` for every partition of the request, in its order. */
static void for_each(struct production *production, const struct metadata *metadata,
                     void (*each)(struct production *production, const struct metadata *metadata,
                                  struct bytes topic,
                                  const struct produce_request_topic_data_partition_data *data,
                                  struct produced *produced)) {
    const struct produce_request *request = &production->request;
    struct produced *produced = production->produced;

    for (int32_t i = 0; i < request->topic_data_count; i++) {
        const struct produce_request_topic_data *topic = &request->topic_data[i];
        for (int32_t j = 0; j < topic->partition_data_count; j++)
            each(production, metadata, topic->name, &topic->partition_data[j], produced++);
    }
}

/* The call ends here, or when what was appended is safe. */
static void append_all(struct production *production) {
    struct api_call *call = production->call;
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);

    for_each(production, metadata, append);
    metadata_unref(metadata);
    if (production->request.acks != 0) {
        commit_wait_begin(&production->wait, production->request.timeout_ms);
        return;
    }
    release(production);
    /* Without a response, closing is the only way to say that something went wrong. */
    if (has_error(production))
        api_close(call);
    else
        api_finish_without_response(call);
}

static bool prepare_topic(struct production *production, int32_t at) {
    const struct produce_request_topic_data *topic = &production->request.topic_data[at];
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
    }
    return true;
}

/* The response, in which every partition has its place. False past the arena's bound. */
static bool prepare(struct production *production) {
    const struct produce_request *request = &production->request;
    struct produce_response *response = &production->response;
    struct api_call *call = production->call;
    bool is_whole = true;
    int32_t total = 0;

    for (int32_t i = 0; i < request->topic_data_count; i++)
        total += request->topic_data[i].partition_data_count;
    produce_response_init(response);
    response->responses =
        api_alloc(call, (size_t)request->topic_data_count, sizeof(*response->responses));
    response->responses_count = request->topic_data_count;
    production->produced = api_alloc(call, (size_t)total, sizeof(*production->produced));
    if (response->responses == NULL || production->produced == NULL)
        return false;
    for (int32_t i = 0; is_whole && i < request->topic_data_count; i++)
        is_whole = prepare_topic(production, i);
    return is_whole;
}

/* ---- Transactions ---- */

static void note_transactional(struct production *production, const struct metadata *metadata,
                               struct bytes topic,
                               const struct produce_request_topic_data_partition_data *data,
                               struct produced *produced) {
    struct producer *producer = &production->producer;
    struct record_batch batch;

    (void)metadata, (void)topic, (void)produced;
    if (!is_transactional(data->records.data, &batch))
        return;
    if (producer->batch_count++ == 0) {
        producer->id = batch.producer_id;
        producer->epoch = batch.producer_epoch;
    } else if (producer->id != batch.producer_id || producer->epoch != batch.producer_epoch) {
        producer->is_ambiguous = true;
    }
}

/* Why the request is refused as a whole, before anything is appended. */
static enum error check_transaction(struct production *production) {
    for_each(production, NULL, note_transactional);
    if (production->producer.batch_count == 0)
        return ERR_NONE;
    if (bytes_is_null(production->request.transactional_id))
        return ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    return production->producer.is_ambiguous ? ERR_INVALID_PRODUCER_ID_MAPPING : ERR_NONE;
}

static void refuse_all(struct production *production, enum error error) {
    for (int32_t i = 0; i < production->produced_count; i++) {
        production->produced[i].refused = error;
        if (error == ERR_INVALID_PRODUCER_ID_MAPPING)
            production->produced[i].message =
                "Transactional records contained more than one producer ID";
    }
}

static void add_to_verification(struct production *production, const struct metadata *metadata,
                                struct bytes topic,
                                const struct produce_request_topic_data_partition_data *data,
                                struct produced *produced) {
    struct record_batch batch;

    if (is_transactional(data->records.data, &batch) &&
        check_batch(production->call, data->records.data) == ERR_NONE &&
        find_partition(production->call, metadata, topic, data->index,
                       &produced->append.partition) == ERR_NONE)
        verification_add(&production->verification, produced->append.partition, batch.producer_id,
                         batch.producer_epoch, batch.base_sequence, &produced->guard);
}

#define UNVERIFIED "Unable to verify the partition has been added to the transaction. "

/* Told that the coordinator is not there, a producer would look for its partition's leader, or
 * fail; it has only to come again. */
static void refuse(struct produced *produced, enum error error) {
    produced->refused = ERR_NOT_ENOUGH_REPLICAS;
    switch (error) {
    case ERR_CONCURRENT_TRANSACTIONS:
        produced->message = UNVERIFIED "Underlying error: CONCURRENT_TRANSACTIONS";
        break;
    case ERR_NETWORK_EXCEPTION:
        produced->message = UNVERIFIED "Underlying error: NETWORK_EXCEPTION";
        break;
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
        produced->message = UNVERIFIED "Underlying error: COORDINATOR_LOAD_IN_PROGRESS";
        break;
    case ERR_COORDINATOR_NOT_AVAILABLE:
        produced->message = UNVERIFIED "Underlying error: COORDINATOR_NOT_AVAILABLE";
        break;
    case ERR_NOT_COORDINATOR:
        produced->message = UNVERIFIED "Underlying error: NOT_COORDINATOR";
        break;
    default:
        produced->refused = error;
        if (error == ERR_INVALID_TXN_STATE)
            produced->message = "Partition was not added to the transaction";
        break;
    }
}

static void on_verified(struct verification *verification) {
    struct production *production = CONTAINER_OF(verification, struct production, verification);
    bool knows_abortable = production->call->header.api_version >= ABORTABLE_VERSION_MIN;
    const enum error *error = verification->request.errors;

    for (int32_t i = 0; i < production->produced_count; i++) {
        if (production->produced[i].guard != LOG_NO_GUARD)
            refuse(&production->produced[i], verification_error(*error++, knows_abortable));
    }
    append_all(production);
}

/* True if the coordinator is asked: on_verified goes on then. */
static bool verify(struct production *production) {
    struct verification *verification = &production->verification;
    struct api_call *call = production->call;
    const struct metadata *metadata;

    production->must_be_verified = verification_is_enabled(call);
    if (!production->must_be_verified)
        return false;
    if (!verification_init(verification, call, production->producer.batch_count)) {
        refuse_all(production, ERR_NOT_ENOUGH_REPLICAS);
        return false;
    }
    metadata = metadata_cache_get(call->context->metadata);
    for_each(production, metadata, add_to_verification);
    metadata_unref(metadata);
    if (verification->request.count == 0)
        return false;
    if (hop_keep_decoded(call, &production->request) != ERR_NONE) {
        refuse_all(production, ERR_NOT_ENOUGH_REPLICAS);
        return false;
    }
    verification_ask(verification, production->request.transactional_id, production->producer.id,
                     production->producer.epoch, on_verified);
    return true;
}

static void label_acks(struct api_call *call, int16_t acks) {
    if (acks == -1)
        call->request->label.part_of_kind = API_PART_PRODUCE_ACKS_ALL;
    else if (acks == 1)
        call->request->label.part_of_kind = API_PART_PRODUCE_ACKS_LEADER;
}

static void handle(struct api_call *call) {
    struct production *production = api_alloc(call, 1, sizeof(*production));
    enum error error;

    if (production == NULL) {
        api_close(call);
        return;
    }
    if (!api_decode(call, &production->request))
        return;
    label_acks(call, production->request.acks);
    production->call = call;
    production->wait = (struct commit_wait){
        .request = call->request, .on_item = on_committed, .on_over = on_all_committed};
    if (!prepare(production)) {
        api_close(call);
        return;
    }
    error = check_transaction(production);
    if (error != ERR_NONE)
        refuse_all(production, error);
    else if (production->producer.batch_count > 0 && verify(production))
        return;
    append_all(production);
}

const struct api_handler api_produce = {&produce_api, 11, handle};
