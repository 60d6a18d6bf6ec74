/*
 * requests, in the order of sending:
 *
 *     oldest ── ... ── unsent ── ...        (unsent: the first that is not in the kernel whole)
 *     [ wait for their responses ][ wait for the socket ]
 *
 * A request that ends without a response from the wire (acks=0, unknown API, failed encoding)
 * moves to `settled` and is told of it by the kick timer, so that nobody is called back from
 * inside his own call. Each callback may close the connection: `busy` keeps the memory until the
 * last frame on the stack has seen it.
 */
#include "client/net/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "client/net/dialer.h"
#include "client/net/spoken_versions.h"
#include "client/wire/header.h"
#include "client/wire/message/api_versions.h"

#define SIZE_BYTES        ((size_t)4)
#define INPUT_BYTES_FIRST ((size_t)16 << 10)
#define READS_PER_TURN    4
#define PIECES_MAX        16
#define SPARE_COUNT_MAX   4
#define SPARE_BYTES_MAX   ((size_t)1 << 20)
#define REQUEST_BYTES_MAX ((size_t)INT32_MAX)

enum stage { DIALLING, NEGOTIATING, READY, CLOSED };

struct outgoing {
    TAILQ_ENTRY(outgoing) next;
    int16_t api_key;
    int16_t version;
    int32_t correlation_id;
    bool expect_response;
    enum error error; /* of a settled one */
    struct wire_writer frame;
    size_t sent;
    int64_t deadline_ms;
    response_callback *done;
    void *context;
};

TAILQ_HEAD(outgoing_list, outgoing);

struct connection {
    struct loop *loop;
    struct connection_config config; /* strings are ours */
    enum stage stage;
    int busy;         /* callbacks on the stack */
    bool close_asked; /* free when busy falls to 0 */

    struct dialer dialer; /* while DIALLING */

    int fd; /* -1: none */
    struct event *read_event;
    struct event *write_event;
    bool write_armed;
    struct loop_timer deadline_timer;
    int64_t deadline_armed_ms; /* when it fires; INT64_MAX: never */
    int64_t ready_by_ms;
    struct loop_timer kick_timer; /* runs what connection_send may not */
    enum error kick_error;        /* the connection has failed inside connection_send */

    struct outgoing_list requests;
    struct outgoing *unsent; /* in `requests`, or NULL */
    struct outgoing_list settled;
    size_t outstanding; /* in both lists */
    struct outgoing_list spare;
    size_t spare_count;
    int32_t next_correlation_id;
    struct spoken_versions versions;

    uint8_t *input; /* parsed <= received <= input_capacity */
    size_t input_capacity;
    size_t parsed;
    size_t received;
};

static int64_t now_ms(void) {
    return clock_monotonic_ms(clock_system());
}

/* Requests. */

static struct outgoing *outgoing_new(struct connection *connection) {
    struct outgoing *outgoing = TAILQ_FIRST(&connection->spare);

    if (outgoing != NULL) {
        struct wire_writer frame = outgoing->frame;

        TAILQ_REMOVE(&connection->spare, outgoing, next);
        connection->spare_count--;
        *outgoing = (struct outgoing){.frame = frame};
        return outgoing;
    }
    outgoing = calloc(1, sizeof(*outgoing));
    CHECK(outgoing != NULL);
    wire_writer_init(&outgoing->frame, REQUEST_BYTES_MAX);
    return outgoing;
}

static void outgoing_free(struct connection *connection, struct outgoing *outgoing) {
    if (connection->spare_count < SPARE_COUNT_MAX && outgoing->frame.capacity <= SPARE_BYTES_MAX) {
        wire_writer_reset(&outgoing->frame);
        TAILQ_INSERT_HEAD(&connection->spare, outgoing, next);
        connection->spare_count++;
        return;
    }
    wire_writer_done(&outgoing->frame);
    free(outgoing);
}

/* Ends a request that is in no list any more. */
static void outgoing_end(struct connection *connection, struct outgoing *outgoing, enum error error,
                         struct wire_reader *body) {
    response_callback *done = outgoing->done;
    void *context = outgoing->context;
    int16_t version = outgoing->version;

    connection->outstanding--;
    outgoing_free(connection, outgoing);
    connection->busy++;
    done(context, error, version, body);
    connection->busy--;
}

static void tell_first(struct connection *connection) {
    struct outgoing *outgoing = TAILQ_FIRST(&connection->settled);

    TAILQ_REMOVE(&connection->settled, outgoing, next);
    outgoing_end(connection, outgoing, outgoing->error, NULL);
}

