#include "broker/api/fetch_conversion.h"
#include "broker/api/fetch_items.h"
#include "broker/api/fetch_leaders.h"
#include "broker/api/handlers.h"

#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/log/cold_read.h"
#include "broker/log/log.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/fetch_session.h"
#include "broker/replica/replica_manager.h"
#include "broker/server/server.h"
#include "client/wire/message/fetch.h"

/*
 * Fetch: resolves the session into the partitions to be read, reads them as file ranges, and
 * either answers or waits on each partition until something moves or the time is up; then reads
 * once more and answers. What rests in a follower's session is not among them: the session is
 * waited for, once, and what has come to have something to tell is taken in before the next read.
 * Like a production it lives in the request's arena and ends only when no waiter's task is on its
 * way.
 */

#define SESSION_VERSION_MIN   7
#define COLD_BYTES_MIN        (64 * 1024)
#define READ_AHEAD_BYTES      ((size_t)4 << 20) /* of all partitions of a reader together */
#define ZSTD_VERSION_MIN      10
#define RACK_VERSION_MIN      11
#define REPLICA_STATE_VERSION 15

#define RACK_AWARE_SELECTOR "org.apache.kafka.common.replica.RackAwareReplicaSelector"

struct fetched {
    struct fetch_item *item;
    struct partition *partition; /* a reference, or NULL */
    bool is_looked_up;           /* what is above and below is known */
    enum error error;
    int64_t end_before; /* of what its reader may see, before the last read */
    struct partition_read read;
    struct partition_read_result result;
    struct cold_read_plan plan;           /* for the records, before they are sent */
    struct message_set_builder converted; /* for old consumers */
    bool is_held_back;                    /* by the replication throttle */
    int32_t near_replica_id;              /* where the consumer is to read; -1: here */
    bool is_listed;                       /* the waiter is listed, or its task is on its way */
    struct waiter waiter;
    struct fetching *fetching;
};

struct fetching {
    struct api_call *call;
    struct fetch_context context;
    int32_t replica_id;
    int64_t replica_epoch;
    enum read_isolation isolation;
    struct bytes rack; /* of a consumer that may be sent to a replica near to it; else null */
    int64_t bytes_max;
    int64_t bytes_min;
    int64_t deadline_ms;
    struct fetched *fetched;
    int32_t fetched_count;
    int32_t fetched_capacity;
    struct waiter session_waiter; /* for what rests in the session */
    bool session_waiter_is_listed;
    int64_t bytes; /* read in the last pass */
    int32_t on_the_way;
    bool is_warming;  /* in the background: neither time nor abandonment matters any more */
    struct task task; /* for the way there and back */
    bool is_over;     /* deadline, or abandoned */
    bool is_abandoned;
};

/* ---- Reading ---- */

static void release_ranges(struct fetching *fetching) {
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        log_range_release(&fetching->fetched[i].result.records);
        fetching->fetched[i].result.records = (struct file_range){0};
    }
}

static void release(struct fetching *fetching) {
    struct request *request = fetching->call->request;

    if (api_waiting_fetch(request) == fetching)
        api_set_waiting_fetch(request, NULL);
    release_ranges(fetching);
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        message_set_builder_done(&fetching->fetched[i].converted);
        partition_unref(fetching->fetched[i].partition);
    }
    fetch_context_done(&fetching->context);
}

/* What an old version cannot carry. */
static enum error check_format(const struct fetching *fetching,
                               const struct metadata_topic *topic) {
    const struct api_call *call = fetching->call;
    int16_t version = call->header.api_version;
    const struct config *config = live_config_get(call->context->live_config);
    enum error error = ERR_NONE;

    if (topic != NULL && fetch_needs_zstd(config, topic))
        error = ERR_UNSUPPORTED_COMPRESSION_TYPE;
    else if (topic != NULL && fetch_is_converted(version) && fetching->replica_id < 0 &&
             !fetch_conversion_is_enabled(config, topic))
        error = ERR_UNSUPPORTED_VERSION;
    live_config_release(config);
    return error;
}

