#include <stdlib.h>

#include "broker/api/handlers.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/list_offsets.h"
#include "client/wire/message/offset_for_leader_epoch.h"

#define CONSUMER_REPLICA           (-1)
#define DEBUGGING_CONSUMER_REPLICA (-2)

/* Timestamps of ListOffsets that are questions of another kind. */
#define LATEST         (-1)
#define EARLIEST       (-2)
#define MAX_TIMESTAMP  (-3) /* since version 7 */
#define EARLIEST_LOCAL (-4) /* since version 8 */
#define LATEST_TIERED  (-5) /* since version 9 */

/* The caller owns a reference of *found. Errors: UNKNOWN_TOPIC_OR_PARTITION, or
 * NOT_LEADER_OR_FOLLOWER if other brokers host it. */
static enum error find_partition(struct api_call *call, struct bytes topic, int32_t index,
                                 struct partition **found) {
    const struct metadata *metadata;
    const struct metadata_topic *known;
    enum error error = ERR_UNKNOWN_TOPIC_OR_PARTITION;

    *found = replica_manager_find(call->context->replicas, topic, index);
    if (*found != NULL)
        return ERR_NONE;
    metadata = metadata_cache_get(call->context->metadata);
    known = metadata_find_topic(metadata, topic);
    if (known != NULL && metadata_find_partition(known, index) != NULL)
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    metadata_unref(metadata);
    return error;
}

/* ---- ListOffsets ---- */

typedef struct list_offsets_request_topics_partitions list_offsets_question;
typedef struct list_offsets_response_topics_partitions list_offsets_answer;

/* One partition that is asked for. */
struct lookup {
    struct api_call *call;
    struct partition *partition;
    enum read_isolation isolation;
    bool is_client; /* not a follower or a debugging consumer, who see the log end */
};

static enum error check_timestamp(int16_t version, int64_t timestamp) {
    static const int16_t since[] = {0, 0, 7, 8, 9}; /* from LATEST downwards */

    if (timestamp >= 0)
        return ERR_NONE;
    if (timestamp < LATEST_TIERED || version < since[-(timestamp + 1)])
        return ERR_UNSUPPORTED_VERSION;
    return ERR_NONE;
}

/* After a change of leaders the high watermark lags: an end told now could be one that clients
 * have passed already. */
static enum error check_end(const struct lookup *lookup) {
    if (!lookup->is_client || !partition_end_is_uncertain(lookup->partition))
        return ERR_NONE;
    return lookup->call->header.api_version >= 5 ? ERR_OFFSET_NOT_AVAILABLE
                                                 : ERR_LEADER_NOT_AVAILABLE;
}

static enum error look_up_latest(const struct lookup *lookup, list_offsets_answer *answer) {
    enum error error = check_end(lookup);

    if (error != ERR_NONE)
        return error;
    answer->offset = partition_visible_end(lookup->partition, lookup->isolation);
    answer->leader_epoch = partition_leader_epoch(lookup->partition);
    return ERR_NONE;
}

static enum error look_up_earliest(const struct lookup *lookup, list_offsets_answer *answer) {
    answer->offset = log_start_offset(partition_log(lookup->partition));
    answer->leader_epoch = partition_leader_epoch_at(lookup->partition, answer->offset);
    return ERR_NONE;
}

static enum error look_up_time(const struct lookup *lookup, int64_t timestamp,
                               list_offsets_answer *answer) {
    struct log *log = partition_log(lookup->partition);
    int64_t end = partition_visible_end(lookup->partition, lookup->isolation);
    struct log_timestamp_offset found;
    enum error error = timestamp == MAX_TIMESTAMP
                           ? log_offset_of_max_timestamp(log, end, &found)
                           : log_offset_for_timestamp(log, timestamp, end, &found);

    if (error != ERR_NONE)
        return error;
    /* There may be one, past the end that is visible for now. */
    if (found.offset < 0)
        return check_end(lookup);
    answer->timestamp = found.timestamp;
    answer->offset = found.offset;
    answer->leader_epoch = found.leader_epoch;
    return ERR_NONE;
}

