/* Requests and answers on a connection to a fake broker. */
#include "tests/unit/client/net/fake_broker.h"

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
        CONNECTION_TEST(an_api_that_the_broker_lacks_is_told_later),
        CONNECTION_TEST(a_request_without_an_answer_closes_the_connection),
        CONNECTION_TEST(a_request_whose_connection_breaks_has_an_unknown_outcome),
        CONNECTION_TEST(what_was_sent_and_what_was_not_are_told_apart),
        CONNECTION_TEST(closing_cancels_all_that_is_outstanding),
        CONNECTION_TEST(an_answer_to_another_request_closes_the_connection),
        CONNECTION_TEST(an_answer_to_nothing_closes_the_connection),
        CONNECTION_TEST(an_answer_over_the_bound_closes_the_connection),
        CONNECTION_TEST(large_answers_come_whole),
        CONNECTION_TEST(a_request_that_expects_nothing_is_done_when_sent),
        CONNECTION_TEST(it_may_be_closed_from_a_callback_which_cancels_the_others),
        CONNECTION_TEST(it_may_be_closed_while_its_failure_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
