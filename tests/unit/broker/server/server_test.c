/*
 * The server over real sockets, with a handler that does what each frame says:
 *
 *   frame:    operation:u8  id:u32  argument:u32  payload
 *   response: id:u32  payload or what the operation adds
 */
#include "broker/server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/base/clock.h"
#include "client/base/logger.h"
#include "client/base/sync.h"

#define WAIT_MS_MAX     20000
#define FILE_BYTES      ((size_t)4 << 20)
#define WAITING_MAX     4096
#define HEADER_BYTES    9
#define RESPONSE_HEADER 4

enum operation {
    OP_ECHO = 'e',        /* answers at once with the payload */
    OP_WAIT = 'w',        /* waits, with a copy of the id, until OP_RELEASE or `release_all` */
    OP_KEEP = 'k',        /* waits like OP_WAIT, keeping the frame, and echoes its payload */
    OP_RELEASE = 'r',     /* answers all that wait, the newest first, then itself */
    OP_SILENT = 's',      /* no response */
    OP_CLOSE = 'c',       /* closes the connection */
    OP_DEADLINE = 'd',    /* answers after `argument` ms */
    OP_NO_DEADLINE = 'n', /* sets a deadline, cancels it, and answers at once */
    OP_FILE = 'f',        /* bytes, `argument` bytes of the file, bytes, the same again */
    OP_TRUNCATED = 'u',   /* a range past the end of the file */
    OP_BIG = 'b',         /* `argument` bytes from memory */
    OP_TOO_BIG = 'x',     /* fails its writer */
    OP_THROTTLE = 't',    /* answers, and mutes the connection for `argument` ms */
    OP_COUNT = '#'        /* counts the connection's requests in its user state */
};

struct world {
    struct server *server;
    struct server_listener listener;
    struct server_config config;
    int file;
    struct file_owner file_owner;
    atomic_int file_references;
    struct mutex lock;
    struct request *waiting[WAITING_MAX]; /* lock */
    size_t waiting_count;                 /* lock */
    atomic_int handled;
    atomic_int abandoned;
    atomic_int users_closed;
};

static struct world world;

static void file_ref(struct file_owner *owner) {
    (void)owner;
    atomic_fetch_add(&world.file_references, 1);
}

static void file_unref(struct file_owner *owner) {
    (void)owner;
    assert_true(atomic_fetch_sub(&world.file_references, 1) > 0);
}

static uint32_t u32_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void answer(struct request *request, struct bytes payload) {
    struct wire_writer *response = request_response(request);

    wire_write_i32(response, (int32_t)(uintptr_t)request->user);
    if (payload.size > 0)
        wire_write_raw(response, payload);
    request_send(request);
}

static void answer_kept(struct request *request) {
    answer(request, request->frame.data == NULL ? BYTES_NULL
                                                : bytes_of(request->frame.data + HEADER_BYTES,
                                                           request->frame.size - HEADER_BYTES));
}

static void answer_task(struct task *task) {
    answer_kept(CONTAINER_OF(task, struct request, task));
}

static void waiting_add(struct request *request) {
    mutex_lock(&world.lock);
    CHECK(world.waiting_count < WAITING_MAX);
    world.waiting[world.waiting_count++] = request;
    mutex_unlock(&world.lock);
}

static bool waiting_remove(const struct request *request) {
    bool found = false;

    mutex_lock(&world.lock);
    for (size_t i = 0; i < world.waiting_count && !found; i++) {
        if (world.waiting[i] != request)
            continue;
        world.waiting[i] = world.waiting[--world.waiting_count];
        found = true;
    }
    mutex_unlock(&world.lock);
    return found;
}

static size_t waiting_count(void) {
    size_t count;

    mutex_lock(&world.lock);
    count = world.waiting_count;
    mutex_unlock(&world.lock);
    return count;
}

/* From any thread: posts each waiting request to its reactor, the newest first. */
static void release_all(void) {
    mutex_lock(&world.lock);
    while (world.waiting_count > 0) {
        struct request *request = world.waiting[--world.waiting_count];

        request->task.run = answer_task;
        executor_post(request->executor, &request->task);
    }
    mutex_unlock(&world.lock);
}

static void on_abandoned(struct request *request) {
    atomic_fetch_add(&world.abandoned, 1);
    if (waiting_remove(request))
        request_finish_without_response(request);
}

static void on_deadline(struct request *request) {
    answer(request, BYTES_NULL);
}

static void answer_with_file(struct request *request, size_t size, int64_t position) {
    struct wire_writer *response = request_response(request);
    const struct wire_records records = {
        .range = {
            .fd = world.file, .position = position, .size = size, .owner = &world.file_owner}};

    wire_write_i32(response, (int32_t)(uintptr_t)request->user);
    wire_write_records(response, &records, false, false);
    wire_write_raw(response, bytes_of_text("between"));
    wire_write_records(response, &records, false, false);
    request_send(request);
}

static void answer_with_size(struct request *request, size_t size) {
    struct wire_writer *response = request_response(request);
    uint8_t block[4096];

    memset(block, 'B', sizeof(block));
    wire_write_i32(response, (int32_t)(uintptr_t)request->user);
    while (size > 0) {
        size_t part = size < sizeof(block) ? size : sizeof(block);
        wire_write_raw(response, bytes_of(block, part));
        size -= part;
    }
    request_send(request);
}

