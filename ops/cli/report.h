/*
 * What came of a command that changes something, told as it happens: a line for people; with
 * --output json nothing but one document at the end:
 *
 *   {"kind": "TopicCreation", "apiVersion": "barnabas/v1", "status": 0, "items": [...]}
 *
 * What failed stands in the items, too, and is told on standard error as well. There is one
 * command in a process, and one report: main begins and ends it for commands that name a
 * result_kind. One that has printed a document of its own, of a dry run say, has no report besides.
 *
 * Threads: the main one.
 */
#ifndef OPS_CLI_REPORT_H
#define OPS_CLI_REPORT_H

#include <barnabas/admin.h>
#include <jansson.h>
#include <stdbool.h>

#include "ops/cli/exit_status.h"

/* Before anything is told. With `json` false lines are printed, and there is no document. */
void report_begin(const char *kind, bool json);

/* Whether lines for people are unwanted. */
bool report_is_json(void);

/* A line for people, and an item, which it takes over; NULL if there is none. */
__attribute__((format(printf, 2, 3))) void report_tell(json_t *item, const char *format, ...);

/* An item without a line. Takes it over. */
void report_add(json_t *item);

/* Each outcome that did not fail is an item, and a line: "DONE NAME". */
void report_outcomes(const char *done, const struct barnabas_outcomes *outcomes);

/* Prints the document, if there is to be one and none was printed; gives the status, or FAILED if
 * that cannot be done. */
enum exit_status report_end(enum exit_status status);

#endif
