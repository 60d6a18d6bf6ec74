/*
 * What is done to a cluster, as data: a list of things with their times, made by chance from a
 * seed, or read from a file. Running it again gives the same run, so a schedule that fails can be
 * kept, and made smaller by leaving things out.
 *
 * As text, which schedule_read takes:
 *
 *     seed 17
 *     brokers 3
 *     balance_ms 2000         automatic preferred elections; 0: none
 *     retained 3              entries of the change log; 0: as many as is usual
 *     unreliable 10           once in so many messages the connection between two brokers breaks
 *     1250 crash broker=2 session_ms=600
 *
 * The seed decides what is left to chance when it runs: how long messages take, which connections
 * break, what a crash loses.
 */
#ifndef TESTS_SIMULATION_SCHEDULE_H
#define TESTS_SIMULATION_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCHEDULE_VALUES_MAX 6
#define SCHEDULE_EVENTS_MAX 2000

/* In the order of the table in schedule.c. */
enum schedule_action {
    ACT_CREATE_TOPIC,
    ACT_CREATE_PARTITIONS,
    ACT_DELETE_TOPIC,
    ACT_ELECT,
    ACT_ALTER_PARTITION,
    ACT_REASSIGN,
    ACT_CANCEL,
    ACT_PRODUCER_IDS,
    ACT_SHUTDOWN,
    ACT_OPERATOR_CREATES,
    ACT_OPERATOR_MARKS,
    ACT_OPERATOR_ELECTS,
    ACT_OPERATOR_REASSIGNS,
    ACT_OPERATOR_DEPOSES,
    ACT_CRASH,
    ACT_HALT,
    ACT_BOUNCE,
    ACT_BLACKOUT,
    ACT_RESTART,
    ACT_DISCONNECT,
    ACT_EXPIRE,
    ACT_DELAY,
    SCHEDULE_ACTIONS
};

struct schedule_event {
    int32_t at_ms;
    enum schedule_action action;
    int32_t values[SCHEDULE_VALUES_MAX]; /* what they mean: the action's parameters */
};

struct schedule {
    uint64_t seed;
    int32_t brokers, balance_ms, unreliable, retained;
    struct schedule_event *events; /* owned; by time */
    size_t count;
};

void schedule_generate(struct schedule *schedule, uint64_t seed);
void schedule_copy(struct schedule *to, const struct schedule *from);
void schedule_done(struct schedule *schedule);

/* The event with that value the least it can be; false if it is so already. */
bool schedule_event_simplify(struct schedule_event *event, size_t value);

void schedule_event_format(const struct schedule_event *event, char *text, size_t size);
void schedule_write(const struct schedule *schedule, FILE *file);
/* False, having said what is wrong, if it is not a schedule. */
bool schedule_read(struct schedule *schedule, FILE *file);

#endif
