#include "broker/api/handlers.h"

#include <stdlib.h>

#include "broker/api/hop.h"
#include "broker/log/log_manager.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/alter_replica_log_dirs.h"

/*
 * AlterReplicaLogDirs: moves this broker's replicas between its data directories. The answer says
 * that moves have begun; DescribeLogDirs tells how far they are.
 */

typedef struct alter_replica_log_dirs_response_results topic_answer;
typedef struct alter_replica_log_dirs_response_results_partitions partition_answer;

/* One replica and where it is to go. */
struct wish {
    struct bytes topic;
    int32_t partition;
    struct bytes path;
    size_t order; /* in the request */
    enum error error;
};

struct moving {
    struct hop hop; /* first */
    struct alter_replica_log_dirs_request request;
    struct alter_replica_log_dirs_response response;
    struct wish *wishes;
    size_t count;
    bool is_answered; /* else memory is out */
};

/* Any order will do that brings those of one topic together. */
static int compare(const void *left, const void *right) {
    const struct wish *a = left, *b = right;
    int order;

    if (a->topic.size != b->topic.size)
        return a->topic.size < b->topic.size ? -1 : 1;
    if ((order = memcmp(a->topic.data, b->topic.data, a->topic.size)) != 0)
        return order;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static bool is_of_same_replica(const struct wish *a, const struct wish *b) {
    return a->partition == b->partition && bytes_equal(a->topic, b->topic);
}

/* A replica that is named twice goes where it is named last, as in Kafka. */
static bool collect(struct moving *moving) {
    const struct alter_replica_log_dirs_request *request = &moving->request;
    size_t total = 0, kept = 0;

    for (int32_t d = 0; d < request->dirs_count; d++)
        for (int32_t t = 0; t < request->dirs[d].topics_count; t++)
            total += (size_t)request->dirs[d].topics[t].partitions_count;
    moving->wishes = api_alloc(moving->hop.call, total, sizeof(*moving->wishes));
    if (moving->wishes == NULL)
        return false;
    for (int32_t d = 0; d < request->dirs_count; d++) {
        const struct alter_replica_log_dirs_request_dirs *dir = &request->dirs[d];
        for (int32_t t = 0; t < dir->topics_count; t++)
            for (int32_t p = 0; p < dir->topics[t].partitions_count; p++, moving->count++)
                moving->wishes[moving->count] =
                    (struct wish){dir->topics[t].name, dir->topics[t].partitions[p], dir->path,
                                  moving->count, ERR_NONE};
    }
    if (moving->count > 0)
        qsort(moving->wishes, moving->count, sizeof(*moving->wishes), compare);
    for (size_t i = 0; i < moving->count; i++) {
        if (i + 1 < moving->count && is_of_same_replica(&moving->wishes[i], &moving->wishes[i + 1]))
            continue;
        moving->wishes[kept++] = moving->wishes[i];
    }
    moving->count = kept;
    return true;
}

static bool fill(struct moving *moving) {
    struct api_call *call = moving->hop.call;
    struct alter_replica_log_dirs_response *response = &moving->response;
    partition_answer *partitions = api_alloc(call, moving->count, sizeof(*partitions));
    topic_answer *topic = NULL;

    alter_replica_log_dirs_response_init(response);
    response->results = api_alloc(call, moving->count, sizeof(*response->results));
    if (partitions == NULL || response->results == NULL)
        return false;
    for (size_t i = 0; i < moving->count; i++) {
        const struct wish *wish = &moving->wishes[i];
        if (topic == NULL || !bytes_equal(topic->topic_name, wish->topic)) {
            topic = &response->results[response->results_count++];
            alter_replica_log_dirs_response_results_init(topic);
            topic->topic_name = wish->topic;
            topic->partitions = &partitions[i];
        }
        alter_replica_log_dirs_response_results_partitions_init(
            &topic->partitions[topic->partitions_count]);
        topic->partitions[topic->partitions_count].partition_index = wish->partition;
        topic->partitions[topic->partitions_count++].error_code = error_to_wire(wish->error);
    }
    return true;
}

static void respond(struct hop *hop) {
    struct moving *moving = (struct moving *)hop;

    if (moving->is_answered)
        api_respond(hop->call, &moving->response);
    else
        api_close(hop->call);
}

/* Of a replica that is not here: whether it should be, or comes later, or nobody knows of it. */
static enum error absence(const struct api_context *context, const struct wish *wish) {
    const struct metadata *metadata = metadata_cache_get(context->metadata);
    const struct metadata_topic *topic = metadata_find_topic(metadata, wish->topic);
    const struct metadata_partition *state =
        topic == NULL ? NULL : metadata_find_partition(topic, wish->partition);
    enum error error = ERR_REPLICA_NOT_AVAILABLE;

    if (state == NULL)
        error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    else if (log_manager_has_offline_directory(context->logs) &&
             broker_ids_contain(state->replicas, state->replica_count, context->broker_id))
        error = ERR_KAFKA_STORAGE_ERROR; /* it lies in a directory that failed */
    metadata_unref(metadata);
    return error;
}

static void move(struct hop *hop) {
    struct moving *moving = (struct moving *)hop;
    const struct api_context *context = hop->call->context;

    for (size_t i = 0; i < moving->count; i++) {
        struct wish *wish = &moving->wishes[i];
        wish->error =
            replica_manager_move(context->replicas, wish->topic, wish->partition, wish->path);
        if (wish->error == ERR_REPLICA_NOT_AVAILABLE)
            wish->error = absence(context, wish);
    }
    moving->is_answered = fill(moving);
    hop_return(hop, respond);
}

static void handle(struct api_call *call) {
    struct moving *moving = hop_new(call, sizeof(*moving));

    if (moving == NULL || !api_decode(call, &moving->request))
        return;
    if (collect(moving))
        hop_to_control(&moving->hop, move);
    else
        api_close(call);
}

const struct api_handler api_alter_replica_log_dirs = {&alter_replica_log_dirs_api, 2, handle};
