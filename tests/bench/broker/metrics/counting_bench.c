/*
 * What counting costs: one request that is over, one batch of a topic, a scrape of both.
 *
 *   bench_broker_metrics_counting
 *
 * Prints nanoseconds each, one thread, everything in the cache: the best case, and the usual one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/metrics/request_metrics.h"
#include "broker/metrics/traffic_meter.h"
#include "client/base/check.h"
#include "client/base/clock.h"

#define TIMES   20000000
#define SCRAPES 2000

static int64_t now_ns(void) {
    return clock_system()->monotonic_ns(clock_system());
}

static void print(const char *what, int64_t began_ns, int times) {
    printf("%-40s %8.1f ns\n", what, (double)(now_ns() - began_ns) / times);
}

int main(void) {
    struct request_metrics *metrics = request_metrics_new();
    struct traffic_meter *all = traffic_meter_new(NULL);
    struct traffic_meter *topic = traffic_meter_new(all);
    struct request_totals *totals = malloc(sizeof(*totals));
    struct request_observation observation = {.request_bytes = 200, .response_bytes = 50};
    int64_t began_ns;

    CHECK(metrics != NULL && topic != NULL && totals != NULL);
    began_ns = now_ns();
    for (int i = 0; i < TIMES; i++) {
        observation.ns[REQUEST_TIME_TOTAL] = observation.ns[REQUEST_TIME_LOCAL] = i & 0xfffff;
        request_metrics_observe(metrics, &observation);
    }
    print("a request that is over", began_ns, TIMES);
    began_ns = now_ns();
    for (int i = 0; i < TIMES; i++) {
        traffic_meter_add(topic, TRAFFIC_PRODUCE_REQUESTS, 1);
        traffic_meter_add(topic, TRAFFIC_BYTES_IN, 200);
        traffic_meter_add(topic, TRAFFIC_MESSAGES_IN, 1);
    }
    print("a batch of a topic", began_ns, TIMES);
    began_ns = now_ns();
    for (int i = 0; i < TIMES; i++)
        (void)*(volatile int64_t *)&(int64_t){now_ns()};
    print("for comparison: a look at the clock", began_ns, TIMES);
    began_ns = now_ns();
    for (int i = 0; i < SCRAPES; i++)
        CHECK(request_metrics_read(metrics, 0, totals));
    print("reading one kind of requests", began_ns, SCRAPES);
    free(totals);
    traffic_meter_unref(topic);
    traffic_meter_unref(all);
    request_metrics_free(metrics);
    return 0;
}
