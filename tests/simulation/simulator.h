/*
 * Time, chance and order of a simulation: everything that happens is an event that was scheduled
 * at a time, and events of the same time happen in the order in which they were scheduled. All
 * chance comes from one seed, so the same seed gives the same run.
 *
 * The trace is a line per thing that happened. It is hashed, so that two runs can be compared,
 * and printed if the environment has BARNABAS_TRACE.
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

struct simulator {
    struct clock clock; /* for what is simulated */
    int64_t now_ms;
    uint64_t seed;
    struct rng rng;
    struct scheduled *events; /* a heap */
    size_t event_count, event_capacity;
    uint64_t scheduled_count;
    uint64_t trace_hash;
    uint64_t trace_lines;
    bool print;
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

/* True once in `n`. */
bool simulator_chance(struct simulator *simulator, uint64_t n);
/* 0 ... bound - 1 */
int64_t simulator_below(struct simulator *simulator, int64_t bound);
int64_t simulator_message_delay(struct simulator *simulator);

void simulator_trace(struct simulator *simulator, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints the seed and what is wrong, and ends the program. */
_Noreturn void simulator_fail(struct simulator *simulator, const char *format, ...)
    PRINTF_LIKE(2, 3);

#endif
