/*
 * Proves what the server tells of a request that is over: when it came, ran, waited, ended and was
 * sent, and how large it was. Every time is compared with what the request itself waited for.
 */
#include <unistd.h>

#include "broker/server/server.h"
#include "client/base/sync.h"
#include "tests/unit/broker/server/server_client.h"

#define OVER_MAX  8
#define WAITED_MS 40

/* The first byte of a frame. */
enum operation {
    OP_AT_ONCE = 'a',
    OP_LATER = 'l', /* answers after WAITED_MS */
    OP_HOLD = 'h',  /* likewise; later ones do not run before */
    OP_BUSY = 'b',  /* runs for WAITED_MS */
    OP_SILENT = 's' /* no response */
};

static struct {
    struct server *server;
    struct mutex lock;
    struct request_times over[OVER_MAX]; /* lock */
    char operations[OVER_MAX + 1];       /* lock */
    size_t over_count;                   /* lock */
    uint64_t stashed[OVER_MAX];          /* when each was run; lock */
    size_t run_count;                    /* lock */
} world;

static void answer(struct request *request) {
    wire_write_raw(request_response(request), bytes_of_text("answer"));
    request_send(request);
}

static uint64_t stashed(void) {
    return server_reactor_counters(world.server, 0).requests_stashed;
}

static void on_request(void *context, struct request *request) {
    (void)context;
    mutex_lock(&world.lock);
    assert_true(world.run_count < OVER_MAX);
    world.stashed[world.run_count++] = stashed();
    mutex_unlock(&world.lock);
    request->label.kind = request->frame.data[0];
    switch ((enum operation)request->frame.data[0]) {
    case OP_AT_ONCE:
        answer(request);
        break;
    case OP_LATER:
        request_set_deadline(request, WAITED_MS, answer);
        break;
    case OP_HOLD:
        request_hold_connection(request);
        request_set_deadline(request, WAITED_MS, answer);
        break;
    case OP_BUSY:
        (void)poll(NULL, 0, WAITED_MS);
        answer(request);
        break;
    case OP_SILENT:
        request_finish_without_response(request);
        break;
    }
}

static void on_over(void *context, const struct request *request,
                    const struct request_times *times) {
    (void)context;
    mutex_lock(&world.lock);
    assert_true(world.over_count < OVER_MAX);
    world.operations[world.over_count] = (char)request->label.kind;
    world.over[world.over_count++] = *times;
    mutex_unlock(&world.lock);
}

static size_t over_count(void) {
    size_t count;

    mutex_lock(&world.lock);
    count = world.over_count;
    mutex_unlock(&world.lock);
    return count;
}

static int connect_to_server(void) {
    return client_connect_to(server_listener_at(world.server, 0)->port, 0);
}

static void send_frames(int fd, const char *operations) {
    send_operations(fd, operations, 3);
}

static int setup(void **state) {
    static const struct server_listener listener = {.name = "TEST", .host = "127.0.0.1"};
    struct server_config config = server_config_default;

    (void)state;
    memset(&world, 0, sizeof(world));
    mutex_init(&world.lock);
    config.listeners = &listener;
    config.listener_count = 1;
    config.reactor_count = 1;
    config.on_request = on_request;
    config.on_request_over = on_over;
    assert_int_equal(server_new(&config, &world.server), ERR_NONE);
    assert_int_equal(server_start(world.server), ERR_NONE);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    server_free(world.server);
    mutex_done(&world.lock);
    return 0;
}

static int64_t ms(int64_t ns) {
    return ns / 1000000;
}

static void a_request_that_is_answered_at_once_never_waited(void **state) {
    const struct request_times *times = &world.over[0];
    int64_t before_ns = clock_system()->monotonic_ns(clock_system());
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "a");
    WAIT_FOR(over_count() == 1);
    assert_true(times->received_ns > before_ns);
    assert_true(times->started_ns >= times->received_ns);
    assert_true(times->ended_ns >= times->started_ns);
    assert_true(times->sending_ns >= times->ended_ns);
    assert_true(times->sent_ns >= times->sending_ns);
    assert_true(times->sent_ns <= clock_system()->monotonic_ns(clock_system()));
    assert_int_equal(times->waited_ns, 0);
    assert_int_equal(times->request_bytes, 3);
    assert_int_equal(times->response_bytes, 4 + 6);
    close(fd);
}

