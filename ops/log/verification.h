/*
 * Looking at data directories, told as it goes: findings as lines, or with JSON all of it as one
 * document at the end; how far it has come on standard error, on a terminal.
 *
 *   {"kind": "LogVerification", "apiVersion": "barnabas/v1", "status": 7, "partitions": 1, ...,
 *    "items": [{"path": "...", "position": 61, "problem": "..."}]}
 */
#ifndef OPS_LOG_VERIFICATION_H
#define OPS_LOG_VERIFICATION_H

#include <jansson.h>
#include <stdbool.h>

#include "broker/log/log_verify.h"
#include "ops/output/progress.h"

struct verification {
    struct log_verify verify;
    json_t *items; /* NULL: findings are printed */
    struct progress progress;
};

void verification_begin(struct verification *verification, bool is_json);

/* Prints the sums, or the document. */
void verification_end(struct verification *verification, int status);

#endif
