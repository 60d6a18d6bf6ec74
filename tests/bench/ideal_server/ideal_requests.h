/*
 * What the ideal server understands: Metadata 1 (which makes the topics it names, of one partition
 * each), Produce 7 and Fetch 4 of one partition.
 *
 * Threads: one.
 */
#ifndef TESTS_BENCH_IDEAL_SERVER_IDEAL_REQUESTS_H
#define TESTS_BENCH_IDEAL_SERVER_IDEAL_REQUESTS_H

#include "tests/bench/ideal_server/ideal_connection.h"
#include "tests/bench/ideal_server/ideal_log.h"

#define IDEAL_LOGS_MAX 256

struct ideal_requests {
    const char *folder;
    int32_t port;
    struct ideal_log logs[IDEAL_LOGS_MAX];
    size_t log_count;
    bool has_appended; /* since the server last looked: waiting fetches may go on */
    bool time_is_up;   /* the fetch that is handled again waited long enough */
};

/* An ideal_handler; `context` is a struct ideal_requests. */
bool ideal_requests_handle(void *context, struct ideal_connection *connection, uint8_t *frame,
                           size_t size);

#endif
