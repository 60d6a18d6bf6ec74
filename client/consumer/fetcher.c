/*
 * The consumer's background thread: one run looks at all partitions and asks for what they need,
 * one request of a kind to each broker. Runs are asked for by fetcher_wake, answers, changes of
 * the view, and a timer for what time alone brings.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cluster/backoff.h"
#include "client/consumer/consumer.h"
#include "client/wire/message/fetch.h"
#include "client/wire/message/list_offsets.h"
#include "client/wire/message/offset_for_leader_epoch.h"

#define RESPONSE_ARENA_BYTES ((size_t)64 << 20)

/* The newest version of Fetch that names topics instead of giving their ids. */
#define FETCH_VERSION_WITH_NAMES 12

/* From this version on, brokers check the epoch that the client knows, and name the one found. */
#define EPOCH_VERSION_MIN 2

enum ask { ASK_OFFSETS, ASK_EPOCHS, ASK_RECORDS };

/* One partition of a request, as it was when it was asked. */
struct asked_partition {
    struct consumed_partition *partition;
    uint64_t generation;
    struct uuid topic_id;
    int32_t leader_epoch; /* as the view said */
    /* Of the reader. */
    int64_t timestamp;
    int64_t fetch_offset;
    int32_t fetch_epoch;
    bool answered;
};

/* One request, from being filled until it is answered. */
struct ask_call {
    struct barnabas_consumer *consumer;
    TAILQ_ENTRY(ask_call) next;
    enum ask ask;
    int32_t broker_id;
    struct connection *connection; /* valid until it is sent */
    size_t count;
    size_t capacity;
    struct asked_partition *items; /* those of a topic stand together */
};

TAILQ_HEAD(ask_call_list, ask_call);

static void fetcher_run(struct task *task);

void fetcher_wake(struct barnabas_consumer *consumer) {
    if (!atomic_exchange_explicit(&consumer->run_posted, true, memory_order_acq_rel))
        executor_post(loop_executor(consumer->handle.loop), &consumer->run);
}

static void fetcher_on_change(struct cluster_listener *listener) {
    fetcher_wake(CONTAINER_OF(listener, struct barnabas_consumer, listener));
}

static void fetcher_on_timer(struct loop_timer *timer) {
    fetcher_wake(CONTAINER_OF(timer, struct barnabas_consumer, timer));
}

void fetcher_init(struct barnabas_consumer *consumer) {
    consumer->run.run = fetcher_run;
    atomic_init(&consumer->run_posted, false);
    consumer->listener.changed = fetcher_on_change;
    cluster_listen(consumer->handle.cluster, &consumer->listener);
    loop_timer_init(&consumer->timer, consumer->handle.loop, fetcher_on_timer);
}

void fetcher_shut(struct barnabas_consumer *consumer) {
    loop_timer_done(&consumer->timer);
    cluster_unlisten(consumer->handle.cluster, &consumer->listener);
    cluster_free(consumer->handle.cluster);
    consumer->handle.cluster = NULL;
}

void fetcher_done(struct barnabas_consumer *consumer) {
    loop_timer_done(&consumer->timer);
    free(consumer->loads);
}

static struct fetch_load *load_get(struct barnabas_consumer *consumer, int32_t broker_id) {
    struct fetch_load *loads;

    for (size_t i = 0; i < consumer->load_count; i++)
        if (consumer->loads[i].broker_id == broker_id)
            return &consumer->loads[i];
    loads = reallocarray(consumer->loads, consumer->load_count + 1, sizeof(*loads));
    if (loads == NULL)
        return NULL;
    consumer->loads = loads;
    loads[consumer->load_count] = (struct fetch_load){broker_id, false};
    return &loads[consumer->load_count++];
}

/* --- what the polling thread gets -------------------------------------------------------- */

static struct fetched_entry *entry_new(struct consumed_partition *partition, int64_t from_offset,
                                       struct bytes records, size_t aborted_count) {
    size_t aborted_size = aborted_count * sizeof(struct aborted_transaction);
    struct fetched_entry *entry = malloc(sizeof(*entry) + aborted_size + records.size);

    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof(*entry));
    entry->partition = partition;
    entry->from_offset = from_offset;
    entry->aborted = (struct aborted_transaction *)(entry + 1);
    entry->records = (uint8_t *)(entry + 1) + aborted_size;
    entry->size = records.size;
    if (records.size > 0)
        memcpy(entry->records, records.data, records.size);
    return entry;
}

