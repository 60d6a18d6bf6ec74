#include "broker/api/hop.h"

static void run_next(struct task *task) {
    struct hop *hop = CONTAINER_OF(task, struct hop, task);

    hop->next(hop);
}

static void post(struct hop *hop, struct executor *executor, void (*run)(struct hop *hop)) {
    hop->task.run = run_next;
    hop->next = run;
    executor_post(executor, &hop->task);
}

void hop_to_control(struct hop *hop, void (*run)(struct hop *hop)) {
    post(hop, control_executor(hop->call->context->control), run);
}

void hop_return(struct hop *hop, void (*run)(struct hop *hop)) {
    post(hop, hop->call->request->executor, run);
}
