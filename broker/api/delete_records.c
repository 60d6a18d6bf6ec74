#include "broker/api/handlers.h"

#include "broker/config/live_config.h"
#include "broker/config/topic_config.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/delete_records.h"

/*
 * DeleteRecords: the leader's log start moves at once; the answer waits until the followers that
 * live have moved theirs, which they learn with their next fetches. Like a production it lives in
 * the request's arena and ends only when no waiter's task is on its way.
 */

struct trimmed {
    struct delete_records_response_topics_partitions *response;
    struct partition *partition; /* a reference, or NULL */
    int32_t leader_epoch;
    bool is_waiting; /* undecided */
    bool is_listed;  /* the waiter is listed, or its task is on its way */
    struct waiter waiter;
    struct trimming *trimming;
};

struct trimming {
    struct api_call *call;
    struct delete_records_response response;
    struct trimmed *trimmed;
    int32_t trimmed_count;
    int32_t waiting;    /* undecided */
    int32_t on_the_way; /* waiters listed or posted */
    bool is_timed_out;
};

static bool keeps_old_records(struct api_call *call, const struct metadata_topic *topic) {
    const char *set = metadata_find_setting(topic, "cleanup.policy");
    const struct config *config;
    bool deletes;

    if (set != NULL)
        return strstr(set, "delete") == NULL;
    config = live_config_get(call->context->live_config);
    deletes = (topic_config_of_broker(config).cleanup_policy & TOPIC_CLEANUP_DELETE) != 0;
    live_config_release(config);
    return !deletes;
}

static enum error find_partition(struct api_call *call, const struct metadata *metadata,
                                 struct bytes topic, int32_t index, struct partition **partition) {
    const struct metadata_topic *known = metadata_find_topic(metadata, topic);

    if (known == NULL || metadata_find_partition(known, index) == NULL)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (known->is_internal)
        return ERR_INVALID_TOPIC_EXCEPTION;
    *partition = replica_manager_find(call->context->replicas, topic, index);
    if (*partition == NULL)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    return keeps_old_records(call, known) ? ERR_POLICY_VIOLATION : ERR_NONE;
}

static void decide(struct trimmed *trimmed, enum error error) {
    trimmed->response->error_code = error_to_wire(error);
    trimmed->response->low_watermark =
        error == ERR_NONE ? partition_low_watermark(trimmed->partition) : -1;
    if (trimmed->is_waiting)
        trimmed->trimming->waiting--;
    trimmed->is_waiting = false;
}

static void respond_if_decided(struct trimming *trimming) {
    if (trimming->waiting > 0 || trimming->on_the_way > 0)
        return;
    for (int32_t i = 0; i < trimming->trimmed_count; i++)
        partition_unref(trimming->trimmed[i].partition);
    api_respond(trimming->call, &trimming->response);
}

static void wait_or_decide(struct trimmed *trimmed) {
    do {
        if (partition_low_watermark(trimmed->partition) >= trimmed->waiter.offset) {
            decide(trimmed, ERR_NONE);
            return;
        }
        if (!partition_has_led_since(trimmed->partition, trimmed->leader_epoch)) {
            decide(trimmed, ERR_NOT_LEADER_OR_FOLLOWER);
            return;
        }
        if (trimmed->trimming->is_timed_out) {
            decide(trimmed, ERR_REQUEST_TIMED_OUT);
            return;
        }
        trimmed->is_listed =
            partition_wait(trimmed->partition, &trimmed->waiter, trimmed->leader_epoch);
    } while (!trimmed->is_listed);
    trimmed->trimming->on_the_way++;
}

static void on_woken(struct task *task) {
    struct trimmed *trimmed = CONTAINER_OF(task, struct trimmed, waiter.task);
    struct trimming *trimming = trimmed->trimming;

    trimmed->is_listed = false;
    trimming->on_the_way--;
    wait_or_decide(trimmed);
    respond_if_decided(trimming);
}

