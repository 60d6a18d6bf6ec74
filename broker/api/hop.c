#include "broker/api/hop.h"

#include "broker/group/group_coordinator.h"
#include "broker/transaction/transaction_coordinator.h"

static void run_next(struct task *task) {
    struct hop *hop = CONTAINER_OF(task, struct hop, task);

    hop->next(hop);
}

/* On the control thread. */
static void run_queued(struct task *task) {
    struct hop *hop = CONTAINER_OF(task, struct hop, task);

    control_note_taken(hop->call->context->control, hop->posted_ns);
    hop->next(hop);
}

static void post(struct hop *hop, struct executor *executor, void (*run)(struct hop *hop)) {
    hop->task.run = run_next;
    hop->next = run;
    executor_post(executor, &hop->task);
}

void *hop_new(struct api_call *call, size_t size) {
    struct hop *hop = api_alloc(call, 1, size);

    if (hop == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return NULL;
    }
    api_reread(call);
    hop->call = call;
    return hop;
}

enum error hop_keep_decoded(struct api_call *call, void *message) {
    enum error error = request_keep_frame(call->request);

    if (error != ERR_NONE)
        return error;
    api_reread(call);
    return call->handler->api->request->decode(&call->body, call->header.api_version,
                                               &call->request->arena, message);
}

void hop_to_control(struct hop *hop, void (*run)(struct hop *hop)) {
    struct control *control = hop->call->context->control;

    hop->posted_ns = control_note_posted(control);
    hop->task.run = run_queued;
    hop->next = run;
    executor_post(control_executor(control), &hop->task);
}

void hop_to_groups(struct hop *hop, void (*run)(struct hop *hop)) {
    post(hop, group_coordinator_executor(hop->call->context->groups), run);
}

void hop_to_transactions(struct hop *hop, void (*run)(struct hop *hop)) {
    post(hop, transaction_coordinator_executor(hop->call->context->transactions), run);
}

void hop_return(struct hop *hop, void (*run)(struct hop *hop)) {
    post(hop, hop->call->request->executor, run);
}
