#include "tests/simulation/shrink.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/base/check.h"

#define HOW_SIZE       256
#define SECONDS_OF_TRY 60

/* ---- One try ---- */

static _Noreturn void run_in_child(const struct schedule *schedule,
                                   const struct run_options *options, int out) {
    if (dup2(out, STDERR_FILENO) < 0)
        _exit(2);
    alarm(SECONDS_OF_TRY);
    (void)run_schedule(schedule, options);
    _exit(0);
}

/* What was said, without numbers: two tries that fail in the same way differ in them. */
static void without_numbers(const char *text, char *how, size_t size) {
    const char *begin = strstr(text, " ms: ");
    size_t used = 0;

    for (const char *c = begin == NULL ? text : begin + 5; *c != '\0' && *c != '\n'; c++)
        if (!isdigit((unsigned char)*c) && used + 1 < size)
            how[used++] = *c;
    how[used] = '\0';
}

static void read_all(int in, char *text, size_t size) {
    size_t used = 0;
    ssize_t count;

    while (used + 1 < size && (count = read(in, text + used, size - 1 - used)) > 0)
        used += (size_t)count;
    text[used] = '\0';
}

bool shrink_fails(const struct schedule *schedule, const struct run_options *options, char *how,
                  size_t size) {
    char text[4096];
    int ends[2], status;
    pid_t child;

    CHECK(pipe(ends) == 0);
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        run_in_child(schedule, options, ends[1]);
    close(ends[1]);
    read_all(ends[0], text, sizeof(text));
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    without_numbers(text, how, size);
    return true;
}

/* What is kept while a schedule shrinks. */
struct failure {
    const struct run_options *options;
    char how[HOW_SIZE];
};

static bool fails_so(const struct schedule *schedule, const struct failure *failure) {
    char other[HOW_SIZE];

    return shrink_fails(schedule, failure->options, other, sizeof(other)) &&
           strcmp(failure->how, other) == 0;
}

/* ---- Less ---- */

/* Takes the smaller schedule if it fails as well. */
static bool take(struct schedule *schedule, struct schedule *smaller,
                 const struct failure *failure) {
    struct schedule dropped = *smaller;
    bool fails = fails_so(smaller, failure);

    if (fails) {
        dropped = *schedule;
        *schedule = *smaller;
    }
    schedule_done(&dropped);
    return fails;
}

static bool without_events(struct schedule *schedule, size_t first, size_t count,
                           const struct failure *failure) {
    struct schedule smaller;

    schedule_copy(&smaller, schedule);
    memmove(smaller.events + first, smaller.events + first + count,
            (smaller.count - first - count) * sizeof(*smaller.events));
    smaller.count -= count;
    return take(schedule, &smaller, failure);
}

static bool remove_events(struct schedule *schedule, const struct failure *failure) {
    size_t before = schedule->count;

    for (size_t part = (schedule->count + 1) / 2; part > 0; part /= 2)
        for (size_t first = 0; first < schedule->count;) {
            size_t count = schedule->count - first < part ? schedule->count - first : part;
            if (!without_events(schedule, first, count, failure))
                first += count;
        }
    return schedule->count < before;
}

static void simplify(struct schedule *schedule, const struct failure *failure) {
    struct schedule smaller;

    schedule_copy(&smaller, schedule);
    smaller.unreliable = 0;
    (void)take(schedule, &smaller, failure);
    schedule_copy(&smaller, schedule);
    smaller.balance_ms = 0;
    smaller.retained = 0;
    (void)take(schedule, &smaller, failure);
    for (size_t i = 0; i < schedule->count; i++)
        for (size_t value = 0; value < SCHEDULE_VALUES_MAX; value++) {
            schedule_copy(&smaller, schedule);
            if (schedule_event_simplify(&smaller.events[i], value))
                (void)take(schedule, &smaller, failure);
            else
                schedule_done(&smaller);
        }
}

bool shrink(struct schedule *schedule, const struct run_options *options) {
    struct failure failure = {.options = options};

    if (!shrink_fails(schedule, options, failure.how, sizeof(failure.how)))
        return false;
    while (remove_events(schedule, &failure))
        ;
    simplify(schedule, &failure);
    while (remove_events(schedule, &failure))
        ;
    return true;
}

bool shrink_print(struct schedule *schedule, FILE *file) {
    const struct run_options options = {0};
    size_t before = schedule->count;
    char how[HOW_SIZE];

    if (!shrink(schedule, &options) || !shrink_fails(schedule, &options, how, sizeof(how))) {
        fprintf(file, "# this schedule does not fail\n");
        return false;
    }
    fprintf(file, "# %zu of %zu events; fails with: %s\n", schedule->count, before, how);
    schedule_write(schedule, file);
    return true;
}
