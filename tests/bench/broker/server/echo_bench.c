/*
 * Round trips of small requests: broker/server with a handler that echoes, beside the least that
 * could do the same (one thread, raw epoll, read and send), in the same program and with the
 * same client, in turns.
 *
 *   bench_broker_server_echo [seconds per run] [runs]
 *
 * Prints, per load, the round trips per second and the server thread's CPU time per request, and
 * the ratio of the medians. The client needs a core of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "broker/server/server.h"
#include "client/base/clock.h"

#define FRAME_BYTES     104 /* with its size */
#define CONNECTIONS_MAX 256
#define RUNS_MAX        21

struct measure {
    double per_second;
    double cpu_ns; /* of the server's thread, per round trip */
};

static int64_t thread_cpu_ns(clockid_t clock) {
    struct timespec used;

    CHECK(clock_gettime(clock, &used) == 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static int64_t now_ns(void) {
    return clock_system()->monotonic_ns(clock_system());
}

/* The client: every connection keeps `depth` requests outstanding. */

struct load {
    const char *label;
    int connections;
    int depth;
};

struct peer {
    int fd;
    size_t partial; /* bytes of a response that is not whole yet */
};

static void send_requests(int fd, size_t count) {
    static uint8_t frames[64 * FRAME_BYTES];

    if (frames[3] == 0) {
        for (size_t i = 0; i < 64; i++)
            frames[i * FRAME_BYTES + 3] = FRAME_BYTES - 4;
    }
    while (count > 0) {
        size_t part = count < 64 ? count : 64;
        CHECK(send(fd, frames, part * FRAME_BYTES, MSG_NOSIGNAL) == (ssize_t)(part * FRAME_BYTES));
        count -= part;
    }
}

static int connect_to(uint16_t port) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    return fd;
}

static size_t receive_responses(struct peer *peer) {
    static uint8_t buffer[65536];
    ssize_t count = recv(peer->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    size_t whole;

    if (count < 0 && errno == EAGAIN)
        return 0;
    CHECK(count > 0);
    peer->partial += (size_t)count;
    whole = peer->partial / FRAME_BYTES;
    peer->partial %= FRAME_BYTES;
    return whole;
}

/* Runs for `seconds`, after a tenth of that to warm up. `cpu` is the server thread's clock. */
static struct measure run_load(const struct load *load, uint16_t port, clockid_t cpu,
                               double seconds) {
    struct peer peers[CONNECTIONS_MAX];
    struct epoll_event events[CONNECTIONS_MAX];
    int64_t begin_ns = 0, begin_cpu_ns = 0, end_ns;
    int64_t warm_ns = now_ns() + (int64_t)(seconds * 1e8);
    uint64_t round_trips = 0;
    struct measure measure;
    int poll = epoll_create1(0);

    for (int i = 0; i < load->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};

        peers[i] = (struct peer){.fd = connect_to(port)};
        CHECK(epoll_ctl(poll, EPOLL_CTL_ADD, peers[i].fd, &event) == 0);
        send_requests(peers[i].fd, (size_t)load->depth);
    }
    for (;;) {
        int count = epoll_wait(poll, events, CONNECTIONS_MAX, 1000);

        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            size_t whole = receive_responses(peer);

            round_trips += whole;
            send_requests(peer->fd, whole);
        }
        end_ns = now_ns();
        if (begin_ns == 0 && end_ns >= warm_ns) {
            begin_ns = end_ns;
            begin_cpu_ns = thread_cpu_ns(cpu);
            round_trips = 0;
        }
        if (begin_ns != 0 && (double)(end_ns - begin_ns) >= seconds * 1e9)
            break;
    }
    measure.cpu_ns = (double)(thread_cpu_ns(cpu) - begin_cpu_ns) / (double)round_trips;
    measure.per_second = (double)round_trips * 1e9 / (double)(end_ns - begin_ns);
    for (int i = 0; i < load->connections; i++)
        close(peers[i].fd);
    close(poll);
    return measure;
}

/* The ideal: reads what is there and sends it back. It does not even look for frames. */

struct ideal {
    pthread_t thread;
    int listener;
    uint16_t port;
    clockid_t cpu;
    atomic_bool started;
    atomic_bool stopping;
};

