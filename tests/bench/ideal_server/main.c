/*
 * The least that can serve Kafka's Produce and Fetch: one thread, epoll, batches checked and
 * appended, records sent with sendfile; no replication, no recovery, no metadata, no bounds. It is
 * the ceiling that barnabasd is compared with.
 *
 *   ideal_server FOLDER PORT
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "tests/bench/ideal_server/ideal_requests.h"

#define CONNECTIONS_MAX 4096
#define EVENTS_PER_TURN 512
#define WAIT_TICK_MS    5

struct ideal_server {
    int epoll_fd;
    int listen_fd;
    struct ideal_requests requests;
    struct ideal_connection *connections[CONNECTIONS_MAX];
    size_t connection_count;
    struct ideal_connection *ready[CONNECTIONS_MAX]; /* with answers to be sent */
    size_t ready_count;
    size_t waiting_count;
};

static void watch(struct ideal_server *server, int operation, int fd, uint32_t events, void *what) {
    struct epoll_event event = {.events = events, .data.ptr = what};

    CHECK(epoll_ctl(server->epoll_fd, operation, fd, &event) == 0);
}

static void listen_at(struct ideal_server *server, uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(server->listen_fd >= 0);
    CHECK(setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    /* As our broker: what paces (bbr) costs time, and there is no path to learn about. */
    CHECK(setsockopt(server->listen_fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno")) == 0);
    if (bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server->listen_fd, 1024) != 0) {
        perror("ideal_server: listen");
        exit(1);
    }
    watch(server, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN, NULL);
}

static void accept_one(struct ideal_server *server) {
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct ideal_connection *connection;
    int on = 1;

    if (fd < 0)
        return;
    CHECK(server->connection_count < CONNECTIONS_MAX);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    connection = calloc(1, sizeof(*connection));
    CHECK(connection != NULL);
    connection->fd = fd;
    STAILQ_INIT(&connection->answers);
    server->connections[server->connection_count++] = connection;
    watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
}

static void make_ready(struct ideal_server *server, struct ideal_connection *connection) {
    if (connection->is_ready)
        return;
    connection->is_ready = true;
    server->ready[server->ready_count++] = connection;
}

static bool handle(void *context, struct ideal_connection *connection, uint8_t *frame,
                   size_t size) {
    struct ideal_server *server = context;
    bool is_done = ideal_requests_handle(&server->requests, connection, frame, size);

    if (!is_done && connection->waiting == NULL)
        server->waiting_count++;
    make_ready(server, connection);
    return is_done;
}

/* A waiting fetch is looked at again; true if it has its answer now. */
static bool retry(struct ideal_server *server, struct ideal_connection *connection) {
    if (!handle(server, connection, connection->waiting, connection->waiting_size))
        return false;
    free(connection->waiting);
    connection->waiting = NULL;
    server->waiting_count--;
    ideal_connection_go_on(connection, handle, server);
    return true;
}

static void retry_all(struct ideal_server *server, bool only_late) {
    int64_t now_ms = clock_monotonic_ms(clock_system());

    for (size_t i = 0; i < server->connection_count; i++) {
        struct ideal_connection *connection = server->connections[i];
        bool is_late = connection->waiting != NULL && connection->deadline_ms <= now_ms;
        if (connection->waiting == NULL || (only_late && !is_late))
            continue;
        server->requests.time_is_up = is_late;
        (void)retry(server, connection);
        server->requests.time_is_up = false;
    }
}

static void forget(struct ideal_server *server, struct ideal_connection *connection) {
    for (size_t i = 0; i < server->connection_count; i++) {
        if (server->connections[i] == connection)
            server->connections[i] = server->connections[--server->connection_count];
    }
    if (connection->waiting != NULL)
        server->waiting_count--;
    ideal_connection_free(connection);
}

static void send_ready(struct ideal_server *server) {
    for (size_t i = 0; i < server->ready_count; i++) {
        struct ideal_connection *connection = server->ready[i];
        bool is_blocked = !connection->is_doomed && !ideal_connection_send(connection);
        connection->is_ready = false;
        if (connection->is_doomed) {
            forget(server, connection);
        } else if (is_blocked != connection->wants_write) {
            connection->wants_write = is_blocked;
            watch(server, EPOLL_CTL_MOD, connection->fd, is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN,
                  connection);
        }
    }
    server->ready_count = 0;
}

static void turn(struct ideal_server *server) {
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(server->epoll_fd, events, EVENTS_PER_TURN,
                           server->waiting_count > 0 ? WAIT_TICK_MS : -1);

    for (int i = 0; i < count; i++) {
        struct ideal_connection *connection = events[i].data.ptr;
        if (connection == NULL) {
            accept_one(server);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            make_ready(server, connection);
        ideal_connection_read(connection, handle, server);
        if (connection->is_doomed)
            make_ready(server, connection);
    }
    if (server->requests.has_appended && server->waiting_count > 0)
        retry_all(server, false);
    else if (count == 0)
        retry_all(server, true);
    server->requests.has_appended = false;
    send_ready(server);
}

int main(int argc, char **argv) {
    struct ideal_server *server = calloc(1, sizeof(*server));

    if (argc != 3 || server == NULL) {
        fputs("usage: ideal_server FOLDER PORT\n", stderr);
        return 2;
    }
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    server->requests.folder = argv[1];
    server->requests.port = (int32_t)strtol(argv[2], NULL, 10);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(server->epoll_fd >= 0);
    listen_at(server, (uint16_t)server->requests.port);
    for (;;)
        turn(server);
}
