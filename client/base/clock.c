#include "client/base/clock.h"

#include <time.h>

#include "client/base/check.h"

static int64_t nanoseconds(clockid_t id) {
    struct timespec now;

    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_wall_ms(struct clock *clock) {
    (void)clock;
    return nanoseconds(CLOCK_REALTIME) / 1000000;
}

static int64_t system_monotonic_ns(struct clock *clock) {
    (void)clock;
    return nanoseconds(CLOCK_MONOTONIC);
}

struct clock *clock_system(void) {
    static struct clock system = {system_wall_ms, system_monotonic_ns};
    return &system;
}

static int64_t manual_wall_ms(struct clock *clock) {
    return ((struct clock_manual *)clock)->wall_ms_now;
}

static int64_t manual_monotonic_ns(struct clock *clock) {
    return ((struct clock_manual *)clock)->monotonic_ns_now;
}

void clock_manual_init(struct clock_manual *clock, int64_t wall_ms) {
    *clock = (struct clock_manual){{manual_wall_ms, manual_monotonic_ns}, wall_ms, 0};
}

void clock_manual_advance_ms(struct clock_manual *clock, int64_t ms) {
    clock->wall_ms_now += ms;
    clock->monotonic_ns_now += ms * 1000000;
}
