/*
 * bench end-to-end: how long a record takes from the moment it is due until a consumer has it.
 *
 * One thread sends; another reads all partitions from their end. Each value begins with the time at
 * which it was due, of this machine's monotonic clock, and with a number of this run's own, so that
 * other records in the topic do not count.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/bench_load.h"
#include "ops/cli/command_table.h"
#include "ops/cli/pace.h"

#define RATE_DEFAULT 1000

/* How long the consumer waits for what was sent. */
#define LAST_WAIT_MS 10000

static const struct flag bench_end_to_end_flags[] = {BENCH_LOAD_FLAGS};

struct round_trip {
    struct bench_sender sender;
    struct barnabas_consumer *consumer;
    int32_t partition_count;
    atomic_bool sent;                   /* all of it; `expected` is set */
    uint64_t expected;                  /* how many were delivered */
    int64_t begin_ns;                   /* no record of this run was due before */
    uint64_t received;                  /* the reading thread's */
    int error;                          /* likewise */
    struct latency_histogram latencies; /* likewise */
};

static void take(struct round_trip *trip, const struct barnabas_message *message) {
    int64_t due_ns;

    if (message->value_size != trip->sender.load->size)
        return;
    memcpy(&due_ns, message->value, sizeof(due_ns));
    if (due_ns < trip->begin_ns)
        return;
    latency_histogram_add(&trip->latencies, bench_now_ns() - due_ns);
    trip->received++;
}

static void *read_all(void *argument) {
    struct round_trip *trip = argument;
    struct barnabas_polled polled;
    int64_t silent_ms = 0;

    while (!atomic_load(&trip->sent) || (trip->received < trip->expected && trip->error == 0)) {
        int error = barnabas_consumer_poll(trip->consumer, 100, &polled);

        for (size_t i = 0; error == BARNABAS_OK && i < polled.message_count; i++)
            take(trip, &polled.messages[i]);
        for (size_t i = 0; error == BARNABAS_OK && i < polled.event_count; i++)
            error = polled.events[i].error;
        silent_ms = polled.message_count > 0 || !atomic_load(&trip->sent) ? 0 : silent_ms + 100;
        if (error == BARNABAS_OK && silent_ms >= LAST_WAIT_MS)
            error = BARNABAS_REQUEST_TIMED_OUT;
        if (error != BARNABAS_OK)
            trip->error = error;
        if (error != BARNABAS_OK && error != BARNABAS_REQUEST_TIMED_OUT)
            break;
    }
    return NULL;
}

/* Reading begins at the end as it is now: waits until that is known of every partition. */
static int assign(struct round_trip *trip, const char *topic, int64_t timeout_ms) {
    struct barnabas_progress progress;
    struct barnabas_polled polled;
    int64_t until_ns = bench_now_ns() + timeout_ms * 1000000;
    int error = barnabas_consumer_partition_count(trip->consumer, topic, timeout_ms,
                                                  &trip->partition_count);

    for (int32_t i = 0; error == BARNABAS_OK && i < trip->partition_count; i++)
        error = barnabas_consumer_assign(trip->consumer, topic, i,
                                         (struct barnabas_position){BARNABAS_FROM_END, 0});
    for (int32_t i = 0; error == BARNABAS_OK && i < trip->partition_count;) {
        error = barnabas_consumer_poll(trip->consumer, 1, &polled);
        if (error == BARNABAS_OK)
            error = barnabas_consumer_progress(trip->consumer, topic, i, &progress);
        if (error == BARNABAS_OK && progress.high_watermark >= 0)
            i++;
        else if (bench_now_ns() > until_ns)
            error = BARNABAS_REQUEST_TIMED_OUT;
    }
    return error;
}

