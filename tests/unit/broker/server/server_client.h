/*
 * The client's side of a server under test: plain sockets, and waiting for what it does.
 */
#ifndef TESTS_UNIT_BROKER_SERVER_SERVER_CLIENT_H
#define TESTS_UNIT_BROKER_SERVER_SERVER_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "client/base/clock.h"

#define WAIT_MS_MAX 30000

/* Waits for a condition; each look yields the processor for a millisecond. */
#define WAIT_FOR(condition)                                                       \
    do {                                                                          \
        int64_t wait_until_ms = clock_monotonic_ms(clock_system()) + WAIT_MS_MAX; \
        while (!(condition)) {                                                    \
            assert_true(clock_monotonic_ms(clock_system()) < wait_until_ms);      \
            (void)poll(NULL, 0, 1);                                               \
        }                                                                         \
    } while (0)

static inline int client_connect_to(uint16_t port, int receive_buffer_bytes) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval limit = {.tv_sec = WAIT_MS_MAX / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (receive_buffer_bytes > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                                    sizeof(receive_buffer_bytes)),
                         0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_all(int fd, const void *data, size_t size) {
    const uint8_t *at = data;

    while (size > 0) {
        ssize_t count = send(fd, at, size, MSG_NOSIGNAL);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

static inline void receive_exactly(int fd, void *data, size_t size) {
    uint8_t *at = data;

    while (size > 0) {
        ssize_t count = recv(fd, at, size, 0);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

/* Whole frames of `size` bytes in one piece, one for each operation, which is its first byte. */
static inline void send_operations(int fd, const char *operations, size_t size) {
    uint8_t frames[512] = {0};
    uint8_t *at = frames;

    assert_true(strlen(operations) * (4 + size) <= sizeof(frames));
    for (; *operations != '\0'; operations++) {
        at[3] = (uint8_t)size;
        at[4] = (uint8_t)*operations;
        at += 4 + size;
    }
    send_all(fd, frames, (size_t)(at - frames));
}

#endif
