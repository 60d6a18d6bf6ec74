/* The server. Requests come and responses leave: in order, whole, from memory and from files. */
#include "tests/unit/broker/server/server_fixture.h"

static void responses_keep_the_order_of_requests_that_end_in_another(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_WAIT, 1, 0, BYTES_NULL);
    send_frame(fd, OP_ECHO, 2, 0, bytes_of_text("second"));
    send_frame(fd, OP_KEEP, 3, 0, bytes_of_text("third"));
    send_frame(fd, OP_SILENT, 4, 0, BYTES_NULL);
    send_frame(fd, OP_WAIT, 5, 0, BYTES_NULL);
    send_frame(fd, OP_ECHO, 6, 0, bytes_of_text("sixth"));
    WAIT_FOR(atomic_load(&world.handled) == 6);
    assert_int_equal(counters().responses, 0);
    assert_int_equal(counters().requests_outstanding, 6);
    send_frame(fd, OP_RELEASE, 7, 0, BYTES_NULL);
    expect_text(fd, 1, "");
    expect_text(fd, 2, "second");
    expect_text(fd, 3, "third");
    expect_text(fd, 5, "");
    expect_text(fd, 6, "sixth");
    expect_text(fd, 7, "");
    WAIT_FOR(counters().responses == 6 && counters().requests_outstanding == 0);
    close(fd);
}

static void a_frame_may_come_byte_by_byte(void **state) {
    uint8_t frame[64];
    size_t size;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    size = put_frame(frame, OP_ECHO, 9, 0, bytes_of_text("slowly"));
    for (size_t i = 0; i < size; i++) {
        send_all(fd, frame + i, 1);
        WAIT_FOR(counters().bytes_in == i + 1);
    }
    expect_text(fd, 9, "slowly");
    assert_int_equal(server_queued_request_bytes(world.server), 0);
    close(fd);
}

static void large_frames_come_back_whole_and_kept_ones_too(void **state) {
    static const size_t sizes[] = {100, 65536, 262144, 300000, 1048576, 5000000, 20000000};
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        uint8_t *payload = malloc(sizes[i]);
        size_t size;
        uint8_t *echoed;

        for (size_t j = 0; j < sizes[i]; j++)
            payload[j] = (uint8_t)(j * 7 + i);
        send_frame(fd, OP_ECHO, 1, 0, bytes_of(payload, sizes[i]));
        echoed = receive_frame(fd, 1, &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(echoed, payload, size);
        free(echoed);
        send_frame(fd, OP_KEEP, 2, 0, bytes_of(payload, sizes[i]));
        WAIT_FOR(waiting_count() == 1);
        assert_true(server_queued_request_bytes(world.server) >= (int64_t)sizes[i]);
        release_all();
        echoed = receive_frame(fd, 2, &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(echoed, payload, size);
        free(echoed);
        free(payload);
    }
    WAIT_FOR(server_queued_request_bytes(world.server) == 0);
    close(fd);
}

static void absurd_sizes_close_the_connection_and_nothing_else(void **state) {
    static const uint32_t sizes[] = {0x80000000, 0xffffffff, 104857601, 0x7fffffff, 0x47455420};
    int good;

    (void)state;
    logger_set_level(LOG_LEVEL_ERROR);
    server_begin();
    good = client_connect();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        uint32_t prefix = htonl(sizes[i]);
        int fd = client_connect();

        send_all(fd, &prefix, sizeof(prefix));
        expect_closed(fd);
        close(fd);
    }
    assert_int_equal(counters().frames_refused, ARRAY_COUNT(sizes));
    send_frame(good, OP_ECHO, 1, 0, bytes_of_text("still here"));
    expect_text(good, 1, "still here");
    close(good);
}

static void an_empty_frame_reaches_the_handler_who_closes(void **state) {
    const uint32_t empty = 0;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_all(fd, &empty, sizeof(empty));
    expect_closed(fd);
    assert_int_equal(atomic_load(&world.handled), 1);
    close(fd);
}

