#include "broker/admin/collect.h"

#include <stdio.h>

#include "client/base/check.h"

/* Powers of two in microseconds: from 16 us to 67 s. */
#define FIRST_EXPONENT 4
#define LAST_EXPONENT  26

/* Times are counted in whole microseconds, cut off: those below 2^n us are those of less than it.
 * A power of two is where a bucket of ours begins, so nothing is estimated. */
void collect_buckets(struct exposition *out, const char *label, const char *value,
                     const struct histogram_snapshot *all) {
    uint64_t count = 0;
    size_t next = 0;
    char bound[32];

    for (int exponent = FIRST_EXPONENT; exponent <= LAST_EXPONENT; exponent++) {
        const uint64_t end_us = UINT64_C(1) << exponent;

        for (; next < histogram_bucket(end_us); next++)
            count += all->buckets[next];
        snprintf(bound, sizeof(bound), "%.9g", (double)end_us / 1e6);
        exposition_integer(out, "_bucket", LABELS({label, value}, {"le", bound}), (int64_t)count);
    }
    exposition_integer(out, "_bucket", LABELS({label, value}, {"le", "+Inf"}), (int64_t)all->count);
    exposition_number(out, "_sum", LABELS({label, value}), (double)all->sum_us / 1e6);
    exposition_integer(out, "_count", LABELS({label, value}), (int64_t)all->count);
}
