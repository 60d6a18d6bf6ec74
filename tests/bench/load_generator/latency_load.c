/*
 * How long a record takes from its due time to its consumer, at a steady rate. Records that are due
 * while a request cannot be sent wait and are sent together; their time counts from when they were
 * due, so that a pause of the server is not left out.
 *
 * Producer and consumer share one spinning thread: run it on a core that the server does not use.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "client/base/check.h"
#include "client/wire/record_batch.h"
#include "tests/bench/load_generator/histogram.h"
#include "tests/bench/load_generator/target.h"

#define RECORDS_PER_REQUEST_MAX 4000
#define BATCH_BYTES_MAX         1000000 /* max.message.bytes of a topic is a little more */
#define RECORD_BYTES_MORE       20      /* what else a record has, at most */
#define OUTSTANDING_MAX         5
#define ANSWER_BYTES            (4u << 20)
#define REQUEST_BYTES           (64u << 20)
#define LAST_RECORD_WAIT_NS     10000000000 /* what is late is measured, too */
#define PLAIN_BYTES_MAX         (4u << 20)

struct side {
    int fd;
    size_t have;
    uint8_t *answer;
    struct wire_writer request;
};

struct latency {
    const struct load_options *options;
    struct side producer, consumer;
    int outstanding;
    int64_t next_offset;
    int64_t due_ns, warm_ns, stop_ns;
    int64_t gap_ns;
    uint64_t sent, received;
    int64_t asked_ns[OUTSTANDING_MAX]; /* a ring: the first due time of each outstanding request */
    unsigned first_asked, next_asked;
    struct histogram ends; /* end to end */
    struct histogram acks; /* from the first due time of a request to its answer */
};

static void side_open(struct side *side, const struct load_options *options) {
    side->fd = target_connect(options);
    side->answer = malloc(ANSWER_BYTES);
    CHECK(side->answer != NULL);
    wire_writer_init(&side->request, REQUEST_BYTES);
}

static void side_send(struct side *side) {
    target_send(side->fd, bytes_of(side->request.data, side->request.size));
}

/* True if a whole answer is there, which the caller takes by have = 0. */
static bool side_receive(struct side *side) {
    size_t size = target_frame_size(side->answer, side->have);
    size_t wanted = size == 0 ? FRAME_SIZE_BYTES : size;
    ssize_t got = recv(side->fd, side->answer + side->have, wanted - side->have, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0)
        target_fail("the connection was closed");
    side->have += (size_t)got;
    size = target_frame_size(side->answer, side->have);
    if (size > ANSWER_BYTES)
        target_fail("an answer is larger than was asked for");
    return size > FRAME_SIZE_BYTES && side->have == size;
}

static void ask(struct latency *latency) {
    target_write_fetch(&latency->consumer.request, latency->options, latency->next_offset);
    side_send(&latency->consumer);
}

/* A first record tells where the log ends; from there on it is consumed. */
static void begin(struct latency *latency) {
    int64_t stamp = 0;
    struct side *producer = &latency->producer;

    target_write_produce(&producer->request, latency->options, 1, &stamp);
    side_send(producer);
    (void)target_receive(producer->fd, producer->answer, ANSWER_BYTES);
    latency->next_offset = target_read_produce(latency->options, producer->answer).base_offset + 1;
    ask(latency);
}

static void produce_due(struct latency *latency, int64_t now_ns) {
    int64_t stamps[RECORDS_PER_REQUEST_MAX];
    int count_max = BATCH_BYTES_MAX / (latency->options->record_bytes + RECORD_BYTES_MORE);
    int count = 0;

    if (latency->due_ns > now_ns || now_ns >= latency->stop_ns ||
        latency->outstanding >= OUTSTANDING_MAX)
        return;
    if (count_max > RECORDS_PER_REQUEST_MAX)
        count_max = RECORDS_PER_REQUEST_MAX;
    while (latency->due_ns <= now_ns && count < count_max) {
        stamps[count++] = latency->due_ns;
        latency->due_ns += latency->gap_ns;
    }
    target_write_produce(&latency->producer.request, latency->options, count, stamps);
    side_send(&latency->producer);
    latency->asked_ns[latency->next_asked++ % OUTSTANDING_MAX] = stamps[0];
    latency->outstanding++;
    latency->sent += (uint64_t)count;
}