/* Attaches what the outcome says to the entry; events that were not asked for stay away. */
static void entry_tell(const struct barnabas_consumer *consumer, struct fetched_entry *entry,
                       const struct reader_outcome *outcome) {
    if (!outcome->tell ||
        (outcome->kind == BARNABAS_END_REACHED && !consumer->settings->partition_eof))
        return;
    entry->has_event = true;
    entry->event = (struct barnabas_event){
        .kind = outcome->kind,
        .topic = entry->partition->topic->name,
        .partition = entry->partition->index,
        .offset = outcome->offset,
        .error = outcome->error,
    };
}

static void queue_entry(struct barnabas_consumer *consumer, struct fetched_entry *entry)
    REQUIRES(consumer->lock) {
    if (entry->size == 0 && !entry->has_event) {
        free(entry);
        return;
    }
    entry->generation = entry->partition->reader.generation;
    entry->partition->buffered_bytes += entry->size;
    consumer->buffered_bytes += entry->size;
    STAILQ_INSERT_TAIL(&consumer->ready, entry, next);
    condition_broadcast(&consumer->changed);
}

/* An outcome without records. If memory is out the event is lost, but not the state. */
static void queue_outcome(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                          const struct reader_outcome *outcome) REQUIRES(consumer->lock) {
    struct fetched_entry *entry;

    if (!outcome->tell)
        return;
    entry = entry_new(partition, outcome->offset, BYTES_NULL, 0);
    if (entry == NULL)
        return;
    entry_tell(consumer, entry, outcome);
    queue_entry(consumer, entry);
}

/* --- answers ----------------------------------------------------------------------------- */

static void call_free(struct ask_call *call) {
    free(call->items);
    free(call);
}

static int64_t retry_at(struct barnabas_consumer *consumer, const struct reader *reader) {
    const struct settings *s = consumer->settings;
    struct cluster *cluster = consumer->handle.cluster;

    return cluster_now_ms(cluster) + backoff_ms(cluster_rng(cluster), s->retry_backoff_ms,
                                                s->retry_backoff_ms_max, reader->failures + 1);
}

/* Under the lock: whether the question is still asked. */
static bool is_current(const struct asked_partition *item) {
    return item->generation == item->partition->reader.generation;
}

static void act_on(struct barnabas_consumer *consumer, const struct asked_partition *item,
                   enum error error, const struct reader_outcome *outcome) {
    struct cluster *cluster = consumer->handle.cluster;

    if (error != ERR_NONE)
        cluster_log_write(cluster, outcome->refresh ? BARNABAS_LOG_INFO : BARNABAS_LOG_WARN,
                          outcome->refresh ? "fetch_retried" : "fetch_failed",
                          "topic=%s partition=%d error=%s", item->partition->topic->name,
                          item->partition->index, error_name(error));
    if (outcome->refresh)
        cluster_refresh(cluster);
}

/* A whole partition's answer is an error. */
static void answer_error(struct ask_call *call, struct asked_partition *item, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;
    enum offset_reset policy = consumer->settings->offset_reset;
    struct reader *reader = &item->partition->reader;
    struct reader_outcome outcome = {0};

    item->answered = true;
    mutex_lock(&consumer->lock);
    if (is_current(item)) {
        int64_t retry_at_ms = retry_at(consumer, reader);

        switch (call->ask) {
        case ASK_OFFSETS:
            reader_on_offset(reader, error, -1, -1, retry_at_ms, &outcome);
            break;
        case ASK_EPOCHS:
            reader_on_epoch_end(reader, error, -1, -1, -1, policy, retry_at_ms, &outcome);
            break;
        case ASK_RECORDS:
            reader_on_fetch_error(reader, error, policy, retry_at_ms, &outcome);
            break;
        }
        queue_outcome(consumer, item->partition, &outcome);
    }
    mutex_unlock(&consumer->lock);
    item->partition->near_replica_id = -1;
    act_on(consumer, item, error, &outcome);
}

static void answer_rest(struct ask_call *call, enum error error) {
    for (size_t i = 0; i < call->count; i++)
        if (!call->items[i].answered)
            answer_error(call, &call->items[i], error);
}