static void earlier_responses_leave_before_a_connection_is_closed(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_WAIT, 1, 0, BYTES_NULL);
    send_frame(fd, OP_CLOSE, 2, 0, BYTES_NULL);
    send_frame(fd, OP_ECHO, 3, 0, bytes_of_text("never"));
    WAIT_FOR(atomic_load(&world.handled) == 2);
    release_all();
    expect_text(fd, 1, "");
    expect_closed(fd);
    assert_int_equal(atomic_load(&world.handled), 2);
    close(fd);
}

static void a_refused_frame_lets_earlier_responses_leave(void **state) {
    const uint32_t absurd = 0xffffffff;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_WAIT, 1, 0, BYTES_NULL);
    send_all(fd, &absurd, sizeof(absurd));
    WAIT_FOR(counters().frames_refused == 1);
    release_all();
    expect_text(fd, 1, "");
    expect_closed(fd);
    close(fd);
}

static void half_close_finishes_what_is_queued_and_closes(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_KEEP, 1, 0, bytes_of_text("kept"));
    send_frame(fd, OP_DEADLINE, 2, 30, BYTES_NULL);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    WAIT_FOR(atomic_load(&world.handled) == 2);
    release_all();
    expect_text(fd, 1, "kept");
    expect_text(fd, 2, "");
    expect_closed(fd);
    WAIT_FOR(counters().connections == 0);
    assert_int_equal(atomic_load(&world.abandoned), 0);
    close(fd);
}

static void check_file_response(int fd, uint32_t id, size_t size) {
    size_t payload_size;
    uint8_t *payload = receive_frame(fd, id, &payload_size);
    const uint8_t *parts[] = {payload, payload + 4 + size + 7};

    assert_int_equal(payload_size, 2 * (4 + size) + 7);
    assert_memory_equal(payload + 4 + size, "between", 7);
    for (size_t p = 0; p < ARRAY_COUNT(parts); p++) {
        assert_int_equal(u32_at(parts[p]), size);
        for (size_t i = 0; i < size; i++) {
            if (parts[p][4 + i] != (uint8_t)(i * 31 >> 4))
                fail_msg("byte %zu of part %zu differs", i, p);
        }
    }
    free(payload);
}

static void file_ranges_reach_slow_readers_whole_and_in_order(void **state) {
    const uint32_t size = FILE_BYTES;
    int slow, quick;

    (void)state;
    world.config.reactor_count = 1;
    server_begin();
    slow = client_connect_to(server_listener_at(world.server, 0)->port, 4096);
    quick = client_connect();
    for (uint32_t i = 0; i < 8; i++) {
        send_frame(slow, OP_FILE, i, i % 2 == 0 ? size : 10 + i, BYTES_NULL);
        send_frame(slow, OP_ECHO, 100 + i, 0, bytes_of_text("after"));
    }
    WAIT_FOR(atomic_load(&world.handled) == 16);
    assert_true(atomic_load(&world.file_references) > 0);
    /* The slow reader keeps nobody waiting. */
    send_frame(quick, OP_FILE, 1, size, BYTES_NULL);
    check_file_response(quick, 1, size);
    for (uint32_t i = 0; i < 8; i++) {
        check_file_response(slow, i, i % 2 == 0 ? size : 10 + i);
        expect_text(slow, 100 + i, "after");
    }
    WAIT_FOR(atomic_load(&world.file_references) == 0);
    close(slow);
    close(quick);
}

static void a_client_that_leaves_in_the_middle_of_a_file_frees_it(void **state) {
    int fd;

    (void)state;
    server_begin();
    fd = client_connect_to(server_listener_at(world.server, 0)->port, 4096);
    send_frame(fd, OP_FILE, 1, FILE_BYTES, BYTES_NULL);
    WAIT_FOR(counters().bytes_out > 0);
    close(fd);
    WAIT_FOR(counters().connections == 0 && atomic_load(&world.file_references) == 0);
}

static void a_truncated_file_closes_the_connection(void **state) {
    int fd;
    uint8_t byte;

    (void)state;
    logger_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_TRUNCATED, 1, 1000, BYTES_NULL);
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
    WAIT_FOR(counters().connections == 0);
    close(fd);
}

