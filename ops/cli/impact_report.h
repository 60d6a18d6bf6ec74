/*
 * What an operation would do, gathered partition by partition and shown: a row for each one that
 * would be hurt, and the numbers of all.
 */
#ifndef OPS_CLI_IMPACT_REPORT_H
#define OPS_CLI_IMPACT_REPORT_H

#include <jansson.h>

#include "controller/core/impact.h"
#include "ops/cli/command.h"
#include "ops/cli/live_cluster.h"

/* From harmless to bad; the worst names the row. */
enum impact_risk {
    RISK_NONE,
    RISK_AT_MIN_ISR,    /* one failure more, and acks=all is refused */
    RISK_BELOW_MIN_ISR, /* acks=all is refused */
    RISK_CANNOT_END,    /* a move that would wait for a broker that is not there */
    RISK_UNCLEAN,       /* records may be lost */
    RISK_OFFLINE,       /* neither written nor read */
    RISK_COUNT
};

struct impact_item {
    const char *topic; /* of the live cluster */
    const struct barnabas_partition_info *now;
    struct impact impact;
    enum impact_risk risk;
};

struct impact_report {
    struct impact_item *items;
    size_t count, capacity;
    size_t leaders_moved;
    size_t without_successor;
    size_t risks[RISK_COUNT];
};

void impact_report_free(struct impact_report *report);

/* False if memory is out. */
bool impact_report_add(struct impact_report *report, const char *topic,
                       const struct barnabas_partition_info *now, const struct impact *impact,
                       bool cannot_end);

/* What happens when brokers go. After a complaint a status other than OK. */
enum exit_status impact_report_departure(struct impact_report *report, struct live_cluster *live,
                                         const struct broker_list *ids,
                                         enum impact_departure departure);

const char *impact_risk_name(enum impact_risk risk); /* "below-min-isr" */
enum impact_risk impact_report_worst(const struct impact_report *report);
/* Whether somebody would be refused, or records lost. */
bool impact_report_is_harmful(const struct impact_report *report);

/* The rows and the numbers; `what` says the operation: "broker 2 is stopped". */
void impact_report_print(const struct impact_report *report, const char *what);
/* The same in the document; the items are those at risk. */
void impact_report_json(const struct impact_report *report, json_t *document);

/* Asks before the operation, as session_confirm does: if it is harmful, for the name of the worst
 * that would happen. */
enum exit_status impact_report_confirm(const struct invocation *invocation,
                                       const struct impact_report *report, const char *question);

#endif
