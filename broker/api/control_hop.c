#include "broker/api/control_hop.h"

static void run_next(struct task *task) {
    struct control_hop *hop = CONTAINER_OF(task, struct control_hop, task);

    hop->next(hop);
}

static void post(struct control_hop *hop, struct executor *executor,
                 void (*run)(struct control_hop *hop)) {
    hop->task.run = run_next;
    hop->next = run;
    executor_post(executor, &hop->task);
}

void control_hop_go(struct control_hop *hop, void (*run)(struct control_hop *hop)) {
    post(hop, control_executor(hop->call->context->control), run);
}

void control_hop_return(struct control_hop *hop, void (*run)(struct control_hop *hop)) {
    post(hop, hop->call->request->executor, run);
}
