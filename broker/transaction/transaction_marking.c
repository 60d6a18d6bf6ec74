/*
 * Writing the markers of one transaction: one request per leader at a time, with all of its
 * partitions; what fails is tried again, at whoever leads then, until every partition has its
 * marker or is gone.
 */
#include "broker/transaction/transaction_coordinator_internal.h"

#include <stdlib.h>

#include "broker/metadata/metadata_cache.h"
#include "client/base/arena.h"
#include "client/base/logger.h"
#include "client/wire/message/write_txn_markers.h"

#define RETRY_MS        100
#define ARENA_BYTES_MAX ((size_t)64 << 20)

enum marker_state {
    MARKER_DUE,
    MARKER_UNDER_WAY,
    MARKER_WAITS, /* for the next try */
    MARKER_WRITTEN
};

struct marking {
    struct transaction_entry *entry; /* a reference */
    enum marker_state *states;       /* of the transaction's partitions */
    int32_t calls;                   /* under way */
    bool is_stopped;
    bool is_completing;
    struct loop_timer retry;
};

/* One request. */
struct marker_call {
    struct marking *marking;
    int32_t broker_id;
    struct arena arena;
    struct write_txn_markers_request request;
    struct write_txn_markers_request_markers marker;
    int32_t *partitions; /* numbers of them in the transaction */
    int32_t count;
};

static void go_on(struct marking *marking);

static const struct transaction_values *values_of(const struct marking *marking) {
    return transaction_values(marking->entry->transaction);
}

static void marking_free(struct marking *marking) {
    struct transaction_entry *entry = marking->entry;

    if (entry->marking == marking)
        entry->marking = NULL;
    loop_timer_done(&marking->retry);
    free(marking->states);
    free(marking);
    transaction_entry_unref(entry);
}

void transaction_marking_stop(struct marking *marking) {
    marking->is_stopped = true;
    loop_timer_cancel(&marking->retry);
    if (marking->calls == 0 && !marking->is_completing)
        marking_free(marking);
}

/* ---- Answers ---- */

/* The coordinator is stale: another one has gone on. */
static void give_up(struct marking *marking, enum error error) {
    LOG_WARN("transaction_markers_given_up",
             "transactional_id=%s error=%s reason=\"a newer coordinator, or a newer producer, has "
             "written here\"",
             LOG_QUOTED(transaction_id(marking->entry->transaction)), error_name(error));
    marking->is_stopped = true;
}

static void take_result(struct marking *marking, int32_t partition, enum error error) {
    const struct transaction_partition *of = &values_of(marking)->partitions[partition];

    switch (error) {
    case ERR_NONE:
    case ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT: /* its producer cannot have written there */
        marking->states[partition] = MARKER_WRITTEN;
        return;
    case ERR_INVALID_PRODUCER_EPOCH:
    case ERR_TRANSACTION_COORDINATOR_FENCED:
        give_up(marking, error);
        return;
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_REQUEST_TIMED_OUT:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_KAFKA_STORAGE_ERROR:
        break;
    default:
        LOG_ERROR("transaction_marker_refused",
                  "transactional_id=%s topic=%s partition=%d error=%s action=\"it is tried again\"",
                  LOG_QUOTED(transaction_id(marking->entry->transaction)), LOG_QUOTED(of->topic),
                  of->index, error_name(error));
        break;
    }
    marking->states[partition] = MARKER_WAITS;
}

static enum error result_of(const struct write_txn_markers_response *response,
                            const struct transaction_partition *partition) {
    for (int32_t i = 0; i < response->markers_count; i++) {
        for (int32_t j = 0; j < response->markers[i].topics_count; j++) {
            const struct write_txn_markers_response_markers_topics *topic =
                &response->markers[i].topics[j];
            if (!bytes_equal(topic->name, partition->topic))
                continue;
            for (int32_t k = 0; k < topic->partitions_count; k++) {
                if (topic->partitions[k].partition_index == partition->index)
                    return (enum error)topic->partitions[k].error_code;
            }
        }
    }
    return ERR_UNKNOWN_SERVER_ERROR; /* no answer for what was asked */
}

static void on_answered(void *context, enum error error, const void *message) {
    struct marker_call *call = context;
    struct marking *marking = call->marking;
    const struct write_txn_markers_response *response = message;

    for (int32_t i = 0; i < call->count && !marking->is_stopped; i++) {
        int32_t partition = call->partitions[i];
        if (error != ERR_NONE)
            marking->states[partition] = MARKER_WAITS;
        else
            take_result(marking, partition,
                        result_of(response, &values_of(marking)->partitions[partition]));
    }
    arena_done(&call->arena);
    free(call);
    marking->calls--;
    go_on(marking);
}

/* ---- Requests ---- */

/* METADATA_NO_BROKER: nobody, for now. False: the partition is gone. */
static bool find_leader(const struct metadata *metadata,
                        const struct transaction_partition *partition, int32_t *leader) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, partition->topic);
    const struct metadata_partition *found =
        topic == NULL ? NULL : metadata_find_partition(topic, partition->index);

    if (found == NULL)
        return false;
    *leader = found->leader;
    return true;
}