static int send_and_read(struct round_trip *trip) {
    pthread_t reader;
    int error;

    trip->begin_ns = bench_now_ns();
    if (pthread_create(&reader, NULL, read_all, trip) != 0)
        return BARNABAS_OUT_OF_MEMORY;
    error = bench_send(&trip->sender);
    trip->expected = atomic_load(&trip->sender.delivered);
    atomic_store(&trip->sent, true);
    pthread_join(reader, NULL);
    if (error == BARNABAS_OK)
        error = atomic_load(&trip->sender.last_error);
    return error == BARNABAS_OK ? trip->error : error;
}

static enum exit_status measure(const struct invocation *invocation, struct round_trip *trip) {
    double cpu_seconds = bench_cpu_seconds();
    struct bench_result result = {.kind = "BenchEndToEnd", .latencies = &trip->latencies};
    enum exit_status status;
    int error = send_and_read(trip);

    result.cpu_seconds = bench_cpu_seconds() - cpu_seconds;
    result.records = trip->received;
    result.failed = atomic_load(&trip->sender.failed);
    result.bytes = result.records * trip->sender.load->size;
    result.seconds = (double)(trip->sender.end_ns - trip->sender.begin_ns) / 1e9;
    status = bench_print(invocation, &result);
    if (status != EXIT_OK || error == BARNABAS_OK)
        return status;
    session_fail("bench end-to-end", error);
    return result.records > 0 ? EXIT_PARTLY_FAILED : exit_status_of(error);
}

static enum exit_status open_and_measure(const struct invocation *invocation,
                                         struct barnabas_config *config,
                                         const struct bench_load *load) {
    struct round_trip *trip = calloc(1, sizeof(*trip));
    struct barnabas_reason reason = {""};
    enum exit_status status;
    int64_t timeout_ms = 0;
    int error = BARNABAS_OUT_OF_MEMORY;

    if (trip != NULL) {
        trip->sender.load = load;
        trip->sender.stamped = true;
        error = session_timeout_ms(invocation, 30000, &timeout_ms) ? BARNABAS_OK
                                                                   : BARNABAS_CONFIG_INVALID;
    }
    if (error == BARNABAS_OK)
        error = barnabas_producer_open(config, &trip->sender.producer, &reason);
    if (error == BARNABAS_OK)
        error = barnabas_consumer_open(config, &trip->consumer, &reason);
    if (error == BARNABAS_OK)
        error = assign(trip, load->topic, timeout_ms);
    status = error == BARNABAS_OK
                 ? measure(invocation, trip)
                 : session_fail(reason.text[0] != '\0' ? reason.text : load->topic, error);
    if (trip != NULL) {
        barnabas_consumer_close(trip->consumer);
        barnabas_producer_close(trip->sender.producer, 0);
    }
    free(trip);
    return status;
}

static enum exit_status run_bench_end_to_end(const struct invocation *invocation) {
    struct barnabas_config *config = session_config(invocation);
    struct bench_load load;
    enum exit_status status = EXIT_USAGE;

    if (config == NULL || !bench_load_parse(invocation, config, RATE_DEFAULT, &load)) {
        status = EXIT_USAGE;
    } else if (load.size < sizeof(int64_t)) {
        fprintf(stderr, "barnabas: bench end-to-end: --size must be 8 or more\n");
    } else {
        status = open_and_measure(invocation, config, &load);
    }
    barnabas_config_free(config);
    return status;
}

const struct command command_bench_end_to_end = {
    .group = "bench",
    .verb = "end-to-end",
    .operands = "TOPIC",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "measure how long a record takes to its consumer",
    .details = "\nSends at --rate (1000 a second), for ten seconds unless --records or --duration "
               "says\notherwise, and reads the topic from its end in the same process. Latency "
               "counts from the\nmoment at which a record was due until a poll returned it. The "
               "records stay in the topic.\n",
    .flags = bench_end_to_end_flags,
    .flag_count = sizeof(bench_end_to_end_flags) / sizeof(bench_end_to_end_flags[0]),
    .run = run_bench_end_to_end,
};
