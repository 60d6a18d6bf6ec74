/* As much as comes out: every connection reads from the first offset on, one request at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/base/check.h"
#include "client/wire/record_batch.h"
#include "tests/bench/load_generator/target.h"

#define STALL_MS      10000
#define EVENTS_MAX    256
#define REQUEST_BYTES 4096
#define HEAD_BYTES    65536

struct consumer {
    int fd;
    int64_t next_offset;
    uint64_t bytes;
    size_t have;
    uint8_t *answer;
};

struct consumption {
    const struct load_options *options;
    struct wire_writer request;
    size_t answer_bytes_max;
    uint64_t bytes;
    uint64_t requests;
    int live;
};

static void ask(struct consumption *consumption, struct consumer *consumer) {
    target_write_fetch(&consumption->request, consumption->options, consumer->next_offset);
    target_send(consumer->fd, bytes_of(consumption->request.data, consumption->request.size));
    consumption->requests++;
}

/* Steps over whole batches by their headers. */
static void pass_batches(struct consumer *consumer, struct bytes records) {
    struct record_batch batch;

    while (records.size >= RECORD_BATCH_HEADER_BYTES &&
           record_batch_decode(records, &batch) == ERR_NONE) {
        consumer->next_offset = record_batch_last_offset(&batch) + 1;
        consumer->bytes += batch.whole.size;
        records = bytes_of(records.data + batch.whole.size, records.size - batch.whole.size);
    }
}

static void take_answer(struct consumption *consumption, struct consumer *consumer) {
    uint64_t before = consumer->bytes;

    pass_batches(consumer, target_read_fetch(consumption->options, consumer->answer));
    consumer->have = 0;
    consumption->bytes += consumer->bytes - before;
    if (consumer->bytes < consumption->options->bytes && consumer->bytes > before) {
        ask(consumption, consumer);
    } else {
        consumption->live--;
        close(consumer->fd);
    }
}

static void receive(struct consumption *consumption, struct consumer *consumer) {
    ssize_t got = recv(consumer->fd, consumer->answer + consumer->have,
                       consumption->answer_bytes_max - consumer->have, MSG_DONTWAIT);
    size_t size;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        target_fail("the connection was closed");
    consumer->have += (size_t)got;
    size = target_frame_size(consumer->answer, consumer->have);
    if (size > consumption->answer_bytes_max)
        target_fail("an answer is larger than was asked for");
    if (size > 0 && size == consumer->have)
        take_answer(consumption, consumer);
}

void load_fetch(const struct load_options *options) {
    struct consumer *consumers = calloc((size_t)options->connections, sizeof(*consumers));
    struct consumption consumption = {.options = options, .live = options->connections};
    struct epoll_event events[EVENTS_MAX];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct target_usage before, after;
    int64_t begun_ns;

    CHECK(consumers != NULL && epoll_fd >= 0);
    consumption.answer_bytes_max = (size_t)options->fetch_bytes_max * 2 + HEAD_BYTES;
    wire_writer_init(&consumption.request, REQUEST_BYTES);
    for (int i = 0; i < options->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &consumers[i]};
        consumers[i].fd = target_connect(options);
        consumers[i].answer = malloc(consumption.answer_bytes_max);
        CHECK(consumers[i].answer != NULL);
        CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, consumers[i].fd, &event) == 0);
    }
    before = target_usage(options);
    begun_ns = target_now_ns();
    for (int i = 0; i < options->connections; i++)
        ask(&consumption, &consumers[i]);
    while (consumption.live > 0) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, STALL_MS);
        if (count == 0)
            target_fail("the server stalls");
        for (int i = 0; i < count; i++)
            receive(&consumption, events[i].data.ptr);
    }
    after = target_usage(options);
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"requests\": %llu, \"server_cpu_seconds\": %.3f, "
           "\"server_resident_kib\": %.0f}\n",
           (double)(target_now_ns() - begun_ns) / 1e9, (unsigned long long)consumption.bytes,
           (unsigned long long)consumption.requests, after.cpu_seconds - before.cpu_seconds,
           after.resident_kib);
}
