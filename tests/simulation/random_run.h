/*
 * One random run from one seed: brokers and requests, faults of every kind, then peace; in the
 * end everything must have come to rest in a right state.
 */
#ifndef TESTS_SIMULATION_RANDOM_RUN_H
#define TESTS_SIMULATION_RANDOM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random_run_options {
    uint64_t seed;
    int64_t chaos_ms;
    /* Break a rule, and count instead of failing. */
    bool without_fence;
    bool without_registrations_check;
    bool resume_old_leaderships;
};

struct random_run_outcome {
    uint64_t trace_hash;
    uint64_t trace_lines;
    size_t broken; /* with a rule broken: how often the checker saw it */
    uint64_t terms;
    uint64_t requests;
    uint64_t multis;
    size_t multi_ops_max;
};

struct random_run_outcome random_run(const struct random_run_options *options);

#endif
