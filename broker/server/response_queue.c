/*
 * Sends the responses of a channel's exchanges, in order, each being bytes with file ranges
 * between them.
 *
 * Bytes of consecutive responses leave in one sendmsg; before a file range with MSG_MORE, so that
 * the header and the records share segments. The range goes with sendfile, from the page cache.
 * The socket is written to at once; only when it is full, or has had its share of this turn, the
 * write event is waited for.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "broker/server/channel.h"
#include "client/base/logger.h"

/* What clients ask for at most of a partition by default, 1 MiB, with what is said of it: were it
 * a byte less, each answer's tail would wait for a turn of its own. */
#define SEND_BYTES_PER_TURN (((size_t)1 << 20) + ((size_t)64 << 10))
#define PIECES_MAX          64

/* The bytes up to the next file range, or to the end. */
static size_t bytes_end(const struct exchange *exchange) {
    const struct wire_writer *response = &exchange->response;

    return exchange->slice < response->slice_count ? response->slices[exchange->slice].at
                                                   : response->size;
}

static bool at_slice(const struct exchange *exchange) {
    return exchange->slice < exchange->response.slice_count &&
           exchange->sent == exchange->response.slices[exchange->slice].at;
}

static bool is_sent(const struct exchange *exchange) {
    return exchange->sent == exchange->response.size &&
           exchange->slice == exchange->response.slice_count;
}

/* It is over, as of the reactor's now_ns. */
static void tell_of(const struct channel *channel, struct exchange *exchange) {
    const struct server_config *config = &channel->reactor->shared->config;
    struct request_times *times = &exchange->times;

    if (config->on_request_over == NULL)
        return;
    times->sent_ns = channel->reactor->now_ns;
    times->response_bytes = exchange->state == EXCHANGE_ANSWERED
                                ? exchange->response.size + exchange->response.slice_bytes
                                : 0;
    config->on_request_over(config->context, &exchange->request, times);
}

/* Takes ended exchanges with nothing left to send off the front. */
static void drop_sent(struct channel *channel) {
    struct exchange *head;

    while ((head = TAILQ_FIRST(&channel->exchanges)) != NULL) {
        if (head->state == EXCHANGE_ANSWERED && is_sent(head))
            counter_add(&channel->reactor->counters.responses, 1);
        else if (head->state != EXCHANGE_UNANSWERED)
            return;
        tell_of(channel, head);
        exchange_free(head);
    }
}

/* The bytes that can leave together. `*more`: a file range follows at once. */
static int gather(struct channel *channel, struct iovec pieces[PIECES_MAX], bool *more) {
    struct exchange *exchange;
    int count = 0;

    *more = false;
    TAILQ_FOREACH (exchange, &channel->exchanges, in_channel) {
        size_t end;

        if (exchange->state == EXCHANGE_UNANSWERED)
            continue;
        if (exchange->state != EXCHANGE_ANSWERED || count == PIECES_MAX)
            break;
        end = bytes_end(exchange);
        if (exchange->times.sending_ns == 0)
            exchange->times.sending_ns = channel->reactor->now_ns;
        if (exchange->sent < end)
            pieces[count++] =
                (struct iovec){exchange->response.data + exchange->sent, end - exchange->sent};
        if (exchange->slice < exchange->response.slice_count) {
            *more = true;
            break;
        }
    }
    return count;
}

static void bytes_were_sent(struct channel *channel, size_t size) {
    drop_sent(channel);
    while (size > 0) {
        struct exchange *head = TAILQ_FIRST(&channel->exchanges);
        size_t part = bytes_end(head) - head->sent;

        if (part > size)
            part = size;
        CHECK(part > 0);
        head->sent += part;
        size -= part;
        drop_sent(channel);
    }
}

static ssize_t send_bytes(struct channel *channel) {
    struct iovec pieces[PIECES_MAX];
    bool more;
    const int count = gather(channel, pieces, &more);
    const int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    ssize_t sent = count == 1 ? send(channel->fd, pieces[0].iov_base, pieces[0].iov_len, flags)
                              : sendmsg(channel->fd, &message, flags);

    if (sent > 0) {
        (void)reactor_note_now(channel->reactor);
        bytes_were_sent(channel, (size_t)sent);
    }
    return sent;
}

static ssize_t send_slice(struct channel *channel, struct exchange *exchange, size_t size_max) {
    const struct file_range *range = &exchange->response.slices[exchange->slice].range;
    off_t position = (off_t)(range->position + (int64_t)exchange->slice_sent);
    size_t size = range->size - exchange->slice_sent;
    ssize_t sent = sendfile(channel->fd, range->fd, &position, size < size_max ? size : size_max);

    if (sent == 0) {
        /* The frame has been announced with these bytes: only closing can take it back. */
        LOG_ERROR("file_range_truncated", "client=%s position=%" PRId64 " missing=%zu",
                  channel->address_text, (int64_t)position, size);
        errno = EIO;
        return -1;
    }
    if (sent < 0)
        return sent;
    (void)reactor_note_now(channel->reactor);
    exchange->slice_sent += (size_t)sent;
    if (exchange->slice_sent == range->size) {
        exchange->slice++;
        exchange->slice_sent = 0;
        drop_sent(channel);
    }
    return sent;
}

static void on_writable(evutil_socket_t fd, short events, void *context) {
    struct channel *channel = context;

    (void)fd;
    (void)events;
    channel->blocked = false;
    (void)reactor_note_now(channel->reactor);
    channel_look_after(channel);
}

/* Waits for the write event; where the socket is not full it comes in the next turn. */
static void block(struct channel *channel) {
    channel->blocked = true;
    if (channel->write_armed)
        return;
    if (channel->write_event == NULL) {
        channel->write_event = event_new(loop_base(channel->reactor->loop), channel->fd,
                                         EV_WRITE | EV_PERSIST, on_writable, channel);
        CHECK(channel->write_event != NULL);
    }
    CHECK(event_add(channel->write_event, NULL) == 0);
    channel->write_armed = true;
}

static void unblock(struct channel *channel) {
    if (!channel->write_armed)
        return;
    CHECK(event_del(channel->write_event) == 0);
    channel->write_armed = false;
}

bool channel_send(struct channel *channel) {
    size_t budget = SEND_BYTES_PER_TURN;
    struct exchange *head;

    if (channel->blocked)
        return true;
    drop_sent(channel);
    while ((head = TAILQ_FIRST(&channel->exchanges)) != NULL) {
        ssize_t sent;

        if (head->state == EXCHANGE_FATAL)
            return false;
        if (head->state == EXCHANGE_RUNNING)
            break;
        if (budget == 0) {
            block(channel);
            return true;
        }
        sent = at_slice(head) ? send_slice(channel, head, budget) : send_bytes(channel);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            block(channel);
            return true;
        }
        if (sent < 0)
            return false;
        counter_add(&channel->reactor->counters.bytes_out, (uint64_t)sent);
        channel_note_activity(channel);
        budget -= budget < (size_t)sent ? budget : (size_t)sent;
    }
    unblock(channel);
    return true;
}
