/*
 * The step before an append that may begin a transaction in a partition: the coordinator is asked
 * whether it knows of it (broker/log/verifications.h says why). Only for partitions in which the
 * producer has no transaction open: once per transaction, not once per batch.
 *
 *   verification_init, verification_add for each, verification_ask -> done -> the appends
 *
 * Later requests of the connection wait meanwhile, so that none is appended before this one.
 *
 * Threads: the call's reactor. It lives in the call's arena.
 * Source: Apache Kafka 3.9, ReplicaManager.maybeStartTransactionVerificationForPartitions.
 */
#ifndef BROKER_API_VERIFICATION_H
#define BROKER_API_VERIFICATION_H

#include "broker/api/hop.h"
#include "broker/transaction/transaction_coordinator.h"

struct partition;

struct verification {
    struct hop hop;
    struct transaction_verify_request request; /* its results are in the order of adding */
    struct transaction_partition *partitions;
    void (*done)(struct verification *verification);
};

/* transaction.partition.verification.enable */
bool verification_is_enabled(const struct api_call *call);

/* For up to `count` partitions. False past the arena's bound. */
MUST_CHECK bool verification_init(struct verification *verification, struct api_call *call,
                                  int32_t count);

/* Adds the partition, which the caller keeps, if the producer's batch that begins with
 * `base_sequence` needs it: then `*guard` is to be appended with, else it is LOG_NO_GUARD. An error
 * of the partition's is left to the append. */
void verification_add(struct verification *verification, struct partition *partition,
                      int64_t producer_id, int16_t producer_epoch, int32_t base_sequence,
                      uint64_t *guard);

/* At least one was added; the call's frame is kept. */
void verification_ask(struct verification *verification, struct bytes transactional_id,
                      int64_t producer_id, int16_t producer_epoch,
                      void (*done)(struct verification *verification));

/* What producers are told: Kafka's clients know what to do with these. */
enum error verification_error(enum error error, bool knows_transaction_abortable);

#endif
