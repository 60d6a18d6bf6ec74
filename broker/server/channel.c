#include "broker/server/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/server/acceptor.h"
#include "client/base/logger.h"

static const struct server_config *config_of(const struct channel *channel) {
    return &channel->reactor->shared->config;
}

/* What was read may run. */
static bool may_run(const struct channel *channel) {
    return channel->fd >= 0 && !channel->stopped && !channel->throttled &&
           channel->holder == NULL &&
           channel->exchange_count < config_of(channel)->outstanding_requests_max &&
           channel->unsent_bytes <= config_of(channel)->unsent_response_bytes_max;
}

static bool may_read(const struct channel *channel) {
    return may_run(channel) && !channel->peer_closed && !channel->stashed;
}

static void read_arm(struct channel *channel) {
    if (channel->read_armed || channel->starved || channel->fd < 0)
        return;
    channel->read_armed = true;
    CHECK(event_add(channel->read_event, NULL) == 0);
}

static void read_disarm(struct channel *channel) {
    if (!channel->read_armed)
        return;
    channel->read_armed = false;
    CHECK(event_del(channel->read_event) == 0);
}

void channel_note_activity(struct channel *channel) {
    struct reactor *reactor = channel->reactor;
    int64_t idle_ms_max = config_of(channel)->connection_idle_ms_max;
    int64_t now_ms;

    if (idle_ms_max < 0)
        return;
    now_ms = reactor->now_ns / 1000000;
    if (now_ms - channel->listed_ms <= idle_ms_max / CHANNEL_IDLE_GRANULARITY)
        return;
    channel->listed_ms = now_ms;
    TAILQ_REMOVE(&reactor->by_activity, channel, by_activity);
    TAILQ_INSERT_TAIL(&reactor->by_activity, channel, by_activity);
}

bool channel_is_idle(const struct channel *channel) {
    return (channel->exchange_count == 0 || channel->blocked) && !channel->throttled &&
           !channel->starved;
}

void channel_free_if_over(struct channel *channel) {
    const struct server_config *config = config_of(channel);

    if (channel->fd >= 0 || channel->exchange_count > 0 || channel->busy || channel->touched)
        return;
    if (channel->user != NULL && config->on_connection_closed != NULL)
        config->on_connection_closed(config->context, channel->user);
    free(channel);
}

/* The connection ends when everything before has been sent. */
static void end_in_turn(struct channel *channel) {
    struct exchange *last = exchange_new(channel, BYTES_NULL);

    channel->stopped = true;
    if (last != NULL)
        exchange_end(last, EXCHANGE_FATAL);
    else
        channel_close(channel);
}

static void refuse_frame(struct channel *channel, enum frame_status status, struct bytes input) {
    uint64_t suppressed;

    counter_add(&channel->reactor->counters.frames_refused, 1);
    if (reactor_may_log(channel->reactor, &suppressed))
        LOG_WARN("frame_refused", "listener=%s client=%s reason=%s size=%d suppressed=%" PRIu64,
                 channel->listener->name, channel->address_text,
                 status == FRAME_REFUSED ? "size" : "out_of_memory",
                 frame_reader_announced_size(&channel->reader, input), suppressed);
    end_in_turn(channel);
}

static void set_stashed_count(struct channel *channel, uint64_t count) {
    counter_add(&channel->reactor->counters.requests_stashed, count - channel->stashed_count);
    channel->stashed_count = count;
}

/* The clock was noted as the frame was read, or as the handler before ended or began to wait: so
 * its start costs no look at it. */
static void run_one(struct channel *channel, struct bytes frame) {
    struct reactor *reactor = channel->reactor;
    struct exchange *exchange = exchange_new(channel, frame);

    if (exchange == NULL) {
        refuse_frame(channel, FRAME_NO_MEMORY, BYTES_NULL);
        return;
    }
    counter_add(&reactor->counters.requests, 1);
    reactor->running = exchange;
    config_of(channel)->on_request(config_of(channel)->context, &exchange->request);
    /* Whoever still reads a frame that was not kept should fall over at once. */
    if (reactor->running == exchange && exchange->kept_frame.data == NULL)
        exchange->request.frame = BYTES_NULL;
    if (reactor->running == exchange) {
        exchange->times.waited_ns = reactor_note_now(reactor);
        counter_add(&reactor->counters.waiting[exchange->request.label.kind], 1);
    }
    reactor->running = NULL;
}

/* Runs the frames that are whole, in place; stashes what may not run yet. Responses are sent in
 * between only when they stand in the way. */
