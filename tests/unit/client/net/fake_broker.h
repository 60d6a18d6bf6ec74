/*
 * A connection and the fake broker that it goes to: a thread that follows a script over a real
 * socket. The loop runs in the test's own thread until a callback ends it.
 */
#ifndef TESTS_UNIT_CLIENT_NET_FAKE_BROKER_H
#define TESTS_UNIT_CLIENT_NET_FAKE_BROKER_H

#include "client/net/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/base/clock.h"
#include "client/wire/header.h"
#include "client/wire/message/api_versions.h"
#include "client/wire/message/heartbeat.h"
#include "client/wire/message/offset_commit.h"

#define GUARD_MS 20000

/* The broker. */

struct fake_broker {
    pthread_t thread;
    int listener;
    uint16_t port;
    void (*script)(struct fake_broker *broker, int fd);
    int connections;           /* how many times the script is run */
    int16_t asked_versions[8]; /* of ApiVersions, in order */
    size_t asked_count;
};

struct fake_request {
    int16_t api_key;
    int16_t version;
    int32_t correlation_id;
    uint8_t frame[4096];
    size_t size;
};

static inline bool read_exactly(int fd, void *data, size_t size) {
    return size == 0 || recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static inline bool fake_read(int fd, struct fake_request *request) {
    struct request_header header;
    struct wire_reader reader;
    uint32_t size;

    if (!read_exactly(fd, &size, 4))
        return false;
    request->size = ntohl(size);
    CHECK(request->size <= sizeof(request->frame));
    if (!read_exactly(fd, request->frame, request->size))
        return false;
    wire_reader_init(&reader, bytes_of(request->frame, request->size));
    CHECK(request_header_decode(&reader, &header) == ERR_NONE);
    CHECK(bytes_equal_text(header.client_id, "tester"));
    request->api_key = header.api_key;
    request->version = header.api_version;
    request->correlation_id = header.correlation_id;
    return true;
}

static inline void fake_write(int fd, const struct wire_writer *frame) {
    CHECK(frame->error == ERR_NONE);
    (void)send(fd, frame->data, frame->size, MSG_NOSIGNAL); /* the client may have gone */
}

static inline void fake_respond(int fd, const struct fake_request *request, int32_t correlation_id,
                                int16_t error_code) {
    struct wire_writer frame;

    wire_writer_init(&frame, 1000);
    wire_write_i32(&frame, 0);
    response_header_encode(&frame, request->api_key, request->version, correlation_id);
    wire_write_i16(&frame, error_code);
    wire_patch_i32(&frame, 0, (int32_t)frame.size - 4);
    fake_write(fd, &frame);
    wire_writer_done(&frame);
}

/* Answers ApiVersions up to `version_max` and falls back as a broker does above. */
static inline bool fake_negotiate(struct fake_broker *broker, int fd, int16_t version_max,
                                  bool name_own_entry) {
    struct api_versions_response_api_keys keys[] = {
        {.api_key = 12, .min_version = 0, .max_version = 3},
        {.api_key = 18, .min_version = 0, .max_version = version_max},
        {.api_key = 16, .min_version = 2, .max_version = 3},
    };
    struct fake_request request;

    while (fake_read(fd, &request)) {
        bool known = request.version <= version_max;
        struct api_versions_response response;
        struct wire_writer frame;

        CHECK(request.api_key == 18);
        CHECK(broker->asked_count < ARRAY_COUNT(broker->asked_versions));
        broker->asked_versions[broker->asked_count++] = request.version;
        api_versions_response_init(&response);
        response.error_code = known ? 0 : ERR_UNSUPPORTED_VERSION;
        response.api_keys = known ? keys : &keys[1];
        response.api_keys_count = known ? 3 : name_own_entry;
        wire_writer_init(&frame, 10000);
        wire_write_i32(&frame, 0);
        response_header_encode(&frame, 18, request.version, request.correlation_id);
        api_versions_response_encode(&frame, known ? request.version : 0, &response);
        wire_patch_i32(&frame, 0, (int32_t)frame.size - 4);
        fake_write(fd, &frame);
        wire_writer_done(&frame);
        if (known)
            return true;
    }
    return false;
}

static inline void *fake_thread(void *context) {
    struct fake_broker *broker = context;
    const struct timeval limit = {.tv_sec = GUARD_MS / 1000};

    for (int i = 0; i < broker->connections; i++) {
        int fd = accept(broker->listener, NULL, NULL);

        if (fd < 0)
            break;
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
        broker->script(broker, fd);
        close(fd);
    }
    return NULL;
}

/* The client. */

struct world {
    struct loop *loop;
    struct loop_timer guard;
    struct fake_broker broker;
    struct connection *connection;
    char story[512]; /* what happened, in order */
    int answers;
    int answers_wanted; /* the loop stops at that many; 0: never */
    bool close_when_ready;
    bool close_when_answered;
    bool send_when_answered;
    bool stop_when_ready;
    struct connection_config config;
};

static inline void tell(struct world *world, const char *what) {
    strncat(world->story, what, sizeof(world->story) - strlen(world->story) - 1);
    strncat(world->story, " ", sizeof(world->story) - strlen(world->story) - 1);
}

static inline void on_guard(struct loop_timer *timer) {
    struct world *world = CONTAINER_OF(timer, struct world, guard);

    tell(world, "TIMEOUT");
    loop_stop(world->loop);
}

static inline void on_answer(void *context, enum error error, int16_t version,
                             struct wire_reader *body);

static inline void send_heartbeat(struct world *world, int16_t version_max) {
    struct heartbeat_request request;

    heartbeat_request_init(&request);
    request.group_id = bytes_of_text("group");
    request.member_id = bytes_of_text("member");
    connection_send(world->connection, &heartbeat_api, version_max, &request, 0, true, on_answer,
                    world);
}

static inline void on_answer(void *context, enum error error, int16_t version,
                             struct wire_reader *body) {
    struct world *world = context;
    char text[64];

    if (error != ERR_NONE)
        tell(world, error_name(error));
    else if (body == NULL)
        tell(world, "sent");
    else {
        snprintf(text, sizeof(text), "v%d:%d", version, wire_read_i16(body));
        tell(world, text);
    }
    if (world->send_when_answered) {
        world->send_when_answered = false;
        send_heartbeat(world, 0);
    }
    if (world->close_when_answered) {
        world->close_when_answered = false;
        connection_close(world->connection);
        world->connection = NULL;
        loop_stop(world->loop);
    }
    if (++world->answers == world->answers_wanted)
        loop_stop(world->loop);
}

static inline void on_ready(void *context) {
    struct world *world = context;

    assert_true(connection_is_ready(world->connection));
    tell(world, "ready");
    if (world->close_when_ready) {
        connection_close(world->connection);
        world->connection = NULL;
    }
    if (world->close_when_ready || world->stop_when_ready)
        loop_stop(world->loop);
}

static inline void on_closed(void *context, enum error error) {
    struct world *world = context;

    tell(world, "closed:");
    tell(world, error_name(error));
    assert_false(connection_is_ready(world->connection));
    connection_close(world->connection);
    world->connection = NULL;
    loop_stop(world->loop);
}

static inline int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    assert_int_equal(loop_new(&world->loop), ERR_NONE);
    loop_timer_init(&world->guard, world->loop, on_guard);
    loop_timer_arm(&world->guard, GUARD_MS);
    world->broker.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(world->broker.listener >= 0);
    assert_int_equal(bind(world->broker.listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(world->broker.listener, 8), 0);
    assert_int_equal(getsockname(world->broker.listener, (struct sockaddr *)&address, &size), 0);
    world->broker.port = ntohs(address.sin_port);
    world->broker.connections = 1;
    world->config = (struct connection_config){
        .host = "127.0.0.1",
        .port = world->broker.port,
        .client_id = "tester",
        .connect_timeout_ms = GUARD_MS / 2,
        .request_timeout_ms = GUARD_MS / 2,
        .response_bytes_max = 1 << 20,
        .negotiate = true,
        .on_ready = on_ready,
        .on_closed = on_closed,
        .context = world,
    };
    *state = world;
    return 0;
}

static inline void begin(struct world *world, void (*script)(struct fake_broker *broker, int fd)) {
    world->broker.script = script;
    assert_int_equal(pthread_create(&world->broker.thread, NULL, fake_thread, &world->broker), 0);
    assert_int_equal(connection_open(world->loop, &world->config, &world->connection), ERR_NONE);
    assert_string_equal(world->story, "");
}

static inline int teardown(void **state) {
    struct world *world = *state;

    connection_close(world->connection);
    shutdown(world->broker.listener, SHUT_RDWR);
    if (world->broker.script != NULL)
        assert_int_equal(pthread_join(world->broker.thread, NULL), 0);
    close(world->broker.listener);
    loop_timer_done(&world->guard);
    loop_free(world->loop);
    free(world);
    return 0;
}

/* Until the client has gone. */
static inline void swallow(int fd) {
    char block[4096];

    while (recv(fd, block, sizeof(block), 0) > 0)
        continue;
}

static inline void script_answer(struct fake_broker *broker, int fd) {
    struct fake_request request;
    int16_t number = 100;

    if (!fake_negotiate(broker, fd, 4, true))
        return;
    while (fake_read(fd, &request))
        fake_respond(fd, &request, request.correlation_id, number++);
}

#endif
