/*
 * Asks the coordinators of transactions whether partitions are part of an open one (KIP-890): this
 * broker's own in place, others with AddPartitionsToTxn, verify only. One request per broker is
 * under way; what comes meanwhile goes together into the next.
 *
 * Threads: the coordinator's.
 * Source: Apache Kafka 3.9, AddPartitionsToTxnManager; but that requests of one transactional id
 * wait for each other, where Kafka has the earlier one fail.
 */
#ifndef BROKER_TRANSACTION_TRANSACTION_VERIFIER_H
#define BROKER_TRANSACTION_TRANSACTION_VERIFIER_H

#include "broker/transaction/transaction_coordinator.h"

struct loop;
struct transaction_verifier;

/* `coordinator` is this broker's; its config outlives the verifier. */
struct transaction_verifier *
transaction_verifier_new(struct transaction_coordinator *coordinator,
                         const struct transaction_coordinator_config *config, struct loop *loop);
/* Whoever waits is answered: NOT_COORDINATOR, and so are those who ask later. */
void transaction_verifier_stop(struct transaction_verifier *verifier);
void transaction_verifier_free(struct transaction_verifier *verifier); /* accepts NULL */

void transaction_verifier_ask(struct transaction_verifier *verifier,
                              struct transaction_verify_request *request);

#endif
