/*
 * Where logs begin, end, or reach a time: ListOffsets, asked of each partition's leader. What its
 * leader no longer leads is asked again of the next one, until the time is up.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/admin/admin_call.h"
#include "client/base/clock.h"
#include "client/wire/message/list_offsets.h"

/* Between two rounds, for leaders to be elected. */
#define ROUND_PAUSE_MS 100

/* Who asks: a consumer, whom only leaders answer, or somebody who looks at replicas. */
#define CONSUMER_REPLICA  (-1)
#define DEBUGGING_REPLICA (-2)

struct asking {
    struct admin_call call;
    const struct barnabas_offset_spec *specs;
    size_t count;
    struct barnabas_offset *items;
    int32_t *leaders; /* by spec, in this round; -1: it is not asked for */
    int32_t leader;   /* that is being asked */
    int32_t asker;    /* CONSUMER_REPLICA or DEBUGGING_REPLICA */
};

/* The question that is answered so, looked for behind the last one found: brokers mostly keep the
 * order. `count` if there is none. */
static size_t find_question(const struct asking *asking, size_t from, struct bytes topic,
                            int32_t partition) {
    for (size_t step = 0; step < asking->count; step++) {
        size_t i = (from + step) % asking->count;

        if (asking->leaders[i] == asking->leader && asking->specs[i].partition == partition &&
            bytes_equal_text(topic, asking->specs[i].topic))
            return i;
    }
    return asking->count;
}

static enum error asked_read(struct admin_call *call, const void *message) {
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    const struct list_offsets_response *response = message;
    size_t at = 0;

    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct list_offsets_response_topics_partitions *answer =
                &response->topics[i].partitions[j];
            size_t found =
                find_question(asking, at, response->topics[i].name, answer->partition_index);

            if (found == asking->count)
                return ERR_MALFORMED;
            asking->items[found].offset = answer->offset;
            asking->items[found].leader_epoch = answer->leader_epoch;
            asking->items[found].error = answer->error_code;
            at = found + 1;
        }
    return ERR_NONE;
}

/* All that this leader has to answer. */
static enum error ask_leader(struct barnabas_admin *admin, struct asking *asking,
                             int64_t timeout_ms) {
    struct list_offsets_request_topics_partitions *lines;
    struct list_offsets_request request;
    struct admin_result *answered = NULL;
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    list_offsets_request_init(&request);
    request.replica_id = asking->asker;
    request.topics = arena_alloc(&arena, asking->count + 1, sizeof(*request.topics));
    lines = arena_alloc(&arena, asking->count + 1, sizeof(*lines));
    request.topics_count = 0;
    if (request.topics != NULL && lines != NULL) {
        for (size_t i = 0; i < asking->count; i++) {
            int32_t at = request.topics_count;

            if (asking->leaders[i] != asking->leader)
                continue;
            list_offsets_request_topics_init(&request.topics[at]);
            list_offsets_request_topics_partitions_init(&lines[at]);
            request.topics[at].name = bytes_of_text(asking->specs[i].topic);
            request.topics[at].partitions = &lines[at];
            request.topics[at].partitions_count = 1;
            lines[at].partition_index = asking->specs[i].partition;
            lines[at].timestamp = asking->specs[i].at;
            request.topics_count++;
        }
        asking->call = (struct admin_call){
            .target = asking->leader,
            .api = &list_offsets_api,
            .request = &request,
            .timeout_ms = timeout_ms,
            .read = asked_read,
        };
        error = admin_call_run(admin, &asking->call, &answered);
    }
    arena_done(&arena);
    if (error == ERR_NONE)
        admin_result_free(answered); /* all is in `items` */
    return error;
}

static const struct barnabas_partition_info *find_partition(const struct barnabas_topics *topics,
                                                            const struct barnabas_offset_spec *spec,
                                                            int *error) {
    *error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    for (size_t i = 0; i < topics->count; i++) {
        const struct barnabas_topic_info *topic = &topics->items[i];

        if (strcmp(topic->name, spec->topic) != 0)
            continue;
        if (topic->error != ERR_NONE)
            *error = topic->error;
        for (size_t j = 0; j < topic->partition_count; j++)
            if (topic->partitions[j].partition == spec->partition)
                return &topic->partitions[j];
    }
    return NULL;
}

