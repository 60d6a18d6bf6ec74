/*
 * How many requests of each kind came, what became of them, and how long they took: Kafka's
 * RequestMetrics. What a kind is only its user knows: a small number.
 *
 * Threads: any counts, any reads. A kind costs memory only for the threads that count it.
 */
#ifndef BROKER_METRICS_REQUEST_METRICS_H
#define BROKER_METRICS_REQUEST_METRICS_H

#include <stdint.h>

#include "broker/metrics/histogram.h"

#define REQUEST_KINDS_MAX    128
#define REQUEST_VERSIONS_MAX 24
#define REQUEST_ERRORS_MAX   160 /* Kafka's codes from -1 on */

/* Where a request's time goes. */
enum request_time {
    REQUEST_TIME_TOTAL,          /* from its bytes' arrival until its response has left */
    REQUEST_TIME_QUEUE,          /* what came before it on its connection ran, or held it back */
    REQUEST_TIME_LOCAL,          /* running */
    REQUEST_TIME_REMOTE,         /* waiting: for other brokers, for data, for a disk */
    REQUEST_TIME_RESPONSE_QUEUE, /* its response waiting for earlier ones, or for the turn's end */
    REQUEST_TIME_SEND,           /* sending it, with waiting for the socket */
    REQUEST_TIME_COUNT
};

/* Of one request that is over. */
struct request_observation {
    uint8_t kind;
    int16_t version;
    uint64_t request_bytes;
    uint64_t response_bytes; /* 0: there was none */
    int64_t ns[REQUEST_TIME_COUNT];
};

struct request_metrics;

struct request_metrics *request_metrics_new(void);          /* NULL if there is no memory */
void request_metrics_free(struct request_metrics *metrics); /* accepts NULL */

void request_metrics_observe(struct request_metrics *metrics,
                             const struct request_observation *observation);
/* Only one of its times, of a kind that is not counted otherwise. */
void request_metrics_observe_time(struct request_metrics *metrics, uint8_t kind,
                                  enum request_time time, int64_t ns);
/* A response carries this code. */
void request_metrics_error(struct request_metrics *metrics, uint8_t kind, int16_t code);

/* Of one kind, summed over threads. */
struct request_totals {
    uint64_t requests[REQUEST_VERSIONS_MAX];
    uint64_t errors[REQUEST_ERRORS_MAX]; /* by code + 1 */
    uint64_t request_bytes;
    uint64_t response_bytes;
    struct histogram_snapshot times[REQUEST_TIME_COUNT];
};
/* False if none has come. */
bool request_metrics_read(const struct request_metrics *metrics, uint8_t kind,
                          struct request_totals *totals);

#endif
