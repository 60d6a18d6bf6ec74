#include "client/net/loop_call.h"

#include "client/base/sync.h"

struct call {
    struct task task;
    void (*run)(void *context);
    void *context;
    struct mutex lock;
    struct condition over;
    bool is_over; /* lock */
};

static void run_call(struct task *task) {
    struct call *call = CONTAINER_OF(task, struct call, task);

    call->run(call->context);
    mutex_lock(&call->lock);
    call->is_over = true;
    condition_broadcast(&call->over);
    mutex_unlock(&call->lock);
}

void loop_call(struct loop *loop, void (*run)(void *context), void *context) {
    struct call call = {.task = {.run = run_call}, .run = run, .context = context};

    CHECK(!loop_is_current(loop));
    mutex_init(&call.lock);
    condition_init(&call.over);
    executor_post(loop_executor(loop), &call.task);
    mutex_lock(&call.lock);
    while (!call.is_over)
        (void)condition_wait(&call.over, &call.lock, INT64_MAX);
    mutex_unlock(&call.lock);
    condition_done(&call.over);
    mutex_done(&call.lock);
}
