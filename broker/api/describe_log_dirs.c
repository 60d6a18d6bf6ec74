#include "broker/api/handlers.h"

#include <stdlib.h>

#include "broker/log/log_dir.h"
#include "broker/replica/partition_move.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/describe_log_dirs.h"

/* DescribeLogDirs: this broker's data directories, and how large its replicas in them are. */

typedef struct describe_log_dirs_response_results dir_answer;
typedef struct describe_log_dirs_response_results_topics topic_answer;
typedef struct describe_log_dirs_response_results_topics_partitions partition_answer;

/* One replica that was asked for. */
struct described {
    struct partition *partition; /* a reference */
    struct log *log;             /* likewise */
    bool is_future;
};

struct description {
    struct api_call *call;
    const struct describe_log_dirs_request *request;
    struct described *replicas;
    size_t count, capacity;
};

static bool is_asked_for(const struct describe_log_dirs_request *request,
                         const struct partition *partition) {
    struct bytes topic = bytes_of_text(partition_topic(partition));

    if (request->topics_count < 0)
        return true; /* null: all */
    for (int32_t t = 0; t < request->topics_count; t++) {
        const struct describe_log_dirs_request_topics *asked = &request->topics[t];
        for (int32_t p = 0; bytes_equal(asked->topic, topic) && p < asked->partitions_count; p++)
            if (asked->partitions[p] == partition_index(partition))
                return true;
    }
    return false;
}

/* Takes over the log's reference. */
static void add(struct description *description, struct partition *partition, struct log *log,
                bool is_future) {
    if (description->count == description->capacity) {
        description->capacity = description->capacity == 0 ? 64 : description->capacity * 2;
        description->replicas =
            realloc(description->replicas, description->capacity * sizeof(*description->replicas));
        CHECK(description->replicas != NULL);
    }
    partition_ref(partition);
    description->replicas[description->count++] = (struct described){partition, log, is_future};
}

static void collect(void *context, struct partition *partition) {
    struct description *description = context;
    struct log *future;
    struct log *log;

    if (!is_asked_for(description->request, partition))
        return;
    /* The future log first: it may become the log at any moment. */
    future = partition_future_log(partition);
    log = partition_log(partition);
    log_ref(log);
    add(description, partition, log, false);
    if (future != NULL && future != log)
        add(description, partition, future, true);
    else
        log_unref(future);
}

static const char *dir_of(const struct described *replica) {
    return log_dir_path(log_directory(replica->log));
}

static int compare(const void *left, const void *right) {
    const struct described *a = left, *b = right;
    int order = strcmp(dir_of(a), dir_of(b));

    if (order == 0)
        order = strcmp(partition_topic(a->partition), partition_topic(b->partition));
    return order != 0 ? order : partition_index(a->partition) - partition_index(b->partition);
}

/* As Kafka: the distance from the high watermark to the log's end where it lags, of a future log
 * from the log's end. */
static void fill_partition(const struct described *replica, partition_answer *answer) {
    struct log *log = replica->log;
    int64_t end = replica->is_future ? log_end_offset(partition_log(replica->partition))
                                     : partition_high_watermark(replica->partition);
    int64_t lag = end - log_end_offset(log);

    describe_log_dirs_response_results_topics_partitions_init(answer);
    answer->partition_index = partition_index(replica->partition);
    answer->partition_size = log_size(log);
    answer->offset_lag = lag > 0 ? lag : 0;
    answer->is_future_key = replica->is_future;
}

/* The replicas first to last-1 are of one directory. */
static bool fill_topics(struct description *description, size_t first, size_t last,
                        dir_answer *answer) {
    const struct described *replicas = description->replicas;
    partition_answer *partitions = api_alloc(description->call, last - first, sizeof(*partitions));
    topic_answer *topic = NULL;

    answer->topics = api_alloc(description->call, last - first, sizeof(*answer->topics));
    if (partitions == NULL || answer->topics == NULL)
        return false;
    for (size_t i = first; i < last; i++) {
        const char *name = partition_topic(replicas[i].partition);
        if (topic == NULL || !bytes_equal(topic->name, bytes_of_text(name))) {
            topic = &answer->topics[answer->topics_count++];
            describe_log_dirs_response_results_topics_init(topic);
            topic->name = arena_copy(&description->call->request->arena, bytes_of_text(name));
            topic->partitions = &partitions[i - first];
        }
        fill_partition(&replicas[i], &topic->partitions[topic->partitions_count++]);
    }
    return true;
}

static bool fill_dir(struct description *description, const struct log_manager_dir_info *info,
                     dir_answer *answer) {
    size_t first = 0, last;

    describe_log_dirs_response_results_init(answer);
    answer->log_dir = bytes_of_text(info->path);
    if (info->is_offline) {
        /* As Kafka: what lies in it is not told. */
        answer->error_code = error_to_wire(ERR_KAFKA_STORAGE_ERROR);
        return true;
    }
    answer->total_bytes = info->total_bytes;
    answer->usable_bytes = info->usable_bytes;
    while (first < description->count &&
           strcmp(dir_of(&description->replicas[first]), info->path) != 0)
        first++;
    last = first;
    while (last < description->count &&
           strcmp(dir_of(&description->replicas[last]), info->path) == 0)
        last++;
    return fill_topics(description, first, last, answer);
}

static bool describe(struct description *description, struct describe_log_dirs_response *response) {
    struct log_manager *logs = description->call->context->logs;
    struct log_manager_dir_info info;
    int32_t count = 0;

    while (log_manager_dir_info(logs, (size_t)count, &info))
        count++;
    response->results = api_alloc(description->call, (size_t)count, sizeof(*response->results));
    if (response->results == NULL)
        return false;
    for (int32_t i = 0; i < count && log_manager_dir_info(logs, (size_t)i, &info); i++)
        if (!fill_dir(description, &info, &response->results[response->results_count++]))
            return false;
    return true;
}

static void handle(struct api_call *call) {
    struct describe_log_dirs_request request;
    struct describe_log_dirs_response response;
    struct description description = {.call = call, .request = &request};
    bool is_described;

    if (!api_decode(call, &request))
        return;
    describe_log_dirs_response_init(&response);
    replica_manager_for_each(call->context->replicas, collect, &description);
    if (description.count > 0)
        qsort(description.replicas, description.count, sizeof(*description.replicas), compare);
    is_described = describe(&description, &response);
    for (size_t i = 0; i < description.count; i++) {
        log_unref(description.replicas[i].log);
        partition_unref(description.replicas[i].partition);
    }
    free(description.replicas);
    if (is_described)
        api_respond(call, &response);
    else
        api_close(call);
}

const struct api_handler api_describe_log_dirs = {&describe_log_dirs_api, 4, handle};
