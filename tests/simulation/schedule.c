#include "tests/simulation/schedule.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/check.h"
#include "client/base/rng.h"

/* A value from `first` to `last`, all as likely, or, with `odds`, once in so many times one that is
 * not `first`. */
struct parameter {
    const char *name;
    int32_t first, last, odds;
};

#define BROKER \
    { "broker", 1, 5, 0 }
/* Who is asked: the controller, or a broker that may not be it any more. */
#define TO \
    { "to", 0, 5, 4 }
#define TOPIC \
    { "topic", 0, 5, 0 }
#define PARTITION \
    { "partition", 0, 15, 0 }

static const struct {
    const char *name;
    int weight;
    struct parameter parameters[SCHEDULE_VALUES_MAX];
} actions[SCHEDULE_ACTIONS] = {
    [ACT_CREATE_TOPIC] = {"create_topic",
                          12,
                          {TOPIC,
                           {"partitions", 1, 4, 0},
                           {"replication", 1, 3, 0},
                           {"unclean", 0, 1, 4},
                           {"validate_only", 0, 1, 20},
                           TO}},
    [ACT_CREATE_PARTITIONS] = {"create_partitions", 4, {TOPIC, {"partitions", 1, 8, 0}, TO}},
    [ACT_DELETE_TOPIC] = {"delete_topic", 4, {TOPIC, TO}},
    [ACT_ELECT] = {"elect", 3, {{"unclean", 0, 1, 3}, TO}},
    [ACT_ALTER_PARTITION] = {"alter_partition",
                             20,
                             {TOPIC, PARTITION, {"member", 0, 5, 0}, {"age", 0, 3, 0}, TO}},
    [ACT_REASSIGN] =
        {"reassign",
         8,
         {TOPIC, PARTITION, {"count", 1, 3, 0}, {"start", 0, 4, 0}, {"step", 1, 4, 0}, TO}},
    [ACT_CANCEL] = {"cancel", 2, {TOPIC, PARTITION, TO}},
    [ACT_PRODUCER_IDS] = {"producer_ids", 3, {BROKER, TO}},
    [ACT_SHUTDOWN] = {"shutdown", 3, {BROKER, {"leave_ms", 1, 1500, 0}, TO}},
    [ACT_OPERATOR_CREATES] = {"operator_creates", 1, {TOPIC}},
    [ACT_OPERATOR_MARKS] = {"operator_marks", 1, {TOPIC}},
    [ACT_OPERATOR_ELECTS] = {"operator_elects", 1, {TOPIC}},
    [ACT_OPERATOR_REASSIGNS] = {"operator_reassigns", 1, {TOPIC, {"start", 0, 4, 0}}},
    [ACT_OPERATOR_DEPOSES] = {"operator_deposes", 3, {{"", 0, 0, 0}}},
    [ACT_CRASH] = {"crash", 5, {BROKER, {"session_ms", 0, 1500, 0}}},
    [ACT_HALT] = {"halt", 3, {BROKER, {"session_ms", 0, 1500, 0}}},
    [ACT_BOUNCE] = {"bounce", 6, {BROKER, {"closed", 0, 1, 4}, {"down_ms", 1, 200, 0}}},
    [ACT_BLACKOUT] = {"blackout",
                      1,
                      {{"closed", 0, 31, 0}, {"spared", 0, 31, 0}, {"session_ms", 0, 500, 0}}},
    [ACT_RESTART] = {"restart", 12, {BROKER}},
    [ACT_DISCONNECT] = {"disconnect", 4, {BROKER, {"for_ms", 1, 1000, 0}}},
    [ACT_EXPIRE] = {"expire", 4, {BROKER, {"away_ms", 0, 1500, 2}}},
    [ACT_DELAY] = {"delay", 3, {{"level", 0, 4, 0}}},
};

/* ---- Chance ---- */

static int32_t pick(struct rng *rng, const int32_t *choices, size_t count) {
    return choices[rng_below(rng, count)];
}