static void count_on_connection(struct request *request) {
    int *count = request_connection_user(request);
    char text[16];

    if (count == NULL) {
        count = calloc(1, sizeof(*count));
        request_set_connection_user(request, count);
    }
    (*count)++;
    answer(request, bytes_of(text, (size_t)snprintf(text, sizeof(text), "%d", *count)));
}

static void on_request(void *context, struct request *request) {
    struct bytes frame = request->frame;
    uint32_t argument;

    assert_ptr_equal(context, &world);
    atomic_fetch_add(&world.handled, 1);
    if (frame.size < HEADER_BYTES) {
        request_close_connection(request);
        return;
    }
    assert_string_equal(request->client_address, "127.0.0.1");
    assert_string_equal(request->listener->name, "TEST");
    request->user = (void *)(uintptr_t)u32_at(frame.data + 1);
    argument = u32_at(frame.data + 5);
    switch ((enum operation)frame.data[0]) {
    case OP_ECHO:
        answer_kept(request);
        return;
    case OP_KEEP:
        assert_int_equal(request_keep_frame(request), ERR_NONE);
        assert_int_equal(request_keep_frame(request), ERR_NONE); /* once more changes nothing */
        request_on_abandoned(request, on_abandoned);
        waiting_add(request);
        return;
    case OP_WAIT:
        assert_non_null(arena_alloc(&request->arena, 1, 100));
        request_on_abandoned(request, on_abandoned);
        waiting_add(request);
        return;
    case OP_RELEASE:
        release_all();
        answer(request, BYTES_NULL);
        return;
    case OP_SILENT:
        request_finish_without_response(request);
        return;
    case OP_CLOSE:
        request_close_connection(request);
        return;
    case OP_DEADLINE:
        request_set_deadline(request, argument, on_deadline);
        return;
    case OP_NO_DEADLINE:
        request_set_deadline(request, 1, on_deadline);
        request_cancel_deadline(request);
        answer(request, BYTES_NULL);
        return;
    case OP_FILE:
        answer_with_file(request, argument, 0);
        return;
    case OP_TRUNCATED:
        answer_with_file(request, argument, (int64_t)FILE_BYTES - 10);
        return;
    case OP_BIG:
        answer_with_size(request, argument);
        return;
    case OP_TOO_BIG:
        answer_with_size(request, world.config.response_bytes_max + 1);
        return;
    case OP_THROTTLE:
        request_throttle_connection(request, argument);
        answer(request, BYTES_NULL);
        return;
    case OP_COUNT:
        count_on_connection(request);
        return;
    }
    request_close_connection(request);
}

static void on_connection_closed(void *context, void *user) {
    assert_ptr_equal(context, &world);
    atomic_fetch_add(&world.users_closed, 1);
    free(user);
}

/* The server under test: setup fills world.config, server_begin starts it. */

static int setup(void **state) {
    uint8_t *content;

    (void)state;
    logger_set_level(LOG_LEVEL_ERROR);
    memset(&world, 0, sizeof(world));
    mutex_init(&world.lock);
    world.listener = (struct server_listener){.name = "TEST", .host = "127.0.0.1"};
    world.config = server_config_default;
    world.config.listeners = &world.listener;
    world.config.listener_count = 1;
    world.config.listen_backlog = 1024;
    world.config.reactor_count = 2;
    world.config.response_bytes_max = (size_t)64 << 20;
    world.config.on_request = on_request;
    world.config.on_connection_closed = on_connection_closed;
    world.config.context = &world;
    world.file_owner = (struct file_owner){file_ref, file_unref};
    world.file = memfd_create("range", MFD_CLOEXEC);
    assert_true(world.file >= 0);
    content = malloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++)
        content[i] = (uint8_t)(i * 31 >> 4);
    assert_int_equal(write(world.file, content, FILE_BYTES), FILE_BYTES);
    free(content);
    return 0;
}

static void server_begin(void) {
    assert_int_equal(server_new(&world.config, &world.server), ERR_NONE);
    assert_int_equal(server_start(world.server), ERR_NONE);
}

static int teardown(void **state) {
    (void)state;
    server_free(world.server);
    assert_int_equal(atomic_load(&world.file_references), 0);
    close(world.file);
    mutex_done(&world.lock);
    return 0;
}

static struct server_counters counters(void) {
    struct server_counters sum = {0};

    for (size_t i = 0; i < server_reactor_count(world.server); i++) {
        struct server_counters one = server_reactor_counters(world.server, i);

        sum.connections += one.connections;
        sum.requests_outstanding += one.requests_outstanding;
        sum.connections_accepted += one.connections_accepted;
        sum.connections_closed_idle += one.connections_closed_idle;
        sum.connections_refused += one.connections_refused;
        sum.frames_refused += one.frames_refused;
        sum.requests += one.requests;
        sum.responses += one.responses;
        sum.bytes_in += one.bytes_in;
        sum.bytes_out += one.bytes_out;
    }
    return sum;
}

