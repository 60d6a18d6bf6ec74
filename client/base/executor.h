/*
 * Runs tasks on one thread: how threads speak to each other. The real one is an event loop
 * (client/net/loop.h); a test uses a queue that it drains itself.
 *
 * executor_post takes a task from any thread; its `run` is called once, on the executor's
 * thread, in the order of posting. The task is embedded in what it is about, so posting
 * allocates nothing and cannot fail; it must not be posted again before `run` has begun.
 */
#ifndef CLIENT_BASE_EXECUTOR_H
#define CLIENT_BASE_EXECUTOR_H

#include <sys/queue.h>

struct task {
    void (*run)(struct task *task);
    STAILQ_ENTRY(task) next; /* owned by the executor from post until run */
};

STAILQ_HEAD(task_list, task);

struct executor {
    void (*post)(struct executor *executor, struct task *task);
};

static inline void executor_post(struct executor *executor, struct task *task) {
    executor->post(executor, task);
}

#endif
