/*
 * Transactions as a compaction meets them, batch after batch in the order of the log: whose data
 * was aborted and goes, and which markers still have data before them and stay.
 *
 * Pure. Threads: one at a time.
 * Source: Apache Kafka 3.9, LogCleaner, CleanedTransactionMetadata.
 */
#ifndef BROKER_LOG_COMPACTION_TRANSACTIONS_H
#define BROKER_LOG_COMPACTION_TRANSACTIONS_H

#include "broker/log/batch_walk.h"
#include "broker/log/txn_index.h"

struct compaction_transactions;

/* `aborts`, copied, are those of the whole part of the log that is gone through, in any order.
 * Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error compaction_transactions_new(const struct aborted_transaction *aborts,
                                                  size_t count,
                                                  struct compaction_transactions **created);
void compaction_transactions_free(struct compaction_transactions *transactions);

/* The next batch, whole. True if nothing needs it any more: data of an aborted transaction, or a
 * marker whose transaction has no data left. For an ABORT marker that stays, `*abort` is its
 * transaction; NULL otherwise; valid during the life of `transactions`. */
bool compaction_transactions_discard(struct compaction_transactions *transactions,
                                     const struct stored_batch *batch,
                                     const struct aborted_transaction **abort);

#endif
