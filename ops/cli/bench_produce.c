/* bench produce: how many records can be sent, or how long each takes at a steady rate. */
#include <stdlib.h>

#include "ops/cli/bench_load.h"
#include "ops/cli/command_table.h"

static const struct flag bench_produce_flags[] = {BENCH_LOAD_FLAGS};

/* Half of all failed or none: what the reader makes of the numbers differs. */
static enum exit_status status_of(const struct bench_result *result, int error) {
    if (error == BARNABAS_OK)
        return EXIT_OK;
    session_fail("bench produce", error);
    session_hint(error);
    return result->records > 0 ? EXIT_PARTLY_FAILED : exit_status_of(error);
}

static enum exit_status measure(const struct invocation *invocation, const struct bench_load *load,
                                struct bench_sender *sender) {
    double cpu_seconds = bench_cpu_seconds();
    struct bench_result result = {.kind = "BenchProduce", .latencies = &sender->latencies};
    enum exit_status status;
    int error = bench_send(sender);

    if (error == BARNABAS_OK)
        error = atomic_load(&sender->last_error);
    result.cpu_seconds = bench_cpu_seconds() - cpu_seconds;
    result.records = atomic_load(&sender->delivered);
    result.failed = atomic_load(&sender->failed);
    result.bytes = result.records * load->size;
    result.seconds = (double)(sender->end_ns - sender->begin_ns) / 1e9;
    status = bench_print(invocation, &result);
    return status != EXIT_OK ? status : status_of(&result, error);
}

static enum exit_status open_and_measure(const struct invocation *invocation,
                                         struct barnabas_config *config,
                                         const struct bench_load *load) {
    struct bench_sender *sender = calloc(1, sizeof(*sender));
    struct barnabas_reason reason = {""};
    enum exit_status status;
    int32_t partition_count;
    int64_t timeout_ms;
    int error;

    if (sender == NULL)
        return session_fail("bench produce", BARNABAS_OUT_OF_MEMORY);
    sender->load = load;
    error = barnabas_producer_open(config, &sender->producer, &reason);
    /* The topic's metadata is not part of what is measured. */
    if (error == BARNABAS_OK && !session_timeout_ms(invocation, 30000, &timeout_ms))
        error = BARNABAS_CONFIG_INVALID;
    if (error == BARNABAS_OK)
        error = barnabas_producer_partition_count(sender->producer, load->topic, timeout_ms,
                                                  &partition_count);
    status = error == BARNABAS_OK
                 ? measure(invocation, load, sender)
                 : session_fail(reason.text[0] != '\0' ? reason.text : load->topic, error);
    barnabas_producer_close(sender->producer, 0);
    free(sender);
    return status;
}

static enum exit_status run_bench_produce(const struct invocation *invocation) {
    struct barnabas_config *config = session_config(invocation);
    struct bench_load load;
    enum exit_status status = EXIT_USAGE;

    if (config != NULL && bench_load_parse(invocation, config, 0, &load))
        status = open_and_measure(invocation, config, &load);
    barnabas_config_free(config);
    return status;
}

const struct command command_bench_produce = {
    .group = "bench",
    .verb = "produce",
    .operands = "TOPIC",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "measure how fast records can be sent",
    .details = "\nWithout --rate records are sent as fast as the cluster takes them, a million of "
               "them unless\n--records or --duration says otherwise. With --rate they are sent at "
               "that pace, for ten\nseconds, and their latency counts from the moment each was "
               "due, so that a pause of the\ncluster is not left out. The client's settings, like "
               "linger.ms and batch.size, are its\ndefaults unless -X sets them. The records stay "
               "in the topic.\n",
    .flags = bench_produce_flags,
    .flag_count = sizeof(bench_produce_flags) / sizeof(bench_produce_flags[0]),
    .run = run_bench_produce,
};