static void run_input(struct channel *channel, struct bytes input) {
    enum frame_status status = FRAME_READY;

    channel->stashed = true;
    while (status == FRAME_READY) {
        struct bytes frame;

        if (!may_run(channel) && channel->fd >= 0 && !channel->stopped && !channel_send(channel))
            channel_close(channel);
        if (!may_run(channel))
            break;
        status = frame_reader_next(&channel->reader, &input, &frame);
        if (status == FRAME_READY && channel->stashed_count > 0)
            set_stashed_count(channel, channel->stashed_count - 1);
        if (status == FRAME_READY)
            run_one(channel, frame);
        else if (status == FRAME_NEEDS_MORE)
            channel->stashed = false;
        else
            refuse_frame(channel, status, input);
    }
    if (channel->fd < 0)
        return;
    if (channel->stopped) {
        frame_reader_done(&channel->reader);
        set_stashed_count(channel, 0);
        channel->stashed = false;
    } else if (!frame_reader_stash(&channel->reader, input)) {
        refuse_frame(channel, FRAME_NO_MEMORY, input);
    } else if (channel->stashed && input.size > 0) {
        set_stashed_count(channel, frame_reader_whole_frames(&channel->reader));
    }
}

/* What one look at a channel leaves behind: what can be sent is sent, and it is closed, reading
 * or paused, as its state demands. Must be the last thing done with it: it may be freed. */
static void settle(struct channel *channel) {
    struct reactor *reactor = channel->reactor;

    if (channel->fd >= 0 && !channel_send(channel))
        channel_close(channel);
    if (channel->fd >= 0 && channel->stashed && may_run(channel)) {
        (void)reactor_note_now(reactor);
        run_input(channel, bytes_of("", 0));
        if (channel->fd >= 0 && !channel_send(channel))
            channel_close(channel);
    }
    if (channel->fd >= 0 && channel->exchange_count == 0 && !channel->stashed &&
        (channel->peer_closed || channel->stopped))
        channel_close(channel);
    if (channel->fd >= 0 && may_read(channel))
        read_arm(channel);
    channel->busy = false;
    /* More of the stash can run, but others have waited for long enough. */
    if (channel->fd >= 0 && channel->stashed && may_run(channel))
        reactor_touch(reactor, channel);
    reactor_feed(reactor);
    channel_free_if_over(channel);
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Where the next read goes: the rest of an unfinished frame into its place, which costs little
 * beside running it, and what is left of the budget into the reactor's buffer. The count of
 * `places`; 0: nothing can be read now. */
static int read_places(struct channel *channel, size_t budget, struct iovec places[2]) {
    struct reactor *reactor = channel->reactor;
    int count = 0;
    uint8_t *rest;
    size_t room;

    if (!frame_reader_room(&channel->reader, &rest, &room)) {
        refuse_frame(channel, FRAME_NO_MEMORY, BYTES_NULL);
        return 0;
    }
    if (room > 0)
        places[count++] = (struct iovec){rest, smaller(room, READ_TURN_BYTES_MAX)};
    /* Past the bound no new frames are begun; those that hold memory may finish. */
    if (!reactor_is_over_bound(reactor)) {
        size_t left = smaller(budget, REACTOR_READ_BUFFER_BYTES);
        if (room < left)
            places[count++] = (struct iovec){reactor->read_buffer, left - room};
    } else if (room == 0) {
        read_disarm(channel);
        reactor_starve(reactor, channel);
    }
    return count;
}

/* Runs what was read into the places. */
static void run_places(struct channel *channel, const struct iovec *places, size_t count) {
    struct reactor *reactor = channel->reactor;
    size_t in_rest = 0;

    channel->read_ns = reactor_note_now(reactor);
    channel_note_activity(channel);
    counter_add(&reactor->counters.bytes_in, count);
    if (places[0].iov_base != reactor->read_buffer)
        in_rest = smaller(count, places[0].iov_len);
    if (in_rest > 0)
        frame_reader_received(&channel->reader, in_rest);
    run_input(channel, bytes_of(reactor->read_buffer, count - in_rest));
    read_turn_note(&reactor->turn, count, reactor->now_ns - channel->read_ns);
}

/* Reads once. True if there may be more, and it is still this connection's turn. */
static bool read_once(struct channel *channel, size_t *budget) {
    struct iovec places[2] = {{NULL, 0}, {NULL, 0}};
    int place_count = read_places(channel, *budget, places);
    ssize_t count;

    if (place_count == 0)
        return false;
    /* recv is the shorter way into the kernel, and one place is the usual case. */
    count = place_count == 1 ? recv(channel->fd, places[0].iov_base, places[0].iov_len, 0)
                             : readv(channel->fd, places, place_count);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR)
            channel_close(channel);
        return false;
    }
    if (count == 0) {
        channel->peer_closed = true;
        return false;
    }
    run_places(channel, places, (size_t)count);
    *budget -= smaller(*budget, (size_t)count);
    return (size_t)count == places[0].iov_len + places[1].iov_len && *budget >= READ_TURN_BYTES_MIN;
}

static void on_readable(evutil_socket_t fd, short events, void *context) {
    struct channel *channel = context;
    size_t budget = channel->reactor->turn.size;

    (void)fd;
    (void)events;
    CHECK(!channel->busy);
    channel->busy = true;
    while (may_read(channel) && read_once(channel, &budget))
        continue;
    /* Only a socket that has something to say is taken out of the poll set, so that a pause that
     * nobody notices costs nothing. */
    if (!may_read(channel))
        read_disarm(channel);
    settle(channel);
}

void channel_look_after(struct channel *channel) {
    CHECK(!channel->busy);
    channel->busy = true;
    settle(channel);
}

