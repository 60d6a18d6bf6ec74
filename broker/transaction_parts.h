/*
 * The coordinator of transactions, as the settings want it: made, told of changes and ended.
 *
 * Threads: transaction_parts_on_metadata on the control thread, also while the others run on the
 * thread that starts and stops the broker.
 */
#ifndef BROKER_TRANSACTION_PARTS_H
#define BROKER_TRANSACTION_PARTS_H

#include <stdbool.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct config;
struct control;
struct executor;
struct transaction_coordinator;

struct transaction_parts {
    struct transaction_coordinator *_Atomic coordinator; /* NULL until the metadata is there */
    bool is_stopped;
};

/* After control_join_cluster. All must outlive the parts. */
MUST_CHECK enum error transaction_parts_start(struct transaction_parts *parts,
                                              const struct config *config, struct control *control,
                                              int32_t broker_id, struct executor *background);
void transaction_parts_on_metadata(struct transaction_parts *parts);

/* Who waits for a transaction is answered. When the replicas have given up their roles. */
void transaction_parts_stop(struct transaction_parts *parts);
/* When no request is under way any more, and the background is drained. */
void transaction_parts_free(struct transaction_parts *parts);

#endif