/* Tells those that were settled when this began. A callback may send more, or close and thereby
 * come here again, so the head is looked at anew each time. */
static void tell_settled(struct connection *connection) {
    const struct outgoing *last = TAILQ_LAST(&connection->settled, outgoing_list);
    const struct outgoing *told = NULL;

    while (told != last && !TAILQ_EMPTY(&connection->settled)) {
        told = TAILQ_FIRST(&connection->settled);
        tell_first(connection);
    }
}

/* What has become of the requests when the connection broke. */
static void settle_requests(struct connection *connection) {
    struct outgoing *outgoing;

    while ((outgoing = TAILQ_FIRST(&connection->requests)) != NULL) {
        outgoing->error = outgoing->sent > 0 ? ERR_CONNECTION_LOST : ERR_CONNECTION_FAILED;
        TAILQ_REMOVE(&connection->requests, outgoing, next);
        TAILQ_INSERT_TAIL(&connection->settled, outgoing, next);
    }
}

/* Closing. */

static void socket_close(struct connection *connection) {
    if (connection->read_event != NULL)
        event_free(connection->read_event);
    if (connection->write_event != NULL)
        event_free(connection->write_event);
    if (connection->fd >= 0)
        close(connection->fd);
    connection->read_event = NULL;
    connection->write_event = NULL;
    connection->write_armed = false;
    connection->fd = -1;
}

static void shut(struct connection *connection) {
    connection->stage = CLOSED;
    connection->unsent = NULL;
    dialer_stop(&connection->dialer);
    socket_close(connection);
    loop_timer_cancel(&connection->deadline_timer);
    connection->deadline_armed_ms = INT64_MAX;
}

static void free_if_closed(struct connection *connection) {
    struct outgoing *outgoing;

    if (!connection->close_asked || connection->busy > 0)
        return;
    while ((outgoing = TAILQ_FIRST(&connection->spare)) != NULL) {
        TAILQ_REMOVE(&connection->spare, outgoing, next);
        wire_writer_done(&outgoing->frame);
        free(outgoing);
    }
    dialer_done(&connection->dialer);
    loop_timer_done(&connection->deadline_timer);
    loop_timer_done(&connection->kick_timer);
    free((char *)(uintptr_t)connection->config.host);
    free((char *)(uintptr_t)connection->config.client_id);
    free(connection->input);
    free(connection);
}

/* The end that was not asked for. May free the connection. */
static void fail(struct connection *connection, enum error error) {
    if (connection->stage == CLOSED) {
        free_if_closed(connection);
        return;
    }
    shut(connection);
    connection->busy++;
    settle_requests(connection);
    tell_settled(connection);
    if (!connection->close_asked && connection->config.on_closed != NULL)
        connection->config.on_closed(connection->config.context, error);
    connection->busy--;
    free_if_closed(connection);
}

void connection_close(struct connection *connection) {
    if (connection == NULL || connection->close_asked)
        return;
    connection->close_asked = true;
    shut(connection);
    loop_timer_cancel(&connection->kick_timer);
    connection->busy++;
    settle_requests(connection);
    while (!TAILQ_EMPTY(&connection->settled)) {
        TAILQ_FIRST(&connection->settled)->error = ERR_CANCELLED;
        tell_first(connection);
    }
    connection->busy--;
    free_if_closed(connection);
}

static void kick(struct connection *connection) {
    loop_timer_arm(&connection->kick_timer, 0);
}

static void settle(struct connection *connection, struct outgoing *outgoing, enum error error) {
    outgoing->error = error;
    TAILQ_INSERT_TAIL(&connection->settled, outgoing, next);
    kick(connection);
}

/* Deadlines: one timer for the earliest. A request that is answered leaves it armed; when it
 * fires too early it is armed anew. */

static void watch_deadline(struct connection *connection, int64_t deadline_ms) {
    int64_t wait_ms;

    if (deadline_ms >= connection->deadline_armed_ms)
        return;
    wait_ms = deadline_ms - now_ms();
    connection->deadline_armed_ms = deadline_ms;
    loop_timer_arm(&connection->deadline_timer, wait_ms);
}

