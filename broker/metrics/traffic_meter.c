#include "broker/metrics/traffic_meter.h"

#include <stdlib.h>

#include "broker/metrics/counting_thread.h"
#include "client/base/check.h"

#define CACHE_LINE 64

struct traffic_cell {
    _Alignas(CACHE_LINE) _Atomic uint64_t of[TRAFFIC_COUNT];
};

struct traffic_meter {
    struct traffic_meter *parent; /* fixed; a reference, or NULL */
    atomic_int references;
    /* Of each thread that has counted; of the shared one, whoever comes first makes it. */
    _Atomic(struct traffic_cell *) cells[COUNTING_THREADS_MAX];
};

struct traffic_meter *traffic_meter_new(struct traffic_meter *parent) {
    struct traffic_meter *meter = calloc(1, sizeof(*meter));

    if (meter == NULL)
        return NULL;
    atomic_init(&meter->references, 1);
    meter->parent = parent;
    if (parent != NULL)
        traffic_meter_ref(parent);
    return meter;
}

void traffic_meter_ref(struct traffic_meter *meter) {
    int before = atomic_fetch_add_explicit(&meter->references, 1, memory_order_relaxed);

    CHECK(before > 0);
}

void traffic_meter_unref(struct traffic_meter *meter) {
    if (meter == NULL ||
        atomic_fetch_sub_explicit(&meter->references, 1, memory_order_acq_rel) != 1)
        return;
    traffic_meter_unref(meter->parent);
    for (size_t i = 0; i < COUNTING_THREADS_MAX; i++)
        free(atomic_load(&meter->cells[i]));
    free(meter);
}

/* NULL if there is no memory: then it is not counted. */
static struct traffic_cell *make_cell(struct traffic_meter *meter, size_t thread) {
    struct traffic_cell *cell = aligned_alloc(CACHE_LINE, sizeof(*cell));
    struct traffic_cell *expected = NULL;

    if (cell == NULL)
        return NULL;
    *cell = (struct traffic_cell){0};
    if (!atomic_compare_exchange_strong(&meter->cells[thread], &expected, cell)) {
        free(cell);
        cell = expected;
    }
    return cell;
}

static inline void add_to(struct traffic_meter *meter, size_t thread, enum traffic kind,
                          uint64_t value) {
    struct traffic_cell *cell = atomic_load_explicit(&meter->cells[thread], memory_order_acquire);

    if (cell == NULL && (cell = make_cell(meter, thread)) == NULL)
        return;
    counting_add(thread, &cell->of[kind], value);
}

void traffic_meter_add(struct traffic_meter *meter, enum traffic kind, uint64_t value) {
    size_t thread = counting_thread();

    add_to(meter, thread, kind, value);
    if (meter->parent != NULL)
        add_to(meter->parent, thread, kind, value);
}

void traffic_meter_read(const struct traffic_meter *meter, struct traffic_totals *totals) {
    *totals = (struct traffic_totals){0};
    for (size_t i = 0; i < COUNTING_THREADS_MAX; i++) {
        const struct traffic_cell *cell =
            atomic_load_explicit(&meter->cells[i], memory_order_acquire);
        for (size_t kind = 0; cell != NULL && kind < TRAFFIC_COUNT; kind++)
            totals->of[kind] += counter_read(&cell->of[kind]);
    }
}
