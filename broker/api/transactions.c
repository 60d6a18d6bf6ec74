/*
 * What producers ask of the coordinator of their transaction: AddPartitionsToTxn, AddOffsetsToTxn,
 * EndTxn. All is decided on the coordinator's thread.
 *
 * From version 4 on AddPartitionsToTxn is a request of brokers, for several producers at once: they
 * ask on behalf of producers whether a partition is in the transaction (KIP-890).
 */
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/control/control.h"
#include "broker/journal/coordinator_key.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/transaction/transaction_coordinator.h"
#include "client/wire/message/add_offsets_to_txn.h"
#include "client/wire/message/add_partitions_to_txn.h"
#include "client/wire/message/end_txn.h"

#define BATCHED_VERSION_MIN 4

/* Older clients do not know the code. */
static enum error error_for(const struct api_call *call, enum error error) {
    return error == ERR_PRODUCER_FENCED && call->header.api_version < 2 ? ERR_INVALID_PRODUCER_EPOCH
                                                                        : error;
}

/* ---- AddPartitionsToTxn ---- */

/* One producer's part of the request. */
struct adding {
    struct add_partitions *of;
    bool verify_only;
    struct transaction_add_request request;
    struct transaction_partition *partitions;
    struct add_partitions_to_txn_topic_result *results;
    int32_t result_count;
};

struct add_partitions {
    struct hop hop; /* first */
    struct add_partitions_to_txn_request wire;
    struct add_partitions_to_txn_response response;
    struct adding *adding;
    int32_t count;
    int32_t left; /* undecided */
};

static void add_respond(struct hop *hop) {
    struct add_partitions *add = (struct add_partitions *)hop;

    api_respond(hop->call, &add->response);
}

/* The same answer for every partition that has none yet. */
static void answer_all(struct adding *adding, enum error error) {
    int16_t code = error_to_wire(error_for(adding->of->hop.call, error));

    for (int32_t i = 0; i < adding->result_count; i++) {
        for (int32_t j = 0; j < adding->results[i].results_by_partition_count; j++) {
            if (adding->results[i].results_by_partition[j].partition_error_code == 0)
                adding->results[i].results_by_partition[j].partition_error_code = code;
        }
    }
}

static void decide(struct adding *adding, enum error error) {
    answer_all(adding, error);
    if (--adding->of->left == 0)
        hop_return(&adding->of->hop, add_respond);
}

static void on_added(struct transaction_add_request *request) {
    decide(CONTAINER_OF(request, struct adding, request), request->error);
}

static void verify(struct adding *adding) {
    const struct transaction_add_request *request = &adding->request;
    const struct transaction *transaction;
    enum error error =
        transaction_coordinator_verify(adding->of->hop.call->context->transactions, request->id,
                                       request->producer_id, request->producer_epoch, &transaction);

    for (int32_t i = 0; error == ERR_NONE && i < adding->result_count; i++) {
        struct add_partitions_to_txn_topic_result *topic = &adding->results[i];
        for (int32_t j = 0; j < topic->results_by_partition_count; j++) {
            struct add_partitions_to_txn_partition_result *partition =
                &topic->results_by_partition[j];
            if (!transaction_has_partition(transaction, topic->name, partition->partition_index))
                partition->partition_error_code = error_to_wire(ERR_TRANSACTION_ABORTABLE);
        }
    }
    decide(adding, error);
}

static bool is_refused(const struct adding *adding) {
    for (int32_t i = 0; i < adding->result_count; i++) {
        for (int32_t j = 0; j < adding->results[i].results_by_partition_count; j++) {
            if (adding->results[i].results_by_partition[j].partition_error_code != 0)
                return true;
        }
    }
    return false;
}

static void add_run(struct hop *hop) {
    struct add_partitions *add = (struct add_partitions *)hop;

    add->left = add->count + 1; /* so that it is not over before all have begun */
    for (int32_t i = 0; i < add->count; i++) {
        struct adding *adding = &add->adding[i];
        if (adding->verify_only)
            verify(adding);
        else if (is_refused(adding))
            decide(adding, ERR_OPERATION_NOT_ATTEMPTED); /* all or none */
        else
            transaction_coordinator_add(hop->call->context->transactions, &adding->request);
    }
    if (--add->left == 0)
        hop_return(hop, add_respond);
}

