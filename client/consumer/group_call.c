#include <stdlib.h>

#include "client/consumer/consumer.h"

#define REQUEST_ARENA_BYTES  ((size_t)256 << 20)
#define RESPONSE_ARENA_BYTES ((size_t)256 << 20)

void group_call_init(struct barnabas_consumer *consumer, struct group_call *call) {
    CHECK(!call->running);
    call->consumer = consumer;
    call->error = ERR_NONE;
    arena_init(&call->arena, REQUEST_ARENA_BYTES);
}

/* These say nothing about the request, only that it came to the wrong place or too early. */
static bool is_about_the_coordinator(enum error error) {
    return error == ERR_NOT_COORDINATOR || error == ERR_COORDINATOR_NOT_AVAILABLE ||
           error == ERR_COORDINATOR_LOAD_IN_PROGRESS || error == ERR_UNSTABLE_OFFSET_COMMIT;
}

static enum error on_answered(struct cluster_call *cluster_call, int16_t version,
                              struct wire_reader *body) {
    struct group_call *call = CONTAINER_OF(cluster_call, struct group_call, call);
    const struct wire_message *shape = cluster_call->api->response;
    void *response = calloc(1, shape->size);
    struct arena arena;
    enum error error;

    if (response == NULL)
        return ERR_OUT_OF_MEMORY;
    arena_init(&arena, RESPONSE_ARENA_BYTES);
    shape->init(response);
    error = shape->decode(body, version, &arena, response);
    if (error == ERR_NONE) {
        call->error = call->read(call, response);
        if (is_about_the_coordinator(call->error))
            error = call->error;
    }
    arena_done(&arena);
    free(response);
    return error;
}

static void on_finished(struct cluster_call *cluster_call, enum error error) {
    struct group_call *call = CONTAINER_OF(cluster_call, struct group_call, call);

    call->running = false;
    arena_done(&call->arena);
    call->done(call, error == ERR_NONE ? call->error : error);
}

void group_call_start(struct group_call *call, const struct wire_api *api, int16_t version_max,
                      const void *request, int64_t deadline_ms) {
    struct barnabas_consumer *consumer = call->consumer;

    call->call = (struct cluster_call){
        .target = CALL_GROUP_COORDINATOR,
        .key = consumer->settings->group_id,
        .api = api,
        .version_max = version_max,
        .request = request,
        .deadline_ms = deadline_ms,
        .answer_within_ms = call->call.answer_within_ms,
        .answered = on_answered,
        .finished = on_finished,
    };
    call->running = true;
    cluster_call_start(consumer->handle.cluster, &call->call);
}

void group_call_cancel(struct group_call *call) {
    if (!call->running)
        return;
    cluster_call_cancel(&call->call);
    call->running = false;
    arena_done(&call->arena);
}
