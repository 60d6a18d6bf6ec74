#include "broker/replica/io_throttle.h"

#define WAIT_MS_MAX 3600000.0

int64_t io_throttle_use(struct io_throttle *throttle, size_t bytes, int64_t now_ms) {
    double now = (double)now_ms;

    if (throttle->bytes_per_second <= 0)
        return 0;
    if (throttle->free_at_ms < now)
        throttle->free_at_ms = now;
    throttle->free_at_ms += (double)bytes * 1000 / throttle->bytes_per_second;
    if (throttle->free_at_ms - now > WAIT_MS_MAX)
        throttle->free_at_ms = now + WAIT_MS_MAX;
    return (int64_t)(throttle->free_at_ms - now);
}
