/* What all JSON results have: kind, apiVersion and items, printed to standard output. */
#ifndef OPS_CLI_JSON_H
#define OPS_CLI_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "ops/cli/exit_status.h"

/* {"kind": kind, "apiVersion": "barnabas/v1"} */
json_t *json_document(const char *kind);

json_t *json_numbers(const int32_t *numbers, size_t count);

/* Prints and frees it. FAILED if that cannot be done. */
enum exit_status json_finish(json_t *document);

/* Whether that was called. */
bool json_was_printed(void);

#endif
