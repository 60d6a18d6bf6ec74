/*
 * Runs a schedule: brokers start, what the schedule says is done to them, then faults stop, the
 * dead come back, and all must come to rest in a right state. What is wrong ends the program
 * (simulator_fail).
 */
#ifndef TESTS_SIMULATION_RUN_H
#define TESTS_SIMULATION_RUN_H

#include "tests/simulation/schedule.h"

struct run_options {
    bool tells;  /* what happens, on stderr */
    bool counts; /* what is wrong, instead of failing; the end is not looked at then */
    /* Break a rule. */
    bool without_fence;
    bool without_registrations_check;
    bool resume_old_leaderships;
};

struct run_outcome {
    uint64_t hash;   /* of all that happened */
    size_t broken;   /* with a rule broken: how often the checker saw it */
    int64_t rest_ms; /* of simulated time that it took to come to rest */
    uint64_t requests;
    uint64_t multis;
    int64_t records, lost; /* committed; given up where nothing could be done */
};

struct run_outcome run_schedule(const struct schedule *schedule, const struct run_options *options);

#endif