void channel_throttle(struct channel *channel, int64_t delay_ms) {
    int64_t until_ms = reactor_now_ms() + delay_ms;

    if (channel->fd < 0 || delay_ms <= 0 ||
        (channel->throttled && channel->throttled_until_ms >= until_ms))
        return;
    channel->throttled = true;
    channel->throttled_until_ms = until_ms;
    reactor_timer_set(channel->reactor, &channel->throttle, delay_ms);
}

void channel_unstarve(struct channel *channel) {
    if (may_read(channel))
        read_arm(channel);
}

void channel_drain(struct channel *channel) {
    channel->stopped = true;
    channel->stashed = false;
    read_disarm(channel);
    if (!channel->busy)
        channel_look_after(channel);
}

static void on_throttle_over(struct reactor_timer *timer) {
    struct channel *channel = CONTAINER_OF(timer, struct channel, throttle);

    channel->throttled = false;
    channel->busy = true;
    settle(channel);
}

/* Calls the hooks one by one from the front, since one may end more than its own request. */
static void abandon_requests(struct channel *channel) {
    struct exchange *exchange = TAILQ_FIRST(&channel->exchanges);

    while (exchange != NULL) {
        void (*abandoned)(struct request *) = exchange->abandoned;

        if (exchange->state != EXCHANGE_RUNNING) {
            struct exchange *next = TAILQ_NEXT(exchange, in_channel);
            exchange_free(exchange);
            exchange = next;
        } else if (abandoned != NULL) {
            exchange->abandoned = NULL;
            abandoned(&exchange->request);
            exchange = TAILQ_FIRST(&channel->exchanges);
        } else {
            exchange = TAILQ_NEXT(exchange, in_channel);
        }
    }
}

static struct listener_counters *counters_of_listener(const struct channel *channel) {
    const struct reactor *reactor = channel->reactor;

    return &reactor->of_listeners[channel->listener - reactor->shared->config.listeners];
}

void channel_close(struct channel *channel) {
    struct reactor *reactor = channel->reactor;
    const bool was_busy = channel->busy;

    if (channel->fd < 0)
        return;
    channel->busy = true;
    event_free(channel->read_event);
    if (channel->write_event != NULL)
        event_free(channel->write_event);
    close(channel->fd);
    channel->fd = -1;
    frame_reader_done(&channel->reader);
    set_stashed_count(channel, 0);
    reactor_timer_cancel(reactor, &channel->throttle);
    TAILQ_REMOVE(&reactor->by_activity, channel, by_activity);
    if (channel->starved)
        TAILQ_REMOVE(&reactor->starved, channel, in_starved);
    channel->starved = false;
    atomic_fetch_sub(&reactor->connections, 1);
    atomic_fetch_sub(&counters_of_listener(channel)->connections, 1);
    if (connection_quota_release(&reactor->shared->quota, &channel->address))
        acceptor_retry(reactor->shared->acceptor);
    abandon_requests(channel);
    reactor_feed(reactor);
    reactor_check_drained(reactor);
    channel->busy = was_busy;
    channel_free_if_over(channel);
}

static void channel_start(struct task *task) {
    struct channel *channel = CONTAINER_OF(task, struct channel, adopt_task);
    struct reactor *reactor = channel->reactor;

    counter_add(&reactor->counters.connections_accepted, 1);
    counter_add(&counters_of_listener(channel)->connections_accepted, 1);
    channel->listed_ms = reactor_now_ms();
    TAILQ_INSERT_TAIL(&reactor->by_activity, channel, by_activity);
    channel->read_event = event_new(loop_base(reactor->loop), channel->fd, EV_READ | EV_PERSIST,
                                    on_readable, channel);
    CHECK(channel->read_event != NULL);
    read_arm(channel);
    reactor_watch_idle(reactor);
}

void channel_adopt(struct reactor *reactor, const struct server_listener *listener, int fd,
                   const struct in6_addr *address) {
    struct channel *channel = calloc(1, sizeof(*channel));

    if (channel == NULL) {
        close(fd);
        if (connection_quota_release(&reactor->shared->quota, address))
            acceptor_retry(reactor->shared->acceptor);
        return;
    }
    channel->reactor = reactor;
    channel->listener = listener;
    channel->id = atomic_fetch_add(&reactor->shared->next_connection_id, 1);
    channel->fd = fd;
    channel->address = *address;
    channel->throttle.expired = on_throttle_over;
    channel->adopt_task.run = channel_start;
    TAILQ_INIT(&channel->exchanges);
    frame_reader_init(&channel->reader, &reactor->buffers,
                      (size_t)reactor->shared->config.frame_bytes_max);
    if (IN6_IS_ADDR_V4MAPPED(address))
        inet_ntop(AF_INET, &address->s6_addr[12], channel->address_text,
                  sizeof(channel->address_text));
    else
        inet_ntop(AF_INET6, address, channel->address_text, sizeof(channel->address_text));
    atomic_fetch_add(&reactor->connections, 1);
    atomic_fetch_add(&counters_of_listener(channel)->connections, 1);
    executor_post(loop_executor(reactor->loop), &channel->adopt_task);
}
