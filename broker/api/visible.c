#include "broker/api/visible.h"

#include "broker/metadata/metadata_cache.h"

struct visible *visible_of_waiter(struct metadata_waiter *waiter) {
    return CONTAINER_OF(waiter, struct visible, waiter);
}

static void respond_if_home(struct visible *visible) {
    if (visible->has_returned && !visible->is_deadline_away)
        visible->respond(&visible->hop);
}

static void on_returned(struct hop *hop) {
    struct visible *visible = (struct visible *)hop;

    visible->has_returned = true;
    request_cancel_deadline(hop->call->request);
    respond_if_home(visible);
}

static void on_deadline_back(struct task *task) {
    struct visible *visible = CONTAINER_OF(task, struct visible, deadline_back);

    visible->is_deadline_away = false;
    respond_if_home(visible);
}

void visible_finish(struct visible *visible) {
    hop_return(&visible->hop, on_returned);
}

static void on_visible(struct task *task) {
    struct metadata_waiter *waiter = CONTAINER_OF(task, struct metadata_waiter, task);

    visible_finish(visible_of_waiter(waiter));
}

static void run_deadline(struct task *task) {
    struct visible *visible = CONTAINER_OF(task, struct visible, deadline);
    struct api_call *call = visible->hop.call;

    visible->is_expired = true;
    if (control_stop_waiting_for_metadata(call->context->control, &visible->waiter)) {
        visible->is_timed_out = true;
        visible_finish(visible);
    }
    visible->deadline_back.run = on_deadline_back;
    executor_post(call->request->executor, &visible->deadline_back);
}

void visible_wait(struct visible *visible, bool (*is_satisfied)(struct metadata_waiter *waiter,
                                                                const struct metadata *metadata)) {
    struct control *control = visible->hop.call->context->control;

    if (visible->is_expired) {
        visible->is_timed_out = true;
        visible_finish(visible);
        return;
    }
    visible->waiter.is_satisfied = is_satisfied;
    visible->waiter.executor = control_executor(control);
    visible->waiter.task.run = on_visible;
    control_wait_for_metadata(control, &visible->waiter);
}

static void on_deadline(struct request *request) {
    struct visible *visible = request->user;

    visible->is_deadline_away = true;
    visible->deadline.run = run_deadline;
    executor_post(control_executor(visible->hop.call->context->control), &visible->deadline);
}

void visible_go(struct visible *visible, void (*run)(struct hop *hop),
                void (*respond)(struct hop *hop), int32_t timeout_ms) {
    struct request *request = visible->hop.call->request;

    visible->respond = respond;
    request->user = visible;
    /* Without time it is carried out, and then answered that it was not seen to be. */
    visible->is_expired = timeout_ms <= 0;
    if (timeout_ms > 0)
        request_set_deadline(request, timeout_ms, on_deadline);
    hop_to_control(&visible->hop, run);
}