static enum error find_partition(struct fetching *fetching, const struct metadata *metadata,
                                 const struct fetch_item *item, struct partition **partition) {
    struct api_call *call = fetching->call;
    bool by_id = call->header.api_version >= FETCH_TOPIC_ID_VERSION_MIN;
    const struct metadata_topic *known;

    *partition =
        by_id ? replica_manager_find_by_id(call->context->replicas, &item->topic_id, item->index)
              : replica_manager_find(call->context->replicas, item->topic, item->index);
    if (*partition != NULL && call->header.api_version >= ZSTD_VERSION_MIN)
        return ERR_NONE;
    known = by_id ? metadata_find_topic_by_id(metadata, &item->topic_id)
                  : metadata_find_topic(metadata, item->topic);
    if (*partition != NULL)
        return check_format(fetching, known);
    if (known == NULL)
        return by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return metadata_find_partition(known, item->index) == NULL ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                                               : ERR_NOT_LEADER_OR_FOLLOWER;
}

static void read_partition(struct fetching *fetching, struct fetched *fetched, bool is_first) {
    int64_t left = fetching->bytes_max - fetching->bytes;
    int64_t wanted = fetched->item->bytes_max < left ? fetched->item->bytes_max : left;
    struct partition_read *read = &fetched->read;

    *read = (struct partition_read){
        .replica_id = fetching->replica_id,
        .replica_epoch = fetching->replica_epoch,
        .current_leader_epoch = fetched->item->current_leader_epoch,
        .fetch_offset = fetched->item->fetch_offset,
        .last_fetched_epoch = fetched->item->last_fetched_epoch,
        .follower_log_start_offset = fetched->item->log_start_offset,
        .bytes_max = wanted > 0 ? (size_t)wanted : 0,
        /* A batch larger than every limit must not stop its reader for ever. */
        .at_least_one_batch = fetching->bytes == 0,
        .leader_only = fetching->call->header.api_version < 11,
        .isolation = fetching->isolation,
        .update_progress = is_first,
        .arena = &fetching->call->request->arena,
    };

    if (read->at_least_one_batch && read->bytes_max == 0)
        read->bytes_max = 1;
    fetched->is_held_back =
        fetching->replica_id >= 0 && partition_holds_back(fetched->partition, fetching->replica_id);
    if (fetched->is_held_back || fetched->near_replica_id >= 0)
        read->bytes_max = 0;
    fetched->end_before = partition_visible_end(fetched->partition, fetching->isolation);
    fetched->error = partition_read(fetched->partition, read, &fetched->result);
    if (fetched->error == ERR_NONE)
        fetching->bytes += (int64_t)fetched->result.records.size;
}

static bool must_answer(const struct fetched *fetched) {
    return fetched->error != ERR_NONE || fetched->result.diverged || fetched->near_replica_id >= 0;
}

/* A leader sends a consumer to a replica in its rack. */
static int32_t near_replica_of(const struct fetching *fetching, const struct metadata *metadata,
                               const struct fetched *fetched) {
    if (bytes_is_null(fetching->rack) || fetched->partition == NULL)
        return -1;
    return partition_choose_near(fetched->partition, metadata,
                                 fetching->call->request->listener->name, fetching->rack,
                                 fetched->item->fetch_offset);
}

static void look_up(struct fetching *fetching, const struct metadata *metadata,
                    struct fetched *fetched) {
    fetched->error = find_partition(fetching, metadata, fetched->item, &fetched->partition);
    fetched->near_replica_id = near_replica_of(fetching, metadata, fetched);
    fetched->is_looked_up = true;
    if (fetched->error == ERR_NONE)
        partition_count_traffic(fetched->partition, TRAFFIC_FETCH_REQUESTS, 1);
}

