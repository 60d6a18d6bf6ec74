/*
 * The transactions that partitions have open, and which of them hang: those that no coordinator
 * knows of, or not in this partition. Then no marker will come.
 *
 * What is found, with all its strings, is in the search until its end.
 */
#ifndef OPS_CLI_OPEN_TRANSACTIONS_H
#define OPS_CLI_OPEN_TRANSACTIONS_H

#include <barnabas/barnabas.h>

#include "ops/cli/exit_status.h"
#include "ops/cli/partition_name.h"

struct open_transaction {
    const char *topic;
    int32_t partition;
    int32_t leader;
    struct barnabas_active_producer producer;
    bool is_hanging;
};

struct transaction_search {
    /* Set by the caller. */
    struct barnabas_admin *admin;
    int64_t timeout_ms;
    const struct partition_name *name; /* NULL: all topics */
    int32_t broker;                    /* ask this one for the replicas it has; -1: the leaders */
    int64_t older_than_ms;             /* only whose producer has not written for so long */

    struct open_transaction *items;
    size_t count;

    /* The search's own. */
    size_t capacity;
    struct barnabas_topics *topics;
    struct barnabas_producers **answers; /* items point into these */
    size_t answer_count;
};

/* Fills `items`, in the order of topics and partitions. After a complaint a status other than OK:
 * PARTLY_FAILED, if some partitions could not be asked for. */
enum exit_status transaction_search_run(struct transaction_search *search);

/* Says of each whether it hangs. FAILED, after a complaint, if that cannot be told: a coordinator
 * that gives no answer may know of it. */
enum exit_status transaction_search_judge(struct transaction_search *search);
void transaction_search_done(struct transaction_search *search);

#endif
