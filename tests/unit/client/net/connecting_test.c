/* Connections to a fake broker on their way: names, addresses, versions, and what they fail of. */
#include "tests/unit/client/net/fake_broker.h"

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

static void it_may_be_closed_when_it_becomes_ready(void **state) {
    struct world *world = *state;

    world->close_when_ready = true;
    begin(world, script_answer);
    loop_run(world->loop);
    assert_string_equal(world->story, "ready ");
    assert_null(world->connection);
}

int main(void) {
#define CONNECTION_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CONNECTION_TEST(the_version_is_the_newest_that_both_sides_speak),
        CONNECTION_TEST(sending_before_ready_fails),
        CONNECTION_TEST(an_older_broker_says_which_version_it_speaks),
        CONNECTION_TEST(a_broker_that_does_not_say_is_asked_in_version_0),
        CONNECTION_TEST(a_broker_that_speaks_no_version_is_given_up),
        CONNECTION_TEST(without_negotiation_any_version_is_spoken),
        CONNECTION_TEST(a_refused_connection_is_told_as_failed),
        CONNECTION_TEST(an_unknown_name_is_told),
        CONNECTION_TEST(closing_while_the_name_is_looked_up_is_safe),
        CONNECTION_TEST(a_broker_that_never_answers_is_given_up_in_time),
        CONNECTION_TEST(it_may_be_closed_when_it_becomes_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