static enum error look_up(const struct lookup *lookup, int64_t timestamp,
                          list_offsets_answer *answer) {
    switch (timestamp) {
    case LATEST:
        return look_up_latest(lookup, answer);
    case EARLIEST:
    case EARLIEST_LOCAL:
        return look_up_earliest(lookup, answer);
    case LATEST_TIERED:
        return ERR_NONE; /* nothing is tiered */
    default:
        return look_up_time(lookup, timestamp, answer);
    }
}

/* How many of `starts` are at or before the time. */
static size_t count_before(const struct log_segment_start *starts, size_t count,
                           int64_t timestamp) {
    if (timestamp == LATEST)
        return count;
    if (timestamp == EARLIEST)
        return count > 0 ? 1 : 0;
    while (count > 0 && starts[count - 1].modified_ms > timestamp)
        count--;
    return count;
}

/* Version 0 asks for several offsets before a time, descending: where segments begin whose files
 * were changed by then. To clients the high watermark stands for those that are above it. Source:
 * Apache Kafka 3.9, UnifiedLog.legacyFetchOffsetsBefore, Partition. */
static enum error look_up_old_style(const struct lookup *lookup,
                                    const list_offsets_question *question,
                                    list_offsets_answer *answer) {
    struct api_call *call = lookup->call;
    bool with_times = question->timestamp != LATEST && question->timestamp != EARLIEST;
    int64_t end =
        lookup->is_client ? partition_visible_end(lookup->partition, READ_UNCOMMITTED) : INT64_MAX;
    struct log_segment_start *starts;
    int64_t *offsets;
    size_t total, limit;
    enum error error = log_segment_starts(partition_log(lookup->partition), with_times,
                                          clock_wall_ms(call->context->clock),
                                          &call->request->arena, &starts, &total);

    if (error != ERR_NONE)
        return error;
    total = count_before(starts, total, question->timestamp);
    limit = question->max_num_offsets > 0 ? (size_t)question->max_num_offsets : 0;
    if (limit > total)
        limit = total;
    offsets = api_alloc(call, limit, sizeof(*offsets));
    if (offsets == NULL)
        return ERR_OUT_OF_MEMORY;
    answer->old_style_offsets = offsets;
    for (size_t i = 0; i < limit; i++) {
        int64_t offset = starts[total - 1 - i].offset;
        if (offset > end) {
            offsets[0] = end;
            answer->old_style_offsets_count = 1;
        } else {
            offsets[answer->old_style_offsets_count++] = offset;
        }
    }
    return ERR_NONE;
}

/* Debugging consumers may ask any replica. */
static enum error check_may_answer(struct partition *partition, int32_t replica_id,
                                   int32_t current_leader_epoch) {
    enum error error = partition_check_leader(partition, current_leader_epoch);

    if (error == ERR_NOT_LEADER_OR_FOLLOWER && replica_id == DEBUGGING_CONSUMER_REPLICA &&
        partition_role(partition) == ROLE_FOLLOWER)
        return ERR_NONE;
    return error;
}

static enum error answer_question(struct lookup *lookup, int32_t replica_id,
                                  const list_offsets_question *question,
                                  list_offsets_answer *answer) {
    enum error error =
        check_may_answer(lookup->partition, replica_id, question->current_leader_epoch);

    if (error != ERR_NONE)
        return error;
    if (lookup->call->header.api_version == 0)
        return look_up_old_style(lookup, question, answer);
    error = look_up(lookup, question->timestamp, answer);
    /* Older versions have no room for it, and would not be encoded with one. */
    if (lookup->call->header.api_version < 4)
        answer->leader_epoch = -1;
    return error;
}

static enum error find_and_answer(struct api_call *call, const struct list_offsets_request *request,
                                  struct bytes topic, const list_offsets_question *question,
                                  list_offsets_answer *answer) {
    struct lookup lookup = {.call = call, .isolation = READ_UNCOMMITTED};
    enum error error = check_timestamp(call->header.api_version, question->timestamp);

    lookup.is_client = request->replica_id == CONSUMER_REPLICA;
    if (!lookup.is_client)
        lookup.isolation = READ_LOG_END;
    else if (request->isolation_level == 1)
        lookup.isolation = READ_COMMITTED;
    if (error == ERR_NONE)
        error = find_partition(call, topic, question->partition_index, &lookup.partition);
    if (error != ERR_NONE)
        return error;
    error = answer_question(&lookup, request->replica_id, question, answer);
    partition_unref(lookup.partition);
    return error;
}

