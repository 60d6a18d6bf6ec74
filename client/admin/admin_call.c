#include "client/admin/admin_call.h"

#include <stdlib.h>

#include "client/base/sync.h"

#define RESULT_ARENA_BYTES ((size_t)1 << 30)

struct admin_wait {
    struct barnabas_admin *admin;
    struct task start;
    struct admin_call *call;
    struct mutex lock;
    struct condition done_changed;
    bool done;        /* lock */
    enum error error; /* lock */
};

static void wait_end(struct admin_wait *wait, enum error error) {
    mutex_lock(&wait->lock);
    wait->error = error;
    wait->done = true;
    condition_broadcast(&wait->done_changed);
    mutex_unlock(&wait->lock);
}

static enum error on_answered(struct cluster_call *cluster_call, int16_t version,
                              struct wire_reader *body) {
    struct admin_call *call = CONTAINER_OF(cluster_call, struct admin_call, call);
    void *response = calloc(1, call->api->response->size);
    struct arena arena;
    enum error error;

    if (response == NULL)
        return ERR_OUT_OF_MEMORY;
    arena_init(&arena, RESULT_ARENA_BYTES);
    call->api->response->init(response);
    error = call->api->response->decode(body, version, &arena, response);
    if (error == ERR_NONE)
        error = call->read(call, response);
    arena_done(&arena);
    free(response);
    return error;
}

static void on_finished(struct cluster_call *cluster_call, enum error error) {
    struct admin_call *call = CONTAINER_OF(cluster_call, struct admin_call, call);

    wait_end(call->wait, error);
}

static void on_start(struct task *task) {
    struct admin_wait *wait = CONTAINER_OF(task, struct admin_wait, start);
    struct admin_call *call = wait->call;

    call->call = (struct cluster_call){
        .target = call->target,
        .key = call->key,
        .api = call->api,
        .version_max = call->version_max > 0 ? call->version_max : call->api->version_max,
        .request = call->request,
        .deadline_ms = handle_deadline(call->timeout_ms),
        .answered = on_answered,
        .finished = on_finished,
    };
    cluster_call_start(wait->admin->handle.cluster, &call->call);
}

enum error admin_call_run(struct barnabas_admin *admin, struct admin_call *call,
                          struct admin_result **result) {
    struct admin_wait wait = {.admin = admin, .start.run = on_start, .call = call};

    call->result = admin_result_new();
    if (call->result == NULL)
        return ERR_OUT_OF_MEMORY;
    call->wait = &wait;
    mutex_init(&wait.lock);
    condition_init(&wait.done_changed);
    executor_post(loop_executor(admin->handle.loop), &wait.start);
    mutex_lock(&wait.lock);
    while (!wait.done)
        (void)condition_wait(&wait.done_changed, &wait.lock,
                             INT64_MAX); /* the call has a deadline */
    mutex_unlock(&wait.lock);
    condition_done(&wait.done_changed);
    mutex_done(&wait.lock);
    if (wait.error != ERR_NONE)
        admin_result_free(call->result);
    else
        *result = call->result;
    return wait.error;
}

struct admin_result *admin_result_new(void) {
    struct admin_result *result = calloc(1, sizeof(*result));

    if (result != NULL)
        arena_init(&result->arena, RESULT_ARENA_BYTES);
    return result;
}

void admin_result_free(struct admin_result *result) {
    if (result == NULL)
        return;
    arena_done(&result->arena);
    free(result);
}

const char *text_in_arena(struct arena *arena, struct bytes text) {
    struct bytes copy = arena_copy(arena, text.data == NULL ? bytes_of("", 0) : text);

    return (const char *)copy.data;
}

const char *admin_text(struct admin_call *call, struct bytes text) {
    return text_in_arena(&call->result->arena, text);
}

int32_t broker_timeout_ms(int64_t timeout_ms) {
    int64_t ms = timeout_ms - timeout_ms / 10;

    return ms <= 0 || ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}
