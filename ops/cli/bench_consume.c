/* bench consume: how fast what is in a topic can be read. */
#include <stdlib.h>

#include "ops/cli/bench_load.h"
#include "ops/cli/command_table.h"
#include "ops/cli/pace.h"
#include "ops/output/progress.h"

/* A poll that brings nothing for so long ends it. */
#define IDLE_MS_DEFAULT 10000

static const struct flag bench_consume_flags[] = {
    {'n', "records", "N", "end after so many records; else at the end of the topic"},
    {'d', "duration", "SECONDS", "end after so long"},
    {'p', "partition", "N", "read this one only"},
};

struct reading {
    struct barnabas_consumer *consumer;
    uint64_t records_max;
    int64_t duration_ns_max;
    int32_t partitions_left; /* whose end has not come yet */
    uint64_t records;
    uint64_t bytes;
    int64_t begin_ns; /* when the first message came */
    int64_t end_ns;
};

static int take(struct reading *reading, const struct barnabas_polled *polled) {
    for (size_t i = 0; i < polled->message_count; i++)
        reading->bytes += polled->messages[i].key_size + polled->messages[i].value_size;
    reading->records += polled->message_count;
    reading->end_ns = bench_now_ns();
    for (size_t i = 0; i < polled->event_count; i++) {
        if (polled->events[i].kind == BARNABAS_PARTITION_FAILED)
            return polled->events[i].error;
        reading->partitions_left -= polled->events[i].kind == BARNABAS_END_REACHED;
    }
    return BARNABAS_OK;
}

static bool is_over(const struct reading *reading) {
    return reading->partitions_left <= 0 ||
           (reading->records_max > 0 && reading->records >= reading->records_max) ||
           (reading->duration_ns_max > 0 &&
            reading->end_ns - reading->begin_ns >= reading->duration_ns_max);
}

static int read_all(struct reading *reading, int64_t idle_ms) {
    struct barnabas_polled polled;
    struct progress progress;
    int error = BARNABAS_OK;

    progress_begin(&progress);
    reading->begin_ns = reading->end_ns = bench_now_ns();
    while (error == BARNABAS_OK && !is_over(reading)) {
        error = barnabas_consumer_poll(reading->consumer, idle_ms, &polled);
        if (error == BARNABAS_OK && polled.message_count + polled.event_count == 0)
            error = BARNABAS_REQUEST_TIMED_OUT;
        if (error == BARNABAS_OK)
            error = take(reading, &polled);
        progress_tell(&progress, reading->records, reading->records_max, "records");
    }
    progress_end(&progress);
    return error;
}

static int assign(struct reading *reading, const char *topic, int32_t only, int64_t timeout_ms) {
    struct barnabas_position beginning = {BARNABAS_FROM_BEGINNING, 0};
    int32_t count;
    int error = barnabas_consumer_partition_count(reading->consumer, topic, timeout_ms, &count);

    reading->partitions_left = only >= 0 ? 1 : count;
    for (int32_t i = 0; error == BARNABAS_OK && i < count; i++)
        if (only < 0 || only == i)
            error = barnabas_consumer_assign(reading->consumer, topic, i, beginning);
    return error;
}

static enum exit_status measure(const struct invocation *invocation, struct reading *reading,
                                int64_t idle_ms) {
    double cpu_seconds = bench_cpu_seconds();
    struct bench_result result = {.kind = "BenchConsume"};
    enum exit_status status;
    int error = read_all(reading, idle_ms);

    result.cpu_seconds = bench_cpu_seconds() - cpu_seconds;
    result.records = reading->records;
    result.bytes = reading->bytes;
    result.seconds = (double)(reading->end_ns - reading->begin_ns) / 1e9;
    status = bench_print(invocation, &result);
    if (status != EXIT_OK || error == BARNABAS_OK)
        return status;
    return session_fail("bench consume", error);
}

static enum exit_status open_and_measure(const struct invocation *invocation,
                                         struct barnabas_config *config, struct reading *reading,
                                         int32_t only) {
    const char *topic = invocation->operands[0];
    struct barnabas_reason reason = {""};
    enum exit_status status;
    int64_t timeout_ms;
    int64_t idle_ms;
    int error;

    if (!session_timeout_ms(invocation, 30000, &timeout_ms) ||
        !session_timeout_ms(invocation, IDLE_MS_DEFAULT, &idle_ms))
        return EXIT_USAGE;
    error = barnabas_consumer_open(config, &reading->consumer, &reason);
    if (error == BARNABAS_OK)
        error = assign(reading, topic, only, timeout_ms);
    status = error == BARNABAS_OK
                 ? measure(invocation, reading, idle_ms)
                 : session_fail(reason.text[0] != '\0' ? reason.text : topic, error);
    barnabas_consumer_close(reading->consumer);
    return status;
}

static enum exit_status run_bench_consume(const struct invocation *invocation) {
    struct barnabas_config *config = session_config(invocation);
    struct reading reading = {0};
    enum exit_status status = EXIT_USAGE;
    int64_t records;
    int64_t seconds;
    int64_t partition;

    if (config != NULL && invocation_number(invocation, "records", 0, INT64_MAX, 0, &records) &&
        invocation_number(invocation, "duration", 0, 1000000, 0, &seconds) &&
        invocation_number(invocation, "partition", 0, INT32_MAX, -1, &partition) &&
        session_default(invocation, config, "enable.partition.eof", "true")) {
        reading.records_max = (uint64_t)records;
        reading.duration_ns_max = seconds * PACE_SECOND_NS;
        status = open_and_measure(invocation, config, &reading, (int32_t)partition);
    }
    barnabas_config_free(config);
    return status;
}

const struct command command_bench_consume = {
    .group = "bench",
    .verb = "consume",
    .operands = "TOPIC",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "measure how fast a topic can be read",
    .details = "\nReads all partitions from their beginning until each has ended, or as the flags "
               "say. Ends\nwith 5 if nothing comes for --timeout seconds (10).\n",
    .flags = bench_consume_flags,
    .flag_count = sizeof(bench_consume_flags) / sizeof(bench_consume_flags[0]),
    .run = run_bench_consume,
};
