/*
 * Connections that ask once and then do nothing: how fast they come, what memory each costs, and
 * what all cost while they idle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/base/check.h"
#include "tests/bench/load_generator/target.h"

#define ANSWER_BYTES  (1u << 20)
#define REQUEST_BYTES 4096

void load_connections(const struct load_options *options) {
    uint8_t *answer = malloc(ANSWER_BYTES);
    struct target_usage before, open, after;
    struct wire_writer request;
    int64_t begun_ns;
    double seconds;

    CHECK(answer != NULL);
    target_expect_connections(options->connections);
    wire_writer_init(&request, REQUEST_BYTES);
    target_write_metadata(&request, bytes_of_text(options->topic));
    before = target_usage(options);
    begun_ns = target_now_ns();
    for (int i = 0; i < options->connections; i++) {
        int fd = target_connect(options); /* open until the program ends */
        target_send(fd, bytes_of(request.data, request.size));
        (void)target_receive(fd, answer, ANSWER_BYTES);
    }
    seconds = (double)(target_now_ns() - begun_ns) / 1e9;
    open = target_usage(options);
    nanosleep(&(struct timespec){.tv_sec = options->seconds}, NULL);
    after = target_usage(options);
    printf(
        "{\"seconds\": %.6f, \"requests\": %d, \"bytes_each\": %.0f, \"server_cpu_seconds\": %.3f, "
        "\"idle_cpu_share\": %.4f, \"server_resident_kib\": %.0f}\n",
        seconds, options->connections,
        (after.resident_kib - before.resident_kib) * 1024 / options->connections,
        open.cpu_seconds - before.cpu_seconds,
        (after.cpu_seconds - open.cpu_seconds) / options->seconds, after.resident_kib);
}
