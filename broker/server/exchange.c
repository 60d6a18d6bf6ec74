#include <stdlib.h>

#include "broker/server/channel.h"
#include "client/base/logger.h"

/* What a spare exchange may hold on to: enough for the usual request, little in sum. */
#define SPARE_COUNT_MAX          256
#define SPARE_ARENA_BYTES_MAX    ((size_t)16 << 10)
#define SPARE_RESPONSE_BYTES_MAX ((size_t)16 << 10)

#define SIZE_BYTES 4

static struct exchange *exchange_of(struct request *request) {
    struct exchange *exchange = CONTAINER_OF(request, struct exchange, request);

    DCHECK(loop_is_current(exchange->channel->reactor->loop));
    DCHECK(exchange->state == EXCHANGE_RUNNING);
    return exchange;
}

static struct exchange *exchange_allocate(struct reactor *reactor) {
    struct exchange *exchange = SLIST_FIRST(&reactor->spare_exchanges);

    if (exchange != NULL) {
        SLIST_REMOVE_HEAD(&reactor->spare_exchanges, spare);
        reactor->spare_exchange_count--;
        return exchange;
    }
    exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return NULL;
    arena_init(&exchange->request.arena, reactor->shared->config.arena_bytes_max);
    wire_writer_init(&exchange->response, reactor->shared->config.response_bytes_max);
    return exchange;
}

static void on_deadline(struct reactor_timer *timer) {
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, deadline);

    exchange->expired(&exchange->request);
}

struct exchange *exchange_new(struct channel *channel, struct bytes frame) {
    struct reactor *reactor = channel->reactor;
    struct exchange *exchange = exchange_allocate(reactor);

    if (exchange == NULL)
        return NULL;
    exchange->request.listener = channel->listener;
    exchange->request.client_address = channel->address_text;
    exchange->request.connection_id = channel->id;
    exchange->request.frame = frame;
    exchange->request.executor = loop_executor(reactor->loop);
    exchange->request.task = (struct task){0};
    exchange->request.user = NULL;
    exchange->request.label = (struct request_label){0};
    exchange->channel = channel;
    exchange->state = EXCHANGE_RUNNING;
    exchange->deadline.expired = on_deadline;
    exchange->abandoned = NULL;
    exchange->sent = 0;
    exchange->slice = 0;
    exchange->slice_sent = 0;
    exchange->times = (struct request_times){.received_ns = channel->read_ns,
                                             .started_ns = reactor->now_ns,
                                             .request_bytes = frame.size};
    TAILQ_INSERT_TAIL(&channel->exchanges, exchange, in_channel);
    channel->exchange_count++;
    LIST_INSERT_HEAD(&reactor->exchanges, exchange, in_reactor);
    counter_add(&reactor->counters.requests_outstanding, 1);
    return exchange;
}

/* What only a running request needs. */
static void exchange_release(struct exchange *exchange) {
    struct reactor *reactor = exchange->channel->reactor;

    reactor_timer_cancel(reactor, &exchange->deadline);
    arena_reset(&exchange->request.arena);
    buffer_pool_give(&reactor->buffers, &exchange->kept_frame);
    if (exchange->channel->holder == exchange)
        exchange->channel->holder = NULL;
    exchange->abandoned = NULL;
    exchange->request.frame = BYTES_NULL;
    if (reactor->running == exchange)
        reactor->running = NULL;
}

void exchange_free(struct exchange *exchange) {
    struct channel *channel = exchange->channel;
    struct reactor *reactor = channel->reactor;

    exchange_release(exchange);
    TAILQ_REMOVE(&channel->exchanges, exchange, in_channel);
    channel->exchange_count--;
    if (exchange->state == EXCHANGE_ANSWERED)
        channel->unsent_bytes -= exchange->response.size;
    LIST_REMOVE(exchange, in_reactor);
    counter_add(&reactor->counters.requests_outstanding, UINT64_MAX);
    if (exchange->request.arena.allocated > SPARE_ARENA_BYTES_MAX)
        arena_done(&exchange->request.arena);
    if (exchange->response.capacity > SPARE_RESPONSE_BYTES_MAX)
        wire_writer_done(&exchange->response);
    else
        wire_writer_reset(&exchange->response);
    exchange->channel = NULL;
    if (reactor->spare_exchange_count < SPARE_COUNT_MAX) {
        SLIST_INSERT_HEAD(&reactor->spare_exchanges, exchange, spare);
        reactor->spare_exchange_count++;
    } else {
        wire_writer_done(&exchange->response);
        arena_done(&exchange->request.arena);
        free(exchange);
    }
    channel_free_if_over(channel);
}

