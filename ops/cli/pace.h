/*
 * A steady rate: when each of a row of things is due, whatever became of those before it. Who is
 * late catches up, and times count from when things were due, so that a pause is not left out of
 * the measurement (coordinated omission). Pure.
 */
#ifndef OPS_CLI_PACE_H
#define OPS_CLI_PACE_H

#include <stdint.h>

#define PACE_SECOND_NS INT64_C(1000000000)

/* `rate` > 0 per second, at most a thousand million. */
static inline int64_t pace_due_ns(int64_t begin_ns, int64_t rate, uint64_t index) {
    uint64_t per_second = (uint64_t)rate;

    return begin_ns + (int64_t)(index / per_second) * PACE_SECOND_NS +
           (int64_t)(index % per_second * (uint64_t)PACE_SECOND_NS / per_second);
}

#endif