/* Who leads what is still to be asked for. */
static enum error find_leaders(struct barnabas_admin *admin, struct asking *asking,
                               int64_t timeout_ms) {
    const char **names = calloc(asking->count + 1, sizeof(*names));
    struct barnabas_topics *topics = NULL;
    size_t name_count = 0;
    enum error error;

    if (names == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < asking->count; i++) {
        size_t j = 0;

        while (j < name_count && strcmp(names[j], asking->specs[i].topic) != 0)
            j++;
        if (j == name_count)
            names[name_count++] = asking->specs[i].topic;
    }
    error = barnabas_admin_describe_topics(admin, names, name_count, timeout_ms, &topics);
    for (size_t i = 0; error == ERR_NONE && i < asking->count; i++) {
        const struct barnabas_partition_info *partition;
        int unknown;

        asking->leaders[i] = -1;
        if (!error_is_retriable(asking->items[i].error))
            continue; /* answered */
        partition = find_partition(topics, &asking->specs[i], &unknown);
        if (partition == NULL)
            asking->items[i].error = unknown;
        else if (partition->leader < 0)
            asking->items[i].error = ERR_LEADER_NOT_AVAILABLE;
        else
            asking->leaders[i] = partition->leader;
    }
    barnabas_topics_free(topics);
    free(names);
    return error;
}

/* True if something is to be asked again. */
static bool ask_leaders(struct barnabas_admin *admin, struct asking *asking, int64_t timeout_ms) {
    bool again = false;

    for (size_t i = 0; i < asking->count; i++) {
        enum error error;

        if (asking->leaders[i] < 0)
            continue;
        asking->leader = asking->leaders[i];
        error = ask_leader(admin, asking, timeout_ms);
        for (size_t j = i; j < asking->count; j++)
            if (asking->leaders[j] == asking->leader) {
                asking->leaders[j] = -1;
                if (error != ERR_NONE)
                    asking->items[j].error = error;
            }
    }
    for (size_t i = 0; i < asking->count; i++)
        again |= error_is_retriable(asking->items[i].error) &&
                 asking->items[i].error != ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return again;
}

static enum error ask_until(struct barnabas_admin *admin, struct asking *asking,
                            int64_t timeout_ms) {
    const struct timespec pause = {0, ROUND_PAUSE_MS * 1000000};
    int64_t deadline_ms = handle_deadline(timeout_ms);
    int64_t left_ms = timeout_ms;
    enum error error;

    for (;;) {
        if ((error = find_leaders(admin, asking, left_ms)) != ERR_NONE)
            return error;
        if (!ask_leaders(admin, asking, left_ms))
            return ERR_NONE;
        nanosleep(&pause, NULL);
        left_ms = deadline_ms - clock_monotonic_ms(clock_system());
        if (left_ms <= 0)
            return ERR_NONE; /* the errors stand in the items */
    }
}

static enum error asking_begin(struct asking *asking, struct admin_result *result,
                               const struct barnabas_offset_spec *specs, size_t count) {
    asking->specs = specs;
    asking->count = count;
    asking->items = arena_alloc(&result->arena, count + 1, sizeof(*asking->items));
    asking->leaders = arena_alloc(&result->arena, count + 1, sizeof(*asking->leaders));
    if (asking->items == NULL || asking->leaders == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        asking->items[i] = (struct barnabas_offset){
            .topic = text_in_arena(&result->arena, bytes_of_text(specs[i].topic)),
            .partition = specs[i].partition,
            .offset = BARNABAS_OFFSET_NONE,
            .leader_epoch = -1,
            .metadata = "",
            .error = ERR_LEADER_NOT_AVAILABLE, /* not asked yet */
        };
        if (asking->items[i].topic == NULL)
            return ERR_OUT_OF_MEMORY;
    }
    result->offsets = (struct barnabas_offsets){count, asking->items};
    return ERR_NONE;
}

static int asking_end(struct admin_result *result, enum error error,
                      struct barnabas_offsets **offsets) {
    if (error == ERR_NONE)
        *offsets = &result->offsets;
    else
        admin_result_free(result);
    return error;
}

int barnabas_admin_list_offsets(struct barnabas_admin *admin,
                                const struct barnabas_offset_spec *specs, size_t count,
                                int64_t timeout_ms, struct barnabas_offsets **offsets) {
    struct admin_result *result = admin_result_new();
    struct asking asking = {.asker = CONSUMER_REPLICA};
    enum error error;

    if (result == NULL)
        return ERR_OUT_OF_MEMORY;
    error = asking_begin(&asking, result, specs, count);
    if (error == ERR_NONE && count > 0)
        error = ask_until(admin, &asking, timeout_ms);
    return asking_end(result, error, offsets);
}

int barnabas_admin_list_replica_offsets(struct barnabas_admin *admin, int32_t broker_id,
                                        const struct barnabas_offset_spec *specs, size_t count,
                                        int64_t timeout_ms, struct barnabas_offsets **offsets) {
    struct admin_result *result = admin_result_new();
    struct asking asking = {.leader = broker_id, .asker = DEBUGGING_REPLICA};
    enum error error;

    if (result == NULL)
        return ERR_OUT_OF_MEMORY;
    error = asking_begin(&asking, result, specs, count);
    for (size_t i = 0; error == ERR_NONE && i < count; i++)
        asking.leaders[i] = broker_id;
    if (error == ERR_NONE && count > 0)
        error = ask_leader(admin, &asking, timeout_ms);
    return asking_end(result, error, offsets);
}
