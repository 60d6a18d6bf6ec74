/* Deleting the records at the beginning of logs. */
#include "client/wire/message/delete_records.h"
#include "client/admin/leader_rounds.h"

struct deletion {
    struct leader_rounds rounds;
    struct delete_records_request request;
    struct delete_records_request_topics_partitions *lines; /* one in each topic of the request */
};

static bool deletion_begin(struct leader_rounds *rounds, struct arena *arena, size_t count,
                           int64_t timeout_ms) {
    struct deletion *deletion = CONTAINER_OF(rounds, struct deletion, rounds);
    struct delete_records_request *request = &deletion->request;

    delete_records_request_init(request);
    request->timeout_ms = broker_timeout_ms(timeout_ms);
    request->topics = arena_alloc(arena, count, sizeof(*request->topics));
    request->topics_count = 0;
    deletion->lines = arena_alloc(arena, count, sizeof(*deletion->lines));
    return request->topics != NULL && deletion->lines != NULL;
}

static void deletion_add_line(struct leader_rounds *rounds,
                              const struct barnabas_offset_spec *line) {
    struct deletion *deletion = CONTAINER_OF(rounds, struct deletion, rounds);
    int32_t at = deletion->request.topics_count++;
    struct delete_records_request_topics *topic = &deletion->request.topics[at];

    delete_records_request_topics_init(topic);
    delete_records_request_topics_partitions_init(&deletion->lines[at]);
    topic->name = bytes_of_text(line->topic);
    topic->partitions = &deletion->lines[at];
    topic->partitions_count = 1;
    deletion->lines[at].partition_index = line->partition;
    deletion->lines[at].offset = line->at;
}

static enum error deletion_read(struct leader_rounds *rounds, const void *message) {
    const struct delete_records_response *response = message;

    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct delete_records_response_topics_partitions *answer =
                &response->topics[i].partitions[j];
            struct barnabas_offset *item =
                leader_rounds_item(rounds, response->topics[i].name, answer->partition_index);

            if (item == NULL)
                return ERR_MALFORMED;
            item->error = answer->error_code;
            item->offset = answer->low_watermark;
        }
    return ERR_NONE;
}

static const struct leader_question deleting = {&delete_records_api, deletion_begin,
                                                deletion_add_line, deletion_read};

int barnabas_admin_delete_records(struct barnabas_admin *admin,
                                  const struct barnabas_records_before *records, size_t count,
                                  int64_t timeout_ms, struct barnabas_offsets **beginnings) {
    struct deletion deletion = {.rounds = {.question = &deleting, .request = &deletion.request}};
    struct admin_result *result = admin_result_new();
    struct barnabas_offset_spec *lines;
    enum error error = ERR_OUT_OF_MEMORY;

    if (result == NULL)
        return ERR_OUT_OF_MEMORY;
    lines = arena_alloc(&result->arena, count + 1, sizeof(*lines));
    if (lines != NULL) {
        for (size_t i = 0; i < count; i++)
            lines[i] = (struct barnabas_offset_spec){records[i].topic, records[i].partition,
                                                     records[i].offset};
        error = leader_rounds_begin(&deletion.rounds, result, lines, count);
    }
    if (error == ERR_NONE && count > 0)
        error = leader_rounds_run(&deletion.rounds, admin, timeout_ms);
    if (error == ERR_NONE)
        *beginnings = &result->offsets;
    else
        admin_result_free(result);
    return error;
}
