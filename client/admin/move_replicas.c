/* Replicas move between the directories of a broker. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/outcomes.h"
#include "client/wire/message/alter_replica_log_dirs.h"

static enum error moved_read(struct admin_call *call, const void *message) {
    const struct alter_replica_log_dirs_response *response = message;
    size_t count = 0;
    enum error error;

    for (int32_t i = 0; i < response->results_count; i++)
        count += (size_t)response->results[i].partitions_count;
    error = outcomes_begin(call, count);
    for (int32_t i = 0; i < response->results_count; i++) {
        const struct alter_replica_log_dirs_response_results *topic = &response->results[i];

        for (int32_t j = 0; j < topic->partitions_count && error == ERR_NONE; j++)
            error = outcomes_add(call, topic->topic_name, topic->partitions[j].partition_index,
                                 topic->partitions[j].error_code, BYTES_NULL);
    }
    return error;
}

/* Those of one directory and topic that stand together become one entry. */
static enum error places_fill(struct arena *arena, const struct barnabas_replica_place *places,
                              size_t count, struct alter_replica_log_dirs_request *request) {
    struct alter_replica_log_dirs_request_dirs_topics *topics =
        arena_alloc(arena, count + 1, sizeof(*topics));
    int32_t *partitions = arena_alloc(arena, count + 1, sizeof(*partitions));
    struct alter_replica_log_dirs_request_dirs *dir = NULL;
    struct alter_replica_log_dirs_request_dirs_topics *topic = NULL;

    request->dirs = arena_alloc(arena, count + 1, sizeof(*request->dirs));
    if (topics == NULL || partitions == NULL || request->dirs == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        bool is_new_dir = i == 0 || strcmp(places[i].path, places[i - 1].path) != 0;

        if (is_new_dir) {
            dir = &request->dirs[request->dirs_count++];
            alter_replica_log_dirs_request_dirs_init(dir);
            dir->path = bytes_of_text(places[i].path);
            dir->topics = &topics[i];
        }
        if (is_new_dir || strcmp(places[i].topic, places[i - 1].topic) != 0) {
            topic = &dir->topics[dir->topics_count++];
            alter_replica_log_dirs_request_dirs_topics_init(topic);
            topic->name = bytes_of_text(places[i].topic);
            topic->partitions = &partitions[i];
        }
        partitions[i] = places[i].partition;
        topic->partitions_count++;
    }
    return ERR_NONE;
}

int barnabas_admin_move_replicas(struct barnabas_admin *admin, int32_t broker_id,
                                 const struct barnabas_replica_place *places, size_t count,
                                 int64_t timeout_ms, struct barnabas_outcomes **outcomes) {
    struct alter_replica_log_dirs_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = broker_id,
        .api = &alter_replica_log_dirs_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = moved_read,
    };
    struct arena arena;
    enum error error;

    arena_init(&arena, SIZE_MAX / 2);
    alter_replica_log_dirs_request_init(&request);
    error = places_fill(&arena, places, count, &request);
    if (error == ERR_NONE)
        error = admin_call_run(admin, &call, &result);
    arena_done(&arena);
    if (error == ERR_NONE)
        *outcomes = &result->outcomes;
    return error;
}
