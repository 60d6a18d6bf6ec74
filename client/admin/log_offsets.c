/* Where logs begin, end, or reach a time: ListOffsets. */
#include "client/admin/leader_rounds.h"
#include "client/wire/message/list_offsets.h"

/* Who asks: a consumer, whom only leaders answer, or somebody who looks at replicas. */
#define CONSUMER_REPLICA  (-1)
#define DEBUGGING_REPLICA (-2)

struct asking {
    struct leader_rounds rounds;
    struct list_offsets_request request;
    struct list_offsets_request_topics_partitions *lines; /* one in each topic of the request */
    int32_t asker; /* CONSUMER_REPLICA or DEBUGGING_REPLICA */
};

static bool asking_begin(struct leader_rounds *rounds, struct arena *arena, size_t count,
                         int64_t timeout_ms) {
    struct asking *asking = CONTAINER_OF(rounds, struct asking, rounds);
    struct list_offsets_request *request = &asking->request;

    (void)timeout_ms;
    list_offsets_request_init(request);
    request->replica_id = asking->asker;
    request->topics = arena_alloc(arena, count, sizeof(*request->topics));
    request->topics_count = 0;
    asking->lines = arena_alloc(arena, count, sizeof(*asking->lines));
    return request->topics != NULL && asking->lines != NULL;
}

static void asking_add_line(struct leader_rounds *rounds, const struct barnabas_offset_spec *line) {
    struct asking *asking = CONTAINER_OF(rounds, struct asking, rounds);
    int32_t at = asking->request.topics_count++;
    struct list_offsets_request_topics *topic = &asking->request.topics[at];

    list_offsets_request_topics_init(topic);
    list_offsets_request_topics_partitions_init(&asking->lines[at]);
    topic->name = bytes_of_text(line->topic);
    topic->partitions = &asking->lines[at];
    topic->partitions_count = 1;
    asking->lines[at].partition_index = line->partition;
    asking->lines[at].timestamp = line->at;
}

static enum error asking_read(struct leader_rounds *rounds, const void *message) {
    const struct list_offsets_response *response = message;

    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct list_offsets_response_topics_partitions *answer =
                &response->topics[i].partitions[j];
            struct barnabas_offset *item =
                leader_rounds_item(rounds, response->topics[i].name, answer->partition_index);

            if (item == NULL)
                return ERR_MALFORMED;
            item->offset = answer->offset;
            item->leader_epoch = answer->leader_epoch;
            item->error = answer->error_code;
        }
    return ERR_NONE;
}

static const struct leader_question listing = {&list_offsets_api, asking_begin, asking_add_line,
                                               asking_read};

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
    struct asking asking = {.rounds = {.question = &listing, .request = &asking.request},
                            .asker = CONSUMER_REPLICA};
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
    struct asking asking = {
        .rounds = {.question = &listing, .request = &asking.request, .leader = broker_id},
        .asker = DEBUGGING_REPLICA};
    enum error error;

    if (result == NULL)
        return ERR_OUT_OF_MEMORY;
    error = leader_rounds_begin(&asking.rounds, result, specs, count);
    for (size_t i = 0; error == ERR_NONE && i < count; i++)
        asking.rounds.leaders[i] = broker_id;
    if (error == ERR_NONE && count > 0)
        error = leader_rounds_ask(&asking.rounds, admin, timeout_ms);
    return asking_end(result, error, offsets);
}
