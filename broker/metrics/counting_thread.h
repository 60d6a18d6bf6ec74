/*
 * Cells for threads that count the same thing: each of the first few threads of the process that
 * count anything has cells of its own, which it writes without a locked instruction; all further
 * ones share the last cells, with one.
 */
#ifndef BROKER_METRICS_COUNTING_THREAD_H
#define BROKER_METRICS_COUNTING_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/metrics/counter.h"

#define COUNTING_THREADS_MAX 16
#define COUNTING_CELL_SHARED (COUNTING_THREADS_MAX - 1)

/* The calling thread's cells, given out when it asks first: 0 to COUNTING_THREADS_MAX - 1. */
extern _Thread_local size_t counting_thread_plus_one;
size_t counting_thread_begin(void);

static inline size_t counting_thread(void) {
    size_t known = counting_thread_plus_one;

    return known != 0 ? known - 1 : counting_thread_begin();
}

/* Adds to a counter in the cells of `thread`, by that thread. */
static inline void counting_add(size_t thread, _Atomic uint64_t *counter, uint64_t value) {
    if (thread != COUNTING_CELL_SHARED)
        counter_add(counter, value);
    else
        atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

#endif
