/*
 * Random schedules: every seed must come out right, the same seed must give the same run, and a
 * broken rule must be seen. Schedules in regressions/ failed once; each says why.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/base/check.h"
#include "tests/simulation/run.h"

static struct run_outcome run_seed(uint64_t seed, struct run_options options) {
    struct schedule schedule;
    struct run_outcome outcome;

    schedule_generate(&schedule, seed);
    outcome = run_schedule(&schedule, &options);
    schedule_done(&schedule);
    return outcome;
}

static void the_same_seed_gives_the_same_run(void) {
    uint64_t hash = run_seed(7, (struct run_options){0}).hash;

    CHECK(run_seed(7, (struct run_options){0}).hash == hash);
    CHECK(run_seed(8, (struct run_options){0}).hash != hash);
}

static void a_schedule_that_was_written_is_read_and_runs_the_same(void) {
    struct schedule schedule, read;
    FILE *file = tmpfile();

    CHECK(file != NULL);
    schedule_generate(&schedule, 9);
    schedule_write(&schedule, file);
    rewind(file);
    CHECK(schedule_read(&read, file));
    fclose(file);
    CHECK(run_schedule(&read, &(struct run_options){0}).hash ==
          run_schedule(&schedule, &(struct run_options){0}).hash);
    schedule_done(&read);
    schedule_done(&schedule);
}

/* Breaks a rule that the others keep; somebody must notice. */
static void check_broken_rule(const char *name, struct run_options options) {
    size_t broken = 0;
    uint64_t seed;

    for (seed = 1; seed <= 500 && broken == 0; seed++)
        broken += run_seed(seed, options).broken;
    printf("%s: seen with seed %" PRIu64 "\n", name, seed - 1);
    CHECK(broken > 0);
}

static void a_broken_rule_is_seen(void) {
    check_broken_rule("without the fence",
                      (struct run_options){.counts = true, .without_fence = true});
    check_broken_rule("without the check of registrations",
                      (struct run_options){.counts = true, .without_registrations_check = true});
    check_broken_rule("leaderships resumed after a loss",
                      (struct run_options){.counts = true, .resume_old_leaderships = true});
}

static void run_file(const char *name) {
    struct schedule schedule;
    char path[300];
    FILE *file;

    snprintf(path, sizeof(path), "regressions/%s", name);
    file = fopen(path, "r");
    CHECK(file != NULL && schedule_read(&schedule, file));
    fclose(file);
    CHECK(schedule.count > 0);
    (void)run_schedule(&schedule, &(struct run_options){0});
    schedule_done(&schedule);
}

static void what_failed_once_fails_no_more(void) {
    DIR *folder = opendir("regressions");
    const struct dirent *entry;
    int count = 0;

    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.') {
            run_file(entry->d_name);
            count++;
        }
    closedir(folder);
    CHECK(count > 0);
}

static void seeds(uint64_t first, uint64_t last, int64_t seconds_max) {
    time_t begun = time(NULL);
    uint64_t requests = 0, multis = 0, seed;

    for (seed = first; seed <= last && time(NULL) - begun <= seconds_max; seed++) {
        struct run_outcome outcome = run_seed(seed, (struct run_options){0});
        requests += outcome.requests;
        multis += outcome.multis;
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " requests, %" PRIu64 " multis\n",
           seed - first, first, requests, multis);
}

int main(void) {
    the_same_seed_gives_the_same_run();
    a_schedule_that_was_written_is_read_and_runs_the_same();
    a_broken_rule_is_seen();
    what_failed_once_fails_no_more();
    seeds(1, 1000, 12);
    return 0;
}