static void on_deadline(struct request *request) {
    struct trimming *trimming = request->user;

    trimming->is_timed_out = true;
    for (int32_t i = 0; i < trimming->trimmed_count; i++) {
        struct trimmed *trimmed = &trimming->trimmed[i];
        /* One that is not listed any more is decided when its task arrives. */
        if (trimmed->is_listed && partition_stop_waiting(trimmed->partition, &trimmed->waiter)) {
            trimmed->is_listed = false;
            trimming->on_the_way--;
            wait_or_decide(trimmed);
        }
    }
    respond_if_decided(trimming);
}

static void trim(struct trimming *trimming, const struct metadata *metadata, struct bytes topic,
                 int64_t offset, struct trimmed *trimmed) {
    struct api_call *call = trimming->call;
    enum error error = find_partition(call, metadata, topic, trimmed->response->partition_index,
                                      &trimmed->partition);

    if (error == ERR_NONE)
        error = partition_delete_records(trimmed->partition, offset, &trimmed->waiter.offset,
                                         &trimmed->leader_epoch);
    if (error != ERR_NONE) {
        decide(trimmed, error);
        return;
    }
    trimmed->waiter.kind = WAIT_LOW_WATERMARK;
    trimmed->waiter.executor = call->request->executor;
    trimmed->waiter.task.run = on_woken;
    trimmed->is_waiting = true;
    trimming->waiting++;
}

static bool trim_topic(struct trimming *trimming, const struct metadata *metadata,
                       const struct delete_records_request_topics *from,
                       struct delete_records_response_topics *to) {
    struct api_call *call = trimming->call;

    delete_records_response_topics_init(to);
    to->name = arena_copy(&call->request->arena, from->name);
    to->partitions = api_alloc(call, (size_t)from->partitions_count, sizeof(*to->partitions));
    if (bytes_is_null(to->name) || to->partitions == NULL)
        return false;
    to->partitions_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        struct trimmed *trimmed = &trimming->trimmed[trimming->trimmed_count++];
        delete_records_response_topics_partitions_init(&to->partitions[i]);
        to->partitions[i].partition_index = from->partitions[i].partition_index;
        trimmed->trimming = trimming;
        trimmed->response = &to->partitions[i];
        trim(trimming, metadata, from->name, from->partitions[i].offset, trimmed);
    }
    return true;
}

static bool prepare(struct trimming *trimming, const struct delete_records_request *request) {
    size_t total = 0;

    for (int32_t i = 0; i < request->topics_count; i++)
        total += (size_t)request->topics[i].partitions_count;
    delete_records_response_init(&trimming->response);
    trimming->response.topics = api_alloc(trimming->call, (size_t)request->topics_count,
                                          sizeof(*trimming->response.topics));
    trimming->trimmed = api_alloc(trimming->call, total, sizeof(*trimming->trimmed));
    return trimming->response.topics != NULL && trimming->trimmed != NULL;
}

static void wait_for_followers(struct trimming *trimming, int32_t timeout_ms) {
    struct request *request = trimming->call->request;

    for (int32_t i = 0; i < trimming->trimmed_count; i++) {
        if (trimming->trimmed[i].is_waiting)
            wait_or_decide(&trimming->trimmed[i]);
    }
    if (trimming->on_the_way > 0) {
        request->user = trimming;
        request_set_deadline(request, timeout_ms > 0 ? timeout_ms : 0, on_deadline);
    }
    respond_if_decided(trimming);
}

static void handle(struct api_call *call) {
    struct trimming *trimming = api_alloc(call, 1, sizeof(*trimming));
    struct delete_records_request request;
    const struct metadata *metadata;
    bool is_whole;

    if (!api_decode(call, &request))
        return;
    if (trimming == NULL) {
        api_close(call);
        return;
    }
    trimming->call = call;
    metadata = metadata_cache_get(call->context->metadata);
    is_whole = prepare(trimming, &request);
    for (int32_t i = 0; is_whole && i < request.topics_count; i++)
        is_whole = trim_topic(trimming, metadata, &request.topics[i],
                              &trimming->response.topics[trimming->response.topics_count++]);
    metadata_unref(metadata);
    if (is_whole) {
        wait_for_followers(trimming, request.timeout_ms);
        return;
    }
    for (int32_t i = 0; i < trimming->trimmed_count; i++)
        partition_unref(trimming->trimmed[i].partition);
    api_close(call);
}

const struct api_handler api_delete_records = {&delete_records_api, 2, handle};