static void *ideal_run(void *context) {
    struct ideal *ideal = context;
    struct epoll_event events[CONNECTIONS_MAX];
    struct epoll_event listening = {.events = EPOLLIN, .data.fd = ideal->listener};
    static uint8_t buffer[256 << 10];
    int poll = epoll_create1(0);

    CHECK(epoll_ctl(poll, EPOLL_CTL_ADD, ideal->listener, &listening) == 0);
    CHECK(pthread_getcpuclockid(pthread_self(), &ideal->cpu) == 0);
    atomic_store(&ideal->started, true);
    while (!atomic_load(&ideal->stopping)) {
        int count = epoll_wait(poll, events, CONNECTIONS_MAX, 100);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            ssize_t size;

            if (fd == ideal->listener) {
                const int one = 1;
                struct epoll_event event = {.events = EPOLLIN,
                                            .data.fd = accept(ideal->listener, NULL, NULL)};

                CHECK(setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
                CHECK(epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event) == 0);
                continue;
            }
            size = recv(fd, buffer, sizeof(buffer), 0);
            if (size <= 0)
                close(fd);
            else if (send(fd, buffer, (size_t)size, MSG_NOSIGNAL) != size)
                close(fd);
        }
    }
    close(poll);
    return NULL;
}

static void ideal_start(struct ideal *ideal) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    ideal->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(ideal->listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(ideal->listener, CONNECTIONS_MAX) == 0);
    CHECK(getsockname(ideal->listener, (struct sockaddr *)&address, &size) == 0);
    ideal->port = ntohs(address.sin_port);
    CHECK(pthread_create(&ideal->thread, NULL, ideal_run, ideal) == 0);
    while (!atomic_load(&ideal->started))
        continue;
}

static void ideal_stop(struct ideal *ideal) {
    atomic_store(&ideal->stopping, true);
    CHECK(pthread_join(ideal->thread, NULL) == 0);
    close(ideal->listener);
}

/* Ours. */

static clockid_t reactor_clock;
static atomic_bool reactor_clock_known;

static void note_clock(struct task *task) {
    (void)task;
    CHECK(pthread_getcpuclockid(pthread_self(), &reactor_clock) == 0);
    atomic_store(&reactor_clock_known, true);
}

static void echo(void *context, struct request *request) {
    (void)context;
    wire_write_raw(request_response(request), request->frame);
    request_send(request);
}

static struct server *server_begin(void) {
    const struct server_listener listener = {.name = "BENCH", .host = "127.0.0.1"};
    static struct task task = {.run = note_clock};
    struct server_config config = server_config_default;
    struct server *server;

    config.listeners = &listener;
    config.listener_count = 1;
    config.reactor_count = 1;
    config.listen_backlog = CONNECTIONS_MAX;
    config.on_request = echo;
    CHECK(server_new(&config, &server) == ERR_NONE);
    CHECK(server_start(server) == ERR_NONE);
    executor_post(server_reactor_executor(server, 0), &task);
    while (!atomic_load(&reactor_clock_known))
        continue;
    return server;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

int main(int argc, char **argv) {
    static const struct load loads[] = {
        {"1 connection, 1 outstanding", 1, 1},
        {"64 connections, 1 outstanding", 64, 1},
        {"64 connections, 16 outstanding", 64, 16},
        {"256 connections, 1 outstanding", 256, 1},
    };
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    const int runs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    struct ideal ideal = {0};
    struct server *server;

    if (seconds <= 0 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_broker_server_echo [seconds per run] [runs, 1 to 21]\n");
        return 2;
    }
    ideal_start(&ideal);
    server = server_begin();
    printf("%-32s %12s %12s %7s %10s %10s %7s\n", "load", "ideal/s", "server/s", "ratio",
           "ideal ns", "server ns", "ratio");
    for (size_t i = 0; i < ARRAY_COUNT(loads); i++) {
        double rate[2][RUNS_MAX], cpu[2][RUNS_MAX];

        for (int run = 0; run < runs; run++) {
            for (int side = 0; side < 2; side++) {
                struct measure measure = run_load(
                    &loads[i], side == 0 ? ideal.port : server_listener_at(server, 0)->port,
                    side == 0 ? ideal.cpu : reactor_clock, seconds);

                rate[side][run] = measure.per_second;
                cpu[side][run] = measure.cpu_ns;
            }
        }
        printf("%-32s %12.0f %12.0f %7.2f %10.0f %10.0f %7.2f\n", loads[i].label,
               median(rate[0], runs), median(rate[1], runs),
               median(rate[1], runs) / median(rate[0], runs), median(cpu[0], runs),
               median(cpu[1], runs), median(cpu[0], runs) / median(cpu[1], runs));
        fflush(stdout);
    }
    server_free(server);
    ideal_stop(&ideal);
    return 0;
}
