/* The background thread's part in transactions: one request at a time to their coordinator, or to
 * that of a group. */
#include "client/producer/transactor.h"

#include <stdlib.h>
#include <string.h>

#include "client/producer/producer.h"
#include "client/wire/message/add_offsets_to_txn.h"
#include "client/wire/message/add_partitions_to_txn.h"
#include "client/wire/message/end_txn.h"
#include "client/wire/message/init_producer_id.h"
#include "client/wire/message/txn_offset_commit.h"

#define REQUEST_ARENA_BYTES  ((size_t)64 << 20)
#define RESPONSE_ARENA_BYTES ((size_t)64 << 20)

/* Later ones are for brokers among themselves. */
#define ADD_PARTITIONS_VERSION_OF_CLIENTS 3

/* From this version on an epoch can be followed by the next one (KIP-360). */
#define INIT_VERSION_THAT_BUMPS 3

static const char *const request_names[] = {
    [TRANSACTION_ASKS_NOTHING] = "none",
    [TRANSACTION_ASKS_IDENTITY] = "InitProducerId",
    [TRANSACTION_ASKS_NEXT_EPOCH] = "InitProducerId",
    [TRANSACTION_ADDS_PARTITIONS] = "AddPartitionsToTxn",
    [TRANSACTION_ADDS_GROUP] = "AddOffsetsToTxn",
    [TRANSACTION_COMMITS_OFFSETS] = "TxnOffsetCommit",
    [TRANSACTION_ENDS] = "EndTxn",
};

void transactor_init(struct barnabas_producer *producer) {
    transaction_init(&producer->transactor.state);
}

bool transactor_allows(const struct barnabas_producer *producer,
                       const struct partition_queue *queue) {
    const struct transaction *state = &producer->transactor.state;

    return !producer->policy.transactional ||
           (queue->transaction == state->serial && state->state != TRANSACTION_FAILED);
}

bool transactor_is_ending(const struct barnabas_producer *producer) {
    enum transaction_state state = producer->transactor.state.state;

    return state == TRANSACTION_COMMITTING || state == TRANSACTION_ABORTING;
}

static struct bytes transactional_id(const struct barnabas_producer *producer) {
    return bytes_of_text(producer->settings->transactional_id);
}

/* --- requests ------------------------------------------------------------------------------ */

/* Each fills the call but for what all have in common. False if memory is out. */

static bool ask_identity(struct barnabas_producer *producer) {
    struct transactor *transactor = &producer->transactor;
    struct init_producer_id_request *request = arena_alloc(&transactor->arena, 1, sizeof(*request));

    if (request == NULL)
        return false;
    init_producer_id_request_init(request);
    request->transactional_id = transactional_id(producer);
    request->transaction_timeout_ms = (int32_t)producer->settings->transaction_timeout_ms;
    if (transactor->request == TRANSACTION_ASKS_NEXT_EPOCH) {
        request->producer_id = producer->producer_id;
        request->producer_epoch = producer->producer_epoch;
    }
    transactor->call.api = &init_producer_id_api;
    transactor->call.version_max = init_producer_id_api.version_max;
    transactor->call.request = request;
    return true;
}

/* Whether the queue holds something and its partition is not part of the transaction. */
static bool is_outside(const struct barnabas_producer *producer,
                       const struct partition_queue *queue) {
    return !partition_queue_is_empty(queue) &&
           queue->transaction != producer->transactor.state.serial;
}

static bool any_outside(const struct barnabas_producer *producer) REQUIRES(producer->lock) {
    const struct partition_queue *queue;

    TAILQ_FOREACH (queue, &producer->active, next_active)
        if (is_outside(producer, queue))
            return true;
    return false;
}

/* The partitions of one topic that are outside, appended to `joining`. */
static int32_t collect_topic(struct barnabas_producer *producer, const struct topic_queue *topic,
                             int32_t *indexes) REQUIRES(producer->lock) {
    struct transactor *transactor = &producer->transactor;
    int32_t count = 0;

    for (int32_t i = 0; i < topic->partition_count; i++)
        if (is_outside(producer, topic->partitions[i])) {
            indexes[count++] = i;
            transactor->joining[transactor->joining_count++] = topic->partitions[i];
        }
    return count;
}

