/*
 * One thread with its event loop, its connections, and all that they share: the read buffer, the
 * pools, the deadlines.
 *
 * A turn is: the ready sockets and timers, then the tasks of the inbox. Connections whose
 * requests ended outside their own read event are put on `touched` and looked after once, at the
 * end of the turn, so that responses made in one turn leave together.
 *
 * Threads: the reactor's, but for what is marked.
 */
#ifndef BROKER_SERVER_REACTOR_H
#define BROKER_SERVER_REACTOR_H

#include <stdatomic.h>
#include <sys/queue.h>
#include <time.h>

#include "broker/metrics/counter.h"
#include "broker/server/buffer_pool.h"
#include "broker/server/connection_quota.h"
#include "broker/server/read_turn.h"
#include "broker/server/server.h"
#include "broker/server/timer_wheel.h"
#include "client/net/loop.h"

#define REACTOR_READ_BUFFER_BYTES ((size_t)256 << 10)

struct channel;
struct exchange;
struct reactor;
struct acceptor;

TAILQ_HEAD(channel_list, channel);
LIST_HEAD(exchange_all, exchange);
SLIST_HEAD(exchange_pool, exchange);

/* A deadline on the reactor's wheel. */
struct reactor_timer {
    struct timer_wheel_entry entry;
    void (*expired)(struct reactor_timer *timer);
};

/* Written by the reactor alone, read by anybody. */
struct reactor_counters {
    _Atomic uint64_t requests_outstanding;
    _Atomic uint64_t requests_stashed; /* read whole, but not run yet */
    _Atomic uint64_t connections_accepted;
    _Atomic uint64_t connections_closed_idle;
    _Atomic uint64_t connections_refused;
    _Atomic uint64_t frames_refused;
    _Atomic uint64_t requests;
    _Atomic uint64_t responses;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t waiting[UINT8_MAX + 1]; /* requests whose handler returned before the end */
};

/* Likewise; but the acceptor adds connections. */
struct listener_counters {
    _Atomic int64_t connections;
    _Atomic uint64_t connections_accepted;
};

/* What the reactors of one server share. */
struct reactor_shared {
    struct server_config config; /* fixed */
    struct connection_quota quota;
    _Atomic int64_t held_bytes;     /* of all buffer pools */
    _Atomic int32_t starving_count; /* reactors with channels that wait for held_bytes to fall */
    _Atomic uint64_t next_connection_id;
    struct reactor *reactors; /* fixed after server_new */
    size_t reactor_count;
    struct acceptor *acceptor; /* the first reactor's */
};

struct reactor {
    struct reactor_shared *shared;
    struct loop *loop;
    size_t index;
    uint8_t *read_buffer;
    struct read_turn turn;
    struct buffer_pool buffers;

    struct channel_list by_activity; /* all channels, the longest idle first */
    struct loop_timer idle_timer;    /* armed while there are channels */
    bool idle_timer_armed;

    struct channel_list touched;
    struct task touched_task;
    bool touched_task_posted;

    struct channel_list starved; /* want to read; the bytes in flight are over their bound */
    bool starving;               /* counted in starving_count */
    atomic_bool unstarve_posted; /* any reactor */
    struct task unstarve_task;

    struct exchange_all exchanges; /* in use */
    struct exchange_pool spare_exchanges;
    size_t spare_exchange_count;
    int64_t now_ns; /* when something was last received, ended or sent; old between turns */
    struct exchange *running; /* whose handler is on the stack, until it ends */

    struct timer_wheel wheel;
    struct loop_timer wheel_timer;
    int64_t wheel_timer_due_ms; /* -1: not armed */

    bool draining;
    int64_t drain_ms;
    struct loop_timer drain_timer;
    struct task drain_task;

    int64_t log_next_ms; /* when the next line about a client's misbehaviour may be written */
    uint64_t log_suppressed;

    _Atomic int64_t connections; /* given to this reactor; the acceptor adds */
    _Atomic int32_t cpu_clock;   /* clockid_t of the thread */
    atomic_bool cpu_clock_known;
    struct task started_task;
    struct reactor_counters counters;
    struct listener_counters *of_listeners; /* as many as there are listeners */
};

MUST_CHECK enum error reactor_init(struct reactor *reactor, struct reactor_shared *shared,
                                   size_t index);
/* After its thread has ended; accepts a zeroed one. */
void reactor_done(struct reactor *reactor);

int64_t reactor_now_ms(void);
/* Reads the clock, and notes it. */
int64_t reactor_note_now(struct reactor *reactor);

void reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer, int64_t delay_ms);
void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer);

/* The channel is looked after at the end of the turn. */
void reactor_touch(struct reactor *reactor, struct channel *channel);

/* Whether queued_request_bytes_max is reached. */
bool reactor_is_over_bound(const struct reactor *reactor);
/* Puts the channel to sleep until it is not. */
void reactor_starve(struct reactor *reactor, struct channel *channel);
/* To be called after buffers were given back: wakes the reactors that starve. */
void reactor_feed(struct reactor *reactor);

/* Makes sure that the idle timer runs. */
void reactor_watch_idle(struct reactor *reactor);

/* From the first reactor's acceptor or any: begins to drain, ends the loop when the last
 * connection is gone or the time is up. Runs as drain_task. */
void reactor_drain(struct task *task);
/* After a channel has left: ends the loop if that was the last one. */
void reactor_check_drained(struct reactor *reactor);

/* At most one line a second per reactor about clients' misbehaviour; tells how many were left
 * out before. */
bool reactor_may_log(struct reactor *reactor, uint64_t *suppressed);

#endif