static void a_response_over_its_bound_closes_the_connection(void **state) {
    int fd;

    (void)state;
    logger_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    world.config.response_bytes_max = 100000;
    server_begin();
    fd = client_connect();
    send_frame(fd, OP_ECHO, 1, 0, bytes_of_text("fits"));
    send_frame(fd, OP_TOO_BIG, 2, 0, BYTES_NULL);
    expect_text(fd, 1, "fits");
    expect_closed(fd);
    close(fd);
}

static void thousands_of_pipelined_requests_in_one_write_are_all_answered(void **state) {
    const uint32_t count = 20000;
    uint8_t *frames;
    size_t size = 0;
    int fd;

    (void)state;
    server_begin();
    fd = client_connect();
    frames = malloc((size_t)count * 64);
    for (uint32_t i = 0; i < count; i++)
        size += put_frame(frames + size, OP_ECHO, i, 0, bytes_of_text("p"));
    send_all(fd, frames, size);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (uint32_t i = 0; i < count; i++)
        expect_text(fd, i, "p");
    expect_closed(fd);
    free(frames);
    close(fd);
}

static void requests_outlive_their_client(void **state) {
    const struct linger reset = {1, 0};
    int fd;

    (void)state;
    server_begin();
    for (int with_hook = 0; with_hook < 2; with_hook++) {
        fd = client_connect();
        send_frame(fd, OP_DEADLINE, 1, 50, BYTES_NULL);
        if (with_hook)
            send_frame(fd, OP_KEEP, 2, 0, bytes_of_text("abandoned"));
        send_frame(fd, OP_COUNT, 3, 0, BYTES_NULL);
        WAIT_FOR(counters().requests_outstanding == (with_hook ? 3 : 2));
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        close(fd);
        WAIT_FOR(counters().connections == 0);
        WAIT_FOR(counters().requests_outstanding == 0);
        WAIT_FOR(atomic_load(&world.users_closed) == with_hook + 1);
    }
    assert_int_equal(atomic_load(&world.abandoned), 1);
    assert_int_equal(waiting_count(), 0);
    assert_int_equal(server_queued_request_bytes(world.server), 0);
}

static void each_connection_keeps_its_user_state(void **state) {
    int fd[2];

    (void)state;
    server_begin();
    fd[0] = client_connect();
    fd[1] = client_connect();
    send_frame(fd[0], OP_COUNT, 1, 0, BYTES_NULL);
    send_frame(fd[0], OP_COUNT, 2, 0, BYTES_NULL);
    send_frame(fd[1], OP_COUNT, 3, 0, BYTES_NULL);
    expect_text(fd[0], 1, "1");
    expect_text(fd[0], 2, "2");
    expect_text(fd[1], 3, "1");
    close(fd[0]);
    close(fd[1]);
    WAIT_FOR(atomic_load(&world.users_closed) == 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVER_TEST(responses_keep_the_order_of_requests_that_end_in_another),
        SERVER_TEST(a_frame_may_come_byte_by_byte),
        SERVER_TEST(large_frames_come_back_whole_and_kept_ones_too),
        SERVER_TEST(absurd_sizes_close_the_connection_and_nothing_else),
        SERVER_TEST(an_empty_frame_reaches_the_handler_who_closes),
        SERVER_TEST(earlier_responses_leave_before_a_connection_is_closed),
        SERVER_TEST(a_refused_frame_lets_earlier_responses_leave),
        SERVER_TEST(half_close_finishes_what_is_queued_and_closes),
        SERVER_TEST(file_ranges_reach_slow_readers_whole_and_in_order),
        SERVER_TEST(a_client_that_leaves_in_the_middle_of_a_file_frees_it),
        SERVER_TEST(a_truncated_file_closes_the_connection),
        SERVER_TEST(a_response_over_its_bound_closes_the_connection),
        SERVER_TEST(thousands_of_pipelined_requests_in_one_write_are_all_answered),
        SERVER_TEST(requests_outlive_their_client),
        SERVER_TEST(each_connection_keeps_its_user_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
