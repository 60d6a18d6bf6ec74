/*
 * A connection against a fake broker: a thread that follows a script over a real socket.
 * The loop runs in the test's own thread until a callback ends it.
 */
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

static bool read_exactly(int fd, void *data, size_t size) {
    return size == 0 || recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static bool fake_read(int fd, struct fake_request *request) {
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

static void fake_write(int fd, const struct wire_writer *frame) {
    CHECK(frame->error == ERR_NONE);
    (void)send(fd, frame->data, frame->size, MSG_NOSIGNAL); /* the client may have gone */
}

static void fake_respond(int fd, const struct fake_request *request, int32_t correlation_id,
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
static bool fake_negotiate(struct fake_broker *broker, int fd, int16_t version_max,
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

static void *fake_thread(void *context) {
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

static void tell(struct world *world, const char *what) {
    strncat(world->story, what, sizeof(world->story) - strlen(world->story) - 1);
    strncat(world->story, " ", sizeof(world->story) - strlen(world->story) - 1);
}

static void on_guard(struct loop_timer *timer) {
    struct world *world = CONTAINER_OF(timer, struct world, guard);

    tell(world, "TIMEOUT");
    loop_stop(world->loop);
}

static void on_answer(void *context, enum error error, int16_t version, struct wire_reader *body);

static void send_heartbeat(struct world *world, int16_t version_max) {
    struct heartbeat_request request;

    heartbeat_request_init(&request);
    request.group_id = bytes_of_text("group");
    request.member_id = bytes_of_text("member");
    connection_send(world->connection, &heartbeat_api, version_max, &request, 0, true, on_answer,
                    world);
}

static void on_answer(void *context, enum error error, int16_t version, struct wire_reader *body) {
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

static void on_ready(void *context) {
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

static void on_closed(void *context, enum error error) {
    struct world *world = context;

    tell(world, "closed:");
    tell(world, error_name(error));
    assert_false(connection_is_ready(world->connection));
    connection_close(world->connection);
    world->connection = NULL;
    loop_stop(world->loop);
}

static int setup(void **state) {
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

static void begin(struct world *world, void (*script)(struct fake_broker *broker, int fd)) {
    world->broker.script = script;
    assert_int_equal(pthread_create(&world->broker.thread, NULL, fake_thread, &world->broker), 0);
    assert_int_equal(connection_open(world->loop, &world->config, &world->connection), ERR_NONE);
    assert_string_equal(world->story, "");
}

static int teardown(void **state) {
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
static void swallow(int fd) {
    char block[4096];

    while (recv(fd, block, sizeof(block), 0) > 0)
        continue;
}

static void script_answer(struct fake_broker *broker, int fd) {
    struct fake_request request;
    int16_t number = 100;

    if (!fake_negotiate(broker, fd, 4, true))
        return;
    while (fake_read(fd, &request))
        fake_respond(fd, &request, request.correlation_id, number++);
}

static void responses_reach_their_requests_in_order(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    world->answers_wanted = 4;
    begin(world, script_answer);
    loop_run(world->loop);
    send_heartbeat(world, 0);
    send_heartbeat(world, 4);
    send_heartbeat(world, 1);
    assert_int_equal(connection_in_flight(world->connection), 3);
    world->send_when_answered = true;
    loop_run(world->loop);
    /* The broker speaks Heartbeat up to version 3. */
    assert_string_equal(world->story, "ready v0:100 v3:101 v1:102 v0:103 ");
    assert_int_equal(connection_in_flight(world->connection), 0);
    assert_int_equal(world->broker.asked_count, 1);
    assert_int_equal(world->broker.asked_versions[0], 4);
}

static void the_version_is_the_newest_that_both_sides_speak(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_answer);
    assert_int_equal(connection_version(world->connection, 12, 4), -1);
    loop_run(world->loop);
    assert_int_equal(connection_version(world->connection, 12, 100), 3);
    assert_int_equal(connection_version(world->connection, 12, 2), 2);
    assert_int_equal(connection_version(world->connection, 16, 1), -1); /* 2 to 3 */
    assert_int_equal(connection_version(world->connection, 16, 2), 2);
    assert_int_equal(connection_version(world->connection, 8, 5), -1); /* not there */
    assert_int_equal(connection_version(world->connection, 12345, 5), -1);
    assert_int_equal(connection_version(world->connection, -1, 5), -1);
}

static void an_api_that_the_broker_lacks_is_told_later(void **state) {
    struct world *world = *state;
    struct offset_commit_request request;

    world->stop_when_ready = true;
    world->answers_wanted = 1;
    begin(world, script_answer);
    loop_run(world->loop);
    offset_commit_request_init(&request);
    connection_send(world->connection, &offset_commit_api, 8, &request, 0, true, on_answer, world);
    assert_string_equal(world->story, "ready ");
    loop_run(world->loop);
    assert_string_equal(world->story, "ready UNSUPPORTED_VERSION ");
}

static void sending_before_ready_fails(void **state) {
    struct world *world = *state;

    world->answers_wanted = 1;
    begin(world, script_answer);
    send_heartbeat(world, 0);
    assert_string_equal(world->story, "");
    loop_run(world->loop);
    assert_string_equal(world->story, "CONNECTION_FAILED ");
}

static void script_old(struct fake_broker *broker, int fd) {
    if (fake_negotiate(broker, fd, 2, true))
        swallow(fd);
}

static void an_older_broker_says_which_version_it_speaks(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_old);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready ");
    assert_int_equal(world->broker.asked_count, 2);
    assert_int_equal(world->broker.asked_versions[0], 4);
    assert_int_equal(world->broker.asked_versions[1], 2);
}

static void script_terse(struct fake_broker *broker, int fd) {
    if (fake_negotiate(broker, fd, 0, false))
        swallow(fd);
}

static void a_broker_that_does_not_say_is_asked_in_version_0(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_terse);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready ");
    assert_int_equal(world->broker.asked_count, 2);
    assert_int_equal(world->broker.asked_versions[1], 0);
}

static void script_stubborn(struct fake_broker *broker, int fd) {
    (void)fake_negotiate(broker, fd, -1, true);
}

static void a_broker_that_speaks_no_version_is_given_up(void **state) {
    struct world *world = *state;

    begin(world, script_stubborn);
    loop_run(world->loop);
    assert_string_equal(world->story, "closed: UNSUPPORTED_VERSION ");
}

static void script_no_negotiation(struct fake_broker *broker, int fd) {
    struct fake_request request;

    (void)broker;
    while (fake_read(fd, &request))
        fake_respond(fd, &request, request.correlation_id, 7);
}

static void without_negotiation_any_version_is_spoken(void **state) {
    struct world *world = *state;

    world->config.negotiate = false;
    world->config.host = "localhost"; /* through the resolver */
    world->stop_when_ready = true;
    world->answers_wanted = 1;
    begin(world, script_no_negotiation);
    loop_run(world->loop);
    assert_int_equal(connection_version(world->connection, 12, 4), 4);
    send_heartbeat(world, 4);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready v4:7 ");
}

static void a_refused_connection_is_told_as_failed(void **state) {
    struct world *world = *state;

    close(world->broker.listener);
    world->broker.listener = -1;
    assert_int_equal(connection_open(world->loop, &world->config, &world->connection), ERR_NONE);
    assert_string_equal(world->story, "");
    loop_run(world->loop);
    assert_string_equal(world->story, "closed: CONNECTION_FAILED ");
}

static void an_unknown_name_is_told(void **state) {
    struct world *world = *state;

    world->config.host = "no.such.host.invalid";
    assert_int_equal(connection_open(world->loop, &world->config, &world->connection), ERR_NONE);
    loop_run(world->loop);
    assert_string_equal(world->story, "closed: NAME_UNRESOLVED ");
}

static void closing_while_the_name_is_looked_up_is_safe(void **state) {
    struct world *world = *state;

    world->config.host = "no.such.host.invalid";
    assert_int_equal(connection_open(world->loop, &world->config, &world->connection), ERR_NONE);
    connection_close(world->connection);
    world->connection = NULL;
    assert_string_equal(world->story, "");
}

static void script_silent(struct fake_broker *broker, int fd) {
    (void)broker;
    swallow(fd);
}

static void a_broker_that_never_answers_is_given_up_in_time(void **state) {
    struct world *world = *state;
    int64_t begin_ms = clock_monotonic_ms(clock_system());

    world->config.connect_timeout_ms = 50;
    begin(world, script_silent);
    loop_run(world->loop);
    assert_string_equal(world->story, "closed: CONNECTION_FAILED ");
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms >= 50);
}

static void script_ready_and_silent(struct fake_broker *broker, int fd) {
    if (fake_negotiate(broker, fd, 4, true))
        swallow(fd);
}

static void a_request_without_an_answer_closes_the_connection(void **state) {
    struct world *world = *state;
    struct heartbeat_request request;

    world->stop_when_ready = true;
    begin(world, script_ready_and_silent);
    loop_run(world->loop);
    send_heartbeat(world, 0);
    heartbeat_request_init(&request);
    connection_send(world->connection, &heartbeat_api, 0, &request, 40, true, on_answer, world);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready CONNECTION_LOST CONNECTION_LOST closed: "
                                      "REQUEST_TIMED_OUT ");
}

static void script_ready_and_gone(struct fake_broker *broker, int fd) {
    struct fake_request request;

    if (fake_negotiate(broker, fd, 4, true))
        (void)fake_read(fd, &request);
}

static void a_request_whose_connection_breaks_has_an_unknown_outcome(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_ready_and_gone);
    loop_run(world->loop);
    send_heartbeat(world, 0);
    send_heartbeat(world, 0);
    loop_run(world->loop);
    assert_string_equal(world->story,
                        "ready CONNECTION_LOST CONNECTION_LOST closed: CONNECTION_LOST ");
}

static void script_reads_nothing(struct fake_broker *broker, int fd) {
    char byte;

    if (!fake_negotiate(broker, fd, 4, true))
        return;
    /* Takes the first byte of what comes, then leaves. */
    (void)recv(fd, &byte, 1, 0);
}

/* Counts outcomes instead of telling them. */
struct tally {
    int lost;
    int failed;
    int cancelled;
};

static void on_tally(void *context, enum error error, int16_t version, struct wire_reader *body) {
    struct tally *tally = context;

    (void)version;
    assert_null(body);
    if (error == ERR_CONNECTION_LOST) {
        assert_int_equal(tally->failed, 0); /* in the order of sending */
        tally->lost++;
    } else if (error == ERR_CONNECTION_FAILED) {
        tally->failed++;
    } else if (error == ERR_CANCELLED) {
        tally->cancelled++;
    }
}

static void send_bulk(struct world *world, struct tally *tally) {
    struct heartbeat_request request;
    char *large = calloc(1, 30000);

    heartbeat_request_init(&request);
    request.member_id = bytes_of(large, 30000);
    for (int i = 0; i < 1000; i++)
        connection_send(world->connection, &heartbeat_api, 0, &request, 0, true, on_tally, tally);
    free(large);
}

static void what_was_sent_and_what_was_not_are_told_apart(void **state) {
    struct world *world = *state;
    struct tally tally = {0};

    world->stop_when_ready = true;
    begin(world, script_reads_nothing);
    loop_run(world->loop);
    send_bulk(world, &tally);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready closed: CONNECTION_LOST ");
    assert_true(tally.lost > 0);
    assert_true(tally.failed > 0);
    assert_int_equal(tally.lost + tally.failed, 1000);
}

static void closing_cancels_all_that_is_outstanding(void **state) {
    struct world *world = *state;
    struct tally tally = {0};

    world->stop_when_ready = true;
    begin(world, script_ready_and_silent);
    loop_run(world->loop);
    send_bulk(world, &tally);
    connection_close(world->connection);
    world->connection = NULL;
    assert_int_equal(tally.cancelled, 1000);
    assert_string_equal(world->story, "ready ");
}

static void script_wrong_correlation(struct fake_broker *broker, int fd) {
    struct fake_request request;

    if (!fake_negotiate(broker, fd, 4, true))
        return;
    while (fake_read(fd, &request))
        fake_respond(fd, &request, request.correlation_id + 1, 0);
}

static void an_answer_to_another_request_closes_the_connection(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_wrong_correlation);
    loop_run(world->loop);
    send_heartbeat(world, 0);
    send_heartbeat(world, 0);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready CONNECTION_LOST CONNECTION_LOST closed: MALFORMED ");
}

static void script_unasked(struct fake_broker *broker, int fd) {
    const struct fake_request request = {.api_key = 12};

    if (!fake_negotiate(broker, fd, 4, true))
        return;
    fake_respond(fd, &request, 5, 0);
    swallow(fd);
}

static void an_answer_to_nothing_closes_the_connection(void **state) {
    struct world *world = *state;

    begin(world, script_unasked);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready closed: MALFORMED ");
}

static void script_oversized(struct fake_broker *broker, int fd) {
    const uint32_t size = htonl((1 << 20) + 1);
    struct fake_request request;

    if (!fake_negotiate(broker, fd, 4, true) || !fake_read(fd, &request))
        return;
    (void)send(fd, &size, sizeof(size), MSG_NOSIGNAL);
    swallow(fd);
}

static void an_answer_over_the_bound_closes_the_connection(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_oversized);
    loop_run(world->loop);
    send_heartbeat(world, 0);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready CONNECTION_LOST closed: MALFORMED ");
}

/* Large answers, cut into small writes, several in the input at once. */
static void script_large(struct fake_broker *broker, int fd) {
    static uint8_t frame[8 + 1000000];
    struct fake_request request;

    if (!fake_negotiate(broker, fd, 4, true))
        return;
    while (fake_read(fd, &request)) {
        size_t size = 4 + 2 + (size_t)request.correlation_id * 100000;
        uint32_t words[2] = {htonl((uint32_t)size), htonl((uint32_t)request.correlation_id)};

        memcpy(frame, words, 8);
        frame[8] = 0;
        frame[9] = (uint8_t)request.correlation_id;
        for (size_t sent = 0; sent < size + 4;) {
            size_t part = size + 4 - sent < 70001 ? size + 4 - sent : 70001;
            ssize_t count = send(fd, frame + sent, part, MSG_NOSIGNAL);

            if (count < 0)
                return;
            sent += (size_t)count;
        }
    }
}

static void large_answers_come_whole(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    world->answers_wanted = 9;
    begin(world, script_large);
    loop_run(world->loop);
    for (int i = 0; i < 9; i++)
        send_heartbeat(world, 0);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready v0:1 v0:2 v0:3 v0:4 v0:5 v0:6 v0:7 v0:8 v0:9 ");
}

static void a_request_that_expects_nothing_is_done_when_sent(void **state) {
    struct world *world = *state;
    struct heartbeat_request request;

    world->stop_when_ready = true;
    world->answers_wanted = 2;
    begin(world, script_ready_and_silent);
    loop_run(world->loop);
    heartbeat_request_init(&request);
    for (int i = 0; i < 2; i++)
        connection_send(world->connection, &heartbeat_api, 0, &request, 0, false, on_answer, world);
    assert_string_equal(world->story, "ready ");
    loop_run(world->loop);
    assert_string_equal(world->story, "ready sent sent ");
    assert_int_equal(connection_in_flight(world->connection), 0);
}

static void it_may_be_closed_when_it_becomes_ready(void **state) {
    struct world *world = *state;

    world->close_when_ready = true;
    begin(world, script_answer);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready ");
    assert_null(world->connection);
}

static void it_may_be_closed_from_a_callback_which_cancels_the_others(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_answer);
    loop_run(world->loop);
    for (int i = 0; i < 3; i++)
        send_heartbeat(world, 0);
    world->close_when_answered = true;
    loop_run(world->loop);
    assert_string_equal(world->story, "ready v0:100 CANCELLED CANCELLED ");
}