static void note_batch(struct latency *latency, const struct record_batch *batch, int64_t now_ns) {
    struct record_iterator records;
    struct record record;
    enum error error;

    CHECK(record_iterator_init(&records, batch, PLAIN_BYTES_MAX) == ERR_NONE);
    while (record_iterator_next(&records, &record, &error)) {
        int64_t stamp;
        if (record.offset < latency->next_offset)
            continue;
        memcpy(&stamp, record.value.data, sizeof(stamp));
        latency->received++;
        if (stamp > latency->warm_ns)
            histogram_add(&latency->ends, now_ns - stamp);
    }
    record_iterator_done(&records);
    latency->next_offset = record_batch_last_offset(batch) + 1;
}

static void consume(struct latency *latency) {
    struct record_batch batch;
    struct bytes records;
    int64_t now_ns;

    if (!side_receive(&latency->consumer))
        return;
    now_ns = target_now_ns();
    records = target_read_fetch(latency->options, latency->consumer.answer);
    while (records.size >= RECORD_BATCH_HEADER_BYTES &&
           record_batch_decode(records, &batch) == ERR_NONE) {
        note_batch(latency, &batch, now_ns);
        records = bytes_of(records.data + batch.whole.size, records.size - batch.whole.size);
    }
    latency->consumer.have = 0;
    ask(latency);
}

static void take_acknowledgement(struct latency *latency) {
    struct side *producer = &latency->producer;
    int64_t asked_ns = latency->asked_ns[latency->first_asked % OUTSTANDING_MAX];

    if (!side_receive(producer))
        return;
    if (target_read_produce(latency->options, producer->answer).error != 0)
        target_fail("a produce request was answered with an error");
    producer->have = 0;
    latency->first_asked++;
    latency->outstanding--;
    if (asked_ns > latency->warm_ns)
        histogram_add(&latency->acks, target_now_ns() - asked_ns);
}

void load_latency(const struct load_options *options) {
    struct latency *latency = calloc(1, sizeof(*latency));
    struct target_usage before, after;
    int64_t now_ns;

    CHECK(latency != NULL && options->record_bytes >= (int)sizeof(int64_t));
    latency->options = options;
    side_open(&latency->producer, options);
    side_open(&latency->consumer, options);
    begin(latency);
    before = target_usage(options);
    now_ns = target_now_ns();
    latency->due_ns = now_ns;
    latency->gap_ns = 1000000000 / options->rate;
    latency->stop_ns = now_ns + (int64_t)options->seconds * 1000000000;
    latency->warm_ns = now_ns + (latency->stop_ns - now_ns) / 5;
    do {
        now_ns = target_now_ns();
        produce_due(latency, now_ns);
        take_acknowledgement(latency);
        consume(latency);
    } while (now_ns < latency->stop_ns || (latency->received < latency->sent &&
                                           now_ns < latency->stop_ns + LAST_RECORD_WAIT_NS));
    after = target_usage(options);
    if (latency->received < latency->sent)
        target_fail("records did not arrive");
    printf("{\"seconds\": %d, \"records\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f, \"ack_p50_us\": %.1f, \"ack_p99_us\": %.1f, "
           "\"ack_p999_us\": %.1f, \"server_cpu_seconds\": %.3f, \"server_resident_kib\": %.0f}\n",
           options->seconds, (unsigned long long)latency->received,
           histogram_us(&latency->ends, 0.5), histogram_us(&latency->ends, 0.99),
           histogram_us(&latency->ends, 0.999), histogram_us(&latency->acks, 0.5),
           histogram_us(&latency->acks, 0.99), histogram_us(&latency->acks, 0.999),
           after.cpu_seconds - before.cpu_seconds, after.resident_kib);
}