static bool collect(struct barnabas_producer *producer,
                    struct add_partitions_to_txn_request *request) REQUIRES(producer->lock) {
    struct transactor *transactor = &producer->transactor;
    struct arena *arena = &transactor->arena;
    const struct partition_queue *queue;
    const struct topic_queue *topic;
    size_t active = 0;
    int32_t *indexes;

    TAILQ_FOREACH (queue, &producer->active, next_active)
        active++;
    indexes = arena_alloc(arena, active + 1, sizeof(*indexes));
    transactor->joining = arena_alloc(arena, active + 1, sizeof(struct partition_queue *));
    request->v3_and_below_topics =
        arena_alloc(arena, active + 1, sizeof(*request->v3_and_below_topics));
    request->v3_and_below_topics_count = 0;
    if (indexes == NULL || transactor->joining == NULL || request->v3_and_below_topics == NULL)
        return false;
    TAILQ_FOREACH (topic, &producer->topic_list, next) {
        int32_t count = collect_topic(producer, topic, indexes);
        struct add_partitions_to_txn_topic *added;

        if (count == 0)
            continue;
        added = &request->v3_and_below_topics[request->v3_and_below_topics_count++];
        added->name = bytes_of_text(topic->name);
        added->partitions = indexes;
        added->partitions_count = count;
        indexes += count;
    }
    return true;
}

static bool add_partitions(struct barnabas_producer *producer) {
    struct transactor *transactor = &producer->transactor;
    struct add_partitions_to_txn_request *request =
        arena_alloc(&transactor->arena, 1, sizeof(*request));
    bool collected;

    if (request == NULL)
        return false;
    add_partitions_to_txn_request_init(request);
    request->v3_and_below_transactional_id = transactional_id(producer);
    request->v3_and_below_producer_id = producer->producer_id;
    request->v3_and_below_producer_epoch = producer->producer_epoch;
    mutex_lock(&producer->lock);
    collected = collect(producer, request);
    mutex_unlock(&producer->lock);
    transactor->call.api = &add_partitions_to_txn_api;
    transactor->call.version_max = ADD_PARTITIONS_VERSION_OF_CLIENTS;
    transactor->call.request = request;
    return collected;
}

static bool add_group(struct barnabas_producer *producer) {
    struct transactor *transactor = &producer->transactor;
    struct add_offsets_to_txn_request *request =
        arena_alloc(&transactor->arena, 1, sizeof(*request));

    if (request == NULL)
        return false;
    add_offsets_to_txn_request_init(request);
    request->transactional_id = transactional_id(producer);
    request->producer_id = producer->producer_id;
    request->producer_epoch = producer->producer_epoch;
    request->group_id = bytes_of_text(transactor->offsets->group_id);
    transactor->call.api = &add_offsets_to_txn_api;
    transactor->call.version_max = add_offsets_to_txn_api.version_max;
    transactor->call.request = request;
    return true;
}

static bool fill_offsets(struct arena *arena, const struct transaction_offsets *offsets,
                         struct txn_offset_commit_request *request) {
    struct txn_offset_commit_request_topics_partitions *partitions =
        arena_alloc(arena, offsets->count + 1, sizeof(*partitions));
    struct txn_offset_commit_request_topics *topic = NULL;

    request->topics = arena_alloc(arena, offsets->count + 1, sizeof(*request->topics));
    request->topics_count = 0;
    if (partitions == NULL || request->topics == NULL)
        return false;
    for (size_t i = 0; i < offsets->count; i++) {
        const struct barnabas_offset *item = &offsets->items[i];

        if (i == 0 || strcmp(item->topic, offsets->items[i - 1].topic) != 0) {
            topic = &request->topics[request->topics_count++];
            topic->name = bytes_of_text(item->topic);
            topic->partitions = &partitions[i];
            topic->partitions_count = 0;
        }
        topic->partitions_count++;
        txn_offset_commit_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = item->partition;
        partitions[i].committed_offset = item->offset;
        partitions[i].committed_leader_epoch = item->leader_epoch;
        partitions[i].committed_metadata =
            bytes_of_text(item->metadata == NULL ? "" : item->metadata);
    }
    return true;
}