static void it_may_be_closed_while_its_failure_is_told(void **state) {
    struct world *world = *state;

    world->stop_when_ready = true;
    begin(world, script_ready_and_gone);
    loop_run(world->loop);
    for (int i = 0; i < 3; i++)
        send_heartbeat(world, 0);
    world->close_when_answered = true;
    loop_run(world->loop);
    assert_string_equal(world->story, "ready CONNECTION_LOST CANCELLED CANCELLED ");
}

int main(void) {
#define CONNECTION_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CONNECTION_TEST(responses_reach_their_requests_in_order),
        CONNECTION_TEST(the_version_is_the_newest_that_both_sides_speak),
        CONNECTION_TEST(an_api_that_the_broker_lacks_is_told_later),
        CONNECTION_TEST(sending_before_ready_fails),
        CONNECTION_TEST(an_older_broker_says_which_version_it_speaks),
        CONNECTION_TEST(a_broker_that_does_not_say_is_asked_in_version_0),
        CONNECTION_TEST(a_broker_that_speaks_no_version_is_given_up),
        CONNECTION_TEST(without_negotiation_any_version_is_spoken),
        CONNECTION_TEST(a_refused_connection_is_told_as_failed),
        CONNECTION_TEST(an_unknown_name_is_told),
        CONNECTION_TEST(closing_while_the_name_is_looked_up_is_safe),
        CONNECTION_TEST(a_broker_that_never_answers_is_given_up_in_time),
        CONNECTION_TEST(a_request_without_an_answer_closes_the_connection),
        CONNECTION_TEST(a_request_whose_connection_breaks_has_an_unknown_outcome),
        CONNECTION_TEST(what_was_sent_and_what_was_not_are_told_apart),
        CONNECTION_TEST(closing_cancels_all_that_is_outstanding),
        CONNECTION_TEST(an_answer_to_another_request_closes_the_connection),
        CONNECTION_TEST(an_answer_to_nothing_closes_the_connection),
        CONNECTION_TEST(an_answer_over_the_bound_closes_the_connection),
        CONNECTION_TEST(large_answers_come_whole),
        CONNECTION_TEST(a_request_that_expects_nothing_is_done_when_sent),
        CONNECTION_TEST(it_may_be_closed_when_it_becomes_ready),
        CONNECTION_TEST(it_may_be_closed_from_a_callback_which_cancels_the_others),
        CONNECTION_TEST(it_may_be_closed_while_its_failure_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
