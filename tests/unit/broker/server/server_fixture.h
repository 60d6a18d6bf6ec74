/*
 * The server over real sockets, with a handler that does what each frame says:
 *
 *   frame:    operation:u8  id:u32  argument:u32  payload
 *   response: id:u32  payload or what the operation adds
 *
 * For server_*_test.c: `setup` and `teardown` are cmocka's, the world is the one under test.
 */
#ifndef TESTS_UNIT_BROKER_SERVER_SERVER_FIXTURE_H
#define TESTS_UNIT_BROKER_SERVER_SERVER_FIXTURE_H

#include "broker/server/server.h"

#include <errno.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/base/logger.h"
#include "client/base/sync.h"
#include "tests/unit/broker/server/server_client.h"

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

static inline void file_ref(struct file_owner *owner) {
    (void)owner;
    atomic_fetch_add(&world.file_references, 1);
}

static inline void file_unref(struct file_owner *owner) {
    (void)owner;
    assert_true(atomic_fetch_sub(&world.file_references, 1) > 0);
}

static inline uint32_t u32_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void answer(struct request *request, struct bytes payload) {
    struct wire_writer *response = request_response(request);

    wire_write_i32(response, (int32_t)(uintptr_t)request->user);
    if (payload.size > 0)
        wire_write_raw(response, payload);
    request_send(request);
}

static inline void answer_kept(struct request *request) {
    answer(request, request->frame.data == NULL ? BYTES_NULL
                                                : bytes_of(request->frame.data + HEADER_BYTES,
                                                           request->frame.size - HEADER_BYTES));
}

static inline void answer_task(struct task *task) {
    answer_kept(CONTAINER_OF(task, struct request, task));
}

static inline void waiting_add(struct request *request) {
    mutex_lock(&world.lock);
    CHECK(world.waiting_count < WAITING_MAX);
    world.waiting[world.waiting_count++] = request;
    mutex_unlock(&world.lock);
}

static inline bool waiting_remove(const struct request *request) {
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

static inline size_t waiting_count(void) {
    size_t count;

    mutex_lock(&world.lock);
    count = world.waiting_count;
    mutex_unlock(&world.lock);
    return count;
}

/* From any thread: posts each waiting request to its reactor, the newest first. */
static inline void release_all(void) {
    mutex_lock(&world.lock);
    while (world.waiting_count > 0) {
        struct request *request = world.waiting[--world.waiting_count];

        request->task.run = answer_task;
        executor_post(request->executor, &request->task);
    }
    mutex_unlock(&world.lock);
}

static inline void on_abandoned(struct request *request) {
    atomic_fetch_add(&world.abandoned, 1);
    if (waiting_remove(request))
        request_finish_without_response(request);
}

static inline void on_deadline(struct request *request) {
    answer(request, BYTES_NULL);
}

static inline void answer_with_file(struct request *request, size_t size, int64_t position) {
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

static inline void answer_with_size(struct request *request, size_t size) {
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

static inline void count_on_connection(struct request *request) {
    int *count = request_connection_user(request);
    char text[16];

    if (count == NULL) {
        count = calloc(1, sizeof(*count));
        request_set_connection_user(request, count);
    }
    (*count)++;
    answer(request, bytes_of(text, (size_t)snprintf(text, sizeof(text), "%d", *count)));
}

static inline void on_request(void *context, struct request *request) {
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

static inline void on_connection_closed(void *context, void *user) {
    assert_ptr_equal(context, &world);
    atomic_fetch_add(&world.users_closed, 1);
    free(user);
}

/* The server under test: setup fills world.config, server_begin starts it. */

static inline int setup(void **state) {
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

static inline void server_begin(void) {
    assert_int_equal(server_new(&world.config, &world.server), ERR_NONE);
    assert_int_equal(server_start(world.server), ERR_NONE);
}

static inline int teardown(void **state) {
    (void)state;
    server_free(world.server);
    assert_int_equal(atomic_load(&world.file_references), 0);
    close(world.file);
    mutex_done(&world.lock);
    return 0;
}

static inline struct server_counters counters(void) {
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

/* The client's side. */

static inline int client_connect(void) {
    return client_connect_to(server_listener_at(world.server, 0)->port, 0);
}

static inline size_t put_frame(uint8_t *at, char operation, uint32_t id, uint32_t argument,
                               struct bytes payload) {
    const uint32_t words[] = {htonl((uint32_t)(HEADER_BYTES + payload.size)), htonl(id),
                              htonl(argument)};

    CHECK(payload.size <= INT32_MAX);
    memcpy(at, &words[0], 4);
    at[4] = (uint8_t)operation;
    memcpy(at + 5, &words[1], 8);
    if (payload.size > 0)
        memcpy(at + 13, payload.data, payload.size);
    return 13 + payload.size;
}

static inline void send_frame(int fd, char operation, uint32_t id, uint32_t argument,
                              struct bytes payload) {
    uint8_t *frame = malloc(payload.size + 64);
    size_t size = put_frame(frame, operation, id, argument, payload);

    send_all(fd, frame, size);
    free(frame);
}

/* The response's payload, from malloc. */
static inline uint8_t *receive_frame(int fd, uint32_t id, size_t *payload_size) {
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

static inline void expect_text(int fd, uint32_t id, const char *text) {
    size_t size;
    uint8_t *payload = receive_frame(fd, id, &size);

    assert_string_equal((char *)payload, text);
    free(payload);
}

static inline void expect_closed(int fd) {
    uint8_t byte;
    ssize_t count = recv(fd, &byte, 1, 0);

    assert_true(count == 0 || (count < 0 && errno == ECONNRESET));
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
