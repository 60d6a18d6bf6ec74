/* Deleting the records at the beginning of logs. */
#include "client/wire/message/delete_records.h"
#include "client/admin/leader_rounds.h"

struct deletion {
    struct leader_rounds rounds;
    struct admin_call call;
};

static enum error deleted_read(struct admin_call *call, const void *message) {
    struct deletion *deletion = CONTAINER_OF(call, struct deletion, call);
    const struct delete_records_response *response = message;

    for (int32_t i = 0; i < response->topics_count; i++)
        for (int32_t j = 0; j < response->topics[i].partitions_count; j++) {
            const struct delete_records_response_topics_partitions *answer =
                &response->topics[i].partitions[j];
            struct barnabas_offset *item = leader_rounds_item(
                &deletion->rounds, response->topics[i].name, answer->partition_index);

            if (item == NULL)
                return ERR_MALFORMED;
            item->error = answer->error_code;
            item->offset = answer->low_watermark;
        }
    return ERR_NONE;
}

static enum error delete_at_leader(struct leader_rounds *rounds, struct barnabas_admin *admin,
                                   int64_t timeout_ms) {
    struct deletion *deletion = CONTAINER_OF(rounds, struct deletion, rounds);
    struct delete_records_request_topics_partitions *lines;
    struct delete_records_request request;
    struct admin_result *answered = NULL;
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    delete_records_request_init(&request);
    request.timeout_ms = broker_timeout_ms(timeout_ms);
    request.topics = arena_alloc(&arena, rounds->count + 1, sizeof(*request.topics));
    lines = arena_alloc(&arena, rounds->count + 1, sizeof(*lines));
    request.topics_count = 0;
    if (request.topics != NULL && lines != NULL) {
        for (size_t i = 0; i < rounds->count; i++) {
            int32_t at = request.topics_count;

            if (!leader_rounds_asks(rounds, i))
                continue;
            delete_records_request_topics_init(&request.topics[at]);
            delete_records_request_topics_partitions_init(&lines[at]);
            request.topics[at].name = bytes_of_text(rounds->lines[i].topic);
            request.topics[at].partitions = &lines[at];
            request.topics[at].partitions_count = 1;
            lines[at].partition_index = rounds->lines[i].partition;
            lines[at].offset = rounds->lines[i].at;
            request.topics_count++;
        }
        deletion->call = (struct admin_call){
            .target = rounds->leader,
            .api = &delete_records_api,
            .request = &request,
            .timeout_ms = timeout_ms,
            .read = deleted_read,
        };
        error = admin_call_run(admin, &deletion->call, &answered);
    }
    arena_done(&arena);
    if (error == ERR_NONE)
        admin_result_free(answered); /* all is in the items */
    return error;
}

int barnabas_admin_delete_records(struct barnabas_admin *admin,
                                  const struct barnabas_records_before *records, size_t count,
                                  int64_t timeout_ms, struct barnabas_offsets **beginnings) {
    struct deletion deletion = {.rounds.ask = delete_at_leader};
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