static struct asked_partition *item_find(struct ask_call *call, struct bytes topic,
                                         const struct uuid *topic_id, int32_t index) {
    for (size_t i = 0; i < call->count; i++) {
        struct asked_partition *item = &call->items[i];

        if (item->answered || item->partition->index != index)
            continue;
        if (topic_id != NULL ? uuid_equal(topic_id, &item->topic_id)
                             : bytes_equal_text(topic, item->partition->topic->name))
            return item;
    }
    return NULL;
}

static void answer_offset(struct ask_call *call,
                          const struct list_offsets_response_topics_partitions *answer,
                          struct asked_partition *item) {
    struct barnabas_consumer *consumer = call->consumer;
    struct reader_outcome outcome = {0};

    if (answer->error_code != ERR_NONE) {
        answer_error(call, item, answer->error_code);
        return;
    }
    item->answered = true;
    mutex_lock(&consumer->lock);
    if (is_current(item)) {
        int64_t offset = answer->offset;

        if (answer->old_style_offsets_count > 0)
            offset = answer->old_style_offsets[0];
        reader_on_offset(&item->partition->reader, ERR_NONE, offset, answer->leader_epoch, 0,
                         &outcome);
        queue_outcome(consumer, item->partition, &outcome);
    }
    mutex_unlock(&consumer->lock);
    act_on(consumer, item, ERR_NONE, &outcome);
}

static enum error answer_offsets(struct ask_call *call, int16_t version, struct wire_reader *body,
                                 struct arena *arena) {
    struct list_offsets_response response;
    enum error error = list_offsets_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response.topics_count; i++)
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++) {
            const struct list_offsets_response_topics_partitions *answer =
                &response.topics[i].partitions[j];
            struct asked_partition *item =
                item_find(call, response.topics[i].name, NULL, answer->partition_index);

            if (item != NULL)
                answer_offset(call, answer, item);
        }
    return ERR_NONE;
}

static void answer_epoch(struct ask_call *call,
                         const struct offset_for_leader_epoch_response_topics_partitions *answer,
                         struct asked_partition *item) {
    struct barnabas_consumer *consumer = call->consumer;
    struct reader_outcome outcome = {0};

    if (answer->error_code != ERR_NONE) {
        answer_error(call, item, answer->error_code);
        return;
    }
    item->answered = true;
    mutex_lock(&consumer->lock);
    if (is_current(item)) {
        reader_on_epoch_end(&item->partition->reader, ERR_NONE, answer->leader_epoch,
                            answer->end_offset, item->leader_epoch,
                            consumer->settings->offset_reset, 0, &outcome);
        queue_outcome(consumer, item->partition, &outcome);
    }
    mutex_unlock(&consumer->lock);
    act_on(consumer, item, outcome.error, &outcome);
}

static enum error answer_epochs(struct ask_call *call, int16_t version, struct wire_reader *body,
                                struct arena *arena) {
    struct offset_for_leader_epoch_response response;
    enum error error = offset_for_leader_epoch_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response.topics_count; i++)
        for (int32_t j = 0; j < response.topics[i].partitions_count; j++) {
            const struct offset_for_leader_epoch_response_topics_partitions *answer =
                &response.topics[i].partitions[j];
            struct asked_partition *item =
                item_find(call, response.topics[i].topic, NULL, answer->partition);

            if (item != NULL)
                answer_epoch(call, answer, item);
        }
    return ERR_NONE;
}