static int32_t draw(struct rng *rng, const struct parameter *parameter) {
    uint64_t span = (uint64_t)(parameter->last - parameter->first);

    if (parameter->odds == 0)
        return parameter->first + (int32_t)rng_below(rng, span + 1);
    if (span == 0 || rng_below(rng, (uint64_t)parameter->odds) != 0)
        return parameter->first;
    return parameter->first + 1 + (int32_t)rng_below(rng, span);
}

static struct schedule_event event_of(struct rng *rng, enum schedule_action action, int32_t at_ms) {
    struct schedule_event event = {.at_ms = at_ms, .action = action};

    for (size_t i = 0; i < SCHEDULE_VALUES_MAX && actions[action].parameters[i].name != NULL; i++)
        event.values[i] = draw(rng, &actions[action].parameters[i]);
    return event;
}

static enum schedule_action choose(struct rng *rng, const int weights[SCHEDULE_ACTIONS],
                                   int total) {
    int64_t left = (int64_t)rng_below(rng, (uint64_t)total);
    int action = 0;

    while (left >= weights[action])
        left -= weights[action++];
    return (enum schedule_action)action;
}

/* Each schedule has its own taste: much of some things and none of others meets what an even
 * mixture never does. */
static int draw_weights(struct rng *rng, int weights[SCHEDULE_ACTIONS]) {
    static const int32_t factors[] = {0, 1, 1, 4};
    int total = 0;

    for (size_t i = 0; i < SCHEDULE_ACTIONS; i++) {
        weights[i] = actions[i].weight * pick(rng, factors, ARRAY_COUNT(factors));
        total += weights[i];
    }
    weights[ACT_RESTART] += 3; /* somebody comes back, some time */
    return total + 3;
}

/* Sometimes a topic does not fit into one multi, and messages take long from the first on. */
static void begin_with_topics(struct schedule *schedule, struct rng *rng) {
    for (int32_t i = 0; i < 2; i++) {
        struct schedule_event *event = &schedule->events[schedule->count++];
        *event = event_of(rng, ACT_CREATE_TOPIC, 60 + 10 * i);
        event->values[0] = i;
        event->values[4] = 0;
    }
    if (rng_below(rng, 100) == 0)
        schedule->events[1].values[1] = 300 + (int32_t)rng_below(rng, 400);
    if (rng_below(rng, 3) == 0)
        schedule->events[schedule->count++] = event_of(rng, ACT_DELAY, 90);
}

void schedule_generate(struct schedule *schedule, uint64_t seed) {
    static const int32_t gaps_ms[] = {20, 50, 100}, unreliable[] = {0, 3, 10}, retained[] = {0, 3};
    int weights[SCHEDULE_ACTIONS], total;
    struct rng rng;
    size_t count;
    int32_t at_ms = 100, gap_ms;

    rng_seed(&rng, seed);
    *schedule = (struct schedule){
        .seed = seed,
        .brokers = 3 + (int32_t)rng_below(&rng, 2),
        .balance_ms = rng_below(&rng, 2) == 0 ? 2000 : 0,
        .unreliable = pick(&rng, unreliable, ARRAY_COUNT(unreliable)),
        .retained = pick(&rng, retained, ARRAY_COUNT(retained)),
    };
    total = draw_weights(&rng, weights);
    gap_ms = pick(&rng, gaps_ms, ARRAY_COUNT(gaps_ms));
    count = 20 + rng_below(&rng, 80);
    schedule->events = calloc(count + 3, sizeof(*schedule->events));
    CHECK(schedule->events != NULL);
    begin_with_topics(schedule, &rng);
    for (size_t i = 0; i < count; i++) {
        schedule->events[schedule->count++] = event_of(&rng, choose(&rng, weights, total), at_ms);
        at_ms += (int32_t)rng_below(&rng, (uint64_t)gap_ms * 2);
    }
}

void schedule_copy(struct schedule *to, const struct schedule *from) {
    *to = *from;
    to->events = calloc(from->count + 1, sizeof(*to->events));
    CHECK(to->events != NULL);
    memcpy(to->events, from->events, from->count * sizeof(*to->events));
}

void schedule_done(struct schedule *schedule) {
    free(schedule->events);
    *schedule = (struct schedule){0};
}

bool schedule_event_simplify(struct schedule_event *event, size_t value) {
    const struct parameter *parameter = &actions[event->action].parameters[value];

    if (parameter->name == NULL || event->values[value] == parameter->first)
        return false;
    event->values[value] = parameter->first;
    return true;
}