/* Waits for a condition; each look yields the processor for a millisecond. */
#define WAIT_FOR(condition)                                                       \
    do {                                                                          \
        int64_t wait_until_ms = clock_monotonic_ms(clock_system()) + WAIT_MS_MAX; \
        while (!(condition)) {                                                    \
            assert_true(clock_monotonic_ms(clock_system()) < wait_until_ms);      \
            (void)poll(NULL, 0, 1);                                               \
        }                                                                         \
    } while (0)

/* The client's side. */

static int client_connect_to(uint16_t port, int receive_buffer_bytes) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval limit = {.tv_sec = WAIT_MS_MAX / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (receive_buffer_bytes > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                                    sizeof(receive_buffer_bytes)),
                         0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int client_connect(void) {
    return client_connect_to(server_listener_at(world.server, 0)->port, 0);
}

static void send_all(int fd, const void *data, size_t size) {
    const uint8_t *at = data;

    while (size > 0) {
        ssize_t count = send(fd, at, size, MSG_NOSIGNAL);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

static size_t put_frame(uint8_t *at, char operation, uint32_t id, uint32_t argument,
                        struct bytes payload) {
    const uint32_t words[] = {htonl((uint32_t)(HEADER_BYTES + payload.size)), htonl(id),
                              htonl(argument)};

    memcpy(at, &words[0], 4);
    at[4] = (uint8_t)operation;
    memcpy(at + 5, &words[1], 8);
    if (payload.size > 0)
        memcpy(at + 13, payload.data, payload.size);
    return 13 + payload.size;
}

static void send_frame(int fd, char operation, uint32_t id, uint32_t argument,
                       struct bytes payload) {
    uint8_t *frame = malloc(payload.size + 64);
    size_t size = put_frame(frame, operation, id, argument, payload);

    send_all(fd, frame, size);
    free(frame);
}

static void receive_exactly(int fd, void *data, size_t size) {
    uint8_t *at = data;

    while (size > 0) {
        ssize_t count = recv(fd, at, size, 0);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

/* The response's payload, from malloc. */
static uint8_t *receive_frame(int fd, uint32_t id, size_t *payload_size) {
    uint8_t header[8];
    uint8_t *payload;
    size_t size;

    receive_exactly(fd, header, sizeof(header));
    size = u32_at(header);
    assert_true(size >= RESPONSE_HEADER);
    assert_int_equal(u32_at(header + 4), id);
    *payload_size = size - RESPONSE_HEADER;
    payload = malloc(*payload_size + 1);
    receive_exactly(fd, payload, *payload_size);
    payload[*payload_size] = '\0';
    return payload;
}

static void expect_text(int fd, uint32_t id, const char *text) {
    size_t size;
    uint8_t *payload = receive_frame(fd, id, &size);

    assert_string_equal((char *)payload, text);
    free(payload);
}

static void expect_closed(int fd) {
    uint8_t byte;
    ssize_t count = recv(fd, &byte, 1, 0);

    assert_true(count == 0 || (count < 0 && errno == ECONNRESET));
}

static void responses_keep_the_order_of_requests_that_end_in_another(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_WAIT, 1, 0, BYTES_NULL);
    send_frame(fd, OP_ECHO, 2, 0, bytes_of_text("second"));
    send_frame(fd, OP_KEEP, 3, 0, bytes_of_text("third"));
    send_frame(fd, OP_SILENT, 4, 0, BYTES_NULL);
    send_frame(fd, OP_WAIT, 5, 0, BYTES_NULL);
    send_frame(fd, OP_ECHO, 6, 0, bytes_of_text("sixth"));
    WAIT_FOR(atomic_load(&world.handled) == 6);
    assert_int_equal(counters().responses, 0);
    assert_int_equal(counters().requests_outstanding, 6);
    send_frame(fd, OP_RELEASE, 7, 0, BYTES_NULL);
    expect_text(fd, 1, "");
    expect_text(fd, 2, "second");
    expect_text(fd, 3, "third");
    expect_text(fd, 5, "");
    expect_text(fd, 6, "sixth");
    expect_text(fd, 7, "");
    WAIT_FOR(counters().responses == 6 && counters().requests_outstanding == 0);
    close(fd);
}

static void a_frame_may_come_byte_by_byte(void **state) {
    uint8_t frame[64];
    size_t size;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    size = put_frame(frame, OP_ECHO, 9, 0, bytes_of_text("slowly"));
    for (size_t i = 0; i < size; i++) {
        send_all(fd, frame + i, 1);
        WAIT_FOR(counters().bytes_in == i + 1);
    }
    expect_text(fd, 9, "slowly");
    assert_int_equal(server_queued_request_bytes(world.server), 0);
    close(fd);
}

static void large_frames_come_back_whole_and_kept_ones_too(void **state) {
    static const size_t sizes[] = {100, 65536, 262144, 300000, 1048576, 5000000, 20000000};
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        uint8_t *payload = malloc(sizes[i]);
        size_t size;
        uint8_t *echoed;

        for (size_t j = 0; j < sizes[i]; j++)
            payload[j] = (uint8_t)(j * 7 + i);
        send_frame(fd, OP_ECHO, 1, 0, bytes_of(payload, sizes[i]));
        echoed = receive_frame(fd, 1, &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(echoed, payload, size);
        free(echoed);
        send_frame(fd, OP_KEEP, 2, 0, bytes_of(payload, sizes[i]));
        WAIT_FOR(waiting_count() == 1);
        assert_true(server_queued_request_bytes(world.server) >= (int64_t)sizes[i]);
        release_all();
        echoed = receive_frame(fd, 2, &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(echoed, payload, size);
        free(echoed);
        free(payload);
    }
    WAIT_FOR(server_queued_request_bytes(world.server) == 0);
    close(fd);
}

static void absurd_sizes_close_the_connection_and_nothing_else(void **state) {
    static const uint32_t sizes[] = {0x80000000, 0xffffffff, 104857601, 0x7fffffff, 0x47455420};
    int good;

    (void)state;
    logger_set_level(LOG_LEVEL_ERROR);
    server_begin();
    good = client_connect();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        uint32_t prefix = htonl(sizes[i]);
        int fd = client_connect();

        send_all(fd, &prefix, sizeof(prefix));
        expect_closed(fd);
        close(fd);
    }
    assert_int_equal(counters().frames_refused, ARRAY_COUNT(sizes));
    send_frame(good, OP_ECHO, 1, 0, bytes_of_text("still here"));
    expect_text(good, 1, "still here");
    close(good);
}

static void an_empty_frame_reaches_the_handler_who_closes(void **state) {
    const uint32_t empty = 0;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_all(fd, &empty, sizeof(empty));
    expect_closed(fd);
    assert_int_equal(atomic_load(&world.handled), 1);
    close(fd);
}

static void earlier_responses_leave_before_a_connection_is_closed(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_WAIT, 1, 0, BYTES_NULL);
    send_frame(fd, OP_CLOSE, 2, 0, BYTES_NULL);
    send_frame(fd, OP_ECHO, 3, 0, bytes_of_text("never"));
    WAIT_FOR(atomic_load(&world.handled) == 2);
    release_all();
    expect_text(fd, 1, "");
    expect_closed(fd);
    assert_int_equal(atomic_load(&world.handled), 2);
    close(fd);
}

static void a_refused_frame_lets_earlier_responses_leave(void **state) {
    const uint32_t absurd = 0xffffffff;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_WAIT, 1, 0, BYTES_NULL);
    send_all(fd, &absurd, sizeof(absurd));
    WAIT_FOR(counters().frames_refused == 1);
    release_all();
    expect_text(fd, 1, "");
    expect_closed(fd);
    close(fd);
}

static void half_close_finishes_what_is_queued_and_closes(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_KEEP, 1, 0, bytes_of_text("kept"));
    send_frame(fd, OP_DEADLINE, 2, 30, BYTES_NULL);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    WAIT_FOR(atomic_load(&world.handled) == 2);
    release_all();
    expect_text(fd, 1, "kept");
    expect_text(fd, 2, "");
    expect_closed(fd);
    WAIT_FOR(counters().connections == 0);
    assert_int_equal(atomic_load(&world.abandoned), 0);
    close(fd);
}

static void check_file_response(int fd, uint32_t id, size_t size) {
    size_t payload_size;
    uint8_t *payload = receive_frame(fd, id, &payload_size);
    const uint8_t *parts[] = {payload, payload + 4 + size + 7};

    assert_int_equal(payload_size, 2 * (4 + size) + 7);
    assert_memory_equal(payload + 4 + size, "between", 7);
    for (size_t p = 0; p < ARRAY_COUNT(parts); p++) {
        assert_int_equal(u32_at(parts[p]), size);
        for (size_t i = 0; i < size; i++) {
            if (parts[p][4 + i] != (uint8_t)(i * 31 >> 4))
                fail_msg("byte %zu of part %zu differs", i, p);
        }
    }
    free(payload);
}

static void file_ranges_reach_slow_readers_whole_and_in_order(void **state) {
    const uint32_t size = FILE_BYTES;
    int slow, quick;

    (void)state;
    world.config.reactor_count = 1;
    server_begin();
    slow = client_connect_to(server_listener_at(world.server, 0)->port, 4096);
    quick = client_connect();
    for (uint32_t i = 0; i < 8; i++) {
        send_frame(slow, OP_FILE, i, i % 2 == 0 ? size : 10 + i, BYTES_NULL);
        send_frame(slow, OP_ECHO, 100 + i, 0, bytes_of_text("after"));
    }
    WAIT_FOR(atomic_load(&world.handled) == 16);
    assert_true(atomic_load(&world.file_references) > 0);
    /* The slow reader keeps nobody waiting. */
    send_frame(quick, OP_FILE, 1, size, BYTES_NULL);
    check_file_response(quick, 1, size);
    for (uint32_t i = 0; i < 8; i++) {
        check_file_response(slow, i, i % 2 == 0 ? size : 10 + i);
        expect_text(slow, 100 + i, "after");
    }
    WAIT_FOR(atomic_load(&world.file_references) == 0);
    close(slow);
    close(quick);
}

static void a_client_that_leaves_in_the_middle_of_a_file_frees_it(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect_to(server_listener_at(world.server, 0)->port, 4096);
    send_frame(fd, OP_FILE, 1, FILE_BYTES, BYTES_NULL);
    WAIT_FOR(counters().bytes_out > 0);
    close(fd);
    WAIT_FOR(counters().connections == 0 && atomic_load(&world.file_references) == 0);
}

static void a_truncated_file_closes_the_connection(void **state) {
    int fd;
    uint8_t byte;

    (void)state;
    logger_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_TRUNCATED, 1, 1000, BYTES_NULL);
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
    WAIT_FOR(counters().connections == 0);
    close(fd);
}

