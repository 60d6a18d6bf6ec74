/* A broker's data directories and its replicas in them: DescribeLogDirs. */
#include "client/admin/admin_call.h"
#include "client/wire/message/describe_log_dirs.h"

typedef struct describe_log_dirs_response_results dir_answer;

static enum error replicas_fill(struct admin_call *call, const dir_answer *from,
                                struct barnabas_log_dir *to) {
    struct barnabas_replica_log *replicas;
    size_t count = 0;

    for (int32_t i = 0; i < from->topics_count; i++)
        count += (size_t)from->topics[i].partitions_count;
    replicas = arena_alloc(&call->result->arena, count + 1, sizeof(*replicas));
    if (replicas == NULL)
        return ERR_OUT_OF_MEMORY;
    to->replicas = replicas;
    for (int32_t i = 0; i < from->topics_count; i++) {
        const char *topic = admin_text(call, from->topics[i].name);

        if (topic == NULL)
            return ERR_OUT_OF_MEMORY;
        for (int32_t j = 0; j < from->topics[i].partitions_count; j++) {
            const struct describe_log_dirs_response_results_topics_partitions *told =
                &from->topics[i].partitions[j];

            replicas[to->replica_count++] = (struct barnabas_replica_log){
                .topic = topic,
                .partition = told->partition_index,
                .size = told->partition_size,
                .offset_lag = told->offset_lag,
                .is_future = told->is_future_key,
            };
        }
    }
    return ERR_NONE;
}

static enum error dirs_read(struct admin_call *call, const void *message) {
    const struct describe_log_dirs_response *response = message;
    struct barnabas_log_dirs *dirs = &call->result->log_dirs;
    struct barnabas_log_dir *items;
    enum error error = response->error_code;

    if (error != ERR_NONE)
        return error;
    items = arena_alloc(&call->result->arena, (size_t)response->results_count + 1, sizeof(*items));
    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    dirs->items = items;
    for (int32_t i = 0; i < response->results_count && error == ERR_NONE; i++) {
        const dir_answer *from = &response->results[i];

        items[i] = (struct barnabas_log_dir){
            .error = from->error_code,
            .path = admin_text(call, from->log_dir),
            .total_bytes = from->total_bytes,
            .usable_bytes = from->usable_bytes,
        };
        dirs->count++;
        error = items[i].path == NULL ? ERR_OUT_OF_MEMORY : replicas_fill(call, from, &items[i]);
    }
    return error;
}

int barnabas_admin_describe_log_dirs(struct barnabas_admin *admin, int32_t broker_id,
                                     int64_t timeout_ms, struct barnabas_log_dirs **dirs) {
    struct describe_log_dirs_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = broker_id,
        .api = &describe_log_dirs_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = dirs_read,
    };
    enum error error;

    describe_log_dirs_request_init(&request);
    request.topics = NULL; /* all */
    request.topics_count = -1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *dirs = &result->log_dirs;
    return error;
}
