#include "broker/server/reactor.h"

#include <stdlib.h>

#include "broker/server/channel.h"
#include "client/base/clock.h"

#define FREE_BUFFER_BYTES_MAX ((size_t)32 << 20)
#define LOG_INTERVAL_MS       1000

int64_t reactor_now_ms(void) {
    return clock_monotonic_ms(clock_system());
}

int64_t reactor_note_now(struct reactor *reactor) {
    struct clock *clock = clock_system();

    reactor->now_ns = clock->monotonic_ns(clock);
    return reactor->now_ns;
}

/* Deadlines. */

static void wheel_arm(struct reactor *reactor, int64_t now_ms) {
    int64_t wait_ms = timer_wheel_wait_ms(&reactor->wheel, now_ms);

    if (wait_ms < 0 ||
        (reactor->wheel_timer_due_ms >= 0 && reactor->wheel_timer_due_ms <= now_ms + wait_ms))
        return;
    reactor->wheel_timer_due_ms = now_ms + wait_ms;
    loop_timer_arm(&reactor->wheel_timer, wait_ms);
}

static void on_wheel_timer(struct loop_timer *timer) {
    struct reactor *reactor = CONTAINER_OF(timer, struct reactor, wheel_timer);
    int64_t now_ms = reactor_now_ms();
    struct timer_wheel_entry *entry;

    reactor->wheel_timer_due_ms = -1;
    while ((entry = timer_wheel_pop(&reactor->wheel, now_ms)) != NULL) {
        struct reactor_timer *expired = CONTAINER_OF(entry, struct reactor_timer, entry);
        expired->expired(expired);
    }
    wheel_arm(reactor, now_ms);
}

void reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer, int64_t delay_ms) {
    int64_t now_ms = reactor_now_ms();

    timer_wheel_add(&reactor->wheel, &timer->entry, now_ms, delay_ms);
    wheel_arm(reactor, now_ms);
}

void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer) {
    timer_wheel_cancel(&reactor->wheel, &timer->entry);
}

/* The end of the turn. */

static void on_touched(struct task *task) {
    struct reactor *reactor = CONTAINER_OF(task, struct reactor, touched_task);
    struct channel_list round = TAILQ_HEAD_INITIALIZER(round);

    /* A channel that is touched again meanwhile is looked after again. */
    reactor->touched_task_posted = false;
    (void)reactor_note_now(reactor);
    TAILQ_CONCAT(&round, &reactor->touched, in_touched);
    while (!TAILQ_EMPTY(&round)) {
        struct channel *channel = TAILQ_FIRST(&round);

        TAILQ_REMOVE(&round, channel, in_touched);
        channel->touched = false;
        channel_look_after(channel);
    }
}

void reactor_touch(struct reactor *reactor, struct channel *channel) {
    if (channel->touched || channel->busy)
        return;
    channel->touched = true;
    TAILQ_INSERT_TAIL(&reactor->touched, channel, in_touched);
    if (reactor->touched_task_posted)
        return;
    reactor->touched_task_posted = true;
    executor_post(loop_executor(reactor->loop), &reactor->touched_task);
}

/* The bound on bytes in flight. A reactor that is about to sleep announces it first and looks at
 * the count again; one that gives bytes back lowers the count first and looks for sleepers then.
 * With sequentially consistent atomics one of the two sees the other. */

bool reactor_is_over_bound(const struct reactor *reactor) {
    const struct reactor_shared *shared = reactor->shared;

    return shared->config.queued_request_bytes_max >= 0 &&
           atomic_load(&shared->held_bytes) >= shared->config.queued_request_bytes_max;
}

static void unstarve_post(struct reactor *reactor) {
    if (!atomic_exchange(&reactor->unstarve_posted, true))
        executor_post(loop_executor(reactor->loop), &reactor->unstarve_task);
}

void reactor_starve(struct reactor *reactor, struct channel *channel) {
    if (!channel->starved) {
        channel->starved = true;
        TAILQ_INSERT_TAIL(&reactor->starved, channel, in_starved);
    }
    if (!reactor->starving) {
        reactor->starving = true;
        atomic_fetch_add(&reactor->shared->starving_count, 1);
    }
    if (!reactor_is_over_bound(reactor))
        unstarve_post(reactor);
}

void reactor_feed(struct reactor *reactor) {
    struct reactor_shared *shared = reactor->shared;

    if (atomic_load(&shared->starving_count) == 0 || reactor_is_over_bound(reactor))
        return;
    for (size_t i = 0; i < shared->reactor_count; i++)
        unstarve_post(&shared->reactors[i]);
}

static void on_unstarve(struct task *task) {
    struct reactor *reactor = CONTAINER_OF(task, struct reactor, unstarve_task);

    atomic_store(&reactor->unstarve_posted, false);
    while (!TAILQ_EMPTY(&reactor->starved) && !reactor_is_over_bound(reactor)) {
        struct channel *channel = TAILQ_FIRST(&reactor->starved);

        TAILQ_REMOVE(&reactor->starved, channel, in_starved);
        channel->starved = false;
        channel_unstarve(channel);
    }
    if (reactor->starving && TAILQ_EMPTY(&reactor->starved)) {
        reactor->starving = false;
        atomic_fetch_sub(&reactor->shared->starving_count, 1);
    }
}

/* Idle connections. */

static void idle_arm(struct reactor *reactor, int64_t delay_ms) {
    reactor->idle_timer_armed = true;
    loop_timer_arm(&reactor->idle_timer, delay_ms < 1 ? 1 : delay_ms);
}

void reactor_watch_idle(struct reactor *reactor) {
    int64_t idle_ms = reactor->shared->config.connection_idle_ms_max;

    if (!reactor->idle_timer_armed && idle_ms >= 0)
        idle_arm(reactor, idle_ms);
}

