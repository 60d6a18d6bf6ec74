/*
 * Time, as a port: the real clock, or one that a test moves by hand.
 *
 * `wall_ms` is milliseconds since 1970 (timestamps in records and znodes; it may jump);
 * `monotonic_ns` only ever grows (deadlines, ages). Pure code is given the time instead.
 */
#ifndef CLIENT_BASE_CLOCK_H
#define CLIENT_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(struct clock *clock);
    int64_t (*monotonic_ns)(struct clock *clock);
};

/* The machine's clock. Any thread. */
struct clock *clock_system(void);

static inline int64_t clock_wall_ms(struct clock *clock) {
    return clock->wall_ms(clock);
}

static inline int64_t clock_monotonic_ms(struct clock *clock) {
    return clock->monotonic_ns(clock) / 1000000;
}

/* A clock that stands still until it is moved. */
struct clock_manual {
    struct clock clock;
    int64_t wall_ms_now;
    int64_t monotonic_ns_now;
};

void clock_manual_init(struct clock_manual *clock, int64_t wall_ms);
void clock_manual_advance_ms(struct clock_manual *clock, int64_t ms);

#endif
