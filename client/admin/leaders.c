/* Elections of leaders. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/outcomes.h"
#include "client/wire/message/elect_leaders.h"

static enum error elect_read(struct admin_call *call, const void *message) {
    const struct elect_leaders_response *response = message;
    size_t count = 0;
    enum error error = response->error_code;

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->replica_election_results_count; i++) {
        const struct elect_leaders_response_replica_election_results *topic =
            &response->replica_election_results[i];

        for (int32_t j = 0; j < topic->partition_result_count; j++, count++)
            if (topic->partition_result[j].error_code == ERR_NOT_CONTROLLER)
                return ERR_NOT_CONTROLLER;
    }
    if ((error = outcomes_begin(call, count)) != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->replica_election_results_count; i++) {
        const struct elect_leaders_response_replica_election_results *topic =
            &response->replica_election_results[i];

        for (int32_t j = 0; j < topic->partition_result_count && error == ERR_NONE; j++)
            error = outcomes_add(call, topic->topic, topic->partition_result[j].partition_id,
                                 topic->partition_result[j].error_code,
                                 topic->partition_result[j].error_message);
    }
    return error;
}

/* Partitions of one topic that stand together become one entry. */
static enum error partitions_fill(struct arena *arena,
                                  const struct barnabas_topic_partition *partitions, size_t count,
                                  struct elect_leaders_request *request) {
    struct elect_leaders_request_topic_partitions *topic = NULL;
    int32_t *indexes = arena_alloc(arena, count + 1, sizeof(*indexes));

    request->topic_partitions = arena_alloc(arena, count + 1, sizeof(*request->topic_partitions));
    request->topic_partitions_count = 0;
    if (indexes == NULL || request->topic_partitions == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(partitions[i].topic, partitions[i - 1].topic) != 0) {
            topic = &request->topic_partitions[request->topic_partitions_count++];
            topic->topic = bytes_of_text(partitions[i].topic);
            topic->partitions = &indexes[i];
        }
        indexes[i] = partitions[i].partition;
        topic->partitions_count++;
    }
    return ERR_NONE;
}

int barnabas_admin_elect_leaders(struct barnabas_admin *admin, enum barnabas_election type,
                                 const struct barnabas_topic_partition *partitions, size_t count,
                                 int64_t timeout_ms, struct barnabas_outcomes **outcomes) {
    struct elect_leaders_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_CONTROLLER,
        .api = &elect_leaders_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = elect_read,
    };
    struct arena arena;
    enum error error = ERR_NONE;

    arena_init(&arena, SIZE_MAX / 2);
    elect_leaders_request_init(&request);
    request.election_type = (int8_t)type;
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    request.topic_partitions_count = -1;
    if (partitions != NULL)
        error = partitions_fill(&arena, partitions, count, &request);
    if (error == ERR_NONE)
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}
