#include "broker/metrics/request_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "broker/metrics/counting_thread.h"
#include "client/base/check.h"

struct request_cell {
    _Atomic uint64_t requests[REQUEST_VERSIONS_MAX];
    _Atomic uint64_t errors[REQUEST_ERRORS_MAX];
    _Atomic uint64_t request_bytes;
    _Atomic uint64_t response_bytes;
    struct histogram times[REQUEST_TIME_COUNT];
};

struct request_metrics {
    _Atomic(struct request_cell *) cells[COUNTING_THREADS_MAX][REQUEST_KINDS_MAX];
};

struct request_metrics *request_metrics_new(void) {
    return calloc(1, sizeof(struct request_metrics));
}

void request_metrics_free(struct request_metrics *metrics) {
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < COUNTING_THREADS_MAX; i++) {
        for (size_t kind = 0; kind < REQUEST_KINDS_MAX; kind++)
            free(atomic_load(&metrics->cells[i][kind]));
    }
    free(metrics);
}

/* NULL if there is no memory: then it is not counted. */
static struct request_cell *cell_of(struct request_metrics *metrics, size_t thread, uint8_t kind) {
    _Atomic(struct request_cell *) *place = &metrics->cells[thread][kind];
    struct request_cell *cell = atomic_load_explicit(place, memory_order_acquire);
    struct request_cell *made;

    CHECK(kind < REQUEST_KINDS_MAX);
    if (cell != NULL || (made = calloc(1, sizeof(*made))) == NULL)
        return cell;
    if (atomic_compare_exchange_strong(place, &cell, made))
        return made;
    free(made);
    return cell;
}

static void record(size_t thread, struct histogram *histogram, int64_t ns) {
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;

    counting_add(thread, &histogram->buckets[histogram_bucket(us)], 1);
    counting_add(thread, &histogram->sum_us, us);
}

void request_metrics_observe(struct request_metrics *metrics,
                             const struct request_observation *observation) {
    size_t thread = counting_thread();
    struct request_cell *cell = cell_of(metrics, thread, observation->kind);
    int16_t version = observation->version;

    if (cell == NULL)
        return;
    if (version < 0 || version >= REQUEST_VERSIONS_MAX)
        version = REQUEST_VERSIONS_MAX - 1;
    counting_add(thread, &cell->requests[version], 1);
    counting_add(thread, &cell->request_bytes, observation->request_bytes);
    counting_add(thread, &cell->response_bytes, observation->response_bytes);
    for (size_t i = 0; i < REQUEST_TIME_COUNT; i++)
        record(thread, &cell->times[i], observation->ns[i]);
}

void request_metrics_observe_time(struct request_metrics *metrics, uint8_t kind,
                                  enum request_time time, int64_t ns) {
    size_t thread = counting_thread();
    struct request_cell *cell = cell_of(metrics, thread, kind);

    if (cell != NULL)
        record(thread, &cell->times[time], ns);
}

void request_metrics_error(struct request_metrics *metrics, uint8_t kind, int16_t code) {
    size_t thread = counting_thread();
    struct request_cell *cell = cell_of(metrics, thread, kind);

    if (cell != NULL && code >= -1 && code < REQUEST_ERRORS_MAX - 1)
        counting_add(thread, &cell->errors[code + 1], 1);
}

static void add_cell(struct request_totals *totals, const struct request_cell *cell) {
    for (size_t i = 0; i < REQUEST_VERSIONS_MAX; i++)
        totals->requests[i] += counter_read(&cell->requests[i]);
    for (size_t i = 0; i < REQUEST_ERRORS_MAX; i++)
        totals->errors[i] += counter_read(&cell->errors[i]);
    totals->request_bytes += counter_read(&cell->request_bytes);
    totals->response_bytes += counter_read(&cell->response_bytes);
    for (size_t i = 0; i < REQUEST_TIME_COUNT; i++)
        histogram_snapshot_add(&totals->times[i], &cell->times[i]);
}

bool request_metrics_read(const struct request_metrics *metrics, uint8_t kind,
                          struct request_totals *totals) {
    bool has_come = false;

    memset(totals, 0, sizeof(*totals));
    for (size_t i = 0; i < COUNTING_THREADS_MAX; i++) {
        const struct request_cell *cell =
            atomic_load_explicit(&metrics->cells[i][kind], memory_order_acquire);
        if (cell != NULL)
            add_cell(totals, cell);
        has_come = has_come || cell != NULL;
    }
    return has_come;
}