static enum error check_partition(const struct api_call *call, const struct metadata *metadata,
                                  struct bytes topic_name, int32_t partition) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, topic_name);

    if (call->header.api_version < BATCHED_VERSION_MIN && metadata_is_internal_topic(topic_name))
        return ERR_TOPIC_AUTHORIZATION_FAILED;
    return topic == NULL || metadata_find_partition(topic, partition) == NULL
               ? ERR_UNKNOWN_TOPIC_OR_PARTITION
               : ERR_NONE;
}

static bool list_topic(struct adding *adding, const struct metadata *metadata,
                       const struct add_partitions_to_txn_topic *from,
                       struct add_partitions_to_txn_topic_result *to) {
    struct api_call *call = adding->of->hop.call;

    add_partitions_to_txn_topic_result_init(to);
    to->name = from->name;
    to->results_by_partition =
        api_alloc(call, (size_t)from->partitions_count, sizeof(*to->results_by_partition));
    if (to->results_by_partition == NULL)
        return false;
    to->results_by_partition_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        struct add_partitions_to_txn_partition_result *result = &to->results_by_partition[i];
        add_partitions_to_txn_partition_result_init(result);
        result->partition_index = from->partitions[i];
        if (!adding->verify_only)
            result->partition_error_code =
                error_to_wire(check_partition(call, metadata, from->name, from->partitions[i]));
        adding->partitions[adding->request.count++] =
            (struct transaction_partition){from->name, from->partitions[i]};
    }
    return true;
}

/* False past the arena's bound. */
static bool list_topics(struct adding *adding, const struct add_partitions_to_txn_topic *topics,
                        int32_t count) {
    struct api_call *call = adding->of->hop.call;
    const struct metadata *metadata;
    bool is_whole;
    size_t total = 0;

    for (int32_t i = 0; i < count; i++)
        total += (size_t)topics[i].partitions_count;
    adding->results = api_alloc(call, (size_t)count, sizeof(*adding->results));
    adding->partitions = api_alloc(call, total, sizeof(*adding->partitions));
    adding->request.partitions = adding->partitions;
    is_whole = adding->results != NULL && adding->partitions != NULL;
    metadata = metadata_cache_get(call->context->metadata);
    for (int32_t i = 0; is_whole && i < count; i++)
        is_whole =
            list_topic(adding, metadata, &topics[i], &adding->results[adding->result_count++]);
    metadata_unref(metadata);
    return is_whole;
}

static bool list_single(struct add_partitions *add) {
    const struct add_partitions_to_txn_request *wire = &add->wire;
    struct adding *adding = &add->adding[0];

    add->count = 1;
    adding->request.wait.may_wait = true; /* in a batch, others would wait with it */
    adding->request.id = wire->v3_and_below_transactional_id;
    adding->request.producer_id = wire->v3_and_below_producer_id;
    adding->request.producer_epoch = wire->v3_and_below_producer_epoch;
    if (!list_topics(adding, wire->v3_and_below_topics, wire->v3_and_below_topics_count))
        return false;
    add->response.results_by_topic_v3_and_below = adding->results;
    add->response.results_by_topic_v3_and_below_count = adding->result_count;
    return true;
}

static bool list_batch(struct add_partitions *add) {
    struct add_partitions_to_txn_response *response = &add->response;
    int32_t count = add->wire.transactions_count;

    response->results_by_transaction =
        api_alloc(add->hop.call, (size_t)count, sizeof(*response->results_by_transaction));
    if (response->results_by_transaction == NULL)
        return false;
    response->results_by_transaction_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct add_partitions_to_txn_request_transactions *from = &add->wire.transactions[i];
        struct adding *adding = &add->adding[add->count++];
        adding->verify_only = from->verify_only;
        adding->request.id = from->transactional_id;
        adding->request.producer_id = from->producer_id;
        adding->request.producer_epoch = from->producer_epoch;
        if (!list_topics(adding, from->topics, from->topics_count))
            return false;
        add_partitions_to_txn_response_results_by_transaction_init(
            &response->results_by_transaction[i]);
        response->results_by_transaction[i].transactional_id = from->transactional_id;
        response->results_by_transaction[i].topic_results = adding->results;
        response->results_by_transaction[i].topic_results_count = adding->result_count;
    }
    return true;
}