static void on_idle_timer(struct loop_timer *timer) {
    struct reactor *reactor = CONTAINER_OF(timer, struct reactor, idle_timer);
    int64_t idle_ms = reactor->shared->config.connection_idle_ms_max;
    int64_t limit_ms = idle_ms + idle_ms / CHANNEL_IDLE_GRANULARITY;
    int64_t now_ms = reactor_now_ms();
    struct channel *channel;

    reactor->idle_timer_armed = false;
    while ((channel = TAILQ_FIRST(&reactor->by_activity)) != NULL) {
        if (now_ms - channel->listed_ms < limit_ms) {
            idle_arm(reactor, limit_ms - (now_ms - channel->listed_ms));
            return;
        }
        if (channel_is_idle(channel)) {
            counter_add(&reactor->counters.connections_closed_idle, 1);
            channel_close(channel);
        } else {
            channel->listed_ms = now_ms;
            TAILQ_REMOVE(&reactor->by_activity, channel, by_activity);
            TAILQ_INSERT_TAIL(&reactor->by_activity, channel, by_activity);
        }
    }
}

/* Shutting down. */

void reactor_check_drained(struct reactor *reactor) {
    if (!reactor->draining || !TAILQ_EMPTY(&reactor->by_activity))
        return;
    loop_timer_cancel(&reactor->drain_timer);
    loop_stop(reactor->loop);
}

static void on_drain_timer(struct loop_timer *timer) {
    struct reactor *reactor = CONTAINER_OF(timer, struct reactor, drain_timer);

    while (!TAILQ_EMPTY(&reactor->by_activity))
        channel_close(TAILQ_FIRST(&reactor->by_activity));
}

void reactor_drain(struct task *task) {
    struct reactor *reactor = CONTAINER_OF(task, struct reactor, drain_task);
    struct channel *channel, *next;

    reactor->draining = true;
    for (channel = TAILQ_FIRST(&reactor->by_activity); channel != NULL; channel = next) {
        next = TAILQ_NEXT(channel, by_activity);
        channel_drain(channel);
    }
    loop_timer_arm(&reactor->drain_timer, reactor->drain_ms);
    reactor_check_drained(reactor);
}

bool reactor_may_log(struct reactor *reactor, uint64_t *suppressed) {
    int64_t now_ms = reactor_now_ms();

    if (now_ms < reactor->log_next_ms) {
        reactor->log_suppressed++;
        return false;
    }
    reactor->log_next_ms = now_ms + LOG_INTERVAL_MS;
    *suppressed = reactor->log_suppressed;
    reactor->log_suppressed = 0;
    return true;
}

static void on_started(struct task *task) {
    struct reactor *reactor = CONTAINER_OF(task, struct reactor, started_task);
    clockid_t clock;

    if (pthread_getcpuclockid(pthread_self(), &clock) != 0)
        return;
    atomic_store(&reactor->cpu_clock, clock);
    atomic_store(&reactor->cpu_clock_known, true);
}

enum error reactor_init(struct reactor *reactor, struct reactor_shared *shared, size_t index) {
    *reactor = (struct reactor){
        .shared = shared,
        .index = index,
        .touched_task.run = on_touched,
        .unstarve_task.run = on_unstarve,
        .drain_task.run = reactor_drain,
        .started_task.run = on_started,
        .wheel_timer_due_ms = -1,
    };
    TAILQ_INIT(&reactor->by_activity);
    TAILQ_INIT(&reactor->touched);
    TAILQ_INIT(&reactor->starved);
    LIST_INIT(&reactor->exchanges);
    SLIST_INIT(&reactor->spare_exchanges);
    timer_wheel_init(&reactor->wheel, reactor_now_ms());
    read_turn_init(&reactor->turn);
    buffer_pool_init(&reactor->buffers, FREE_BUFFER_BYTES_MAX, &shared->held_bytes);
    reactor->read_buffer = malloc(REACTOR_READ_BUFFER_BYTES);
    reactor->of_listeners = calloc(shared->config.listener_count, sizeof(*reactor->of_listeners));
    if (reactor->read_buffer == NULL || reactor->of_listeners == NULL ||
        loop_new(&reactor->loop) != ERR_NONE)
        return ERR_OUT_OF_MEMORY;
    loop_timer_init(&reactor->wheel_timer, reactor->loop, on_wheel_timer);
    loop_timer_init(&reactor->idle_timer, reactor->loop, on_idle_timer);
    loop_timer_init(&reactor->drain_timer, reactor->loop, on_drain_timer);
    executor_post(loop_executor(reactor->loop), &reactor->started_task);
    return ERR_NONE;
}

void reactor_done(struct reactor *reactor) {
    if (reactor->shared == NULL)
        return;
    CHECK(TAILQ_EMPTY(&reactor->by_activity));
    on_touched(&reactor->touched_task); /* those that closed in the last turn */
    while (!LIST_EMPTY(&reactor->exchanges))
        exchange_free(LIST_FIRST(&reactor->exchanges));
    while (!SLIST_EMPTY(&reactor->spare_exchanges)) {
        struct exchange *exchange = SLIST_FIRST(&reactor->spare_exchanges);

        SLIST_REMOVE_HEAD(&reactor->spare_exchanges, spare);
        wire_writer_done(&exchange->response);
        arena_done(&exchange->request.arena);
        free(exchange);
    }
    if (reactor->loop != NULL) {
        loop_timer_done(&reactor->wheel_timer);
        loop_timer_done(&reactor->idle_timer);
        loop_timer_done(&reactor->drain_timer);
        loop_free(reactor->loop);
    }
    buffer_pool_done(&reactor->buffers);
    free(reactor->read_buffer);
    free(reactor->of_listeners);
    *reactor = (struct reactor){0};
}
