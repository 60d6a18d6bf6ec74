/*
 * Proves that connections get the kernel's buffers and congestion control that were asked for, and
 * without a wish what the kernel tunes and, from a loopback address, an algorithm without pacing.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/server/server.h"

#define DESCRIPTORS_MAX 1024
#define NAME_MAX_BYTES  16

/* Echoes, so that a client knows that its connection was taken over. */
static void on_request(void *context, struct request *request) {
    (void)context;
    wire_write_raw(request_response(request), request->frame);
    request_send(request);
}

static struct server *begin_at(const char *host, int32_t buffer_bytes,
                               const char *congestion_control) {
    const struct server_listener listener = {.name = "TEST", .host = host};
    struct server_config config = server_config_default;
    struct server *server;

    config.listeners = &listener;
    config.listener_count = 1;
    config.send_buffer_bytes = buffer_bytes;
    config.receive_buffer_bytes = buffer_bytes;
    config.congestion_control = congestion_control;
    config.on_request = on_request;
    assert_int_equal(server_new(&config, &server), ERR_NONE);
    assert_int_equal(server_start(server), ERR_NONE);
    return server;
}

static struct server *begin(int32_t buffer_bytes, const char *congestion_control) {
    return begin_at("127.0.0.1", buffer_bytes, congestion_control);
}

/* A client at one of the server's IPv4 addresses that has been answered once. */
static int client_at(const struct server *server, struct in_addr host) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(server_listener_at(server, 0)->port),
                                        .sin_addr = host};
    const uint8_t frame[] = {0, 0, 0, 1, 'x'};
    uint8_t answer[sizeof(frame)];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
    assert_int_equal(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
    return fd;
}

static int client_of(const struct server *server) {
    return client_at(server, (struct in_addr){htonl(INADDR_LOOPBACK)});
}

/* The server's end: the descriptor of this process whose peer the client is. */
static int other_end(int client) {
    struct sockaddr_in own;
    socklen_t size = sizeof(own);

    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &size), 0);
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        struct sockaddr_storage peer;
        in_port_t port;

        size = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
            continue;
        port = peer.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&peer)->sin_port
                                         : ((struct sockaddr_in6 *)(void *)&peer)->sin6_port;
        if (port == own.sin_port)
            return fd;
    }
    fail_msg("the server has no such connection");
    return -1;
}

static int option(int fd, int name) {
    int value = 0;
    socklen_t size = sizeof(value);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, name, &value, &size), 0);
    return value;
}

static void expect_congestion_control(int fd, const char *name) {
    char found[NAME_MAX_BYTES + 1] = {0};
    socklen_t size = NAME_MAX_BYTES;

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, found, &size), 0);
    assert_string_equal(found, name);
}

static void systems_congestion_control(char name[NAME_MAX_BYTES + 1]) {
    socklen_t size = NAME_MAX_BYTES;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(name, 0, NAME_MAX_BYTES + 1);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
    close(fd);
}

static void what_was_asked_for_holds_for_each_connection(void **state) {
    /* Besides reno, every kernel lets everybody choose the system's own. */
    char own[NAME_MAX_BYTES + 1];
    struct server *server;
    int client, fd;

    (void)state;
    systems_congestion_control(own);
    server = begin(50000, own);
    client = client_of(server);
    fd = other_end(client);
    assert_int_equal(option(fd, SO_SNDBUF), 100000); /* the kernel doubles it, for its own use */
    assert_int_equal(option(fd, SO_RCVBUF), 100000);
    expect_congestion_control(fd, own);
    close(client);
    server_free(server);
}

static void without_a_wish_loopback_peers_are_not_paced(void **state) {
    struct server *server = begin(-1, "");
    int client = client_of(server);

    (void)state;
    expect_congestion_control(other_end(client), "reno");
    close(client);
    server_free(server);
}

static void without_a_wish_other_peers_have_the_systems(void **state) {
    struct server *server = begin_at("", -1, NULL);
    char own[NAME_MAX_BYTES + 1];
    struct ifaddrs *addresses;

    (void)state;
    systems_congestion_control(own);
    assert_int_equal(getifaddrs(&addresses), 0);
    for (const struct ifaddrs *a = addresses; a != NULL; a = a->ifa_next) {
        struct in_addr host;
        int client;

        if (a->ifa_addr == NULL || a->ifa_addr->sa_family != AF_INET ||
            (a->ifa_flags & IFF_UP) == 0)
            continue;
        host = ((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr;
        client = client_at(server, host);
        expect_congestion_control(other_end(client),
                                  (a->ifa_flags & IFF_LOOPBACK) != 0 ? "reno" : own);
        close(client);
    }
    freeifaddrs(addresses);
    server_free(server);
}

static void what_the_kernel_does_not_know_is_left_out(void **state) {
    struct server *server = begin(-1, "no-such-thing");
    int client = client_of(server);

    (void)state;
    assert_true(option(other_end(client), SO_SNDBUF) > 0);
    close(client);
    server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_for_holds_for_each_connection),
        cmocka_unit_test(without_a_wish_loopback_peers_are_not_paced),
        cmocka_unit_test(without_a_wish_other_peers_have_the_systems),
        cmocka_unit_test(what_the_kernel_does_not_know_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
