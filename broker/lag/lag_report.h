/*
 * What the last look at the groups' progress found, for whoever asks: one writer, many readers.
 *
 * Threads: any; a lock that is held while a reader visits.
 */
#ifndef BROKER_LAG_LAG_REPORT_H
#define BROKER_LAG_LAG_REPORT_H

#include "broker/group/group.h"
#include "broker/lag/lag_estimate.h"
#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/sync.h"

#define LAG_LOSSES_MAX 1000 /* the latest are kept */

struct lag_row {
    struct bytes group;
    struct bytes topic;
    int32_t partition;
    int64_t committed;
    int64_t log_start_offset;
    int64_t log_end_offset;
    struct lag_estimate estimate;
    int64_t lost_records; /* since the coordinator is here */
};

/* A group that has members or has committed something. */
struct lag_group {
    struct bytes id;
    int32_t member_count;
    uint64_t rebalances[GROUP_REBALANCE_REASONS];
};

struct lag_loss_event {
    int64_t wall_ms;
    char *group; /* both end in a zero; owned */
    char *topic;
    int32_t partition;
    struct lag_loss loss;
};

/* What a look found, in an arena. */
struct lag_findings {
    struct arena arena;
    struct lag_row *rows;
    size_t row_count;
    struct lag_group *groups;
    size_t group_count;
};

struct lag_report {
    struct mutex lock;
    struct lag_findings found; /* lock; rows by group, topic, partition; groups in no order */
    int64_t wall_ms;           /* lock: when that was; 0: never */
    struct lag_loss_event losses[LAG_LOSSES_MAX]; /* lock: a ring */
    size_t loss_count;                            /* lock: of all there ever were */
};

void lag_report_init(struct lag_report *report);
void lag_report_done(struct lag_report *report);

/* Takes over the arena and sorts the rows. */
void lag_report_publish(struct lag_report *report, const struct lag_findings *found,
                        int64_t wall_ms);
/* Copies. */
void lag_report_add_loss(struct lag_report *report, struct bytes group, struct bytes topic,
                         int32_t partition, const struct lag_loss *loss, int64_t wall_ms);

/* Visits must be short, and call nothing of the report. */
struct lag_visitor {
    void (*group)(void *context, const struct lag_group *group);     /* may be NULL */
    void (*row)(void *context, const struct lag_row *row);           /* may be NULL */
    void (*loss)(void *context, const struct lag_loss_event *event); /* may be NULL; oldest first */
    void *context;
};

/* When what is visited was found; 0: nothing yet. */
int64_t lag_report_visit(struct lag_report *report, const struct lag_visitor *visitor);

#endif
