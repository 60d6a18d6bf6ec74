/* The server. What is bounded: requests and bytes under way, connections, their rate and their
 * idleness. */
#include "tests/unit/broker/server/server_fixture.h"

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

/* It would keep the response for ever, and the files that are in it. */
static void a_client_that_does_not_read_its_response_is_closed(void **state) {
    int stuck, reading;

    (void)state;
    world.config.connection_idle_ms_max = 80;
    world.config.send_buffer_bytes = 65536;
    server_begin();
    stuck = client_connect_to(server_listener_at(world.server, 0)->port, 4096);
    reading = client_connect();
    send_frame(reading, OP_WAIT, 2, 0, BYTES_NULL);
    send_frame(stuck, OP_FILE, 1, FILE_BYTES, BYTES_NULL);
    WAIT_FOR(counters().connections_closed_idle == 1);
    WAIT_FOR(atomic_load(&world.file_references) == 0);
    release_all();
    expect_text(reading, 2, "");
    close(stuck);
    close(reading);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVER_TEST(reading_stops_at_the_bound_of_outstanding_requests),
        SERVER_TEST(a_connection_with_too_many_unsent_bytes_is_not_read),
        SERVER_TEST(past_the_bound_of_bytes_in_flight_sockets_are_not_read),
        SERVER_TEST(a_throttled_connection_is_answered_and_then_not_read),
        SERVER_TEST(idle_connections_are_closed_and_busy_ones_are_not),
        SERVER_TEST(a_client_that_does_not_read_its_response_is_closed),
        SERVER_TEST(connections_over_the_limit_wait_until_one_leaves),
        SERVER_TEST(connections_over_the_limit_of_their_address_are_closed),
        SERVER_TEST(limits_can_change_while_connections_stay),
        SERVER_TEST(a_limit_of_what_is_no_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
