#include "client/net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/base/clock.h"

/* How often tasks that post tasks are followed before sockets get their turn again. */
#define TASK_ROUNDS_PER_TURN 16

/* Ten years: what a timer may be asked for and still be added to a clock. */
#define DELAY_MS_MAX ((int64_t)10 * 365 * 86400 * 1000)

struct loop {
    struct executor executor;
    struct event_base *base;
    struct event *wake_event;
    int wake_fd;
    /* Tasks of other threads, newest first. Whoever finds it empty writes wake_fd. */
    _Atomic(struct task *) inbox;
    struct task_list own; /* tasks of the loop's own thread */
    atomic_bool stopping;
    char name[16]; /* of the thread that loop_start makes */
    bool started;  /* that thread is to be joined */
    pthread_t thread;
};

static _Thread_local const struct loop *current;

bool loop_is_current(const struct loop *loop) {
    return current == loop;
}

static void loop_wake(struct loop *loop) {
    uint64_t one = 1;
    ssize_t ignored = write(loop->wake_fd, &one, sizeof(one));

    /* It could only fail because the counter is full, and then the loop is awake. */
    (void)ignored;
}

static void loop_post(struct executor *executor, struct task *task) {
    struct loop *loop = CONTAINER_OF(executor, struct loop, executor);
    struct task *newest;

    if (loop_is_current(loop)) {
        STAILQ_INSERT_TAIL(&loop->own, task, next);
        return;
    }
    newest = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        task->next.stqe_next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &newest, task,
                                                    memory_order_release, memory_order_relaxed));
    if (newest == NULL)
        loop_wake(loop);
}

/* The wake event is edge triggered: every write wakes anew, so the counter is never read. */
static void loop_on_wake(evutil_socket_t fd, short events, void *context) {
    (void)fd;
    (void)events;
    (void)context;
}

static struct event_base *base_new(void) {
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config == NULL)
        return NULL;
    /* Only the loop's thread touches the base; others wake it through the eventfd. */
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

enum error loop_new(struct loop **created) {
    struct loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL)
        return ERR_OUT_OF_MEMORY;
    loop->executor.post = loop_post;
    STAILQ_INIT(&loop->own);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        goto fail;
    loop->base = base_new();
    if (loop->base == NULL)
        goto fail;
    loop->wake_event =
        event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST | EV_ET, loop_on_wake, loop);
    if (loop->wake_event == NULL || event_add(loop->wake_event, NULL) != 0)
        goto fail;
    *created = loop;
    return ERR_NONE;
fail:
    loop_free(loop);
    return ERR_OUT_OF_MEMORY;
}

void loop_free(struct loop *loop) {
    if (loop == NULL)
        return;
    CHECK(!loop->started);
    CHECK(!loop_is_current(loop));
    if (loop->wake_event != NULL)
        event_free(loop->wake_event);
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop);
}

/* Moves what other threads posted, in its order, behind the loop's own tasks. */
static void loop_take_inbox(struct loop *loop) {
    struct task *task = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    struct task *oldest = NULL;

    if (task == NULL)
        return;
    task = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    while (task != NULL) {
        struct task *older = task->next.stqe_next;
        task->next.stqe_next = oldest;
        oldest = task;
        task = older;
    }
    while (oldest != NULL) {
        struct task *newer = oldest->next.stqe_next;
        STAILQ_INSERT_TAIL(&loop->own, oldest, next);
        oldest = newer;
    }
}

/* Runs the tasks that are there now; what they post waits for the next round. */
static bool loop_run_tasks(struct loop *loop) {
    struct task_list round = STAILQ_HEAD_INITIALIZER(round);

    loop_take_inbox(loop);
    if (STAILQ_EMPTY(&loop->own))
        return false;
    STAILQ_CONCAT(&round, &loop->own);
    while (!STAILQ_EMPTY(&round)) {
        struct task *task = STAILQ_FIRST(&round);
        STAILQ_REMOVE_HEAD(&round, next);
        task->run(task);
    }
    return true;
}

