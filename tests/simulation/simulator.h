/*
 * Time, chance and order of a simulation: everything that happens is an event that was scheduled
 * at a time, and events of the same time happen in the order in which they were scheduled. All
 * chance comes from one seed, so the same seed gives the same run. Everything that needs chance has
 * a stream of its own: leaving a thing out changes only what follows from it, which is what makes
 * a failing schedule shrink.
 *
 * What happens is hashed, so that two runs can be compared. The trace is a line per thing that
 * happened, made only if the environment has BARNABAS_TRACE.
 *
 * Threads: one.
 */
#ifndef TESTS_SIMULATION_SIMULATOR_H
#define TESTS_SIMULATION_SIMULATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "client/base/check.h"
#include "client/base/clock.h"
#include "client/base/rng.h"

/* Messages may take no time, so what is tried again and again at once would never end. */
#define SIMULATOR_EVENTS_NOW_MAX 100000

struct simulator {
    struct clock clock; /* for what is simulated */
    int64_t now_ms;
    uint64_t seed;
    struct scheduled *events; /* a heap */
    size_t event_count, event_capacity;
    uint64_t scheduled_count;
    uint64_t events_now;  /* how many have run since time passed */
    uint64_t hash;        /* of all that happened */
    bool print;           /* the trace */
    bool tells;           /* the story */
    int64_t delay_ms_max; /* of messages */
};

void simulator_init(struct simulator *simulator, uint64_t seed);
void simulator_done(struct simulator *simulator);

typedef void simulated(void *context);
void simulator_schedule(struct simulator *simulator, int64_t delay_ms, simulated *run,
                        void *context);

/* Runs the next event; false if there is none before `until_ms`. */
bool simulator_step(struct simulator *simulator, int64_t until_ms);
void simulator_run_until(struct simulator *simulator, int64_t until_ms);

/* The stream of the thing of that name and number. */
void simulator_stream(const struct simulator *simulator, const char *name, uint64_t number,
                      struct rng *rng);
/* True once in `n`. */
bool simulator_chance(struct rng *rng, uint64_t n);
/* 0 ... bound - 1 */
int64_t simulator_below(struct rng *rng, int64_t bound);
int64_t simulator_message_delay(const struct simulator *simulator, struct rng *rng);

/* Something that two runs of the same seed have in common. */
void simulator_hash(struct simulator *simulator, const void *data, size_t size);

#define simulator_trace(simulator, ...)              \
    do {                                             \
        if ((simulator)->print)                      \
            simulator_print(simulator, __VA_ARGS__); \
    } while (0)
/* A line of the story, for who reads a failing schedule. */
#define simulator_tell(simulator, ...)               \
    do {                                             \
        if ((simulator)->tells)                      \
            simulator_print(simulator, __VA_ARGS__); \
    } while (0)
void simulator_print(struct simulator *simulator, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints the seed and what is wrong, and ends the program. */
_Noreturn void simulator_fail(struct simulator *simulator, const char *format, ...)
    PRINTF_LIKE(2, 3);

#endif