static void a_response_over_its_bound_closes_the_connection(void **state) {
    int fd;

    (void)state;
    logger_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    world.config.response_bytes_max = 100000;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_ECHO, 1, 0, bytes_of_text("fits"));
    send_frame(fd, OP_TOO_BIG, 2, 0, BYTES_NULL);
    expect_text(fd, 1, "fits");
    expect_closed(fd);
    close(fd);
}

static void reading_stops_at_the_bound_of_outstanding_requests(void **state) {
    const uint32_t count = 500;
    uint8_t *frames;
    size_t size = 0;
    int fd;

    (void)state;
    world.config.outstanding_requests_max = 8;
    server_begin();
    fd = client_connect();
    frames = malloc(count * 64);
    for (uint32_t i = 0; i < count; i++)
        size += put_frame(frames + size, OP_WAIT, i, 0, BYTES_NULL);
    send_all(fd, frames, size);
    free(frames);
    for (uint32_t answered = 0; answered < count;) {
        uint32_t expected = count - answered < 8 ? count - answered : 8;

        WAIT_FOR(waiting_count() == expected);
        assert_int_equal(counters().requests_outstanding, expected);
        release_all();
        for (uint32_t i = 0; i < expected; i++)
            expect_text(fd, answered++, "");
    }
    WAIT_FOR(server_queued_request_bytes(world.server) == 0);
    close(fd);
}

