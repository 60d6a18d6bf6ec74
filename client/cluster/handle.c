#include "client/cluster/handle.h"

#include <string.h>

#include "client/base/clock.h"
#include "client/base/sync.h"

enum error handle_open(struct handle *handle, const struct settings *settings,
                       const struct cluster_log *log, struct barnabas_reason *reason) {
    struct barnabas_reason found = {""};
    enum error error;

    memset(handle, 0, sizeof(*handle));
    handle->settings = *settings;
    if ((error = loop_new(&handle->loop)) != ERR_NONE)
        return error;
    error = cluster_new(handle->loop, &handle->settings, log, &handle->cluster, found.text,
                        sizeof(found.text));
    if (error != ERR_NONE) {
        reason_set(reason, found.text);
        loop_free(handle->loop);
        handle->loop = NULL;
    }
    return error;
}

enum error handle_start(struct handle *handle, const char *name) {
    enum error error = loop_start(handle->loop, name);

    handle->running = error == ERR_NONE;
    return error;
}

struct errand {
    struct task task;
    void (*run)(void *context);
    void *context;
    struct mutex lock;
    struct condition done_changed;
    bool done; /* lock */
};

static void errand_run(struct task *task) {
    struct errand *errand = CONTAINER_OF(task, struct errand, task);

    errand->run(errand->context);
    mutex_lock(&errand->lock);
    errand->done = true;
    condition_broadcast(&errand->done_changed);
    mutex_unlock(&errand->lock);
}

void handle_run(struct handle *handle, void (*run)(void *context), void *context) {
    struct errand errand = {.task.run = errand_run, .run = run, .context = context};

    CHECK(!loop_is_current(handle->loop));
    mutex_init(&errand.lock);
    condition_init(&errand.done_changed);
    executor_post(loop_executor(handle->loop), &errand.task);
    mutex_lock(&errand.lock);
    while (!errand.done)
        (void)condition_wait(&errand.done_changed, &errand.lock, INT64_MAX);
    mutex_unlock(&errand.lock);
    condition_done(&errand.done_changed);
    mutex_done(&errand.lock);
}

struct last_words {
    struct handle *handle;
    void (*last)(void *context);
    void *context;
};

static void handle_say_last(void *context) {
    struct last_words *words = context;

    if (words->last != NULL)
        words->last(words->context);
    cluster_free(words->handle->cluster);
    words->handle->cluster = NULL;
}

void handle_stop(struct handle *handle, void (*last)(void *context), void *context) {
    struct last_words words = {handle, last, context};

    if (!handle->running)
        return;
    handle_run(handle, handle_say_last, &words);
    loop_stop(handle->loop);
    loop_join(handle->loop);
    handle->running = false;
}

void handle_close(struct handle *handle) {
    CHECK(!handle->running);
    cluster_free(handle->cluster);
    loop_free(handle->loop);
    handle->cluster = NULL;
    handle->loop = NULL;
}

int64_t handle_deadline(int64_t timeout_ms) {
    int64_t now_ms = clock_monotonic_ms(clock_system());

    if (timeout_ms < 0 || timeout_ms > INT64_MAX - now_ms)
        return INT64_MAX;
    return now_ms + timeout_ms;
}
