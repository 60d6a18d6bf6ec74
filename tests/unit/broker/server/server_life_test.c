/* The server. From start to stop: deadlines, many connections, several listeners, a storm, and how
 * it ends. */
#include "tests/unit/broker/server/server_fixture.h"

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
    const struct CMUnitTest tests[] = {
        SERVER_TEST(deadlines_expire_in_time_and_cancelled_ones_do_not),
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