/* Reads all partitions; true if there is a reason to answer at once. */
static bool read_all(struct fetching *fetching, bool is_first) {
    const struct metadata *metadata = metadata_cache_get(fetching->call->context->metadata);
    bool is_urgent = false;

    fetching->bytes = 0;
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        struct fetched *fetched = &fetching->fetched[i];
        bool is_new = !fetched->is_looked_up;
        if (is_new)
            look_up(fetching, metadata, fetched);
        if (fetched->partition != NULL && (!is_new || fetched->error == ERR_NONE))
            read_partition(fetching, fetched, is_first);
        is_urgent = is_urgent || must_answer(fetched);
    }
    metadata_unref(metadata);
    return is_urgent || fetching->bytes >= fetching->bytes_min;
}

/* ---- Answering ---- */

/* Without them the consumer would take for committed what was aborted. */
static enum error tell_aborted(struct fetching *fetching, const struct fetched *fetched,
                               struct fetch_response_responses_partitions *response) {
    const struct log_aborted_list *aborted = &fetched->result.aborted;

    response->aborted_transactions =
        api_alloc(fetching->call, (size_t)aborted->count, sizeof(*response->aborted_transactions));
    if (response->aborted_transactions == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < aborted->count; i++) {
        fetch_response_responses_partitions_aborted_transactions_init(
            &response->aborted_transactions[i]);
        response->aborted_transactions[i].producer_id = aborted->all[i].producer_id;
        response->aborted_transactions[i].first_offset = aborted->all[i].first_offset;
    }
    response->aborted_transactions_count = aborted->count;
    return ERR_NONE;
}

static void fill_partition(struct fetching *fetching, const struct fetched *fetched,
                           struct fetch_response_responses_partitions *response) {
    enum error error = fetched->error;

    fetch_response_responses_partitions_init(response);
    if (error != ERR_UNKNOWN_TOPIC_OR_PARTITION && error != ERR_UNKNOWN_TOPIC_ID)
        response->aborted_transactions_count = -1;
    response->partition_index = fetched->item->index;
    if (error == ERR_DISK_CORRUPT || error == ERR_DISK_FAILED)
        error = ERR_KAFKA_STORAGE_ERROR;
    if (error == ERR_KAFKA_STORAGE_ERROR && fetching->call->header.api_version < 6)
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    response->error_code = error_to_wire(error);
    response->high_watermark = -1;
    if (error != ERR_NONE)
        return;
    response->high_watermark = fetched->result.high_watermark;
    response->last_stable_offset = fetched->result.last_stable_offset;
    response->log_start_offset = fetched->result.log_start_offset;
    response->preferred_read_replica = fetched->near_replica_id;
    if (fetching->isolation == READ_COMMITTED &&
        (error = tell_aborted(fetching, fetched, response)) != ERR_NONE) {
        response->error_code = error_to_wire(error);
        return;
    }
    if (fetched->result.diverged && fetching->call->header.api_version >= 12) {
        response->diverging_epoch.epoch = fetched->result.diverging_epoch;
        response->diverging_epoch.end_offset = fetched->result.diverging_end_offset;
    }
    if (fetched->converted.size > 0)
        response->records.data = bytes_of(fetched->converted.data, fetched->converted.size);
    else if (fetched->result.records.size > 0)
        response->records =
            (struct wire_records){.data = BYTES_NULL, .range = fetched->result.records};
}

static bool includes(struct fetching *fetching, const struct fetched *fetched) {
    struct fetch_answer answer = {
        .high_watermark = fetched->error == ERR_NONE ? fetched->result.high_watermark : -1,
        .log_start_offset = fetched->error == ERR_NONE ? fetched->result.log_start_offset : -1,
        .has_records = fetched->result.records.size > 0,
        .has_error = fetched->error != ERR_NONE,
        .must_send = fetched->result.diverged || fetched->near_replica_id >= 0,
        .partition = fetching->replica_id >= 0 ? fetched->partition : NULL,
    };

    return fetch_context_includes(&fetching->context, fetched->item, &answer);
}

