/*
 * Mending folders of partitions, told as it goes: a line for each, or with JSON all of it as one
 * document at the end; how far it has come on standard error, on a terminal.
 *
 *   {"kind": "LogRepair", "apiVersion": "barnabas/v1", "status": 0,
 *    "items": [{"path": "...", "logStartOffset": 0, "logEndOffset": 10, "bytesBefore": 100,
 *               "bytesCutOff": 40, "error": null}]}
 */
#ifndef OPS_LOG_MENDING_H
#define OPS_LOG_MENDING_H

#include <jansson.h>
#include <stdbool.h>

#include "ops/output/progress.h"

struct mending {
    json_t *items; /* NULL: lines are printed */
    struct progress progress;
};

void mending_begin(struct mending *mending, bool is_json);

/* Cuts what is damaged. The caller holds the locks of the directory. False: it failed, and was
 * told. */
bool mending_repair(struct mending *mending, const char *path);

/* It was not touched, for this reason. */
void mending_refuse(struct mending *mending, const char *path, const char *reason);

/* Prints the document. */
void mending_end(struct mending *mending, int status);

#endif