static void a_request_that_waits_says_how_long(void **state) {
    const struct request_times *times = &world.over[0];
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "l");
    WAIT_FOR(server_waiting_requests(world.server, OP_LATER) == 1);
    WAIT_FOR(over_count() == 1);
    assert_int_equal(server_waiting_requests(world.server, OP_LATER), 0);
    assert_true(times->waited_ns >= times->started_ns);
    assert_true(ms(times->ended_ns - times->waited_ns) >= WAITED_MS - 1);
    assert_true(times->sent_ns >= times->ended_ns);
    close(fd);
}

static void what_waits_for_its_turn_to_leave_has_not_run_for_so_long(void **state) {
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "lasa");
    WAIT_FOR(over_count() == 4);
    assert_string_equal(world.operations, "lasa");
    for (size_t i = 1; i < 4; i++) {
        const struct request_times *times = &world.over[i];
        const bool is_silent = world.operations[i] == OP_SILENT;

        assert_int_equal(times->waited_ns, 0);
        assert_int_equal(times->sending_ns == 0, is_silent);
        assert_true(ms((is_silent ? times->sent_ns : times->sending_ns) - times->ended_ns) >=
                    WAITED_MS / 2);
    }
    assert_int_equal(server_waiting_requests(world.server, OP_AT_ONCE), 0);
    close(fd);
}

static void what_was_read_with_one_that_runs_for_long_waits_for_it(void **state) {
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "aba");
    WAIT_FOR(over_count() == 3);
    assert_int_equal(world.over[0].received_ns, world.over[0].started_ns);
    assert_true(ms(world.over[0].sending_ns - world.over[0].ended_ns) >= WAITED_MS - 1);
    assert_true(ms(world.over[1].ended_ns - world.over[1].started_ns) >= WAITED_MS - 1);
    assert_true(ms(world.over[2].started_ns - world.over[2].received_ns) >= WAITED_MS - 1);
    close(fd);
}

static void what_is_held_back_has_waited_since_it_was_read(void **state) {
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "haaha");
    WAIT_FOR(over_count() == 5);
    assert_string_equal(world.operations, "haaha");
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(world.stashed[i], 4 - i);
        assert_true(ms(world.over[i].started_ns - world.over[i].received_ns) >=
                    (i == 4 ? 2 : 1) * (WAITED_MS - 1));
    }
    close(fd);
}

static void a_client_that_goes_leaves_nothing_stashed(void **state) {
    const struct linger reset = {1, 0};
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "haaaa");
    WAIT_FOR(server_reactor_counters(world.server, 0).requests == 1);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(fd);
    WAIT_FOR(server_reactor_counters(world.server, 0).connections == 0);
    assert_int_equal(stashed(), 0);
}

static void one_without_a_response_is_told_too(void **state) {
    const struct request_times *times = &world.over[0];
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "s");
    WAIT_FOR(over_count() == 1);
    assert_int_equal(times->response_bytes, 0);
    assert_int_equal(times->sending_ns, 0);
    assert_true(times->ended_ns >= times->started_ns);
    assert_true(times->sent_ns >= times->ended_ns);
    close(fd);
}

#define TIMES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TIMES_TEST(a_request_that_is_answered_at_once_never_waited),
        TIMES_TEST(a_request_that_waits_says_how_long),
        TIMES_TEST(what_waits_for_its_turn_to_leave_has_not_run_for_so_long),
        TIMES_TEST(what_was_read_with_one_that_runs_for_long_waits_for_it),
        TIMES_TEST(what_is_held_back_has_waited_since_it_was_read),
        TIMES_TEST(a_client_that_goes_leaves_nothing_stashed),
        TIMES_TEST(one_without_a_response_is_told_too),
    };

    return cmocka_run_group_tests_name("request_times", tests, NULL, NULL);
}
