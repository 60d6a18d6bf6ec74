#include "broker/transaction/transaction_verifier.h"

#include <stdlib.h>
#include <uthash.h>

#include "broker/journal/coordinator_key.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/peer/peer_calls.h"
#include "client/base/arena.h"
#include "client/base/logger.h"
#include "client/wire/message/add_partitions_to_txn.h"

#define TOPIC             "__transaction_state"
#define BATCH_COUNT_MAX   64
#define BATCH_VERSION_MAX 5
/* With this many no more requests are taken, so that all of them fit into the arena. */
#define BATCH_PARTITIONS_ENOUGH 100000
#define ARENA_BYTES_MAX         ((size_t)256 << 20)

STAILQ_HEAD(request_queue, transaction_verify_request);

/* A coordinator elsewhere. */
struct asked_broker {
    UT_hash_handle by_id;
    int32_t broker_id;
    struct transaction_verifier *verifier;
    struct request_queue waiting;
    struct verify_call *call; /* under way; NULL: none */
    bool is_sending;          /* answers from inside of a call do not send the next */
};

/* One request, of several transactions. */
struct verify_call {
    struct asked_broker *broker;
    struct arena arena;
    struct add_partitions_to_txn_request message;
    struct transaction_verify_request *requests[BATCH_COUNT_MAX]; /* as in the message */
    int32_t count;
};

struct transaction_verifier {
    struct transaction_coordinator *coordinator;
    const struct transaction_coordinator_config *config;
    struct peer_calls *peers; /* NULL: stopped */
    struct asked_broker *brokers;
};

struct transaction_verifier *
transaction_verifier_new(struct transaction_coordinator *coordinator,
                         const struct transaction_coordinator_config *config, struct loop *loop) {
    struct transaction_verifier *verifier = calloc(1, sizeof(*verifier));
    const struct peer_calls_config peers = {
        .loop = loop,
        .metadata = config->metadata,
        .listener = config->listener,
        .purpose = "verification",
        .broker_id = config->broker_id,
    };

    CHECK(verifier != NULL);
    verifier->coordinator = coordinator;
    verifier->config = config;
    verifier->peers = peer_calls_new(&peers);
    return verifier;
}

static void answer(struct transaction_verify_request *request, enum error error) {
    for (int32_t i = 0; i < request->count; i++)
        request->errors[i] = error;
    request->done(request);
}

/* ---- This broker ---- */

static void verify_here(struct transaction_verifier *verifier,
                        struct transaction_verify_request *request) {
    const struct transaction *transaction;
    enum error error =
        transaction_coordinator_verify(verifier->coordinator, request->id, request->producer_id,
                                       request->producer_epoch, &transaction);

    if (error != ERR_NONE) {
        answer(request, error);
        return;
    }
    for (int32_t i = 0; i < request->count; i++) {
        const struct transaction_partition *partition = &request->partitions[i];
        request->errors[i] =
            transaction_has_partition(transaction, partition->topic, partition->index)
                ? ERR_NONE
                : ERR_TRANSACTION_ABORTABLE;
    }
    request->done(request);
}

/* ---- Other brokers: requests ---- */

static bool has_id(const struct verify_call *call, struct bytes id) {
    for (int32_t i = 0; i < call->count; i++) {
        if (bytes_equal(call->requests[i]->id, id))
            return true;
    }
    return false;
}

/* Of those that wait, as many as fit, in order; of one transactional id the first, so that the
 * answers tell which is which. */