static bool commit_offsets(struct barnabas_producer *producer) {
    struct transactor *transactor = &producer->transactor;
    const struct transaction_offsets *offsets = transactor->offsets;
    struct txn_offset_commit_request *request =
        arena_alloc(&transactor->arena, 1, sizeof(*request));

    if (request == NULL)
        return false;
    txn_offset_commit_request_init(request);
    request->transactional_id = transactional_id(producer);
    request->group_id = bytes_of_text(offsets->group_id);
    request->producer_id = producer->producer_id;
    request->producer_epoch = producer->producer_epoch;
    request->generation_id = offsets->generation_id;
    request->member_id = bytes_of_text(offsets->member_id);
    if (offsets->instance_id != NULL)
        request->group_instance_id = bytes_of_text(offsets->instance_id);
    transactor->call.target = CALL_GROUP_COORDINATOR;
    transactor->call.key = offsets->group_id;
    transactor->call.api = &txn_offset_commit_api;
    transactor->call.version_max = txn_offset_commit_api.version_max;
    transactor->call.request = request;
    return fill_offsets(&transactor->arena, offsets, request);
}

static bool end(struct barnabas_producer *producer, bool commits) {
    struct transactor *transactor = &producer->transactor;
    struct end_txn_request *request = arena_alloc(&transactor->arena, 1, sizeof(*request));

    if (request == NULL)
        return false;
    end_txn_request_init(request);
    request->transactional_id = transactional_id(producer);
    request->producer_id = producer->producer_id;
    request->producer_epoch = producer->producer_epoch;
    request->committed = commits;
    transactor->call.api = &end_txn_api;
    transactor->call.version_max = end_txn_api.version_max;
    transactor->call.request = request;
    return true;
}

/* --- answers ------------------------------------------------------------------------------- */

/* What one partition's error says of the whole, beside what others said. */
static enum error worse(enum transaction_request request, enum error so_far, enum error error) {
    if (error == ERR_NONE || so_far == error)
        return so_far;
    if (so_far == ERR_NONE || so_far == ERR_OPERATION_NOT_ATTEMPTED)
        return error;
    /* One that stays makes another try useless. */
    return transaction_remedy(request, so_far) == TRANSACTION_TRY_AGAIN ? error : so_far;
}

static enum error read_identity(struct transactor *transactor, int16_t version,
                                struct wire_reader *body, struct arena *arena) {
    struct init_producer_id_response response;
    enum error error = init_producer_id_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    transactor->producer_id = response.producer_id;
    transactor->producer_epoch = response.producer_epoch;
    transactor->can_bump = version >= INIT_VERSION_THAT_BUMPS;
    return response.error_code;
}

static enum error read_added(int16_t version, struct wire_reader *body, struct arena *arena) {
    struct add_partitions_to_txn_response response;
    enum error error = add_partitions_to_txn_response_decode(body, version, arena, &response);

    for (int32_t i = 0; error == ERR_NONE && i < response.results_by_topic_v3_and_below_count;
         i++) {
        const struct add_partitions_to_txn_topic_result *topic =
            &response.results_by_topic_v3_and_below[i];
        enum error whole = error;

        for (int32_t j = 0; j < topic->results_by_partition_count; j++)
            whole = worse(TRANSACTION_ADDS_PARTITIONS, whole,
                          topic->results_by_partition[j].partition_error_code);
        error = whole;
    }
    return error;
}

static enum error read_committed(int16_t version, struct wire_reader *body, struct arena *arena) {
    struct txn_offset_commit_response response;
    enum error error = txn_offset_commit_response_decode(body, version, arena, &response);
    enum error whole = ERR_NONE;

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response.topics_count; i++)
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++)
            whole = worse(TRANSACTION_COMMITS_OFFSETS, whole,
                          response.topics[i].partitions[j].error_code);
    return whole;
}