static void thousands_of_pipelined_requests_in_one_write_are_all_answered(void **state) {
    const uint32_t count = 20000;
    uint8_t *frames;
    size_t size = 0;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    frames = malloc((size_t)count * 64);
    for (uint32_t i = 0; i < count; i++)
        size += put_frame(frames + size, OP_ECHO, i, 0, bytes_of_text("p"));
    send_all(fd, frames, size);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (uint32_t i = 0; i < count; i++)
        expect_text(fd, i, "p");
    expect_closed(fd);
    free(frames);
    close(fd);
}

static void a_connection_with_too_many_unsent_bytes_is_not_read(void **state) {
    const uint32_t size = 2 << 20;
    int fd, other;

    (void)state;
    world.config.reactor_count = 1;
    world.config.send_buffer_bytes = 65536;
    server_begin();
    fd = client_connect_to(server_listener_at(world.server, 0)->port, 4096);
    other = client_connect();
    for (uint32_t i = 0; i < 20; i++)
        send_frame(fd, OP_BIG, i, size, BYTES_NULL);
    WAIT_FOR(atomic_load(&world.handled) >= 1);
    /* The other connection's answers prove that the reactor had its turns. */
    for (uint32_t i = 0; i < 50; i++) {
        send_frame(other, OP_ECHO, i, 0, bytes_of_text("other"));
        expect_text(other, i, "other");
    }
    assert_true(atomic_load(&world.handled) < 50 + 4);
    for (uint32_t i = 0; i < 20; i++) {
        size_t payload_size;
        free(receive_frame(fd, i, &payload_size));
        assert_int_equal(payload_size, size);
    }
    close(fd);
    close(other);
}

static void past_the_bound_of_bytes_in_flight_sockets_are_not_read(void **state) {
    enum { CLIENTS = 12 };
    const size_t size = 600000;
    uint8_t *payload = calloc(1, size);
    int clients[CLIENTS];
    size_t held = 0;

    (void)state;
    world.config.queued_request_bytes_max = 3 << 20;
    server_begin();
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect();
        send_frame(clients[i], OP_KEEP, (uint32_t)i, 0, bytes_of(payload, size));
    }
    WAIT_FOR(waiting_count() >= 2 &&
             server_queued_request_bytes(world.server) >= world.config.queued_request_bytes_max);
    /* One frame per reactor may have been begun before the bound was reached. */
    assert_true(server_queued_request_bytes(world.server) <=
                world.config.queued_request_bytes_max + 2 * (1 << 20));
    while (held < CLIENTS) {
        WAIT_FOR(waiting_count() > 0);
        held += waiting_count();
        assert_true(waiting_count() < CLIENTS);
        release_all();
    }
    for (int i = 0; i < CLIENTS; i++) {
        size_t payload_size;
        free(receive_frame(clients[i], (uint32_t)i, &payload_size));
        assert_int_equal(payload_size, size);
        close(clients[i]);
    }
    WAIT_FOR(server_queued_request_bytes(world.server) == 0);
    free(payload);
}