static bool is_same_topic(const struct fetch_response_responses *topic,
                          const struct fetch_item *item) {
    return uuid_equal(&topic->topic_id, &item->topic_id) && bytes_equal(topic->topic, item->topic);
}

/* Neighbours of one topic are grouped under it. */
static bool fill_response(struct fetching *fetching, struct fetch_response *response) {
    struct api_call *call = fetching->call;
    size_t count = (size_t)fetching->fetched_count;
    struct fetch_response_responses_partitions *partitions =
        api_alloc(call, count, sizeof(*partitions));
    struct fetch_response_responses *topic = NULL;

    fetch_response_init(response);
    response->responses = api_alloc(call, count, sizeof(*response->responses));
    if (partitions == NULL || response->responses == NULL)
        return false;
    if (call->header.api_version >= SESSION_VERSION_MIN)
        response->session_id = fetching->context.session_id;
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        struct fetched *fetched = &fetching->fetched[i];
        if (!includes(fetching, fetched))
            continue;
        if (topic == NULL || !is_same_topic(topic, fetched->item)) {
            topic = &response->responses[response->responses_count++];
            fetch_response_responses_init(topic);
            topic->topic = fetched->item->topic;
            topic->topic_id = fetched->item->topic_id;
            topic->partitions = partitions;
        }
        fill_partition(fetching, fetched, partitions++);
        topic->partitions_count++;
    }
    return true;
}

static bool has_error(const struct fetching *fetching) {
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        if (fetching->fetched[i].error != ERR_NONE)
            return true;
    }
    return false;
}

static void convert_all(struct fetching *fetching) {
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        struct fetched *fetched = &fetching->fetched[i];
        if (fetched->error == ERR_NONE && fetched->partition != NULL)
            fetched->error = fetch_convert(fetched->partition, &fetched->read,
                                           fetching->call->header.api_version, &fetched->result,
                                           &fetched->converted);
    }
}

/* Errors that a reader meets in the course of things do not count as failures in Kafka. */
static bool is_failure(enum error error) {
    return error == ERR_DISK_FAILED || error == ERR_DISK_CORRUPT || error == ERR_CORRUPT_MESSAGE ||
           error == ERR_OUT_OF_MEMORY;
}

static void count_traffic(const struct fetching *fetching) {
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        const struct fetched *fetched = &fetching->fetched[i];
        const size_t size = fetched->result.records.size;
        if (fetched->partition == NULL)
            continue;
        if (fetching->replica_id >= 0)
            partition_record_given(fetched->partition, fetching->replica_id, (int64_t)size);
        else if (size > 0)
            partition_count_traffic(fetched->partition, TRAFFIC_BYTES_OUT, size);
        if (is_failure(fetched->error))
            partition_count_traffic(fetched->partition, TRAFFIC_FAILED_FETCH_REQUESTS, 1);
    }
}

static void send_answer(struct fetching *fetching) {
    struct api_call *call = fetching->call;
    struct fetch_response response;

    if (fetch_is_converted(call->header.api_version))
        convert_all(fetching);
    count_traffic(fetching);
    if (!fill_response(fetching, &response)) {
        release(fetching);
        api_close(call);
        return;
    }
    if (has_error(fetching))
        fetch_tell_leaders(call, fetching->fetched_count, &response);
    /* Encoding takes the writer's own references of the ranges; ours go then, and only after that
     * the call with its arena. */
    (void)api_encode(call, &response);
    release(fetching);
    request_send(call->request);
}

static void on_warm(struct task *task) {
    send_answer(CONTAINER_OF(task, struct fetching, task));
}

static void warm_in_background(struct task *task) {
    struct fetching *fetching = CONTAINER_OF(task, struct fetching, task);

    for (int32_t i = 0; i < fetching->fetched_count; i++)
        cold_read_run(&fetching->fetched[i].result.records, &fetching->fetched[i].plan);
    fetching->task.run = on_warm;
    executor_post(fetching->call->request->executor, &fetching->task);
}