void exchange_end(struct exchange *exchange, enum exchange_state state) {
    struct channel *channel = exchange->channel;
    struct reactor *reactor = channel->reactor;

    CHECK(exchange->state == EXCHANGE_RUNNING);
    exchange->times.ended_ns = reactor_note_now(reactor);
    if (exchange->times.waited_ns != 0)
        counter_add(&reactor->counters.waiting[exchange->request.label.kind], UINT64_MAX);
    exchange_release(exchange);
    exchange->state = state;
    if (state == EXCHANGE_ANSWERED)
        channel->unsent_bytes += exchange->response.size;
    if (state == EXCHANGE_FATAL)
        channel->stopped = true;
    if (channel->fd < 0)
        exchange_free(exchange);
    else
        reactor_touch(reactor, channel);
    reactor_feed(reactor);
}

enum error request_keep_frame(struct request *request) {
    struct exchange *exchange = exchange_of(request);
    struct reactor *reactor = exchange->channel->reactor;

    if (exchange->kept_frame.data != NULL)
        return ERR_NONE;
    CHECK(reactor->running == exchange);
    if (frame_reader_steal(&exchange->channel->reader, request->frame, &exchange->kept_frame))
        return ERR_NONE;
    if (!buffer_pool_take(&reactor->buffers, request->frame.size, &exchange->kept_frame))
        return ERR_OUT_OF_MEMORY;
    memcpy(exchange->kept_frame.data, request->frame.data, request->frame.size);
    request->frame.data = exchange->kept_frame.data;
    return ERR_NONE;
}

struct wire_writer *request_response(struct request *request) {
    struct exchange *exchange = exchange_of(request);

    wire_writer_reset(&exchange->response);
    wire_write_i32(&exchange->response, 0);
    return &exchange->response;
}

void request_send(struct request *request) {
    struct exchange *exchange = exchange_of(request);
    struct wire_writer *response = &exchange->response;
    size_t size = response->size + response->slice_bytes - SIZE_BYTES;
    uint64_t suppressed;

    CHECK(response->error != ERR_NONE || response->size >= SIZE_BYTES);
    if (response->error == ERR_NONE && size <= INT32_MAX) {
        wire_patch_i32(response, 0, (int32_t)size);
        exchange_end(exchange, EXCHANGE_ANSWERED);
        return;
    }
    if (reactor_may_log(exchange->channel->reactor, &suppressed))
        LOG_ERROR("response_failed", "client=%s error=%s size=%zu suppressed=%" PRIu64,
                  request->client_address, error_name(response->error), size, suppressed);
    exchange_end(exchange, EXCHANGE_FATAL);
}

void request_finish_without_response(struct request *request) {
    exchange_end(exchange_of(request), EXCHANGE_UNANSWERED);
}

void request_close_connection(struct request *request) {
    exchange_end(exchange_of(request), EXCHANGE_FATAL);
}

void request_set_deadline(struct request *request, int64_t delay_ms,
                          void (*expired)(struct request *request)) {
    struct exchange *exchange = exchange_of(request);

    exchange->expired = expired;
    reactor_timer_set(exchange->channel->reactor, &exchange->deadline, delay_ms);
}

void request_cancel_deadline(struct request *request) {
    struct exchange *exchange = exchange_of(request);

    reactor_timer_cancel(exchange->channel->reactor, &exchange->deadline);
}

void request_on_abandoned(struct request *request, void (*abandoned)(struct request *request)) {
    exchange_of(request)->abandoned = abandoned;
}

void request_throttle_connection(struct request *request, int64_t delay_ms) {
    channel_throttle(exchange_of(request)->channel, delay_ms);
}

void request_hold_connection(struct request *request) {
    struct exchange *exchange = exchange_of(request);

    CHECK(exchange->channel->reactor->running == exchange && exchange->channel->holder == NULL);
    exchange->channel->holder = exchange;
}

void request_release_connection(struct request *request) {
    struct channel *channel = exchange_of(request)->channel;

    CHECK(channel->holder == CONTAINER_OF(request, struct exchange, request));
    channel->holder = NULL;
    if (channel->fd >= 0)
        reactor_touch(channel->reactor, channel);
}

void *request_connection_user(const struct request *request) {
    const struct exchange *exchange =
        CONTAINER_OF((struct request *)(uintptr_t)request, struct exchange, request);

    return exchange->channel->user;
}

void request_set_connection_user(struct request *request, void *user) {
    exchange_of(request)->channel->user = user;
}
