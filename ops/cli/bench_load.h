/*
 * What the benchmarks of the command have in common: the load they are asked for, the thread that
 * sends it at its rate, and how results are printed.
 */
#ifndef OPS_CLI_BENCH_LOAD_H
#define OPS_CLI_BENCH_LOAD_H

#include <barnabas/barnabas.h>
#include <stdatomic.h>

#include "ops/cli/latency_histogram.h"
#include "ops/cli/session.h"

/* Flags of the commands that send. */
#define BENCH_LOAD_FLAGS                                                             \
    {'n', "records", "N", "end after so many records"},                              \
        {'d', "duration", "SECONDS", "end after so long"},                           \
        {'r', "rate", "N", "records per second; 0: as many as can be sent"},         \
        {'s', "size", "BYTES", "of a record's value (100)"},                         \
        {'k', "keys", "N", "so many different keys, in turn; 0: none (0)"},          \
        {'p', "partition", "N", "send to this one only"},                            \
        {'a', "acks", "0|1|all", "who must have a record before it counts (all)"}, { \
        'z', "compress", "CODEC", "none, gzip, snappy, lz4 or zstd (none)"           \
    }

struct bench_load {
    const char *topic;
    uint64_t records_max; /* 0: no bound */
    int64_t duration_ns_max;
    int64_t rate; /* 0: as many as can be sent */
    size_t size;
    int64_t key_count;
    int32_t partition;
};

/* Sends a load. The callbacks count; everything may be read when bench_send has returned. */
struct bench_sender {
    const struct bench_load *load;
    struct barnabas_producer *producer;
    bool stamped;     /* the value begins with its due time, eight bytes */
    int64_t begin_ns; /* of the monotonic clock */
    int64_t end_ns;   /* when the last report came */
    atomic_ullong delivered;
    atomic_ullong failed;
    atomic_int last_error;
    struct latency_histogram latencies; /* from due to delivered */
};

struct bench_result {
    const char *kind; /* of the JSON document */
    uint64_t records;
    uint64_t failed;
    uint64_t bytes; /* of keys and values */
    double seconds;
    double cpu_seconds;                        /* of this process */
    const struct latency_histogram *latencies; /* NULL: none were taken */
};

int64_t bench_now_ns(void);
double bench_cpu_seconds(void); /* of this process so far */

/* From the flags, and the client's settings from --acks and --compress. False after a complaint. */
bool bench_load_parse(const struct invocation *invocation, struct barnabas_config *config,
                      int64_t rate, struct bench_load *load);

/* Sends the whole load and waits for the reports. One sender at a time in the process. */
int bench_send(struct bench_sender *sender);

enum exit_status bench_print(const struct invocation *invocation,
                             const struct bench_result *result);

#endif