/* Who reads at the end gets little at a time, from memory: only larger ranges are looked at. */
static bool is_large(const struct fetched *fetched) {
    return fetched->result.records.size >= COLD_BYTES_MIN;
}

/* Whether anything has to be read from the disk before the answer can be sent. */
static bool plan_reading(struct fetching *fetching) {
    size_t large_count = 0;
    bool is_cold = false;

    for (int32_t i = 0; i < fetching->fetched_count; i++)
        large_count += is_large(&fetching->fetched[i]);
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        struct fetched *fetched = &fetching->fetched[i];
        fetched->plan = (struct cold_read_plan){0};
        if (is_large(fetched))
            fetched->plan =
                cold_read_plan(&fetched->result.records, READ_AHEAD_BYTES / large_count);
        is_cold = is_cold || fetched->plan.is_cold;
    }
    return is_cold;
}

/* Sending what is on a disk would hold up everybody else on this reactor until it is read. */
static void answer(struct fetching *fetching) {
    struct executor *background = fetching->call->context->background;

    if (plan_reading(fetching)) {
        fetching->is_warming = true;
        fetching->task.run = warm_in_background;
        executor_post(background, &fetching->task);
        return;
    }
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        if (fetching->fetched[i].plan.ahead > 0)
            cold_read_ahead_later(background, &fetching->fetched[i].result.records,
                                  fetching->fetched[i].plan.ahead);
    }
    send_answer(fetching);
}

/* ---- Waiting ---- */

static void wait_for_data(struct fetching *fetching);

static bool list_fetched(struct fetching *fetching, struct fetch_item *items, int32_t count) {
    int32_t needed = fetching->fetched_count + count;

    if (needed > fetching->fetched_capacity || fetching->fetched == NULL) {
        int32_t capacity = needed + fetching->fetched_count; /* twice, from the second time on */
        struct fetched *all = api_alloc(fetching->call, (size_t)capacity, sizeof(*all));
        if (all == NULL)
            return false;
        if (fetching->fetched_count > 0)
            memcpy(all, fetching->fetched, (size_t)fetching->fetched_count * sizeof(*all));
        fetching->fetched = all;
        fetching->fetched_capacity = capacity;
    }
    for (int32_t i = 0; i < count; i++)
        fetching->fetched[fetching->fetched_count++] =
            (struct fetched){.item = &items[i], .fetching = fetching};
    return true;
}

/* What rested until now. Nothing is read and no waiter listed, so that all may move. */
static bool take_roused(struct fetching *fetching) {
    struct fetch_item *items;
    int32_t count;

    return fetch_context_take_roused(&fetching->context, &fetching->call->request->arena, &items,
                                     &count) == ERR_NONE &&
           (count == 0 || list_fetched(fetching, items, count));
}

/* No waiter is listed or on its way: what happened meanwhile decides. */
static void go_on(struct fetching *fetching) {
    release_ranges(fetching);
    if (fetching->is_abandoned || !take_roused(fetching)) {
        struct request *request = fetching->call->request;
        release(fetching);
        request_close_connection(request);
        return;
    }
    if (read_all(fetching, false) || fetching->is_over)
        answer(fetching);
    else
        wait_for_data(fetching);
}

static void stop_waiting(struct fetching *fetching) {
    for (int32_t i = 0; i < fetching->fetched_count; i++) {
        struct fetched *fetched = &fetching->fetched[i];
        if (fetched->is_listed && partition_stop_waiting(fetched->partition, &fetched->waiter)) {
            fetched->is_listed = false;
            fetching->on_the_way--;
        }
    }
    if (fetching->session_waiter_is_listed &&
        fetch_context_stop_waiting(&fetching->context, &fetching->session_waiter)) {
        fetching->session_waiter_is_listed = false;
        fetching->on_the_way--;
    }
    if (fetching->on_the_way == 0)
        go_on(fetching);
}