/* A partition as it is asked for, to find those that are asked for twice. */
struct asked_partition {
    struct bytes topic;
    list_offsets_answer *answer;
};

static int compare_asked(const void *left, const void *right) {
    const struct asked_partition *a = left, *b = right;
    int order = (a->topic.size > b->topic.size) - (a->topic.size < b->topic.size);

    if (order == 0 && a->topic.size > 0)
        order = memcmp(a->topic.data, b->topic.data, a->topic.size);
    if (order != 0)
        return order;
    return (a->answer->partition_index > b->answer->partition_index) -
           (a->answer->partition_index < b->answer->partition_index);
}

/* Marks them as errors. False if memory is exhausted. */
static bool refuse_repetitions(struct api_call *call, const struct list_offsets_response *response,
                               size_t total) {
    struct asked_partition *asked = api_alloc(call, total + 1, sizeof(*asked));
    size_t count = 0;

    if (asked == NULL)
        return false;
    for (int32_t i = 0; i < response->topics_count; i++) {
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++)
            asked[count++] = (struct asked_partition){response->topics[i].name,
                                                      &response->topics[i].partitions[j]};
    }
    qsort(asked, count, sizeof(*asked), compare_asked);
    for (size_t i = 1; i < count; i++) {
        if (compare_asked(&asked[i - 1], &asked[i]) != 0)
            continue;
        asked[i - 1].answer->error_code = error_to_wire(ERR_INVALID_REQUEST);
        asked[i].answer->error_code = error_to_wire(ERR_INVALID_REQUEST);
    }
    return true;
}

/* The response with nothing but names and numbers. False if memory is exhausted. */
static bool prepare_list_offsets(struct api_call *call, const struct list_offsets_request *request,
                                 struct list_offsets_response *response) {
    size_t total = 0;

    list_offsets_response_init(response);
    response->topics = api_alloc(call, (size_t)request->topics_count, sizeof(*response->topics));
    if (response->topics == NULL)
        return false;
    response->topics_count = request->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct list_offsets_request_topics *in = &request->topics[i];
        struct list_offsets_response_topics *out = &response->topics[i];
        list_offsets_response_topics_init(out);
        out->name = in->name;
        out->partitions = api_alloc(call, (size_t)in->partitions_count, sizeof(*out->partitions));
        if (out->partitions == NULL)
            return false;
        out->partitions_count = in->partitions_count;
        for (int32_t j = 0; j < in->partitions_count; j++) {
            list_offsets_response_topics_partitions_init(&out->partitions[j]);
            out->partitions[j].partition_index = in->partitions[j].partition_index;
        }
        total += (size_t)in->partitions_count;
    }
    /* Version 0 answers each. */
    return call->header.api_version == 0 || refuse_repetitions(call, response, total);
}

static void answer_list_offsets_topic(struct api_call *call,
                                      const struct list_offsets_request *request,
                                      const struct list_offsets_request_topics *in,
                                      struct list_offsets_response_topics *out) {
    for (int32_t i = 0; i < in->partitions_count; i++) {
        list_offsets_answer *answer = &out->partitions[i];
        enum error error;
        if (answer->error_code != 0)
            continue;
        error = find_and_answer(call, request, in->name, &in->partitions[i], answer);
        answer->error_code = error_to_wire(error);
    }
}

/* A request that looks for times reads the log, perhaps from a disk, and version 0 looks at files:
 * they do so in the background, and come back to be answered. Meanwhile they belong to nobody else.
 */
struct listing {
    struct task task;
    struct api_call *call;
    struct list_offsets_request request;
    struct list_offsets_response response;
};

static void answer_topics(struct listing *listing) {
    for (int32_t i = 0; i < listing->request.topics_count; i++)
        answer_list_offsets_topic(listing->call, &listing->request, &listing->request.topics[i],
                                  &listing->response.topics[i]);
}

static void respond_on_reactor(struct task *task) {
    struct listing *listing = CONTAINER_OF(task, struct listing, task);

    api_respond(listing->call, &listing->response);
}