static enum error read_group_added(int16_t version, struct wire_reader *body, struct arena *arena) {
    struct add_offsets_to_txn_response response;
    enum error error = add_offsets_to_txn_response_decode(body, version, arena, &response);

    return error != ERR_NONE ? error : (enum error)response.error_code;
}

static enum error read_ended(int16_t version, struct wire_reader *body, struct arena *arena) {
    struct end_txn_response response;
    enum error error = end_txn_response_decode(body, version, arena, &response);

    return error != ERR_NONE ? error : (enum error)response.error_code;
}

static enum error on_answer(struct cluster_call *call, int16_t version, struct wire_reader *body) {
    struct transactor *transactor = CONTAINER_OF(call, struct transactor, call);
    struct barnabas_producer *producer =
        CONTAINER_OF(transactor, struct barnabas_producer, transactor);
    enum error error = ERR_MALFORMED;
    struct arena arena;

    arena_init(&arena, RESPONSE_ARENA_BYTES);
    switch (transactor->request) {
    case TRANSACTION_ASKS_IDENTITY:
    case TRANSACTION_ASKS_NEXT_EPOCH:
        error = read_identity(transactor, version, body, &arena);
        break;
    case TRANSACTION_ADDS_PARTITIONS:
        error = read_added(version, body, &arena);
        break;
    case TRANSACTION_ADDS_GROUP:
        error = read_group_added(version, body, &arena);
        break;
    case TRANSACTION_COMMITS_OFFSETS:
        error = read_committed(version, body, &arena);
        break;
    case TRANSACTION_ENDS:
        error = read_ended(version, body, &arena);
        break;
    case TRANSACTION_ASKS_NOTHING:
        break;
    }
    arena_done(&arena);
    if (error != ERR_NONE)
        sender_wake(producer); /* if it is to be tried again, that may be pointless by now */
    return error;
}

void transaction_offsets_free(struct transaction_offsets *offsets) {
    if (offsets == NULL)
        return;
    arena_done(&offsets->arena);
    free(offsets);
}

/* Takes over what the answer brought. */
static void settle(struct barnabas_producer *producer) REQUIRES(producer->lock) {
    struct transactor *transactor = &producer->transactor;

    if (transactor->request == TRANSACTION_ASKS_IDENTITY ||
        transactor->request == TRANSACTION_ASKS_NEXT_EPOCH) {
        producer->producer_id = transactor->producer_id;
        producer->producer_epoch = transactor->producer_epoch;
    }
    if (transactor->request == TRANSACTION_ADDS_PARTITIONS)
        for (size_t i = 0; i < transactor->joining_count; i++)
            transactor->joining[i]->transaction = transactor->state.serial;
}

static void on_finished(struct cluster_call *call, enum error error) {
    struct transactor *transactor = CONTAINER_OF(call, struct transactor, call);
    struct barnabas_producer *producer =
        CONTAINER_OF(transactor, struct barnabas_producer, transactor);
    enum transaction_request request = transactor->request;

    mutex_lock(&producer->lock);
    if (error == ERR_NONE)
        settle(producer);
    transaction_answered(&transactor->state, error, transactor->can_bump);
    condition_broadcast(&producer->changed);
    mutex_unlock(&producer->lock);
    transactor->request = TRANSACTION_ASKS_NOTHING;
    arena_done(&transactor->arena);
    if (error != ERR_NONE) {
        cluster_log_write(producer->handle.cluster, BARNABAS_LOG_WARN, "transaction_refused",
                          "request=%s error=%s", request_names[request], error_name(error));
        transactor->pause_until_ms =
            cluster_now_ms(producer->handle.cluster) + producer->settings->retry_backoff_ms;
    }
    sender_wake(producer);
}

/* --- turns --------------------------------------------------------------------------------- */