static void take_waiting(struct verify_call *call, struct request_queue *waiting) {
    struct request_queue left = STAILQ_HEAD_INITIALIZER(left);
    struct transaction_verify_request *request;
    int32_t partition_count = 0;

    while (call->count < BATCH_COUNT_MAX && partition_count < BATCH_PARTITIONS_ENOUGH &&
           (request = STAILQ_FIRST(waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(waiting, in_queue);
        if (has_id(call, request->id)) {
            STAILQ_INSERT_TAIL(&left, request, in_queue);
        } else {
            call->requests[call->count++] = request;
            partition_count += request->count;
        }
    }
    STAILQ_CONCAT(&left, waiting);
    STAILQ_CONCAT(waiting, &left);
}

/* Each partition under its topic's name anew where it does not follow one of the same topic. */
static bool fill_transaction(struct arena *arena, const struct transaction_verify_request *request,
                             struct add_partitions_to_txn_request_transactions *transaction) {
    struct add_partitions_to_txn_topic *topic = NULL;
    int32_t *indexes = arena_alloc(arena, (size_t)request->count, sizeof(*indexes));

    add_partitions_to_txn_request_transactions_init(transaction);
    transaction->transactional_id = request->id;
    transaction->producer_id = request->producer_id;
    transaction->producer_epoch = request->producer_epoch;
    transaction->verify_only = true;
    transaction->topics = arena_alloc(arena, (size_t)request->count, sizeof(*transaction->topics));
    if (indexes == NULL || transaction->topics == NULL)
        return false;
    for (int32_t i = 0; i < request->count; i++) {
        const struct transaction_partition *partition = &request->partitions[i];
        if (topic == NULL || !bytes_equal(topic->name, partition->topic)) {
            topic = &transaction->topics[transaction->topics_count++];
            add_partitions_to_txn_topic_init(topic);
            topic->name = partition->topic;
            topic->partitions = indexes;
        }
        *indexes++ = partition->index;
        topic->partitions_count++;
    }
    return true;
}

static bool fill_message(struct verify_call *call) {
    struct add_partitions_to_txn_request *message = &call->message;

    add_partitions_to_txn_request_init(message);
    message->transactions =
        arena_alloc(&call->arena, (size_t)call->count, sizeof(*message->transactions));
    if (message->transactions == NULL)
        return false;
    message->transactions_count = call->count;
    for (int32_t i = 0; i < call->count; i++) {
        if (!fill_transaction(&call->arena, call->requests[i], &message->transactions[i]))
            return false;
    }
    return true;
}

static void on_answered(void *context, enum error error, const void *message);

static void send_next(struct asked_broker *broker) {
    const struct transaction_coordinator_config *config = broker->verifier->config;
    struct verify_call *call = calloc(1, sizeof(*call));

    CHECK(call != NULL);
    call->broker = broker;
    broker->call = call;
    arena_init(&call->arena, ARENA_BYTES_MAX);
    take_waiting(call, &broker->waiting);
    if (!fill_message(call)) {
        on_answered(call, ERR_OUT_OF_MEMORY, NULL);
        return;
    }
    peer_call(broker->verifier->peers, broker->broker_id, &add_partitions_to_txn_api,
              BATCH_VERSION_MAX, &call->message, config->marker_timeout_ms, on_answered, call);
}

static void send_waiting(struct asked_broker *broker) {
    if (broker->is_sending)
        return;
    broker->is_sending = true;
    while (broker->call == NULL && !STAILQ_EMPTY(&broker->waiting))
        send_next(broker);
    broker->is_sending = false;
}

/* ---- Other brokers: answers ---- */

static const struct add_partitions_to_txn_response_results_by_transaction *
find_result(const struct add_partitions_to_txn_response *response, struct bytes id) {
    for (int32_t i = 0; i < response->results_by_transaction_count; i++) {
        if (bytes_equal(response->results_by_transaction[i].transactional_id, id))
            return &response->results_by_transaction[i];
    }
    return NULL;
}

/* What is not answered is not verified. */
static enum error
error_of(const struct add_partitions_to_txn_response_results_by_transaction *result,
         const struct transaction_partition *partition) {
    for (int32_t i = 0; i < result->topic_results_count; i++) {
        const struct add_partitions_to_txn_topic_result *topic = &result->topic_results[i];
        if (!bytes_equal(topic->name, partition->topic))
            continue;
        for (int32_t j = 0; j < topic->results_by_partition_count; j++) {
            if (topic->results_by_partition[j].partition_index == partition->index)
                return (enum error)topic->results_by_partition[j].partition_error_code;
        }
    }
    return ERR_UNKNOWN_SERVER_ERROR;
}

static void take_result(struct transaction_verify_request *request,
                        const struct add_partitions_to_txn_response *response) {
    const struct add_partitions_to_txn_response_results_by_transaction *result =
        find_result(response, request->id);

    if (result == NULL) {
        answer(request, ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    for (int32_t i = 0; i < request->count; i++)
        request->errors[i] = error_of(result, &request->partitions[i]);
    request->done(request);
}

/* The coordinator has perhaps moved: who asked comes again. */
static enum error error_of_call(const struct asked_broker *broker, enum error error,
                                const struct add_partitions_to_txn_response *response) {
    if (broker->verifier->peers == NULL)
        return ERR_NOT_COORDINATOR;
    if (error != ERR_NONE) {
        LOG_WARN("transaction_not_verified", "coordinator=%d error=%s", broker->broker_id,
                 error_name(error));
        return ERR_NETWORK_EXCEPTION;
    }
    /* Clients do not have what this broker lacks. */
    return response->error_code == error_to_wire(ERR_CLUSTER_AUTHORIZATION_FAILED)
               ? ERR_INVALID_TXN_STATE
               : (enum error)response->error_code;
}

static void on_answered(void *context, enum error error, const void *message) {
    struct verify_call *call = context;
    struct asked_broker *broker = call->broker;
    const struct add_partitions_to_txn_response *response = message;

    error = error_of_call(broker, error, response);
    for (int32_t i = 0; i < call->count; i++) {
        if (error != ERR_NONE)
            answer(call->requests[i], error);
        else
            take_result(call->requests[i], response);
    }
    broker->call = NULL;
    arena_done(&call->arena);
    free(call);
    if (broker->verifier->peers != NULL)
        send_waiting(broker);
}

/* ---- Requests ---- */

static struct asked_broker *need_broker(struct transaction_verifier *verifier, int32_t broker_id) {
    struct asked_broker *broker = NULL;

    HASH_FIND(by_id, verifier->brokers, &broker_id, sizeof(broker_id), broker);
    if (broker != NULL)
        return broker;
    broker = calloc(1, sizeof(*broker));
    CHECK(broker != NULL);
    broker->broker_id = broker_id;
    broker->verifier = verifier;
    STAILQ_INIT(&broker->waiting);
    HASH_ADD(by_id, verifier->brokers, broker_id, sizeof(broker->broker_id), broker);
    return broker;
}

/* METADATA_NO_BROKER: nobody, for now. The coordinator's epoch is that of its partition's leader.
 */
static int32_t find_coordinator(const struct transaction_verifier *verifier, struct bytes id,
                                int32_t *epoch) {
    const struct metadata *metadata = metadata_cache_get(verifier->config->metadata);
    const struct metadata_topic *topic = metadata_find_topic(metadata, bytes_of_text(TOPIC));
    const struct metadata_partition *partition = NULL;
    int32_t leader = METADATA_NO_BROKER;

    *epoch = -1;

    if (topic != NULL && topic->partition_count > 0)
        partition =
            metadata_find_partition(topic, coordinator_partition(id, topic->partition_count));
    if (partition != NULL) {
        leader = partition->leader;
        *epoch = partition->leader_epoch;
    }
    metadata_unref(metadata);
    return leader;
}

void transaction_verifier_ask(struct transaction_verifier *verifier,
                              struct transaction_verify_request *request) {
    int32_t epoch;
    int32_t coordinator = find_coordinator(verifier, request->id, &epoch);
    struct asked_broker *broker;

    if (verifier->peers == NULL) {
        answer(request, ERR_NOT_COORDINATOR);
    } else if (coordinator == METADATA_NO_BROKER) {
        answer(request, ERR_COORDINATOR_NOT_AVAILABLE);
    } else if (epoch < request->coordinator_epoch) {
        /* This broker has not heard yet who coordinates now. Whoever did before may not have
         * either, and would vouch for a transaction that the new one has ended: a late record would
         * begin one that nobody ends. Kafka 3.9 asks him all the same. */
        answer(request, ERR_NOT_COORDINATOR);
    } else if (coordinator == verifier->config->broker_id) {
        verify_here(verifier, request);
    } else {
        broker = need_broker(verifier, coordinator);
        STAILQ_INSERT_TAIL(&broker->waiting, request, in_queue);
        send_waiting(broker);
    }
}

/* ---- Life ---- */

void transaction_verifier_stop(struct transaction_verifier *verifier) {
    struct peer_calls *peers = verifier->peers;
    struct transaction_verify_request *request;

    verifier->peers = NULL;
    peer_calls_free(peers);
    for (struct asked_broker *broker = verifier->brokers; broker != NULL;
         broker = broker->by_id.next) {
        while ((request = STAILQ_FIRST(&broker->waiting)) != NULL) {
            STAILQ_REMOVE_HEAD(&broker->waiting, in_queue);
            answer(request, ERR_NOT_COORDINATOR);
        }
    }
}

void transaction_verifier_free(struct transaction_verifier *verifier) {
    if (verifier == NULL)
        return;
    while (verifier->brokers != NULL) {
        struct asked_broker *broker = verifier->brokers;
        HASH_DELETE(by_id, verifier->brokers, broker);
        free(broker);
    }
    free(verifier);
}