static void on_deadline(struct loop_timer *timer) {
    struct connection *connection = CONTAINER_OF(timer, struct connection, deadline_timer);
    int64_t now = now_ms();
    int64_t earliest_ms = INT64_MAX;
    struct outgoing *outgoing;

    connection->deadline_armed_ms = INT64_MAX;
    if (connection->stage < READY) {
        if (connection->ready_by_ms <= now) {
            fail(connection, ERR_CONNECTION_FAILED);
            return;
        }
        earliest_ms = connection->ready_by_ms;
    }
    TAILQ_FOREACH (outgoing, &connection->requests, next) {
        if (outgoing->deadline_ms < earliest_ms)
            earliest_ms = outgoing->deadline_ms;
    }
    if (earliest_ms <= now)
        fail(connection,
             connection->stage == READY ? ERR_REQUEST_TIMED_OUT : ERR_CONNECTION_FAILED);
    else if (earliest_ms < INT64_MAX)
        watch_deadline(connection, earliest_ms);
}

/* Sending. */

static void write_arm(struct connection *connection, bool wanted) {
    if (connection->write_armed == wanted)
        return;
    connection->write_armed = wanted;
    CHECK((wanted ? event_add(connection->write_event, NULL)
                  : event_del(connection->write_event)) == 0);
}

static int gather(const struct connection *connection, struct iovec pieces[PIECES_MAX]) {
    struct outgoing *outgoing = connection->unsent;
    int count = 0;

    for (; outgoing != NULL && count < PIECES_MAX; outgoing = TAILQ_NEXT(outgoing, next))
        pieces[count++] = (struct iovec){outgoing->frame.data + outgoing->sent,
                                         outgoing->frame.size - outgoing->sent};
    return count;
}

static void note_sent(struct connection *connection, size_t size) {
    while (size > 0) {
        struct outgoing *outgoing = connection->unsent;
        size_t left = outgoing->frame.size - outgoing->sent;

        if (size < left) {
            outgoing->sent += size;
            return;
        }
        size -= left;
        outgoing->sent = outgoing->frame.size;
        connection->unsent = TAILQ_NEXT(outgoing, next);
        if (!outgoing->expect_response) {
            TAILQ_REMOVE(&connection->requests, outgoing, next);
            settle(connection, outgoing, ERR_NONE);
        }
    }
}

/* False: the connection is broken. */
static bool send_queued(struct connection *connection) {
    while (connection->unsent != NULL) {
        struct iovec pieces[PIECES_MAX];
        struct msghdr message = {.msg_iov = pieces};
        ssize_t count;

        message.msg_iovlen = (size_t)gather(connection, pieces);
        count = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            write_arm(connection, true);
            return true;
        }
        if (count < 0)
            return false;
        note_sent(connection, (size_t)count);
    }
    write_arm(connection, false);
    return true;
}

static void enqueue(struct connection *connection, struct outgoing *outgoing,
                    const struct wire_api *api, const void *message, int64_t timeout_ms) {
    const struct request_header header = {
        .api_key = api->key,
        .api_version = outgoing->version,
        .correlation_id = connection->next_correlation_id,
        .client_id = bytes_of_text(connection->config.client_id),
    };
    struct wire_writer *frame = &outgoing->frame;

    outgoing->api_key = api->key;
    outgoing->correlation_id = header.correlation_id;
    wire_write_i32(frame, 0);
    request_header_encode(frame, &header);
    api->request->encode(frame, outgoing->version, message);
    CHECK(frame->slice_count == 0); /* a client's records are in memory */
    if (frame->error != ERR_NONE) {
        settle(connection, outgoing, frame->error);
        return;
    }
    wire_patch_i32(frame, 0, (int32_t)(frame->size - SIZE_BYTES));
    connection->next_correlation_id =
        header.correlation_id == INT32_MAX ? 0 : header.correlation_id + 1;
    outgoing->deadline_ms =
        now_ms() + (timeout_ms > 0 ? timeout_ms : connection->config.request_timeout_ms);
    TAILQ_INSERT_TAIL(&connection->requests, outgoing, next);
    if (connection->unsent == NULL)
        connection->unsent = outgoing;
    watch_deadline(connection, outgoing->deadline_ms);
    if (!connection->write_armed && !send_queued(connection)) {
        connection->kick_error = ERR_CONNECTION_LOST;
        kick(connection);
    }
}

bool connection_is_ready(const struct connection *connection) {
    return connection->stage == READY;
}

int16_t connection_version(const struct connection *connection, int16_t api_key,
                           int16_t version_max) {
    return spoken_version(&connection->versions, api_key, version_max);
}

