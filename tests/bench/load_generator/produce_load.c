/* As much as goes in: every connection keeps `depth` requests outstanding. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "client/base/check.h"
#include "tests/bench/load_generator/histogram.h"
#include "tests/bench/load_generator/target.h"

#define DEPTH_MAX     256
#define ANSWER_BYTES  65536
#define STALL_MS      10000
#define EVENTS_MAX    256
#define REQUEST_BYTES (64u << 20)

struct producer {
    int fd;
    size_t sent;          /* of the request that is being sent; 0: between two */
    uint8_t partition[4]; /* that it goes to, as in the request */
    int outstanding;
    uint64_t answered;
    int64_t begun_ns[DEPTH_MAX]; /* a ring: when each outstanding request was begun */
    unsigned first, next;
    size_t have;
    uint8_t answers[ANSWER_BYTES];
};

struct production {
    const struct load_options *options;
    struct wire_writer request;
    size_t partition_position;
    int next_partition;
    uint64_t batch_bytes;
    uint64_t sent_bytes;
    uint64_t requests;
    uint64_t outstanding;
    struct histogram round_trips;
};

static void take_answers(struct production *production, struct producer *producer) {
    size_t at = 0;
    size_t size;

    while ((size = target_frame_size(producer->answers + at, producer->have - at)) > 0 &&
           size <= producer->have - at) {
        if (target_read_produce(production->options, producer->answers + at).error != 0)
            target_fail("a produce request was answered with an error");
        histogram_add(&production->round_trips,
                      target_now_ns() - producer->begun_ns[producer->first++ % DEPTH_MAX]);
        producer->outstanding--;
        producer->answered++;
        production->outstanding--;
        at += size;
    }
    memmove(producer->answers, producer->answers + at, producer->have - at);
    producer->have -= at;
}

static void receive(struct production *production, struct producer *producer) {
    ssize_t got;

    while ((got = recv(producer->fd, producer->answers + producer->have,
                       ANSWER_BYTES - producer->have, MSG_DONTWAIT)) > 0) {
        producer->have += (size_t)got;
        take_answers(production, producer);
    }
    if (got == 0 || errno != EAGAIN)
        target_fail("the connection was closed");
}

static bool may_begin(const struct production *production, const struct producer *producer) {
    return producer->outstanding < production->options->depth &&
           production->sent_bytes < production->options->bytes;
}

/* Of the request, with the producer's own partition number; 0: the socket takes nothing now. */
static size_t send_some(const struct production *production, struct producer *producer) {
    const struct wire_writer *request = &production->request;
    size_t number_at = production->partition_position;
    struct iovec parts[3] = {
        {request->data, number_at},
        {producer->partition, sizeof(producer->partition)},
        {request->data + number_at + sizeof(producer->partition),
         request->size - number_at - sizeof(producer->partition)},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    size_t passed = producer->sent;
    ssize_t sent;

    for (int i = 0; i < 3; i++) {
        size_t part = passed < parts[i].iov_len ? passed : parts[i].iov_len;
        parts[i].iov_base = (uint8_t *)parts[i].iov_base + part;
        parts[i].iov_len -= part;
        passed -= part;
    }
    sent = sendmsg(producer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        target_fail("the connection was closed");
    return sent < 0 ? 0 : (size_t)sent;
}

static void count_begun(struct production *production, struct producer *producer) {
    producer->begun_ns[producer->next++ % DEPTH_MAX] = target_now_ns();
    producer->outstanding++;
    production->outstanding++;
    production->requests++;
    production->sent_bytes += production->batch_bytes;
    production->next_partition = (production->next_partition + 1) % production->options->partitions;
}

static void send_more(struct production *production, struct producer *producer) {
    while (producer->sent > 0 || may_begin(production, producer)) {
        size_t sent;
        if (producer->sent == 0)
            big_endian_store_u32(producer->partition, (uint32_t)production->next_partition);
        sent = send_some(production, producer);
        if (sent == 0)
            return;
        if (producer->sent == 0)
            count_begun(production, producer);
        producer->sent += sent;
        if (producer->sent == production->request.size)
            producer->sent = 0;
    }
}

/* What the connection got that got least, beside the mean of all: 1 is fair. */
static double least_share(const struct production *production, const struct producer *producers) {
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < production->options->connections; i++) {
        if (producers[i].answered < least)
            least = producers[i].answered;
    }
    return (double)least * production->options->connections / (double)production->requests;
}

static void print(const struct production *production, double seconds, double cpu_seconds,
                  double resident_kib, double least) {
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"wire_bytes\": %llu, \"requests\": %llu, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"server_cpu_seconds\": %.3f, "
           "\"server_resident_kib\": %.0f, \"least_share\": %.3f}\n",
           seconds, (unsigned long long)production->sent_bytes,
           (unsigned long long)(production->requests * production->request.size),
           (unsigned long long)production->requests, histogram_us(&production->round_trips, 0.5),
           histogram_us(&production->round_trips, 0.99), cpu_seconds, resident_kib, least);
}

void load_produce(const struct load_options *options) {
    struct production *production = calloc(1, sizeof(*production));
    struct producer *producers = calloc((size_t)options->connections, sizeof(*producers));
    struct epoll_event events[EVENTS_MAX];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct target_usage before, after;
    int64_t begun_ns;

    CHECK(production != NULL && producers != NULL && epoll_fd >= 0);
    CHECK(options->depth <= DEPTH_MAX);
    target_expect_connections(options->connections);
    production->options = options;
    production->batch_bytes = (uint64_t)options->batch_records * (uint64_t)options->record_bytes;
    wire_writer_init(&production->request, REQUEST_BYTES);
    target_write_produce(&production->request, options, options->batch_records, NULL);
    production->partition_position = target_partition_position(options);
    for (int i = 0; i < options->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                    .data.ptr = &producers[i]};
        producers[i].fd = target_connect(options);
        CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, producers[i].fd, &event) == 0);
    }
    before = target_usage(options);
    begun_ns = target_now_ns();
    while (production->sent_bytes < options->bytes || production->outstanding > 0) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, STALL_MS);
        if (count == 0)
            target_fail("the server stalls");
        for (int i = 0; i < count; i++) {
            receive(production, events[i].data.ptr);
            send_more(production, events[i].data.ptr);
        }
    }
    after = target_usage(options);
    print(production, (double)(target_now_ns() - begun_ns) / 1e9,
          after.cpu_seconds - before.cpu_seconds, after.resident_kib,
          least_share(production, producers));
}
