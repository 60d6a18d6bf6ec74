/* Sockets on their way: addresses of both families, some of which refuse or swallow what comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/net/dialer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/base/clock.h"

#define WITHIN_MS   20000
#define FILLERS_MAX 8

/* A listener on the loopback of a family. */
struct listener {
    int fd;
    int fillers[FILLERS_MAX]; /* connections that nobody takes, so that no more come through */
    int filler_count;
    struct sockaddr_storage address;
    socklen_t size;
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
};

static struct listener listener_open(int family, int backlog) {
    struct listener made = {.address.ss_family = (sa_family_t)family, .size = sizeof(made.address)};
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&made.address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&made.address;

    if (family == AF_INET)
        four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        six->sin6_addr = in6addr_loopback;
    snprintf(made.host, sizeof(made.host), "%s", family == AF_INET ? "127.0.0.1" : "::1");
    made.fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(made.fd >= 0);
    assert_int_equal(bind(made.fd, (struct sockaddr *)&made.address,
                          family == AF_INET ? sizeof(*four) : sizeof(*six)),
                     0);
    assert_int_equal(listen(made.fd, backlog), 0);
    assert_int_equal(getsockname(made.fd, (struct sockaddr *)&made.address, &made.size), 0);
    made.port = ntohs(family == AF_INET ? four->sin_port : six->sin6_port);
    return made;
}

static void listener_close(struct listener *listener) {
    for (int i = 0; i < listener->filler_count; i++)
        close(listener->fillers[i]);
    close(listener->fd);
}

/* Whose queue is full: the kernel lets further attempts wait for ever. */
static struct listener black_hole_open(void) {
    struct listener made = listener_open(AF_INET, 0);

    while (made.filler_count < FILLERS_MAX) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        (void)connect(fd, (struct sockaddr *)&made.address, made.size); /* some come to nothing */
        made.fillers[made.filler_count++] = fd;
    }
    return made;
}

struct world {
    struct loop *loop;
    struct dialer dialer;
    int fd; /* -1: not connected */
    enum error error;
    bool over;
};

static void on_connected(struct dialer *dialer, int fd) {
    struct world *world = CONTAINER_OF(dialer, struct world, dialer);

    world->fd = fd;
    world->over = true;
    loop_stop(world->loop);
}

static void on_failed(struct dialer *dialer, enum error error) {
    struct world *world = CONTAINER_OF(dialer, struct world, dialer);

    world->error = error;
    world->over = true;
    loop_stop(world->loop);
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));

    assert_int_equal(loop_new(&world->loop), ERR_NONE);
    world->fd = -1;
    dialer_init(&world->dialer, world->loop);
    world->dialer.connected = on_connected;
    world->dialer.failed = on_failed;
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;

    if (world->fd >= 0)
        close(world->fd);
    dialer_done(&world->dialer);
    loop_free(world->loop);
    free(world);
    return 0;
}

static void assert_connected_to(const struct world *world, const struct listener *listener) {
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof(peer);

    assert_int_equal(world->error, ERR_NONE);
    assert_int_equal(getpeername(world->fd, (struct sockaddr *)&peer, &size), 0);
    assert_int_equal(size, listener->size);
    assert_memory_equal(&peer, &listener->address, size);
}

static void both_families_are_spoken(void **state) {
    static const int families[] = {AF_INET, AF_INET6};
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        struct listener listener = listener_open(families[i], 4);

        assert_int_equal(dialer_start(&world->dialer, listener.host, listener.port, WITHIN_MS),
                         ERR_NONE);
        assert_false(world->over);
        loop_run(world->loop);
        assert_connected_to(world, &listener);
        close(world->fd);
        world->fd = -1;
        listener_close(&listener);
        world->over = false;
    }
}

static void a_name_is_looked_up(void **state) {
    struct listener listener = listener_open(AF_INET, 4);
    struct world *world = *state;

    assert_int_equal(dialer_start(&world->dialer, "localhost", listener.port, WITHIN_MS), ERR_NONE);
    loop_run(world->loop);
    assert_connected_to(world, &listener); /* also where the name is ::1 first, which refuses */
    listener_close(&listener);
}

static void an_unknown_name_is_told(void **state) {
    struct world *world = *state;

    assert_int_equal(dialer_start(&world->dialer, "no.such.host.invalid", 1, WITHIN_MS), ERR_NONE);
    loop_run(world->loop);
    assert_int_equal(world->error, ERR_NAME_UNRESOLVED);
}

static void the_next_address_is_tried_where_one_refuses(void **state) {
    struct listener refusing = listener_open(AF_INET, 4);
    struct listener answering = listener_open(AF_INET6, 4);
    struct world *world = *state;
    struct resolved resolved = {.count = 2};

    resolved.addresses[0] = refusing.address;
    resolved.addresses[1] = answering.address;
    listener_close(&refusing);
    dialer_start_resolved(&world->dialer, &resolved, WITHIN_MS);
    loop_run(world->loop);
    assert_connected_to(world, &answering);
    listener_close(&answering);
}

static void an_address_that_swallows_all_leaves_time_for_the_next(void **state) {
    struct listener hole = black_hole_open();
    struct listener answering = listener_open(AF_INET, 4);
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    struct world *world = *state;
    struct resolved resolved = {.count = 2};

    resolved.addresses[0] = hole.address;
    resolved.addresses[1] = answering.address;
    dialer_start_resolved(&world->dialer, &resolved, 400);
    loop_run(world->loop);
    assert_connected_to(world, &answering);
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms >= 200);
    listener_close(&hole);
    listener_close(&answering);
}

static void nobody_answering_is_told_in_time(void **state) {
    struct listener hole = black_hole_open();
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    struct world *world = *state;
    struct resolved resolved = {.count = 2};

    resolved.addresses[0] = hole.address;
    resolved.addresses[1] = hole.address;
    dialer_start_resolved(&world->dialer, &resolved, 200);
    loop_run(world->loop);
    assert_int_equal(world->error, ERR_CONNECTION_FAILED);
    assert_int_equal(world->fd, -1);
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms >= 200);
    listener_close(&hole);
}

static void it_may_be_stopped_at_any_time(void **state) {
    struct listener hole = black_hole_open();
    struct world *world = *state;

    assert_int_equal(dialer_start(&world->dialer, hole.host, hole.port, WITHIN_MS), ERR_NONE);
    dialer_stop(&world->dialer);
    assert_int_equal(dialer_start(&world->dialer, "no.such.host.invalid", 1, WITHIN_MS), ERR_NONE);
    dialer_stop(&world->dialer);
    assert_false(world->over);
    listener_close(&hole);
}

int main(void) {
#define DIALER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DIALER_TEST(both_families_are_spoken),
        DIALER_TEST(a_name_is_looked_up),
        DIALER_TEST(an_unknown_name_is_told),
        DIALER_TEST(the_next_address_is_tried_where_one_refuses),
        DIALER_TEST(an_address_that_swallows_all_leaves_time_for_the_next),
        DIALER_TEST(nobody_answering_is_told_in_time),
        DIALER_TEST(it_may_be_stopped_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