static bool fill(struct barnabas_producer *producer, bool commits) {
    switch (producer->transactor.request) {
    case TRANSACTION_ASKS_IDENTITY:
    case TRANSACTION_ASKS_NEXT_EPOCH:
        return ask_identity(producer);
    case TRANSACTION_ADDS_PARTITIONS:
        return add_partitions(producer);
    case TRANSACTION_ADDS_GROUP:
        return add_group(producer);
    case TRANSACTION_COMMITS_OFFSETS:
        return commit_offsets(producer);
    case TRANSACTION_ENDS:
        return end(producer, commits);
    case TRANSACTION_ASKS_NOTHING:
        break;
    }
    return false;
}

/* Tried until there is an answer: only it can tell what the coordinator has done. */
static void ask(struct barnabas_producer *producer, enum transaction_request request,
                bool commits) {
    struct transactor *transactor = &producer->transactor;

    transactor->request = request;
    transactor->joining_count = 0;
    arena_init(&transactor->arena, REQUEST_ARENA_BYTES);
    transactor->call = (struct cluster_call){
        .target = CALL_TRANSACTION_COORDINATOR,
        .key = producer->settings->transactional_id,
        .deadline_ms = INT64_MAX,
        .answered = on_answer,
        .finished = on_finished,
    };
    if (fill(producer, commits))
        cluster_call_start(producer->handle.cluster, &transactor->call);
    else
        on_finished(&transactor->call, ERR_OUT_OF_MEMORY);
}

static void drop(struct barnabas_producer *producer, struct batch_list *out) {
    enum transaction_drop drops;
    enum error error;

    mutex_lock(&producer->lock);
    drops = transaction_drops(&producer->transactor.state, &error);
    if (drops != TRANSACTION_DROPS_NOTHING)
        sender_drop(producer, error, drops == TRANSACTION_DROPS_UNSENT, out);
    mutex_unlock(&producer->lock);
}

static void call_off(struct barnabas_producer *producer) {
    struct transactor *transactor = &producer->transactor;
    bool pointless;

    if (transactor->request == TRANSACTION_ASKS_NOTHING || !cluster_call_is_idle(&transactor->call))
        return;
    mutex_lock(&producer->lock);
    pointless = transaction_is_pointless(&transactor->state);
    if (pointless)
        transaction_called_off(&transactor->state);
    mutex_unlock(&producer->lock);
    if (!pointless)
        return;
    cluster_call_cancel(&transactor->call);
    arena_done(&transactor->arena);
    transactor->request = TRANSACTION_ASKS_NOTHING;
}

void transactor_run(struct barnabas_producer *producer, int64_t now_ms, int64_t *at_ms,
                    struct batch_list *out) {
    struct transactor *transactor = &producer->transactor;
    struct transaction_offsets *unused = NULL;
    enum transaction_request request;
    bool commits;

    if (!producer->policy.transactional)
        return;
    drop(producer, out);
    producer_report(producer, out);
    call_off(producer);
    if (now_ms < transactor->pause_until_ms) {
        if (transactor->pause_until_ms < *at_ms)
            *at_ms = transactor->pause_until_ms;
        return;
    }
    mutex_lock(&producer->lock);
    request =
        transaction_next(&transactor->state, any_outside(producer), producer->buffered_bytes > 0);
    commits = transactor->state.state == TRANSACTION_COMMITTING;
    if (!transactor->state.has_offsets && transactor->state.asked == TRANSACTION_ASKS_NOTHING) {
        unused = transactor->offsets;
        transactor->offsets = NULL;
    }
    if (transactor->state.over)
        condition_broadcast(&producer->changed);
    mutex_unlock(&producer->lock);
    transaction_offsets_free(unused);
    if (request != TRANSACTION_ASKS_NOTHING)
        ask(producer, request, commits);
}

void transactor_shut(struct barnabas_producer *producer) {
    struct transactor *transactor = &producer->transactor;

    if (transactor->request == TRANSACTION_ASKS_NOTHING)
        return;
    cluster_call_cancel(&transactor->call);
    arena_done(&transactor->arena);
    transactor->request = TRANSACTION_ASKS_NOTHING;
}

void transactor_done(struct barnabas_producer *producer) {
    transaction_offsets_free(producer->transactor.offsets);
}