static void on_woken(struct task *task) {
    struct fetched *fetched = CONTAINER_OF(task, struct fetched, waiter.task);
    struct fetching *fetching = fetched->fetching;

    fetched->is_listed = false;
    fetching->on_the_way--;
    stop_waiting(fetching);
}

static void on_roused(struct task *task) {
    struct fetching *fetching = CONTAINER_OF(task, struct fetching, session_waiter.task);

    fetching->session_waiter_is_listed = false;
    fetching->on_the_way--;
    stop_waiting(fetching);
}

static void on_deadline(struct request *request) {
    struct fetching *fetching = request->user;

    fetching->is_over = true;
    if (!fetching->is_warming)
        stop_waiting(fetching);
}

static void on_abandoned(struct request *request) {
    ((struct fetching *)request->user)->is_abandoned = true;
    on_deadline(request);
}

static const enum waiter_kind wait_kinds[] = {
    [READ_UNCOMMITTED] = WAIT_CONSUMER_DATA,
    [READ_COMMITTED] = WAIT_COMMITTED_DATA,
    [READ_LOG_END] = WAIT_FOLLOWER_DATA,
};

/* A follower that fetches again before its last fetch is answered has more to ask for, and does not
 * want to wait for that one. It is on the same connection, and so on this thread. */
static void hasten(struct fetching *fetching) {
    if (fetching == NULL)
        return;
    fetching->deadline_ms = clock_monotonic_ms(fetching->call->context->clock);
    request_set_deadline(fetching->call->request, 0, on_deadline);
}

/* False: there is something to tell already. */
static bool wait_for_session(struct fetching *fetching) {
    struct waiter *waiter = &fetching->session_waiter;

    if (fetching->context.resting_count == 0)
        return true;
    waiter->executor = fetching->call->request->executor;
    waiter->task.run = on_roused;
    fetching->session_waiter_is_listed = fetch_context_wait(&fetching->context, waiter);
    if (fetching->session_waiter_is_listed)
        fetching->on_the_way++;
    return fetching->session_waiter_is_listed;
}

static void wait_for_data(struct fetching *fetching) {
    struct request *request = fetching->call->request;
    int64_t left_ms = fetching->deadline_ms - clock_monotonic_ms(fetching->call->context->clock);
    bool has_moved = false;

    if (fetching->replica_id >= 0)
        api_set_waiting_fetch(request, fetching);
    release_ranges(fetching);
    for (int32_t i = 0; i < fetching->fetched_count && !has_moved; i++) {
        struct fetched *fetched = &fetching->fetched[i];
        if (fetched->is_held_back)
            continue; /* it waits for time to pass, not for data */
        fetched->waiter.kind = wait_kinds[fetching->isolation];
        /* With less than the wanted minimum there already, only more of it counts. The end was
         * noted before the read, so that what moved since is not slept through. */
        fetched->waiter.offset = fetched->end_before > fetched->item->fetch_offset
                                     ? fetched->end_before
                                     : fetched->item->fetch_offset;
        fetched->waiter.executor = request->executor;
        fetched->waiter.task.run = on_woken;
        fetched->is_listed = partition_wait(fetched->partition, &fetched->waiter, ANY_LEADER_EPOCH);
        if (fetched->is_listed)
            fetching->on_the_way++;
        else
            has_moved = true;
    }
    request->user = fetching;
    if (has_moved || !wait_for_session(fetching)) {
        stop_waiting(fetching);
        return;
    }
    request_on_abandoned(request, on_abandoned);
    request_set_deadline(request, left_ms > 0 ? left_ms : 0, on_deadline);
}

/* ---- The request ---- */