void connection_send(struct connection *connection, const struct wire_api *api, int16_t version_max,
                     const void *message, int64_t timeout_ms, bool expect_response,
                     response_callback *done, void *context) {
    struct outgoing *outgoing = outgoing_new(connection);

    CHECK(!connection->close_asked || connection->busy > 0);
    outgoing->done = done;
    outgoing->context = context;
    outgoing->expect_response = expect_response;
    connection->outstanding++;
    if (connection->stage != READY) {
        settle(connection, outgoing,
               connection->close_asked ? ERR_CANCELLED : ERR_CONNECTION_FAILED);
        return;
    }
    outgoing->version = connection_version(connection, api->key, version_max);
    if (outgoing->version < 0)
        settle(connection, outgoing, ERR_UNSUPPORTED_VERSION);
    else
        enqueue(connection, outgoing, api, message, timeout_ms);
}

size_t connection_in_flight(const struct connection *connection) {
    return connection->outstanding;
}

/* Receiving. */

static uint32_t size_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Room behind `received`. The buffer grows with what has come, not with what was announced. */
static bool input_reserve(struct connection *connection) {
    size_t held = connection->received - connection->parsed;
    size_t capacity = connection->input_capacity;
    uint8_t *larger;

    if (held == 0) {
        connection->parsed = 0;
        connection->received = 0;
    }
    if (connection->received < capacity)
        return true;
    if (connection->parsed > 0) {
        memmove(connection->input, connection->input + connection->parsed, held);
        connection->parsed = 0;
        connection->received = held;
        if (held <= capacity / 2)
            return true;
    }
    capacity = capacity == 0 ? INPUT_BYTES_FIRST : capacity * 2;
    if (capacity > connection->config.response_bytes_max + SIZE_BYTES)
        capacity = connection->config.response_bytes_max + SIZE_BYTES;
    if (capacity <= connection->input_capacity)
        return connection->received < connection->input_capacity;
    larger = realloc(connection->input, capacity);
    if (larger == NULL)
        return false;
    connection->input = larger;
    connection->input_capacity = capacity;
    return true;
}

/* Gives the response to its request. False: it is no answer to the oldest one. */
static bool deliver(struct connection *connection, struct bytes frame) {
    struct outgoing *oldest = TAILQ_FIRST(&connection->requests);
    struct wire_reader reader;
    int32_t correlation_id;

    /* Where acks=0 is still being sent, it is in the list but owes no response. */
    if (oldest == NULL || oldest == connection->unsent)
        return false;
    wire_reader_init(&reader, frame);
    if (response_header_decode(&reader, oldest->api_key, oldest->version, &correlation_id) !=
            ERR_NONE ||
        correlation_id != oldest->correlation_id)
        return false;
    TAILQ_REMOVE(&connection->requests, oldest, next);
    outgoing_end(connection, oldest, ERR_NONE, &reader);
    return true;
}

static enum error deliver_all(struct connection *connection) {
    while (connection->stage != CLOSED && connection->received - connection->parsed >= SIZE_BYTES) {
        size_t size = size_at(connection->input + connection->parsed);
        struct bytes frame;

        if (size > connection->config.response_bytes_max)
            return ERR_MALFORMED;
        if (connection->received - connection->parsed - SIZE_BYTES < size)
            break;
        frame = bytes_of(connection->input + connection->parsed + SIZE_BYTES, size);
        connection->parsed += SIZE_BYTES + size;
        if (!deliver(connection, frame))
            return ERR_MALFORMED;
    }
    return ERR_NONE;
}

static enum error lost_error(const struct connection *connection) {
    return connection->stage == READY ? ERR_CONNECTION_LOST : ERR_CONNECTION_FAILED;
}

static enum error receive(struct connection *connection) {
    for (int i = 0; i < READS_PER_TURN && connection->stage != CLOSED; i++) {
        size_t room;
        ssize_t count;
        enum error error;

        if (!input_reserve(connection))
            return ERR_OUT_OF_MEMORY;
        room = connection->input_capacity - connection->received;
        count = read(connection->fd, connection->input + connection->received, room);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR ? ERR_NONE : lost_error(connection);
        if (count == 0)
            return lost_error(connection);
        connection->received += (size_t)count;
        if ((error = deliver_all(connection)) != ERR_NONE)
            return error;
        if ((size_t)count < room)
            break;
    }
    return ERR_NONE;
}

static void on_readable(evutil_socket_t fd, short events, void *context) {
    struct connection *connection = context;
    enum error error;

    (void)fd;
    (void)events;
    connection->busy++;
    error = receive(connection);
    connection->busy--;
    if (error != ERR_NONE)
        fail(connection, error);
    else
        free_if_closed(connection);
}

/* Versions. */

