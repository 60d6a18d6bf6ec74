/*
 * What came of a command that changes something, told as it happens: a line for people; with
 * --output json nothing but one document at the end:
 *
 *   {"kind": "TopicCreation", "apiVersion": "barnabas/v1", "status": 0, "items": [...]}
 *
 * What failed stands in the items, too, and is told on standard error as well.
 */
#ifndef OPS_CLI_REPORT_H
#define OPS_CLI_REPORT_H

#include <barnabas/admin.h>
#include <jansson.h>

#include "ops/cli/command.h"

struct report {
    const char *kind;
    bool is_json;
    json_t *items;
};

/* False after a complaint about --output. Otherwise it is to be ended. */
bool report_begin(struct report *report, const struct invocation *invocation, const char *kind);

/* A line for people, and an item, which it takes over; NULL if there is none. */
__attribute__((format(printf, 3, 4))) void report_tell(struct report *report, json_t *item,
                                                       const char *format, ...);

/* Each outcome is an item. What failed is complained about, with `what` as the action; the others
 * are told of as "DONE NAME", unless `done` is NULL. All, some or none failed gives the status. */
enum exit_status report_outcomes(struct report *report, const char *what, const char *done,
                                 const struct barnabas_outcomes *outcomes);

/* Prints the document; gives the status, or FAILED if that cannot be done. */
enum exit_status report_end(struct report *report, enum exit_status status);

#endif