static void handle_add_partitions(struct api_call *call) {
    struct add_partitions *add = hop_new(call, sizeof(*add));
    bool is_batch = call->header.api_version >= BATCHED_VERSION_MIN;
    size_t count;

    if (add == NULL || !api_decode(call, &add->wire))
        return;
    count = is_batch ? (size_t)add->wire.transactions_count : 1;
    add_partitions_to_txn_response_init(&add->response);
    add->adding = api_alloc(call, count, sizeof(*add->adding));
    for (size_t i = 0; add->adding != NULL && i < count; i++) {
        add->adding[i].of = add;
        add->adding[i].request.done = on_added;
    }
    if (add->adding != NULL && (is_batch ? list_batch(add) : list_single(add)))
        hop_to_transactions(&add->hop, add_run);
    else
        api_close(call);
}

const struct api_handler api_add_partitions_to_txn = {&add_partitions_to_txn_api, 5,
                                                      handle_add_partitions};

/* ---- AddOffsetsToTxn ---- */

struct add_offsets {
    struct hop hop; /* first */
    struct add_offsets_to_txn_request wire;
    struct transaction_add_request request;
    struct transaction_partition partition;
};

static void offsets_respond(struct hop *hop) {
    const struct add_offsets *add = (const struct add_offsets *)hop;
    struct add_offsets_to_txn_response response;

    add_offsets_to_txn_response_init(&response);
    response.error_code = error_to_wire(error_for(hop->call, add->request.error));
    api_respond(hop->call, &response);
}

static void on_offsets_added(struct transaction_add_request *request) {
    hop_return(&CONTAINER_OF(request, struct add_offsets, request)->hop, offsets_respond);
}

static void offsets_run(struct hop *hop) {
    transaction_coordinator_add(hop->call->context->transactions,
                                &((struct add_offsets *)hop)->request);
}

/* The partition that the group's offsets are in; -1: there is none yet. */
static int32_t partition_of_group(struct api_call *call, struct bytes group_id) {
    struct bytes name = bytes_of_text("__consumer_offsets");
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    const struct metadata_topic *topic = metadata_find_topic(metadata, name);
    int32_t partition = -1;

    if (topic != NULL && topic->partition_count > 0)
        partition = coordinator_partition(group_id, topic->partition_count);
    metadata_unref(metadata);
    if (partition < 0)
        control_create_topic_automatically(call->context->control, name);
    return partition;
}

static void handle_add_offsets(struct api_call *call) {
    struct add_offsets *add = hop_new(call, sizeof(*add));

    if (add == NULL || !api_decode(call, &add->wire))
        return;
    add->partition = (struct transaction_partition){bytes_of_text("__consumer_offsets"),
                                                    partition_of_group(call, add->wire.group_id)};
    add->request = (struct transaction_add_request){
        .wait.may_wait = true,
        .id = add->wire.transactional_id,
        .producer_id = add->wire.producer_id,
        .producer_epoch = add->wire.producer_epoch,
        .partitions = &add->partition,
        .count = 1,
        .done = on_offsets_added,
    };
    if (add->partition.index >= 0) {
        hop_to_transactions(&add->hop, offsets_run);
        return;
    }
    add->request.error = ERR_COORDINATOR_NOT_AVAILABLE;
    offsets_respond(&add->hop);
}

const struct api_handler api_add_offsets_to_txn = {&add_offsets_to_txn_api, 4, handle_add_offsets};

/* ---- EndTxn ---- */

struct ending {
    struct hop hop; /* first */
    struct end_txn_request wire;
    struct transaction_end_request request;
};

static void end_respond(struct hop *hop) {
    const struct ending *ending = (const struct ending *)hop;
    struct end_txn_response response;

    end_txn_response_init(&response);
    response.error_code = error_to_wire(error_for(hop->call, ending->request.error));
    api_respond(hop->call, &response);
}

static void on_ended(struct transaction_end_request *request) {
    hop_return(&CONTAINER_OF(request, struct ending, request)->hop, end_respond);
}

static void end_run(struct hop *hop) {
    transaction_coordinator_end(hop->call->context->transactions, &((struct ending *)hop)->request);
}

static void handle_end(struct api_call *call) {
    struct ending *ending = hop_new(call, sizeof(*ending));

    if (ending == NULL || !api_decode(call, &ending->wire))
        return;
    ending->request = (struct transaction_end_request){
        .id = ending->wire.transactional_id,
        .producer_id = ending->wire.producer_id,
        .producer_epoch = ending->wire.producer_epoch,
        .commit = ending->wire.committed,
        .done = on_ended,
    };
    hop_to_transactions(&ending->hop, end_run);
}

const struct api_handler api_end_txn = {&end_txn_api, 4, handle_end};