static void ask_versions(struct connection *connection, int16_t version);

static void become_ready(struct connection *connection) {
    connection->stage = READY;
    connection->busy++;
    if (connection->config.on_ready != NULL)
        connection->config.on_ready(connection->config.context);
    connection->busy--;
    free_if_closed(connection);
}

static void on_versions(void *context, enum error error, int16_t version,
                        struct wire_reader *body) {
    struct connection *connection = context;
    int16_t next;

    if (error != ERR_NONE)
        return; /* fail() or connection_close() is at work */
    error = spoken_versions_read(&connection->versions, version, body, &next);
    if (error != ERR_NONE)
        fail(connection, error);
    else if (next >= 0)
        ask_versions(connection, next);
    else
        become_ready(connection);
}

static void ask_versions(struct connection *connection, int16_t version) {
    struct api_versions_request request;
    struct outgoing *outgoing = outgoing_new(connection);

    api_versions_request_init(&request);
    request.client_software_name = bytes_of_text("barnabas");
    request.client_software_version = bytes_of_text(BARNABAS_VERSION);
    outgoing->version = version;
    outgoing->expect_response = true;
    outgoing->done = on_versions;
    outgoing->context = connection;
    connection->outstanding++;
    enqueue(connection, outgoing, &api_versions_api, &request, 0);
}

/* Connecting. */

static void on_writable(evutil_socket_t fd, short events, void *context) {
    struct connection *connection = context;

    (void)fd;
    (void)events;
    if (!send_queued(connection))
        fail(connection, lost_error(connection));
}

static void on_connected(struct dialer *dialer, int fd) {
    struct connection *connection = CONTAINER_OF(dialer, struct connection, dialer);

    connection->fd = fd;
    connection->read_event =
        event_new(loop_base(connection->loop), fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->write_event =
        event_new(loop_base(connection->loop), fd, EV_WRITE | EV_PERSIST, on_writable, connection);
    if (connection->read_event == NULL || connection->write_event == NULL) {
        fail(connection, ERR_OUT_OF_MEMORY);
        return;
    }
    CHECK(event_add(connection->read_event, NULL) == 0);
    if (connection->config.negotiate) {
        connection->stage = NEGOTIATING;
        ask_versions(connection, api_versions_api.version_max);
        return;
    }
    spoken_versions_any(&connection->versions);
    become_ready(connection);
}

static void on_dial_failed(struct dialer *dialer, enum error error) {
    fail(CONTAINER_OF(dialer, struct connection, dialer), error);
}

/* Tells those whose requests are settled, and what connection_send found. */
static void on_kick(struct loop_timer *timer) {
    struct connection *connection = CONTAINER_OF(timer, struct connection, kick_timer);

    connection->busy++;
    tell_settled(connection);
    connection->busy--;
    if (connection->kick_error != ERR_NONE)
        fail(connection, connection->kick_error);
    else
        free_if_closed(connection);
}

enum error connection_open(struct loop *loop, const struct connection_config *config,
                           struct connection **opened) {
    struct connection *connection = calloc(1, sizeof(*connection));
    enum error error = ERR_NONE;

    if (connection == NULL)
        return ERR_OUT_OF_MEMORY;
    connection->loop = loop;
    connection->config = *config;
    connection->config.host = strdup(config->host);
    connection->config.client_id = config->client_id == NULL ? NULL : strdup(config->client_id);
    connection->fd = -1;
    connection->stage = DIALLING;
    connection->deadline_armed_ms = INT64_MAX;
    TAILQ_INIT(&connection->requests);
    TAILQ_INIT(&connection->settled);
    TAILQ_INIT(&connection->spare);
    spoken_versions_none(&connection->versions);
    dialer_init(&connection->dialer, loop);
    connection->dialer.connected = on_connected;
    connection->dialer.failed = on_dial_failed;
    loop_timer_init(&connection->deadline_timer, loop, on_deadline);
    loop_timer_init(&connection->kick_timer, loop, on_kick);
    if (connection->config.host == NULL ||
        (config->client_id != NULL && connection->config.client_id == NULL))
        error = ERR_OUT_OF_MEMORY;
    else
        error = dialer_start(&connection->dialer, config->host, config->port,
                             config->connect_timeout_ms);
    if (error != ERR_NONE) {
        connection_close(connection);
        return error;
    }
    connection->ready_by_ms = now_ms() + config->connect_timeout_ms;
    watch_deadline(connection, connection->ready_by_ms);
    *opened = connection;
    return ERR_NONE;
}
