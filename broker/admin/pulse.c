#include "broker/admin/pulse.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/base/check.h"
#include "client/base/clock.h"

struct pulse_thread {
    struct task task; /* in the executor's hands while it is asked */
    struct executor *executor;
    char name[32];
    int64_t asked_ms; /* of the caller's clock */
    int64_t asked_ns; /* of the machine's */
    atomic_bool is_asked;
    _Atomic int64_t delay_ns; /* of the last answer */
};

static int64_t now_ns(void) {
    return clock_system()->monotonic_ns(clock_system());
}

static void answer(struct task *task) {
    struct pulse_thread *thread = CONTAINER_OF(task, struct pulse_thread, task);

    atomic_store(&thread->delay_ns, now_ns() - thread->asked_ns);
    atomic_store(&thread->is_asked, false);
}

void pulse_watch(struct pulse *pulse, const char *name, struct executor *executor) {
    struct pulse_thread *thread = calloc(1, sizeof(*thread));

    CHECK(thread != NULL);
    thread->task.run = answer;
    thread->executor = executor;
    snprintf(thread->name, sizeof(thread->name), "%s", name);
    pulse->threads = reallocarray(pulse->threads, pulse->count + 1, sizeof(struct pulse_thread *));
    CHECK(pulse->threads != NULL);
    pulse->threads[pulse->count++] = thread;
}

void pulse_ask(struct pulse *pulse, int64_t now_ms) {
    for (size_t i = 0; i < pulse->count; i++) {
        struct pulse_thread *thread = pulse->threads[i];

        if (atomic_load(&thread->is_asked))
            continue;
        thread->asked_ms = now_ms;
        thread->asked_ns = now_ns();
        atomic_store(&thread->is_asked, true);
        executor_post(thread->executor, &thread->task);
    }
}

const char *pulse_stuck(const struct pulse *pulse, int64_t now_ms, int64_t silence_ms,
                        int64_t *silent_ms) {
    const struct pulse_thread *longest = NULL;

    for (size_t i = 0; i < pulse->count; i++) {
        const struct pulse_thread *thread = pulse->threads[i];

        if (atomic_load(&thread->is_asked) && now_ms - thread->asked_ms > silence_ms &&
            (longest == NULL || thread->asked_ms < longest->asked_ms))
            longest = thread;
    }
    if (longest == NULL)
        return NULL;
    *silent_ms = now_ms - longest->asked_ms;
    return longest->name;
}

int64_t pulse_delay_ns(const struct pulse *pulse, size_t index) {
    return atomic_load(&pulse->threads[index]->delay_ns);
}

const char *pulse_name(const struct pulse *pulse, size_t index) {
    return pulse->threads[index]->name;
}

void pulse_done(struct pulse *pulse) {
    for (size_t i = 0; i < pulse->count; i++)
        free(pulse->threads[i]);
    free(pulse->threads);
    *pulse = (struct pulse){0};
}
