/*
 * Clusters in simulated time, by hand:
 *
 *     simulate seeds FIRST LAST      run the schedules of these seeds; stops at one that fails
 *     simulate show SEED             the schedule of a seed, as text
 *     simulate run SEED|FILE         run one, and tell what happens
 *     simulate shrink SEED|FILE      leave out of a schedule that fails what it does not take, and
 *                                    print the rest
 *
 * BARNABAS_TRACE=1 prints every transaction as well.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/simulation/run.h"
#include "tests/simulation/shrink.h"

static int usage(void) {
    fprintf(stderr, "usage: simulate seeds FIRST LAST | show SEED | run SEED|FILE | "
                    "shrink SEED|FILE\n");
    return 2;
}

static bool load(const char *what, struct schedule *schedule) {
    char *end;
    uint64_t seed = strtoull(what, &end, 10);
    FILE *file;
    bool good;

    if (*what != '\0' && *end == '\0') {
        schedule_generate(schedule, seed);
        return true;
    }
    file = fopen(what, "r");
    if (file == NULL) {
        perror(what);
        return false;
    }
    good = schedule_read(schedule, file);
    fclose(file);
    return good;
}

static int run_seeds(uint64_t first, uint64_t last) {
    struct run_outcome sum = {0};
    double begun = (double)clock() / CLOCKS_PER_SEC, took;
    int64_t rest_ms_max = 0;

    for (uint64_t seed = first; seed <= last; seed++) {
        struct schedule schedule;
        struct run_outcome outcome;
        schedule_generate(&schedule, seed);
        outcome = run_schedule(&schedule, &(struct run_options){0});
        schedule_done(&schedule);
        sum.requests += outcome.requests;
        sum.multis += outcome.multis;
        sum.records += outcome.records;
        sum.lost += outcome.lost;
        rest_ms_max = outcome.rest_ms > rest_ms_max ? outcome.rest_ms : rest_ms_max;
    }
    took = (double)clock() / CLOCKS_PER_SEC - begun;
    printf("%" PRIu64 " schedules in %.1f s of processor time, %.0f a minute; %" PRIu64
           " requests, %" PRIu64 " multis, %" PRId64 " records committed, %" PRId64
           " given up; at rest within %.1f s\n",
           last - first + 1, took, (double)(last - first + 1) / took * 60, sum.requests, sum.multis,
           sum.records, sum.lost, (double)rest_ms_max / 1000);
    return 0;
}

int main(int argc, char **argv) {
    struct schedule schedule;
    int status = 0;

    if (argc == 4 && strcmp(argv[1], "seeds") == 0)
        return run_seeds(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc != 3)
        return usage();
    if (!load(argv[2], &schedule))
        return 2;
    if (strcmp(argv[1], "show") == 0)
        schedule_write(&schedule, stdout);
    else if (strcmp(argv[1], "run") == 0)
        (void)run_schedule(&schedule, &(struct run_options){.tells = true});
    else if (strcmp(argv[1], "shrink") == 0)
        status = shrink_print(&schedule, stdout) ? 0 : 1;
    else
        status = usage();
    schedule_done(&schedule);
    return status;
}
