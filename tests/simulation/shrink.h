/*
 * Leaves out of a schedule that fails whatever it does not take to fail in the same way: first
 * large parts, then single events (delta debugging: Zeller and Hildebrandt, 2002), then what its
 * events say beyond the least they could.
 *
 * Each try is a process of its own, so that it may end in any way.
 */
#ifndef TESTS_SIMULATION_SHRINK_H
#define TESTS_SIMULATION_SHRINK_H

#include "tests/simulation/run.h"

/* How a run of the schedule ends: false if well, otherwise what it says last, numbers left out. */
bool shrink_fails(const struct schedule *schedule, const struct run_options *options, char *how,
                  size_t size);

/* False if the schedule does not fail. */
bool shrink(struct schedule *schedule, const struct run_options *options);

/* Shrinks it and writes what is left, with how it fails. False if it does not fail. */
bool shrink_print(struct schedule *schedule, FILE *file);

#endif