static void look_up_in_background(struct task *task) {
    struct listing *listing = CONTAINER_OF(task, struct listing, task);

    answer_topics(listing);
    listing->task.run = respond_on_reactor;
    executor_post(listing->call->request->executor, &listing->task);
}

static bool reads_the_log(const struct list_offsets_request *request) {
    for (int32_t i = 0; i < request->topics_count; i++) {
        for (int32_t j = 0; j < request->topics[i].partitions_count; j++) {
            int64_t timestamp = request->topics[i].partitions[j].timestamp;
            if (timestamp >= 0 || timestamp == MAX_TIMESTAMP)
                return true;
        }
    }
    return false;
}

/* The frame is gone when the handler returns. */
static bool keep_names(struct listing *listing) {
    for (int32_t i = 0; i < listing->request.topics_count; i++) {
        struct list_offsets_request_topics *topic = &listing->request.topics[i];
        topic->name = arena_copy(&listing->call->request->arena, topic->name);
        listing->response.topics[i].name = topic->name;
        if (bytes_is_null(topic->name))
            return false;
    }
    return true;
}

static void handle_list_offsets(struct api_call *call) {
    struct listing *listing = api_alloc(call, 1, sizeof(*listing));

    if (listing == NULL) {
        api_close(call);
        return;
    }
    listing->call = call;
    if (!api_decode(call, &listing->request))
        return;
    if (!prepare_list_offsets(call, &listing->request, &listing->response)) {
        api_close(call);
    } else if (call->header.api_version > 0 && !reads_the_log(&listing->request)) {
        answer_topics(listing);
        api_respond(call, &listing->response);
    } else if (keep_names(listing)) {
        listing->task.run = look_up_in_background;
        executor_post(call->context->background, &listing->task);
    } else {
        api_close(call);
    }
}

const struct api_handler api_list_offsets = {&list_offsets_api, 9, handle_list_offsets};

/* ---- OffsetForLeaderEpoch ---- */

static enum error
look_up_epoch(struct api_call *call, struct bytes topic,
              const struct offset_for_leader_epoch_request_topics_partitions *question,
              struct epoch_end *end) {
    struct partition *partition;
    enum error error = find_partition(call, topic, question->partition, &partition);

    if (error != ERR_NONE)
        return error;
    error = partition_check_leader(partition, question->current_leader_epoch);
    if (error == ERR_NONE)
        *end = partition_epoch_end(partition, question->leader_epoch);
    partition_unref(partition);
    return error;
}

static bool answer_epoch_topic(struct api_call *call,
                               const struct offset_for_leader_epoch_request_topics *in,
                               struct offset_for_leader_epoch_response_topics *out) {
    offset_for_leader_epoch_response_topics_init(out);
    out->topic = in->topic;
    out->partitions = api_alloc(call, (size_t)in->partitions_count, sizeof(*out->partitions));
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partitions_count;
    for (int32_t i = 0; i < in->partitions_count; i++) {
        struct epoch_end end = {-1, -1};
        enum error error = look_up_epoch(call, in->topic, &in->partitions[i], &end);
        out->partitions[i] = (struct offset_for_leader_epoch_response_topics_partitions){
            .error_code = error_to_wire(error),
            .partition = in->partitions[i].partition,
            .leader_epoch = end.leader_epoch,
            .end_offset = end.end_offset,
        };
    }
    return true;
}

static void handle_offset_for_leader_epoch(struct api_call *call) {
    struct offset_for_leader_epoch_request request;
    struct offset_for_leader_epoch_response response;
    size_t count;

    if (!api_decode(call, &request))
        return;
    offset_for_leader_epoch_response_init(&response);
    count = (size_t)request.topics_count;
    response.topics = api_alloc(call, count, sizeof(*response.topics));
    if (response.topics == NULL) {
        api_close(call);
        return;
    }
    response.topics_count = request.topics_count;
    for (size_t i = 0; i < count; i++) {
        if (!answer_epoch_topic(call, &request.topics[i], &response.topics[i])) {
            api_close(call);
            return;
        }
    }
    api_respond(call, &response);
}

const struct api_handler api_offset_for_leader_epoch = {&offset_for_leader_epoch_api, 4,
                                                        handle_offset_for_leader_epoch};
