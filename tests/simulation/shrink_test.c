/*
 * A schedule that fails because the controllers' fence is missing shrinks to a few events that fail
 * in the same way, none of which can be left out.
 */
#include <stdio.h>
#include <string.h>

#include "client/base/check.h"
#include "tests/simulation/shrink.h"

static const struct run_options without_fence = {.without_fence = true};

static void find_failing(struct schedule *schedule, char *how, size_t size) {
    for (uint64_t seed = 1; seed < 1000; seed++) {
        schedule_generate(schedule, seed);
        if (shrink_fails(schedule, &without_fence, how, size))
            return;
        schedule_done(schedule);
    }
    CHECK(!"no schedule fails without the fence");
}

static void check_nothing_is_superfluous(const struct schedule *schedule, const char *how) {
    for (size_t i = 0; i < schedule->count; i++) {
        struct schedule less;
        char other[256];
        schedule_copy(&less, schedule);
        memmove(less.events + i, less.events + i + 1, (less.count - i - 1) * sizeof(*less.events));
        less.count--;
        CHECK(!shrink_fails(&less, &without_fence, other, sizeof(other)) ||
              strcmp(how, other) != 0);
        schedule_done(&less);
    }
}

int main(void) {
    struct schedule schedule;
    char how[256], again[256];
    size_t before;

    find_failing(&schedule, how, sizeof(how));
    before = schedule.count;
    CHECK(shrink(&schedule, &without_fence));
    CHECK(schedule.count < before / 2);
    CHECK(shrink_fails(&schedule, &without_fence, again, sizeof(again)));
    CHECK(strcmp(how, again) == 0);
    check_nothing_is_superfluous(&schedule, how);
    printf("%zu events became %zu; fails with: %s\n", before, schedule.count, how);
    schedule_write(&schedule, stdout);
    /* With the fence, the same does not fail. */
    CHECK(!shrink_fails(&schedule, &(struct run_options){0}, again, sizeof(again)));
    schedule_done(&schedule);
    return 0;
}