static enum error begin(struct fetching *fetching, const struct fetch_request *request) {
    struct api_call *call = fetching->call;
    bool has_session = call->header.api_version >= SESSION_VERSION_MIN;
    struct fetch_session_request session = {
        .session_id = has_session ? request->session_id : 0,
        .session_epoch = has_session ? request->session_epoch : -1,
        .uses_topic_ids = call->header.api_version >= FETCH_TOPIC_ID_VERSION_MIN,
        .is_follower = fetching->replica_id >= 0,
        .replica_id = fetching->replica_id,
        .replica_epoch = fetching->replica_epoch,
        .now_ms = clock_monotonic_ms(call->context->clock),
    };

    session.items = fetch_list_items(call, request, &session.item_count);
    session.forgotten = fetch_list_forgotten(call, request, &session.forgotten_count);
    if (session.items == NULL || session.forgotten == NULL)
        return ERR_OUT_OF_MEMORY;
    return fetch_context_begin(call->context->sessions, &session, &call->request->arena,
                               &fetching->context);
}

/* Null: the consumer is not to be sent elsewhere, or could not be. */
static struct bytes rack_of(const struct fetching *fetching, const struct fetch_request *request) {
    const char *selector = fetching->call->context->config->replica_selector_class;

    if (fetching->replica_id >= 0 || request->rack_id.size == 0 || selector == NULL ||
        strcmp(selector, RACK_AWARE_SELECTOR) != 0 ||
        fetching->call->header.api_version < RACK_VERSION_MIN)
        return BYTES_NULL;
    return request->rack_id;
}

static bool prepare(struct fetching *fetching, const struct fetch_request *request) {
    struct api_call *call = fetching->call;
    int64_t broker_max = call->context->config->fetch_max_bytes;

    fetching->bytes_max = call->header.api_version >= 3 && request->max_bytes < broker_max
                              ? request->max_bytes
                              : broker_max;
    fetching->bytes_min =
        request->min_bytes < fetching->bytes_max ? request->min_bytes : fetching->bytes_max;
    fetching->isolation = fetching->replica_id != -1      ? READ_LOG_END
                          : request->isolation_level == 1 ? READ_COMMITTED
                                                          : READ_UNCOMMITTED;
    fetching->rack = rack_of(fetching, request);
    fetching->deadline_ms = clock_monotonic_ms(call->context->clock) + request->max_wait_ms;
    return list_fetched(fetching, fetching->context.items, fetching->context.item_count);
}

static void refuse(struct api_call *call, enum error error) {
    struct fetch_response response;

    if (error == ERR_OUT_OF_MEMORY) {
        api_close(call);
        return;
    }
    fetch_response_init(&response);
    response.error_code = error_to_wire(error);
    api_respond(call, &response);
}

static void handle(struct api_call *call) {
    struct fetching *fetching = api_alloc(call, 1, sizeof(*fetching));
    struct fetch_request request;
    enum error error;

    if (!api_decode(call, &request))
        return;
    if (fetching == NULL) {
        api_close(call);
        return;
    }
    fetching->call = call;
    fetching->replica_id = call->header.api_version >= REPLICA_STATE_VERSION
                               ? request.replica_state.replica_id
                               : request.replica_id;
    call->request->label.kind =
        fetching->replica_id >= 0 ? API_KIND_FETCH_FOLLOWER : API_KIND_FETCH_CONSUMER;
    fetching->replica_epoch = call->header.api_version >= REPLICA_STATE_VERSION
                                  ? request.replica_state.replica_epoch
                                  : BROKER_EPOCH_UNKNOWN;
    error = begin(fetching, &request);
    if (error != ERR_NONE) {
        refuse(call, error);
        return;
    }
    if (!prepare(fetching, &request)) {
        fetch_context_done(&fetching->context);
        api_close(call);
        return;
    }
    if (fetching->replica_id >= 0)
        hasten(api_waiting_fetch(call->request));
    if (read_all(fetching, true) || request.max_wait_ms <= 0 ||
        (fetching->fetched_count == 0 && fetching->context.resting_count == 0))
        answer(fetching);
    else
        wait_for_data(fetching);
}

const struct api_handler api_fetch = {&fetch_api, 17, handle};
