/*
 * A number that one thread counts up and any thread reads: no locked instruction, no fence. What
 * several threads count they count in cells of their own (counting_thread.h); the reader adds up.
 *
 * Readers may see counters of one moment some events apart.
 */
#ifndef BROKER_METRICS_COUNTER_H
#define BROKER_METRICS_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* By the counter's one writer. UINT64_MAX counts down by one. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t value) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
