/* Metadata of all topics, `depth` requests outstanding on one connection. */
#include <stdio.h>
#include <stdlib.h>

#include "client/base/check.h"
#include "tests/bench/load_generator/histogram.h"
#include "tests/bench/load_generator/target.h"

#define ANSWER_BYTES  (64u << 20)
#define REQUEST_BYTES 4096
#define DEPTH_MAX     64

void load_metadata(const struct load_options *options) {
    struct histogram *round_trips = calloc(1, sizeof(*round_trips));
    uint8_t *answer = malloc(ANSWER_BYTES);
    int fd = target_connect(options);
    struct wire_writer request;
    struct target_usage before, after;
    uint64_t bytes = 0, asked = 0;
    int64_t asked_ns[DEPTH_MAX]; /* a ring */
    int64_t begun_ns, stop_ns, now_ns;

    CHECK(round_trips != NULL && answer != NULL);
    CHECK(options->depth >= 1 && options->depth <= DEPTH_MAX);
    wire_writer_init(&request, REQUEST_BYTES);
    target_write_metadata(&request, BYTES_NULL);
    before = target_usage(options);
    begun_ns = now_ns = target_now_ns();
    stop_ns = begun_ns + (int64_t)options->seconds * 1000000000;
    while (now_ns < stop_ns) {
        while (asked < round_trips->count + (uint64_t)options->depth) {
            asked_ns[asked++ % DEPTH_MAX] = now_ns;
            target_send(fd, bytes_of(request.data, request.size));
        }
        bytes += target_receive(fd, answer, ANSWER_BYTES);
        now_ns = target_now_ns();
        histogram_add(round_trips, now_ns - asked_ns[round_trips->count % DEPTH_MAX]);
    }
    after = target_usage(options);
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"requests\": %llu, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"server_cpu_seconds\": %.3f, \"server_resident_kib\": %.0f}\n",
           (double)(now_ns - begun_ns) / 1e9, (unsigned long long)bytes,
           (unsigned long long)round_trips->count, histogram_us(round_trips, 0.5),
           histogram_us(round_trips, 0.99), after.cpu_seconds - before.cpu_seconds,
           after.resident_kib);
}
