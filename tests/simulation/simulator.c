#include "tests/simulation/simulator.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/bytes.h"

struct scheduled {
    int64_t at_ms;
    uint64_t number;
    simulated *run;
    void *context;
};

static struct simulator *of_clock(struct clock *clock) {
    return CONTAINER_OF(clock, struct simulator, clock);
}

static int64_t simulated_wall_ms(struct clock *clock) {
    return 1700000000000 + of_clock(clock)->now_ms;
}

static int64_t simulated_monotonic_ns(struct clock *clock) {
    return of_clock(clock)->now_ms * 1000000;
}

void simulator_init(struct simulator *simulator, uint64_t seed) {
    *simulator = (struct simulator){
        .clock = {simulated_wall_ms, simulated_monotonic_ns},
        .seed = seed,
        .hash = 14695981039346656037u,
        .print = getenv("BARNABAS_TRACE") != NULL,
        .tells = getenv("BARNABAS_TRACE") != NULL,
        .delay_ms_max = 3,
    };
}

void simulator_done(struct simulator *simulator) {
    free(simulator->events);
}

static bool earlier(const struct scheduled *a, const struct scheduled *b) {
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

void simulator_schedule(struct simulator *simulator, int64_t delay_ms, simulated *run,
                        void *context) {
    struct scheduled event = {simulator->now_ms + delay_ms, simulator->scheduled_count++, run,
                              context};
    size_t place = simulator->event_count++;

    if (simulator->event_count > simulator->event_capacity) {
        simulator->event_capacity = simulator->event_capacity * 2 + 64;
        simulator->events =
            realloc(simulator->events, simulator->event_capacity * sizeof(*simulator->events));
        CHECK(simulator->events != NULL);
    }
    while (place > 0 && earlier(&event, &simulator->events[(place - 1) / 2])) {
        simulator->events[place] = simulator->events[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    simulator->events[place] = event;
}

static struct scheduled take_first(struct simulator *simulator) {
    struct scheduled *events = simulator->events;
    struct scheduled first = events[0];
    struct scheduled last = events[--simulator->event_count];
    size_t place = 0;

    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= simulator->event_count)
            break;
        if (child + 1 < simulator->event_count && earlier(&events[child + 1], &events[child]))
            child++;
        if (!earlier(&events[child], &last))
            break;
        events[place] = events[child];
        place = child;
    }
    events[place] = last;
    return first;
}

static void mix(struct simulator *simulator, uint64_t value) {
    simulator->hash = (simulator->hash ^ value) * 1099511628211u;
    simulator->hash ^= simulator->hash >> 29;
}

void simulator_hash(struct simulator *simulator, const void *data, size_t size) {
    const uint8_t *bytes = data;
    uint64_t word;

    for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        mix(simulator, word);
    }
    word = 0;
    if (size > 0)
        memcpy(&word, bytes, size);
    mix(simulator, word);
}

bool simulator_step(struct simulator *simulator, int64_t until_ms) {
    struct scheduled event;

    if (simulator->event_count == 0 || simulator->events[0].at_ms > until_ms)
        return false;
    event = take_first(simulator);
    simulator->events_now = event.at_ms > simulator->now_ms ? 0 : simulator->events_now + 1;
    if (simulator->events_now == SIMULATOR_EVENTS_NOW_MAX)
        simulator_fail(simulator, "something goes round and round while no time passes");
    simulator->now_ms = event.at_ms;
    mix(simulator, (uint64_t)event.at_ms ^ event.number << 32);
    event.run(event.context);
    return true;
}

void simulator_run_until(struct simulator *simulator, int64_t until_ms) {
    while (simulator_step(simulator, until_ms))
        ;
    if (simulator->now_ms < until_ms)
        simulator->now_ms = until_ms;
}

void simulator_stream(const struct simulator *simulator, const char *name, uint64_t number,
                      struct rng *rng) {
    uint64_t seed = simulator->seed * 1099511628211u ^ number;

    for (const char *c = name; *c != '\0'; c++)
        seed = (seed ^ (uint8_t)*c) * 1099511628211u;
    rng_seed(rng, seed);
}

bool simulator_chance(struct rng *rng, uint64_t n) {
    return rng_below(rng, n) == 0;
}

int64_t simulator_below(struct rng *rng, int64_t bound) {
    return (int64_t)rng_below(rng, (uint64_t)bound);
}

int64_t simulator_message_delay(const struct simulator *simulator, struct rng *rng) {
    return simulator_below(rng, simulator->delay_ms_max + 1);
}

void simulator_print(struct simulator *simulator, const char *format, ...) {
    va_list arguments;

    fprintf(stderr, "%7" PRId64 " ", simulator->now_ms);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
}

void simulator_fail(struct simulator *simulator, const char *format, ...) {
    va_list arguments;

    fprintf(stderr, "simulation failed: seed=%" PRIu64 " time=%" PRId64 " ms: ", simulator->seed,
            simulator->now_ms);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(1);
}
