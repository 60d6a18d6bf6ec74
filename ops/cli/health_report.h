/*
 * What `cluster health` found: what, where, since when, and what to do; as a table or as JSON.
 */
#ifndef OPS_CLI_HEALTH_REPORT_H
#define OPS_CLI_HEALTH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct health_finding {
    bool is_notice; /* unhealthy otherwise */
    const char *what;
    const char *where;
    int64_t since_ms; /* 0: not known */
    const char *details;
    const char *advice;
};

struct health_report {
    struct table *table; /* NULL: JSON */
    json_t *items;
    size_t count;
    bool is_unhealthy;
};

void health_report_init(struct health_report *report, bool json);
void health_report_done(struct health_report *report);
void health_report_add(struct health_report *report, const struct health_finding *finding);

#endif
