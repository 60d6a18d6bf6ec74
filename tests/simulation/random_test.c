/*
 * Random schedules: every seed must come out right, the same seed must give the same run, and a
 * broken rule must be seen. With an argument, runs that seed alone (BARNABAS_TRACE=1 prints it);
 * with two, the seeds from the first up to the second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/base/check.h"
#include "tests/simulation/random_run.h"

static struct random_run_outcome run_seed(uint64_t seed) {
    return random_run(&(struct random_run_options){.seed = seed, .chaos_ms = 20000});
}

static void the_same_seed_gives_the_same_run(void) {
    struct random_run_outcome first = run_seed(7), second = run_seed(7);

    CHECK(first.trace_hash == second.trace_hash && first.trace_lines == second.trace_lines);
    CHECK(run_seed(8).trace_hash != first.trace_hash);
}

/* Breaks a rule that the others keep; somebody must notice. */
static void check_broken_rule(const char *name, struct random_run_options options) {
    size_t broken = 0;
    uint64_t seed;

    options.chaos_ms = 20000;
    for (seed = 1; seed <= 500 && broken == 0; seed++) {
        options.seed = seed;
        broken += random_run(&options).broken;
    }
    printf("%s: seen with seed %" PRIu64 "\n", name, seed - 1);
    CHECK(broken > 0);
}

static void a_broken_rule_is_seen(void) {
    check_broken_rule("without the fence", (struct random_run_options){.without_fence = true});
    check_broken_rule("leaderships resumed after a loss",
                      (struct random_run_options){.resume_old_leaderships = true});
}

static void seeds(uint64_t first, uint64_t last, int64_t seconds_max) {
    time_t begun = time(NULL);
    uint64_t requests = 0, multis = 0, seed;

    for (seed = first; seed <= last && time(NULL) - begun <= seconds_max; seed++) {
        struct random_run_outcome outcome = run_seed(seed);
        requests += outcome.requests;
        multis += outcome.multis;
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " requests, %" PRIu64 " multis\n",
           seed - first, first, requests, multis);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        uint64_t first = strtoull(argv[1], NULL, 10);
        seeds(first, argc > 2 ? strtoull(argv[2], NULL, 10) : first, 86400);
        return 0;
    }
    the_same_seed_gives_the_same_run();
    a_broken_rule_is_seen();
    seeds(1, 400, 12);
    return 0;
}