static void deadlines_expire_in_time_and_cancelled_ones_do_not(void **state) {
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_DEADLINE, 1, 60, BYTES_NULL);
    send_frame(fd, OP_DEADLINE, 2, 20, BYTES_NULL);
    send_frame(fd, OP_NO_DEADLINE, 3, 0, BYTES_NULL);
    send_frame(fd, OP_DEADLINE, 4, 0, BYTES_NULL);
    expect_text(fd, 1, "");
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms >= 60);
    expect_text(fd, 2, "");
    expect_text(fd, 3, "");
    expect_text(fd, 4, "");
    close(fd);
}

static void a_throttled_connection_is_answered_and_then_not_read(void **state) {
    int64_t begin_ms;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    begin_ms = clock_monotonic_ms(clock_system());
    send_frame(fd, OP_THROTTLE, 1, 150, BYTES_NULL);
    send_frame(fd, OP_ECHO, 2, 0, bytes_of_text("later"));
    expect_text(fd, 1, "");
    expect_text(fd, 2, "later");
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms >= 150);
    close(fd);
}

static void requests_outlive_their_client(void **state) {
    const struct linger reset = {1, 0};
    int fd;

    (void)state;
    server_begin();
    for (int with_hook = 0; with_hook < 2; with_hook++) {
        fd = client_connect();
        send_frame(fd, OP_DEADLINE, 1, 50, BYTES_NULL);
        if (with_hook)
            send_frame(fd, OP_KEEP, 2, 0, bytes_of_text("abandoned"));
        send_frame(fd, OP_COUNT, 3, 0, BYTES_NULL);
        WAIT_FOR(counters().requests_outstanding == (with_hook ? 3 : 2));
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        close(fd);
        WAIT_FOR(counters().connections == 0);
        WAIT_FOR(counters().requests_outstanding == 0);
        WAIT_FOR(atomic_load(&world.users_closed) == with_hook + 1);
    }
    assert_int_equal(atomic_load(&world.abandoned), 1);
    assert_int_equal(waiting_count(), 0);
    assert_int_equal(server_queued_request_bytes(world.server), 0);
}

static void idle_connections_are_closed_and_busy_ones_are_not(void **state) {
    int idle, waiting, partial;

    (void)state;
    world.config.connection_idle_ms_max = 80;
    server_begin();
    idle = client_connect();
    waiting = client_connect();
    partial = client_connect();
    send_frame(waiting, OP_WAIT, 1, 0, BYTES_NULL);
    send_all(partial, "\0\0", 2);
    expect_closed(idle);
    expect_closed(partial);
    WAIT_FOR(counters().connections_closed_idle == 2);
    release_all();
    expect_text(waiting, 1, "");
    expect_closed(waiting);
    close(idle);
    close(waiting);
    close(partial);
}

static void each_connection_keeps_its_user_state(void **state) {
    int fd[2];

    (void)state;
    server_begin();
    fd[0] = client_connect();
    fd[1] = client_connect();
    send_frame(fd[0], OP_COUNT, 1, 0, BYTES_NULL);
    send_frame(fd[0], OP_COUNT, 2, 0, BYTES_NULL);
    send_frame(fd[1], OP_COUNT, 3, 0, BYTES_NULL);
    expect_text(fd[0], 1, "1");
    expect_text(fd[0], 2, "2");
    expect_text(fd[1], 3, "1");
    close(fd[0]);
    close(fd[1]);
    WAIT_FOR(atomic_load(&world.users_closed) == 2);
}

static void connections_over_the_limit_wait_until_one_leaves(void **state) {
    int first, second, third;

    (void)state;
    world.config.connections_max = 2;
    server_begin();
    first = client_connect();
    second = client_connect();
    third = client_connect(); /* in the kernel's backlog */
    send_frame(third, OP_ECHO, 3, 0, bytes_of_text("third"));
    send_frame(second, OP_ECHO, 2, 0, bytes_of_text("second"));
    expect_text(second, 2, "second");
    WAIT_FOR(counters().connections == 2);
    close(first);
    expect_text(third, 3, "third");
    close(second);
    close(third);
}

static void connections_over_the_limit_of_their_address_are_closed(void **state) {
    const struct server_address_limit limits[] = {{"127.0.0.1", 2}, {"::1", 0}};
    int fd[3];

    (void)state;
    world.config.address_limits = limits;
    world.config.address_limit_count = ARRAY_COUNT(limits);
    world.config.connections_per_ip_max = 1;
    server_begin();
    for (size_t i = 0; i < ARRAY_COUNT(fd); i++)
        fd[i] = client_connect();
    expect_closed(fd[2]);
    WAIT_FOR(counters().connections_refused == 1);
    send_frame(fd[1], OP_ECHO, 1, 0, bytes_of_text("in"));
    expect_text(fd[1], 1, "in");
    close(fd[2]);
    close(fd[0]);
    WAIT_FOR(counters().connections == 1);
    fd[0] = client_connect();
    send_frame(fd[0], OP_ECHO, 2, 0, bytes_of_text("again"));
    expect_text(fd[0], 2, "again");
    close(fd[0]);
    close(fd[1]);
}

