/*
 * Proves that a request which holds its connection is not overtaken: what comes later is run when
 * it lets go or has ended, and not before, while other connections go on.
 */
#include <unistd.h>

#include "broker/server/server.h"
#include "client/base/sync.h"
#include "tests/unit/broker/server/server_client.h"

#define RAN_MAX 64

/* A frame: what happened is noted as it happens. */
enum operation {
    OP_PLAIN = 'p',
    OP_HOLD_AND_END = 'e',    /* "e", and "E" when it ends, which lets go */
    OP_HOLD_AND_LET_GO = 'l', /* "l", "L" when it lets go, and ends later: "X" */
    OP_GO_ON = 'g'            /* the one that holds goes on; on another connection */
};

static struct {
    struct server *server;
    struct mutex lock;
    char ran[RAN_MAX + 1]; /* lock */
    size_t ran_count;      /* lock */
    struct request *held;  /* lock */
} world;

static void note(char what) {
    mutex_lock(&world.lock);
    assert_true(world.ran_count < RAN_MAX);
    world.ran[world.ran_count++] = what;
    mutex_unlock(&world.lock);
}

static bool has_run(const char *expected) {
    bool is_equal;

    mutex_lock(&world.lock);
    is_equal = strcmp(world.ran, expected) == 0;
    mutex_unlock(&world.lock);
    return is_equal;
}

static bool is_held(void) {
    bool result;

    mutex_lock(&world.lock);
    result = world.held != NULL;
    mutex_unlock(&world.lock);
    return result;
}

static void answer(struct request *request) {
    wire_write_raw(request_response(request), bytes_of_text("answer"));
    request_send(request);
}

static void end_later(struct request *request) {
    note('X');
    answer(request);
}

static void go_on(struct task *task) {
    struct request *request = CONTAINER_OF(task, struct request, task);

    if (request->label.kind == OP_HOLD_AND_END) {
        note('E');
        answer(request);
        return;
    }
    note('L');
    request_release_connection(request);
    request_set_deadline(request, 20, end_later);
}

static void on_request(void *context, struct request *request) {
    struct request *held;

    (void)context;
    request->label.kind = request->frame.data[0];
    note((char)request->label.kind);
    switch ((enum operation)request->frame.data[0]) {
    case OP_PLAIN:
        answer(request);
        break;
    case OP_HOLD_AND_END:
    case OP_HOLD_AND_LET_GO:
        request_hold_connection(request);
        mutex_lock(&world.lock);
        world.held = request;
        mutex_unlock(&world.lock);
        break;
    case OP_GO_ON:
        mutex_lock(&world.lock);
        held = world.held;
        world.held = NULL;
        mutex_unlock(&world.lock);
        held->task.run = go_on;
        executor_post(held->executor, &held->task);
        answer(request);
        break;
    }
}

static int connect_to_server(void) {
    return client_connect_to(server_listener_at(world.server, 0)->port, 0);
}

static void send_frames(int fd, const char *operations) {
    send_operations(fd, operations, 1);
}

/* Answered, so that all that was sent before on other connections has been read too. */
static void ask(int fd, const char *operation) {
    char response[10];

    send_frames(fd, operation);
    assert_int_equal(recv(fd, response, sizeof(response), MSG_WAITALL), sizeof(response));
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

/* Whether they come with it, are in the socket already, or follow while it waits. */
static void what_comes_later_waits_for_the_end(void **state) {
    int held = connect_to_server();
    int other = connect_to_server();

    (void)state;
    send_frames(held, "pepp");
    WAIT_FOR(has_run("pe"));
    send_frames(held, "p");
    ask(other, "p");
    ask(other, "p");
    assert_true(has_run("pepp"));
    ask(other, "g");
    WAIT_FOR(has_run("peppgEppp"));
    /* And once more, so that nothing of the first is left. */
    send_frames(held, "ep");
    WAIT_FOR(has_run("peppgEpppe"));
    ask(other, "g");
    WAIT_FOR(has_run("peppgEpppegEp"));
    close(held);
    close(other);
}

static void letting_go_is_enough(void **state) {
    int held = connect_to_server();
    int other = connect_to_server();

    (void)state;
    send_frames(held, "lpp");
    WAIT_FOR(has_run("l"));
    ask(other, "p");
    ask(other, "g");
    WAIT_FOR(has_run("lpgLppX"));
    close(held);
    close(other);
}

static void a_client_that_goes_meanwhile_does_no_harm(void **state) {
    static const char *const held_by[] = {"ep", "lp"};
    const struct linger reset = {1, 0};
    int other = connect_to_server();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(held_by); i++) {
        int held = connect_to_server();

        send_frames(held, held_by[i]);
        WAIT_FOR(is_held());
        assert_int_equal(setsockopt(held, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        close(held);
        ask(other, "g");
        WAIT_FOR(server_reactor_counters(world.server, 0).connections == 1);
        WAIT_FOR(server_reactor_counters(world.server, 0).requests_outstanding == 0);
    }
    close(other);
    assert_int_equal(server_queued_request_bytes(world.server), 0);
}

#define HOLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        HOLD_TEST(what_comes_later_waits_for_the_end),
        HOLD_TEST(letting_go_is_enough),
        HOLD_TEST(a_client_that_goes_meanwhile_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