void loop_run(struct loop *loop) {
    const struct loop *outer = current;

    CHECK(outer != loop);
    current = loop;
    while (!atomic_load_explicit(&loop->stopping, memory_order_acquire)) {
        int rounds = 0;

        /* One turn: what is ready on the sockets and timers, then the tasks. libevent's own
         * "once" is used because its priorities would cost a second poll per turn. */
        CHECK(event_base_loop(loop->base,
                              STAILQ_EMPTY(&loop->own) ? EVLOOP_ONCE : EVLOOP_NONBLOCK) >= 0);
        while (rounds < TASK_ROUNDS_PER_TURN && loop_run_tasks(loop))
            rounds++;
    }
    while (loop_run_tasks(loop))
        continue;
    atomic_store_explicit(&loop->stopping, false, memory_order_relaxed);
    current = outer;
}

static void *loop_thread(void *argument) {
    struct loop *loop = argument;

    CHECK(pthread_setname_np(pthread_self(), loop->name) == 0);
    loop_run(loop);
    return NULL;
}

enum error loop_start(struct loop *loop, const char *name) {
    sigset_t all, before;
    int failed;

    CHECK(!loop->started);
    CHECK(strlen(name) < sizeof(loop->name));
    memcpy(loop->name, name, strlen(name) + 1);
    /* Signals are the main thread's. SIGPIPE, which sendfile cannot be told not to raise, stays
     * blocked and thereby harmless. */
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    failed = pthread_create(&loop->thread, NULL, loop_thread, loop);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (failed != 0)
        return ERR_OUT_OF_MEMORY;
    loop->started = true;
    return ERR_NONE;
}

void loop_stop(struct loop *loop) {
    atomic_store_explicit(&loop->stopping, true, memory_order_release);
    loop_wake(loop);
}

void loop_join(struct loop *loop) {
    if (!loop->started)
        return;
    CHECK(pthread_join(loop->thread, NULL) == 0);
    loop->started = false;
}

struct executor *loop_executor(struct loop *loop) {
    return &loop->executor;
}

struct event_base *loop_base(struct loop *loop) {
    return loop->base;
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*expired)(struct loop_timer *timer)) {
    *timer = (struct loop_timer){.loop = loop, .expired = expired};
}

static int64_t now_ns(void) {
    return clock_system()->monotonic_ns(clock_system());
}

/* Rounds up, so that an early look costs one more turn and not a thousand. */
static void loop_timer_wait(struct loop_timer *timer, int64_t wait_ns) {
    const int64_t wait_us = wait_ns <= 0 ? 0 : (wait_ns + 999) / 1000;
    const struct timeval wait = {(time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000)};

    CHECK(event_add(timer->event, &wait) == 0);
}

static void loop_timer_on_timeout(evutil_socket_t fd, short events, void *context) {
    struct loop_timer *timer = context;
    const int64_t left_ns = timer->due_ns - now_ns();

    (void)fd;
    (void)events;
    /* libevent counts from the begin of the turn, by a coarse clock. */
    if (left_ns > 0)
        loop_timer_wait(timer, left_ns);
    else
        timer->expired(timer);
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms) {
    if (timer->event == NULL) {
        timer->event = event_new(timer->loop->base, -1, 0, loop_timer_on_timeout, timer);
        CHECK(timer->event != NULL);
    }
    if (delay_ms < 0)
        delay_ms = 0;
    if (delay_ms > DELAY_MS_MAX)
        delay_ms = DELAY_MS_MAX;
    timer->due_ns = now_ns() + delay_ms * 1000000;
    loop_timer_wait(timer, delay_ms * 1000000);
}

void loop_timer_cancel(struct loop_timer *timer) {
    if (timer->event != NULL)
        (void)event_del(timer->event); /* fails only for an event that was never set up */
}

void loop_timer_done(struct loop_timer *timer) {
    if (timer->event != NULL)
        event_free(timer->event);
    timer->event = NULL;
}