/* ---- Text ---- */

void schedule_event_format(const struct schedule_event *event, char *text, size_t size) {
    const struct parameter *parameter = actions[event->action].parameters;
    size_t used =
        (size_t)snprintf(text, size, "%" PRId32 " %s", event->at_ms, actions[event->action].name);

    for (size_t i = 0; i < SCHEDULE_VALUES_MAX && used < size; i++)
        if (parameter[i].name != NULL && parameter[i].name[0] != '\0')
            used += (size_t)snprintf(text + used, size - used, " %s=%" PRId32, parameter[i].name,
                                     event->values[i]);
}

void schedule_write(const struct schedule *schedule, FILE *file) {
    char text[256];

    fprintf(file,
            "seed %" PRIu64 "\nbrokers %" PRId32 "\nbalance_ms %" PRId32 "\nunreliable %" PRId32
            "\nretained %" PRId32 "\n",
            schedule->seed, schedule->brokers, schedule->balance_ms, schedule->unreliable,
            schedule->retained);
    for (size_t i = 0; i < schedule->count; i++) {
        schedule_event_format(&schedule->events[i], text, sizeof(text));
        fprintf(file, "%s\n", text);
    }
}

static bool find_action(const char *name, enum schedule_action *action) {
    for (int i = 0; i < SCHEDULE_ACTIONS; i++)
        if (strcmp(actions[i].name, name) == 0) {
            *action = (enum schedule_action)i;
            return true;
        }
    return false;
}

/* "name=value" */
static bool read_value(struct schedule_event *event, char *word) {
    char *equals = strchr(word, '=');

    if (equals == NULL)
        return false;
    *equals = '\0';
    for (size_t i = 0; i < SCHEDULE_VALUES_MAX; i++) {
        const char *name = actions[event->action].parameters[i].name;
        if (name != NULL && strcmp(name, word) == 0) {
            event->values[i] = (int32_t)strtol(equals + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

static bool read_event(struct schedule *schedule, const char *first, char **rest) {
    struct schedule_event event = {.at_ms = (int32_t)strtol(first, NULL, 10)};
    const char *name = strtok_r(NULL, " \n", rest);
    char *word;

    if (name == NULL || !find_action(name, &event.action) || schedule->count == SCHEDULE_EVENTS_MAX)
        return false;
    while ((word = strtok_r(NULL, " \n", rest)) != NULL)
        if (!read_value(&event, word))
            return false;
    schedule->events[schedule->count++] = event;
    return true;
}

static bool read_line(struct schedule *schedule, char *line) {
    char *rest, *first = strtok_r(line, " \n", &rest), *second;

    if (first == NULL || first[0] == '#')
        return true;
    if (first[0] >= '0' && first[0] <= '9')
        return read_event(schedule, first, &rest);
    second = strtok_r(NULL, " \n", &rest);
    if (second == NULL)
        return false;
    if (strcmp(first, "seed") == 0)
        schedule->seed = strtoull(second, NULL, 10);
    else if (strcmp(first, "brokers") == 0)
        schedule->brokers = (int32_t)strtol(second, NULL, 10);
    else if (strcmp(first, "balance_ms") == 0)
        schedule->balance_ms = (int32_t)strtol(second, NULL, 10);
    else if (strcmp(first, "unreliable") == 0)
        schedule->unreliable = (int32_t)strtol(second, NULL, 10);
    else if (strcmp(first, "retained") == 0)
        schedule->retained = (int32_t)strtol(second, NULL, 10);
    else
        return false;
    return true;
}

bool schedule_read(struct schedule *schedule, FILE *file) {
    char line[512], copy[512];

    *schedule = (struct schedule){.brokers = 3};
    schedule->events = calloc(SCHEDULE_EVENTS_MAX, sizeof(*schedule->events));
    CHECK(schedule->events != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        memcpy(copy, line, sizeof(copy));
        if (read_line(schedule, line))
            continue;
        fprintf(stderr, "not part of a schedule: %s", copy);
        schedule_done(schedule);
        return false;
    }
    return true;
}