/* Partitions ascend: those of one topic stand together. False past the arena's bound. */
static bool fill_topics(struct marker_call *call) {
    const struct transaction_values *values = values_of(call->marking);
    struct write_txn_markers_request_markers_topics *topic = NULL;
    size_t count = (size_t)call->count;
    int32_t *indexes = arena_alloc(&call->arena, count, sizeof(*indexes));

    call->marker.topics = arena_alloc(&call->arena, count, sizeof(*call->marker.topics));
    if (indexes == NULL || call->marker.topics == NULL)
        return false;
    for (int32_t i = 0; i < call->count; i++) {
        const struct transaction_partition *partition = &values->partitions[call->partitions[i]];
        if (topic == NULL || !bytes_equal(topic->name, partition->topic)) {
            topic = &call->marker.topics[call->marker.topics_count++];
            write_txn_markers_request_markers_topics_init(topic);
            topic->name = arena_copy(&call->arena, partition->topic);
            topic->partition_indexes = indexes;
        }
        *indexes++ = partition->index;
        topic->partition_indexes_count++;
    }
    return true;
}

static void fill_request(struct marker_call *call) {
    const struct transaction_entry *entry = call->marking->entry;
    const struct transaction_values *values = transaction_values(entry->transaction);

    write_txn_markers_request_init(&call->request);
    write_txn_markers_request_markers_init(&call->marker);
    call->marker.producer_id = values->producer_id;
    call->marker.producer_epoch = values->producer_epoch;
    call->marker.transaction_result = values->state == TRANSACTION_PREPARE_COMMIT;
    call->marker.coordinator_epoch =
        journal_leader_epoch(entry->coordinator->journal, entry->partition);
    call->request.markers = &call->marker;
    call->request.markers_count = 1;
}

/* All that are due and led by the broker. */
static void send_to(struct marking *marking, const struct metadata *metadata, int32_t broker_id) {
    const struct transaction_values *values = values_of(marking);
    struct transaction_coordinator *coordinator = marking->entry->coordinator;
    struct marker_call *call = calloc(1, sizeof(*call));

    CHECK(call != NULL);
    call->marking = marking;
    call->broker_id = broker_id;
    arena_init(&call->arena, ARENA_BYTES_MAX);
    call->partitions =
        arena_alloc(&call->arena, (size_t)values->partition_count, sizeof(*call->partitions));
    CHECK(call->partitions != NULL);
    for (int32_t i = 0; i < values->partition_count; i++) {
        int32_t leader;
        if (marking->states[i] != MARKER_DUE ||
            !find_leader(metadata, &values->partitions[i], &leader) || leader != broker_id)
            continue;
        marking->states[i] = MARKER_UNDER_WAY;
        call->partitions[call->count++] = i;
    }
    fill_request(call);
    CHECK(fill_topics(call));
    marking->calls++;
    peer_call(coordinator->peers, broker_id, &write_txn_markers_api, 1, &call->request,
              coordinator->config.marker_timeout_ms, on_answered, call);
}

static void send_due(struct marking *marking) {
    const struct metadata *metadata =
        metadata_cache_get(marking->entry->coordinator->config.metadata);
    const struct transaction_values *values = values_of(marking);

    /* So that an answer from inside of a call does not end this. */
    marking->calls++;
    for (int32_t i = 0; i < values->partition_count && !marking->is_stopped; i++) {
        int32_t leader;
        if (marking->states[i] != MARKER_DUE)
            continue;
        if (!find_leader(metadata, &values->partitions[i], &leader))
            marking->states[i] = MARKER_WRITTEN;
        else if (leader == METADATA_NO_BROKER)
            marking->states[i] = MARKER_WAITS;
        else
            send_to(marking, metadata, leader);
    }
    marking->calls--;
    metadata_unref(metadata);
}

/* ---- The end ---- */

static void on_completed(void *context, struct transaction_entry *entry, enum error error) {
    struct marking *marking = context;

    (void)entry;
    marking->is_completing = false;
    if (error == ERR_NONE || error == ERR_NOT_COORDINATOR || marking->is_stopped)
        marking_free(marking);
    else
        loop_timer_arm(&marking->retry, RETRY_MS);
}

static bool has(const struct marking *marking, enum marker_state state) {
    for (int32_t i = 0; i < values_of(marking)->partition_count; i++) {
        if (marking->states[i] == state)
            return true;
    }
    return false;
}

static void complete(struct marking *marking) {
    struct transaction_entry *entry = marking->entry;
    int64_t now_ms = clock_wall_ms(entry->coordinator->config.clock);

    marking->is_completing = true;
    transaction_store(entry, transaction_complete(entry->transaction, now_ms), on_completed,
                      marking);
}

static void go_on(struct marking *marking) {
    if (marking->calls > 0)
        return;
    if (marking->is_stopped)
        marking_free(marking);
    else if (has(marking, MARKER_WAITS))
        loop_timer_arm(&marking->retry, RETRY_MS);
    else
        complete(marking);
}

static void on_retry(struct loop_timer *timer) {
    struct marking *marking = CONTAINER_OF(timer, struct marking, retry);

    for (int32_t i = 0; i < values_of(marking)->partition_count; i++) {
        if (marking->states[i] == MARKER_WAITS)
            marking->states[i] = MARKER_DUE;
    }
    send_due(marking);
    go_on(marking);
}

void transaction_marking_begin(struct transaction_entry *entry) {
    struct marking *marking = calloc(1, sizeof(*marking));
    int32_t count = transaction_values(entry->transaction)->partition_count;

    CHECK(marking != NULL && entry->marking == NULL);
    marking->states = calloc((size_t)count + 1, sizeof(*marking->states)); /* all due */
    CHECK(marking->states != NULL);
    marking->entry = entry;
    entry->references++;
    entry->marking = marking;
    loop_timer_init(&marking->retry, entry->coordinator->loop, on_retry);
    send_due(marking);
    go_on(marking);
}