/* By first_offset, as the walk needs them. */
static int aborted_compare(const void *left, const void *right) {
    const struct aborted_transaction *a = left;
    const struct aborted_transaction *b = right;

    return (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

static struct fetched_entry *
entry_of_answer(const struct asked_partition *item,
                const struct fetch_response_responses_partitions *answer, size_t records_size) {
    size_t aborted_count =
        answer->aborted_transactions_count > 0 ? (size_t)answer->aborted_transactions_count : 0;
    struct fetched_entry *entry =
        entry_new(item->partition, item->fetch_offset,
                  bytes_of(answer->records.data.data, records_size), aborted_count);

    if (entry == NULL)
        return NULL;
    for (size_t i = 0; i < aborted_count; i++)
        entry->aborted[i] =
            (struct aborted_transaction){answer->aborted_transactions[i].producer_id,
                                         answer->aborted_transactions[i].first_offset};
    entry->aborted_count = aborted_count;
    qsort(entry->aborted, aborted_count, sizeof(*entry->aborted), aborted_compare);
    return entry;
}

static void answer_records(struct ask_call *call,
                           const struct fetch_response_responses_partitions *answer,
                           struct asked_partition *item) {
    struct barnabas_consumer *consumer = call->consumer;
    struct reader *reader = &item->partition->reader;
    struct fetched_summary summary;
    struct reader_outcome outcome = {0};
    struct fetched_entry *entry;
    enum error error = answer->error_code;

    if (error == ERR_NONE)
        error = fetched_summarise(answer->records.data, &summary);
    if (error != ERR_NONE) {
        answer_error(call, item, error);
        return;
    }
    entry = entry_of_answer(item, answer, summary.size);
    if (entry == NULL) {
        answer_error(call, item, ERR_OUT_OF_MEMORY);
        return;
    }
    item->answered = true;
    mutex_lock(&consumer->lock);
    if (is_current(item)) {
        bool committed = consumer->settings->isolation == ISOLATION_READ_COMMITTED;

        reader->high_watermark = answer->high_watermark;
        reader->log_start_offset = answer->log_start_offset;
        reader->last_stable_offset = answer->last_stable_offset;
        reader_on_records(reader, summary.next_offset, summary.leader_epoch, item->leader_epoch,
                          committed ? answer->last_stable_offset : answer->high_watermark,
                          &outcome);
        entry_tell(consumer, entry, &outcome);
        queue_entry(consumer, entry);
        entry = NULL; /* handed over */
    }
    mutex_unlock(&consumer->lock);
    free(entry);
    if (answer->preferred_read_replica >= 0)
        item->partition->near_replica_id = answer->preferred_read_replica;
}

static enum error answer_fetch(struct ask_call *call, int16_t version, struct wire_reader *body,
                               struct arena *arena) {
    struct fetch_response response;
    enum error error = fetch_response_decode(body, version, arena, &response);

    if (error != ERR_NONE)
        return error;
    if (response.error_code != ERR_NONE)
        return response.error_code;
    for (int32_t i = 0; i < response.responses_count; i++) {
        const struct fetch_response_responses *topic = &response.responses[i];

        for (int32_t j = 0; j < topic->partitions_count; j++) {
            const struct fetch_response_responses_partitions *answer = &topic->partitions[j];
            struct asked_partition *item = item_find(
                call, topic->topic, version > FETCH_VERSION_WITH_NAMES ? &topic->topic_id : NULL,
                answer->partition_index);

            if (item == NULL)
                continue;
            if (answer->current_leader.leader_id >= 0)
                cluster_learn_leader(call->consumer->handle.cluster, item->partition->topic->name,
                                     answer->partition_index, answer->current_leader.leader_id,
                                     answer->current_leader.leader_epoch);
            answer_records(call, answer, item);
        }
    }
    return ERR_NONE;
}

static void ask_on_response(void *context, enum error error, int16_t version,
                            struct wire_reader *body) {
    struct ask_call *call = context;
    struct barnabas_consumer *consumer = call->consumer;
    struct arena arena;

    if (call->ask == ASK_RECORDS)
        load_get(consumer, call->broker_id)->fetching = false;
    arena_init(&arena, RESPONSE_ARENA_BYTES);
    if (error == ERR_NONE) {
        switch (call->ask) {
        case ASK_OFFSETS:
            error = answer_offsets(call, version, body, &arena);
            break;
        case ASK_EPOCHS:
            error = answer_epochs(call, version, body, &arena);
            break;
        case ASK_RECORDS:
            error = answer_fetch(call, version, body, &arena);
            break;
        }
    }
    arena_done(&arena);
    /* Asking again does no harm, so a lost or garbled answer is a passing error. */
    answer_rest(call, error == ERR_UNSUPPORTED_VERSION ? error : ERR_CONNECTION_LOST);
    call_free(call);
    fetcher_wake(consumer);
}

/* --- requests ---------------------------------------------------------------------------- */

static bool same_topic_as_before(const struct ask_call *call, size_t index) {
    return index > 0 &&
           call->items[index].partition->topic == call->items[index - 1].partition->topic;
}

static void send_message(struct ask_call *call, const struct wire_api *api, int16_t version_max,
                         const void *message) {
    connection_send(call->connection, api, version_max, message,
                    call->consumer->settings->request_timeout_ms, true, ask_on_response, call);
}

static enum error send_offsets(struct ask_call *call, struct arena *arena) {
    struct list_offsets_request request;
    struct list_offsets_request_topics *topic = NULL;
    struct list_offsets_request_topics_partitions *partitions =
        arena_alloc(arena, call->count, sizeof(*partitions));

    list_offsets_request_init(&request);
    request.replica_id = -1;
    request.isolation_level = (int8_t)call->consumer->settings->isolation;
    request.topics = arena_alloc(arena, call->count, sizeof(*request.topics));
    request.topics_count = 0;
    if (partitions == NULL || request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < call->count; i++) {
        const struct asked_partition *item = &call->items[i];

        if (!same_topic_as_before(call, i)) {
            topic = &request.topics[request.topics_count++];
            topic->name = bytes_of_text(item->partition->topic->name);
            topic->partitions = &partitions[i];
        }
        topic->partitions_count++;
        list_offsets_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = item->partition->index;
        partitions[i].current_leader_epoch = item->leader_epoch;
        partitions[i].timestamp = item->timestamp;
    }
    send_message(call, &list_offsets_api, list_offsets_api.version_max, &request);
    return ERR_NONE;
}

static enum error send_epochs(struct ask_call *call, struct arena *arena) {
    struct offset_for_leader_epoch_request request;
    struct offset_for_leader_epoch_request_topics *topic = NULL;
    struct offset_for_leader_epoch_request_topics_partitions *partitions =
        arena_alloc(arena, call->count, sizeof(*partitions));

    offset_for_leader_epoch_request_init(&request);
    request.replica_id = -1;
    request.topics = arena_alloc(arena, call->count, sizeof(*request.topics));
    request.topics_count = 0;
    if (partitions == NULL || request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < call->count; i++) {
        const struct asked_partition *item = &call->items[i];

        if (!same_topic_as_before(call, i)) {
            topic = &request.topics[request.topics_count++];
            topic->topic = bytes_of_text(item->partition->topic->name);
            topic->partitions = &partitions[i];
        }
        topic->partitions_count++;
        offset_for_leader_epoch_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition = item->partition->index;
        partitions[i].current_leader_epoch = item->leader_epoch;
        partitions[i].leader_epoch = item->fetch_epoch;
    }
    send_message(call, &offset_for_leader_epoch_api, offset_for_leader_epoch_api.version_max,
                 &request);
    return ERR_NONE;
}

static enum error send_fetch(struct ask_call *call, struct arena *arena) {
    const struct settings *s = call->consumer->settings;
    int16_t version_max = fetch_api.version_max;
    struct fetch_request request;
    struct fetch_request_topics *topic = NULL;
    struct fetch_request_topics_partitions *partitions =
        arena_alloc(arena, call->count, sizeof(*partitions));

    fetch_request_init(&request);
    request.max_wait_ms = (int32_t)s->fetch_wait_ms_max;
    request.min_bytes = (int32_t)s->fetch_bytes_min;
    request.max_bytes = (int32_t)s->fetch_bytes_max;
    request.isolation_level = (int8_t)s->isolation;
    request.session_id = 0;
    request.session_epoch = -1;
    request.rack_id = bytes_of_text(s->rack);
    request.topics = arena_alloc(arena, call->count, sizeof(*request.topics));
    request.topics_count = 0;
    if (partitions == NULL || request.topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < call->count; i++) {
        const struct asked_partition *item = &call->items[i];

        if (!same_topic_as_before(call, i)) {
            topic = &request.topics[request.topics_count++];
            topic->topic = bytes_of_text(item->partition->topic->name);
            topic->topic_id = item->topic_id;
            topic->partitions = &partitions[i];
        }
        if (uuid_is_zero(&item->topic_id))
            version_max = FETCH_VERSION_WITH_NAMES;
        topic->partitions_count++;
        fetch_request_topics_partitions_init(&partitions[i]);
        partitions[i].partition = item->partition->index;
        partitions[i].current_leader_epoch = item->leader_epoch;
        partitions[i].fetch_offset = item->fetch_offset;
        partitions[i].partition_max_bytes = (int32_t)s->partition_fetch_bytes_max;
    }
    send_message(call, &fetch_api, version_max, &request);
    return ERR_NONE;
}

static int item_compare(const void *left, const void *right) {
    const struct asked_partition *a = left;
    const struct asked_partition *b = right;
    int order = strcmp(a->partition->topic->name, b->partition->topic->name);

    return order != 0 ? order : a->partition->index - b->partition->index;
}

/* A broker that cannot answer about epochs leaves positions unchecked. */
static void skip_validation(struct ask_call *call) {
    struct barnabas_consumer *consumer = call->consumer;

    mutex_lock(&consumer->lock);
    for (size_t i = 0; i < call->count; i++) {
        struct asked_partition *item = &call->items[i];
        struct reader_outcome ignored;

        if (is_current(item))
            reader_on_epoch_end(&item->partition->reader, ERR_NONE, item->fetch_epoch,
                                item->fetch_offset, item->leader_epoch,
                                consumer->settings->offset_reset, 0, &ignored);
    }
    mutex_unlock(&consumer->lock);
    call_free(call);
    fetcher_wake(consumer);
}

/* Hands a filled call to its connection; the answer frees it. */
static void call_send(struct ask_call *call) {
    enum error error = ERR_NONE;
    struct arena arena;

    if (call->ask == ASK_EPOCHS &&
        connection_version(call->connection, offset_for_leader_epoch_api.key,
                           offset_for_leader_epoch_api.version_max) < EPOCH_VERSION_MIN) {
        skip_validation(call);
        return;
    }
    qsort(call->items, call->count, sizeof(*call->items), item_compare);
    arena_init(&arena, RESPONSE_ARENA_BYTES);
    switch (call->ask) {
    case ASK_OFFSETS:
        error = send_offsets(call, &arena);
        break;
    case ASK_EPOCHS:
        error = send_epochs(call, &arena);
        break;
    case ASK_RECORDS:
        load_get(call->consumer, call->broker_id)->fetching = true;
        error = send_fetch(call, &arena);
        break;
    }
    arena_done(&arena);
    if (error != ERR_NONE)
        ask_on_response(call, error, 0, NULL);
}

static struct ask_call *call_for(struct barnabas_consumer *consumer, struct ask_call_list *calls,
                                 enum ask ask, int32_t broker_id, struct connection *connection) {
    struct fetch_load *load = load_get(consumer, broker_id);
    struct ask_call *call;

    if (load == NULL || (ask == ASK_RECORDS && load->fetching))
        return NULL;
    TAILQ_FOREACH (call, calls, next)
        if (call->broker_id == broker_id && call->ask == ask)
            return call;
    call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->consumer = consumer;
    call->ask = ask;
    call->broker_id = broker_id;
    call->connection = connection;
    TAILQ_INSERT_TAIL(calls, call, next);
    return call;
}

static struct asked_partition *call_add(struct ask_call *call) {
    size_t capacity = call->capacity == 0 ? 8 : call->capacity * 2;
    struct asked_partition *items;

    if (call->count == call->capacity) {
        items = reallocarray(call->items, capacity, sizeof(*items));
        if (items == NULL)
            return NULL;
        call->items = items;
        call->capacity = capacity;
    }
    return &call->items[call->count++];
}

/* Whether there is room to read ahead. A partition with nothing queued always may: others, say
 * paused ones, must not starve it. */
static bool has_room(const struct barnabas_consumer *consumer,
                     const struct consumed_partition *partition) REQUIRES(consumer->lock) {
    const struct settings *s = consumer->settings;

    return partition->buffered_bytes == 0 ||
           ((int64_t)partition->buffered_bytes < s->partition_fetch_bytes_max &&
            (int64_t)consumer->buffered_bytes < s->fetch_bytes_max);
}

/* Sets what the partition needs going, if it can be done now. */
static void serve(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                  int64_t now_ms, int64_t *at_ms, struct ask_call_list *calls) {
    static const enum ask asks[] = {
        [NEED_OFFSET] = ASK_OFFSETS, [NEED_VALIDATION] = ASK_EPOCHS, [NEED_RECORDS] = ASK_RECORDS};
    struct cluster *cluster = consumer->handle.cluster;
    const struct view *view = cluster_view(cluster);
    const struct view_topic *topic = view_topic(view, partition->topic->name);
    const struct view_partition *seen =
        view_partition(view, partition->topic->name, partition->index);
    struct reader_outcome outcome;
    enum reader_need need;
    struct connection *connection;
    struct asked_partition *added;
    struct asked_partition item;
    struct ask_call *call;
    int32_t broker_id;

    mutex_lock(&consumer->lock);
    need = reader_next(&partition->reader, seen, topic == NULL ? ERR_NONE : topic->error, now_ms,
                       at_ms, &outcome);
    if (need == NEED_RECORDS && !has_room(consumer, partition))
        need = NEED_NOTHING;
    queue_outcome(consumer, partition, &outcome);
    item = (struct asked_partition){
        .partition = partition,
        .generation = partition->reader.generation,
        .timestamp = partition->reader.timestamp,
        .fetch_offset = partition->reader.fetch_offset,
        .fetch_epoch = partition->reader.fetch_epoch,
    };
    mutex_unlock(&consumer->lock);
    if (need == NEED_LEADER)
        cluster_refresh(cluster);
    if (need == NEED_NOTHING || need == NEED_LEADER)
        return;
    broker_id = seen->leader_id;
    if (need == NEED_RECORDS && partition->near_replica_id >= 0)
        broker_id = partition->near_replica_id;
    connection = cluster_connection(cluster, broker_id);
    if (connection == NULL) {
        if (cluster_broker_failed(cluster, broker_id))
            partition->near_replica_id = -1;
        return;
    }
    call = call_for(consumer, calls, asks[need], broker_id, connection);
    item.topic_id = topic->id;
    item.leader_epoch = seen->leader_epoch;
    if (call == NULL || (added = call_add(call)) == NULL)
        return;
    mutex_lock(&consumer->lock);
    if (is_current(&item)) {
        *added = item;
        partition->reader.asking = true;
    } else {
        call->count--; /* assigned anew meanwhile; whoever did it has woken us */
    }
    mutex_unlock(&consumer->lock);
}

/* Tells the cluster of new topics, and the waiting threads what the view says of all. */
static void update_topics(struct barnabas_consumer *consumer) {
    struct cluster *cluster = consumer->handle.cluster;
    struct consumed_topic *topic;
    bool changed = false;

    mutex_lock(&consumer->lock);
    TAILQ_FOREACH (topic, &consumer->topics, next) {
        const struct view_topic *seen;

        if (!topic->wanted) {
            mutex_unlock(&consumer->lock);
            topic->wanted = cluster_want_topic(cluster, topic->name) == ERR_NONE;
            mutex_lock(&consumer->lock);
        }
        seen = view_topic(cluster_view(cluster), topic->name);
        if (seen == NULL ||
            (topic->error == seen->error && topic->partition_count == seen->partition_count))
            continue;
        topic->error = seen->error;
        topic->partition_count = seen->partition_count;
        changed = true;
    }
    if (changed)
        condition_broadcast(&consumer->changed);
    mutex_unlock(&consumer->lock);
}

static void fetcher_run(struct task *task) {
    struct barnabas_consumer *consumer = CONTAINER_OF(task, struct barnabas_consumer, run);
    struct ask_call_list calls = TAILQ_HEAD_INITIALIZER(calls);
    struct consumed_partition *partition;
    struct ask_call *call;
    int64_t at_ms = INT64_MAX;
    int64_t now_ms;

    atomic_store_explicit(&consumer->run_posted, false, memory_order_release);
    if (consumer->handle.cluster == NULL)
        return; /* shut */
    now_ms = cluster_now_ms(consumer->handle.cluster);
    update_topics(consumer);
    /* The list only grows, at its end. */
    mutex_lock(&consumer->lock);
    TAILQ_FOREACH (partition, &consumer->partitions, next) {
        mutex_unlock(&consumer->lock);
        serve(consumer, partition, now_ms, &at_ms, &calls);
        mutex_lock(&consumer->lock);
    }
    mutex_unlock(&consumer->lock);
    while ((call = TAILQ_FIRST(&calls)) != NULL) {
        TAILQ_REMOVE(&calls, call, next);
        if (call->count > 0)
            call_send(call);
        else
            call_free(call);
    }
    if (at_ms == INT64_MAX)
        loop_timer_cancel(&consumer->timer);
    else
        loop_timer_arm(&consumer->timer, at_ms > now_ms ? at_ms - now_ms : 1);
}
