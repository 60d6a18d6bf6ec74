/* Where logs begin, end, or reach a time: ListOffsets. */
#include "client/admin/leader_rounds.h"
#include "client/wire/message/list_offsets.h"

/* Who asks: a consumer, whom only leaders answer, or somebody who looks at replicas. */
#define CONSUMER_REPLICA  (-1)
#define DEBUGGING_REPLICA (-2)

struct asking {
    struct leader_rounds rounds;
    struct admin_call call;
    int32_t asker; /* CONSUMER_REPLICA or DEBUGGING_REPLICA */
};

static enum error asked_read(struct admin_call *call, const void *message) {
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    const struct list_offsets_response *response = message;

    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct list_offsets_response_topics_partitions *answer =
                &response->topics[i].partitions[j];
            struct barnabas_offset *item = leader_rounds_item(
                &asking->rounds, response->topics[i].name, answer->partition_index);

            if (item == NULL)
                return ERR_MALFORMED;
            item->offset = answer->offset;
            item->leader_epoch = answer->leader_epoch;
            item->error = answer->error_code;
        }
    return ERR_NONE;
}

/* All that the leader has to answer. */
static enum error ask_leader(struct leader_rounds *rounds, struct barnabas_admin *admin,
                             int64_t timeout_ms) {
    struct asking *asking = CONTAINER_OF(rounds, struct asking, rounds);
    struct list_offsets_request_topics_partitions *lines;
    struct list_offsets_request request;
    struct admin_result *answered = NULL;
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    list_offsets_request_init(&request);
    request.replica_id = asking->asker;
    request.topics = arena_alloc(&arena, rounds->count + 1, sizeof(*request.topics));
    lines = arena_alloc(&arena, rounds->count + 1, sizeof(*lines));
    request.topics_count = 0;
    if (request.topics != NULL && lines != NULL) {
        for (size_t i = 0; i < rounds->count; i++) {
            int32_t at = request.topics_count;

            if (!leader_rounds_asks(rounds, i))
                continue;
            list_offsets_request_topics_init(&request.topics[at]);
            list_offsets_request_topics_partitions_init(&lines[at]);
            request.topics[at].name = bytes_of_text(rounds->lines[i].topic);
            request.topics[at].partitions = &lines[at];
            request.topics[at].partitions_count = 1;
            lines[at].partition_index = rounds->lines[i].partition;
            lines[at].timestamp = rounds->lines[i].at;
            request.topics_count++;
        }
        asking->call = (struct admin_call){
            .target = rounds->leader,
            .api = &list_offsets_api,
            .request = &request,
            .timeout_ms = timeout_ms,
            .read = asked_read,
        };
        error = admin_call_run(admin, &asking->call, &answered);
    }
    arena_done(&arena);
    if (error == ERR_NONE)
        admin_result_free(answered); /* all is in the items */
    return error;
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
    struct asking asking = {.rounds.ask = ask_leader, .asker = CONSUMER_REPLICA};
    enum error error;

    if (result == NULL)
        return ERR_OUT_OF_MEMORY;
    error = leader_rounds_begin(&asking.rounds, result, specs, count);
    if (error == ERR_NONE && count > 0)
        error = leader_rounds_run(&asking.rounds, admin, timeout_ms);
    return asking_end(result, error, offsets);
}

int barnabas_admin_list_replica_offsets(struct barnabas_admin *admin, int32_t broker_id,
                                        const struct barnabas_offset_spec *specs, size_t count,
                                        int64_t timeout_ms, struct barnabas_offsets **offsets) {
    struct admin_result *result = admin_result_new();
    struct asking asking = {.rounds.leader = broker_id, .asker = DEBUGGING_REPLICA};
    enum error error;

    if (result == NULL)
        return ERR_OUT_OF_MEMORY;
    error = leader_rounds_begin(&asking.rounds, result, specs, count);
    for (size_t i = 0; error == ERR_NONE && i < count; i++)
        asking.rounds.leaders[i] = broker_id;
    if (error == ERR_NONE && count > 0)
        error = ask_leader(&asking.rounds, admin, timeout_ms);
    return asking_end(result, error, offsets);
}
