/*
 * Proves what the server tells of a request that is over: when it came, waited, ended and was sent,
 * and how large it was. Every time is compared with what the request itself waited for.
 */
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/server/server.h"
#include "client/base/clock.h"
#include "client/base/sync.h"

#define OVER_MAX    8
#define WAITED_MS   40
#define WAIT_MS_MAX 30000

/* The first byte of a frame. */
enum operation {
    OP_AT_ONCE = 'a',
    OP_LATER = 'l', /* answers after WAITED_MS */
    OP_SILENT = 's' /* no response */
};

static struct {
    struct server *server;
    struct mutex lock;
    struct request_times over[OVER_MAX]; /* lock */
    char operations[OVER_MAX + 1];       /* lock */
    size_t over_count;                   /* lock */
} world;

static void answer(struct request *request) {
    wire_write_raw(request_response(request), bytes_of_text("answer"));
    request_send(request);
}

static void on_request(void *context, struct request *request) {
    (void)context;
    request->label.kind = request->frame.data[0];
    switch ((enum operation)request->frame.data[0]) {
    case OP_AT_ONCE:
        answer(request);
        break;
    case OP_LATER:
        request_set_deadline(request, WAITED_MS, answer);
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

#define WAIT_FOR(condition)                                                       \
    do {                                                                          \
        int64_t wait_until_ms = clock_monotonic_ms(clock_system()) + WAIT_MS_MAX; \
        while (!(condition)) {                                                    \
            assert_true(clock_monotonic_ms(clock_system()) < wait_until_ms);      \
            (void)poll(NULL, 0, 1);                                               \
        }                                                                         \
    } while (0)

static int connect_to_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_port = htons(server_listener_at(world.server, 0)->port);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* One frame of three bytes per character, in one piece. */
static void send_frames(int fd, const char *operations) {
    uint8_t frames[64];
    size_t size = 0;

    for (; *operations != '\0'; operations++) {
        memcpy(&frames[size], (const uint8_t[]){0, 0, 0, 3, (uint8_t)*operations, 0, 0}, 7);
        size += 7;
    }
    assert_int_equal(send(fd, frames, size, 0), size);
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
    assert_true(times->sent_ns >= times->received_ns);
    assert_true(times->sent_ns <= clock_system()->monotonic_ns(clock_system()));
    assert_int_equal(times->waited_ns, 0);
    assert_int_equal(times->ended_ns, times->sent_ns);
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
    assert_true(times->waited_ns >= times->received_ns);
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
        assert_int_equal(world.over[i].waited_ns, 0);
        assert_true(ms(world.over[i].sent_ns - world.over[i].ended_ns) >= WAITED_MS / 2);
    }
    assert_int_equal(server_waiting_requests(world.server, OP_AT_ONCE), 0);
    close(fd);
}

static void one_without_a_response_is_told_too(void **state) {
    const struct request_times *times = &world.over[0];
    int fd = connect_to_server();

    (void)state;
    send_frames(fd, "s");
    WAIT_FOR(over_count() == 1);
    assert_int_equal(times->response_bytes, 0);
    assert_true(times->ended_ns >= times->received_ns);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_that_is_answered_at_once_never_waited, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_request_that_waits_says_how_long, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_for_its_turn_to_leave_has_not_run_for_so_long,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(one_without_a_response_is_told_too, setup, teardown),
    };

    return cmocka_run_group_tests_name("request_times", tests, NULL, NULL);
}