static void limits_can_change_while_connections_stay(void **state) {
    const struct server_address_limit own[] = {{"127.0.0.1", 1}}, bad[] = {{"nobody", 1}};
    struct server_limits limits = {.connections_max = 1, .connections_per_ip_max = INT32_MAX};
    int first, second, third;

    (void)state;
    world.config.connections_max = 1;
    server_begin();
    first = client_connect();
    send_frame(first, OP_ECHO, 1, 0, bytes_of_text("first"));
    expect_text(first, 1, "first");
    second = client_connect(); /* in the kernel's backlog */
    send_frame(second, OP_ECHO, 2, 0, bytes_of_text("second"));
    limits.connections_max = 2;
    assert_int_equal(server_set_limits(world.server, &limits), ERR_NONE);
    expect_text(second, 2, "second");

    limits.connections_max = 10;
    limits.address_limits = bad;
    limits.address_limit_count = 1;
    assert_int_equal(server_set_limits(world.server, &limits), ERR_CONFIG_INVALID);
    limits.address_limits = own;
    assert_int_equal(server_set_limits(world.server, &limits), ERR_NONE);
    third = client_connect();
    expect_closed(third);
    send_frame(first, OP_ECHO, 3, 0, bytes_of_text("stays"));
    expect_text(first, 3, "stays");
    close(third);
    limits.address_limit_count = 0;
    assert_int_equal(server_set_limits(world.server, &limits), ERR_NONE);
    third = client_connect();
    send_frame(third, OP_ECHO, 4, 0, bytes_of_text("third"));
    expect_text(third, 4, "third");
    close(first);
    close(second);
    close(third);
}

static void a_limit_of_what_is_no_address_is_refused(void **state) {
    const struct server_address_limit limits[] = {{"127.0.0.1", 2}, {"localhost", 2}};

    (void)state;
    world.config.address_limits = limits;
    world.config.address_limit_count = ARRAY_COUNT(limits);
    assert_int_equal(server_new(&world.config, &world.server), ERR_CONFIG_INVALID);
    assert_null(world.server);
}

static void connections_are_spread_over_the_reactors(void **state) {
    int fd[8];

    (void)state;
    world.config.reactor_count = 4;
    server_begin();
    for (size_t i = 0; i < ARRAY_COUNT(fd); i++) {
        fd[i] = client_connect();
        send_frame(fd[i], OP_ECHO, 1, 0, BYTES_NULL);
        expect_text(fd[i], 1, "");
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(server_reactor_counters(world.server, i).connections, 2);
    for (size_t i = 0; i < ARRAY_COUNT(fd); i++)
        close(fd[i]);
}

static void thousands_of_connections_are_served_and_forgotten(void **state) {
    enum { WANTED = 2000 };
    struct rlimit limit;
    int *fd = calloc(WANTED, sizeof(*fd));
    size_t count = WANTED;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2 * count + 100)
        count = (limit.rlim_cur - 100) / 2;
    server_begin();
    for (size_t i = 0; i < count; i++)
        fd[i] = client_connect();
    for (size_t i = 0; i < count; i++)
        send_frame(fd[i], OP_ECHO, (uint32_t)i, 0, bytes_of_text("many"));
    for (size_t i = 0; i < count; i++)
        expect_text(fd[i], (uint32_t)i, "many");
    assert_int_equal(counters().connections, count);
    for (size_t i = 0; i < count; i++)
        close(fd[i]);
    WAIT_FOR(counters().connections == 0);
    assert_int_equal(counters().connections_accepted, count);
    free(fd);
}

static void a_stop_lets_requests_under_way_finish(void **state) {
    int busy, idle;
    int64_t begin_ms = clock_monotonic_ms(clock_system());

    (void)state;
    server_begin();
    busy = client_connect();
    idle = client_connect();
    send_frame(busy, OP_DEADLINE, 1, 50, BYTES_NULL);
    send_frame(busy, OP_ECHO, 2, 0, bytes_of_text("behind"));
    WAIT_FOR(atomic_load(&world.handled) == 2);
    WAIT_FOR(counters().connections == 2);
    server_stop(world.server, WAIT_MS_MAX);
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms < WAIT_MS_MAX);
    expect_text(busy, 1, "");
    expect_text(busy, 2, "behind");
    expect_closed(busy);
    expect_closed(idle);
    close(busy);
    close(idle);
}

static void a_stop_gives_up_after_its_time(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_KEEP, 1, 0, bytes_of_text("for ever"));
    send_frame(fd, OP_DEADLINE, 2, 1000000, BYTES_NULL);
    WAIT_FOR(atomic_load(&world.handled) == 2);
    server_stop(world.server, 20);
    expect_closed(fd);
    assert_int_equal(atomic_load(&world.abandoned), 1);
    assert_int_equal(waiting_count(), 0);
    close(fd);
}

static void a_port_in_use_is_a_clear_error(void **state) {
    struct server *second = NULL;
    struct server_listener taken = {.name = "TEST", .host = "127.0.0.1"};

    (void)state;
    server_begin();
    taken.port = server_listener_at(world.server, 0)->port;
    assert_true(taken.port != 0);
    logger_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    world.config.listeners = &taken;
    assert_int_equal(server_new(&world.config, &second), ERR_ADDRESS_UNAVAILABLE);
    taken.host = "no.such.host.invalid";
    assert_int_equal(server_new(&world.config, &second), ERR_NAME_UNRESOLVED);
    assert_null(second);
}

static void several_listeners_serve_side_by_side(void **state) {
    const struct server_listener listeners[] = {
        {.name = "TEST", .host = "127.0.0.1"},
        {.name = "TEST", .host = "", .exempt_from_connections_max = true},
    };
    int first, second;

    (void)state;
    world.config.listeners = listeners;
    world.config.listener_count = 2;
    world.config.connections_max = 1;
    server_begin();
    assert_int_equal(server_listener_count(world.server), 2);
    first = client_connect_to(server_listener_at(world.server, 0)->port, 0);
    send_frame(first, OP_ECHO, 1, 0, BYTES_NULL);
    expect_text(first, 1, "");
    second = client_connect_to(server_listener_at(world.server, 1)->port, 0);
    send_frame(second, OP_ECHO, 2, 0, BYTES_NULL);
    expect_text(second, 2, "");
    close(first);
    close(second);
}

/* Many clients at once, with answers from other threads, while others come and go. */
struct storm {
    pthread_t thread;
    uint32_t seed;
};

static void *storm_run(void *context) {
    struct storm *storm = context;

    for (int round = 0; round < 20; round++) {
        int fd = client_connect();

        for (uint32_t i = 0; i < 20; i++)
            send_frame(fd, (storm->seed + i) % 3 == 0 ? OP_KEEP : OP_ECHO, i, 0,
                       bytes_of_text("storm"));
        if (round % 4 == 3) {
            close(fd); /* without reading */
            continue;
        }
        for (uint32_t i = 0; i < 20; i++)
            expect_text(fd, i, "storm");
        close(fd);
    }
    return NULL;
}

static void a_storm_of_clients_is_weathered(void **state) {
    struct storm storms[6];
    size_t alive = ARRAY_COUNT(storms);

    (void)state;
    server_begin();
    for (size_t i = 0; i < ARRAY_COUNT(storms); i++) {
        storms[i].seed = (uint32_t)i;
        assert_int_equal(pthread_create(&storms[i].thread, NULL, storm_run, &storms[i]), 0);
    }
    while (alive > 0) {
        release_all();
        if (pthread_tryjoin_np(storms[alive - 1].thread, NULL) == 0)
            alive--;
        (void)poll(NULL, 0, 1);
    }
    WAIT_FOR((release_all(), counters().connections == 0));
    WAIT_FOR((release_all(), counters().requests_outstanding == 0));
}

int main(void) {
#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SERVER_TEST(responses_keep_the_order_of_requests_that_end_in_another),
        SERVER_TEST(a_frame_may_come_byte_by_byte),
        SERVER_TEST(large_frames_come_back_whole_and_kept_ones_too),
        SERVER_TEST(absurd_sizes_close_the_connection_and_nothing_else),
        SERVER_TEST(an_empty_frame_reaches_the_handler_who_closes),
        SERVER_TEST(earlier_responses_leave_before_a_connection_is_closed),
        SERVER_TEST(a_refused_frame_lets_earlier_responses_leave),
        SERVER_TEST(half_close_finishes_what_is_queued_and_closes),
        SERVER_TEST(file_ranges_reach_slow_readers_whole_and_in_order),
        SERVER_TEST(a_client_that_leaves_in_the_middle_of_a_file_frees_it),
        SERVER_TEST(a_truncated_file_closes_the_connection),
        SERVER_TEST(a_response_over_its_bound_closes_the_connection),
        SERVER_TEST(reading_stops_at_the_bound_of_outstanding_requests),
        SERVER_TEST(thousands_of_pipelined_requests_in_one_write_are_all_answered),
        SERVER_TEST(a_connection_with_too_many_unsent_bytes_is_not_read),
        SERVER_TEST(past_the_bound_of_bytes_in_flight_sockets_are_not_read),
        SERVER_TEST(deadlines_expire_in_time_and_cancelled_ones_do_not),
        SERVER_TEST(a_throttled_connection_is_answered_and_then_not_read),
        SERVER_TEST(requests_outlive_their_client),
        SERVER_TEST(idle_connections_are_closed_and_busy_ones_are_not),
        SERVER_TEST(each_connection_keeps_its_user_state),
        SERVER_TEST(connections_over_the_limit_wait_until_one_leaves),
        SERVER_TEST(connections_over_the_limit_of_their_address_are_closed),
        SERVER_TEST(limits_can_change_while_connections_stay),
        SERVER_TEST(a_limit_of_what_is_no_address_is_refused),
        SERVER_TEST(connections_are_spread_over_the_reactors),
        SERVER_TEST(thousands_of_connections_are_served_and_forgotten),
        SERVER_TEST(a_stop_lets_requests_under_way_finish),
        SERVER_TEST(a_stop_gives_up_after_its_time),
        SERVER_TEST(a_port_in_use_is_a_clear_error),
        SERVER_TEST(several_listeners_serve_side_by_side),
        SERVER_TEST(a_storm_of_clients_is_weathered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
