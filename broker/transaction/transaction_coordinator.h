/*
 * The coordinator of the transactional ids whose partition of __transaction_state this broker
 * leads: which producer has which id, and which transactions are open or ending.
 *
 * A thread of its own ("transactions") runs the state machines (transaction.h), writes what they
 * decide through broker/journal, sends the markers that end transactions to the leaders of their
 * partitions, and ends what takes too long. Nothing is answered as done before the journal has it
 * on all in-sync replicas.
 *
 * Threads: functions marked "any" may be called from any thread; all else, and every callback, on
 * the coordinator's own (transaction_coordinator_executor).
 * Source: Apache Kafka 3.9, TransactionCoordinator, TransactionStateManager,
 * TransactionMarkerChannelManager.
 */
#ifndef BROKER_TRANSACTION_TRANSACTION_COORDINATOR_H
#define BROKER_TRANSACTION_TRANSACTION_COORDINATOR_H

#include <sys/queue.h>

#include "broker/transaction/transaction.h"
#include "client/base/executor.h"
#include "client/net/loop.h"

struct clock;
struct metadata_cache;
struct producer_ids;
struct replica_manager;
struct transaction_coordinator;
struct transaction_entry;

struct transaction_coordinator_config {
    int32_t broker_id;
    const char *listener;        /* the inter-broker listener's name */
    struct executor *background; /* for what waits for a disk */
    struct clock *clock;
    struct metadata_cache *metadata;
    struct replica_manager *replicas;
    struct producer_ids *producer_ids;
    int32_t load_bytes; /* transaction.state.log.load.buffer.size */
    int32_t timeout_ms_max;
    int64_t append_timeout_ms;
    int64_t marker_timeout_ms;
    int64_t abort_check_ms;
    int64_t expiration_ms;
    int64_t expiration_check_ms;
};

/* All that the config points to outlives the coordinator. OUT_OF_MEMORY. */
MUST_CHECK enum error
transaction_coordinator_start(const struct transaction_coordinator_config *config,
                              struct transaction_coordinator **started);

/* Answers all who wait, with NOT_COORDINATOR; requests that come later get that too. The roles of
 * the partitions have been given up before. Not on the coordinator's thread. Accepts NULL. */
void transaction_coordinator_stop(struct transaction_coordinator *coordinator);
/* Ends the thread. Nobody has anything posted to it, and the background is drained. Accepts NULL.
 */
void transaction_coordinator_free(struct transaction_coordinator *coordinator);

/* Any. */
struct executor *transaction_coordinator_executor(struct transaction_coordinator *coordinator);
/* Any. Leaderships may have changed. */
void transaction_coordinator_on_metadata(struct transaction_coordinator *coordinator);

/* NONE, or why the id is not served here: INVALID_REQUEST (it is empty), NOT_COORDINATOR,
 * COORDINATOR_LOAD_IN_PROGRESS. */
MUST_CHECK enum error
transaction_coordinator_check(const struct transaction_coordinator *coordinator, struct bytes id);

/* The requests below, with all they point to, are the caller's until `done`, which is perhaps
 * called from inside of the call. Errors besides those of the check: COORDINATOR_NOT_AVAILABLE and
 * NOT_COORDINATOR if it could not be written, CONCURRENT_TRANSACTIONS, and the ones named. */

/* With `may_wait` a request is not refused with CONCURRENT_TRANSACTIONS before it has waited a
 * little for the change or the markers that are in its way. All else is the coordinator's, zero at
 * first. */
struct transaction_wait {
    TAILQ_ENTRY(transaction_wait) link;
    struct transaction_entry *entry; /* a reference, while it waits */
    struct loop_timer deadline;
    void (*again)(struct transaction_wait *wait);
    bool may_wait;
};

struct transaction_init_request {
    struct transaction_wait wait;
    struct bytes id;
    int32_t timeout_ms;
    int64_t producer_id;    /* in: expected, or NO_PRODUCER_ID; out */
    int16_t producer_epoch; /* likewise */
    enum error error;       /* out; INVALID_TRANSACTION_TIMEOUT, PRODUCER_FENCED */
    struct transaction_coordinator *coordinator; /* the coordinator's own, while it is served */
    void (*done)(struct transaction_init_request *request);
};
void transaction_coordinator_init(struct transaction_coordinator *coordinator,
                                  struct transaction_init_request *request);

struct transaction_add_request {
    struct transaction_wait wait;
    struct bytes id;
    int64_t producer_id;
    int16_t producer_epoch;
    const struct transaction_partition *partitions;
    int32_t count;
    enum error error; /* out; INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED */
    struct transaction_coordinator *coordinator; /* as above */
    void (*done)(struct transaction_add_request *request);
};
void transaction_coordinator_add(struct transaction_coordinator *coordinator,
                                 struct transaction_add_request *request);

/* Whether the producer may write now, to partitions of its transaction, which is `*found` then. */
MUST_CHECK enum error transaction_coordinator_verify(struct transaction_coordinator *coordinator,
                                                     struct bytes id, int64_t producer_id,
                                                     int16_t producer_epoch,
                                                     const struct transaction **found);

/* Of whoever coordinates the id, this broker or another. `errors`, one per partition: NONE (it is
 * part of the producer's open transaction), TRANSACTION_ABORTABLE (it is not), PRODUCER_FENCED,
 * INVALID_PRODUCER_ID_MAPPING, CONCURRENT_TRANSACTIONS, those of a coordinator that is not there,
 * and NETWORK_EXCEPTION if it did not answer. */
struct transaction_verify_request {
    struct bytes id;
    int64_t producer_id;
    int16_t producer_epoch;
    const struct transaction_partition *partitions;
    enum error *errors; /* out */
    int32_t count;
    int32_t coordinator_epoch; /* an older one has been deposed: NOT_COORDINATOR. -1: any */
    void (*done)(struct transaction_verify_request *request);
    STAILQ_ENTRY(transaction_verify_request) in_queue; /* while it waits */
};
void transaction_coordinator_ask(struct transaction_coordinator *coordinator,
                                 struct transaction_verify_request *request);

struct transaction_end_request {
    struct bytes id;
    int64_t producer_id;
    int16_t producer_epoch;
    bool commit;
    enum error error; /* out; as for adding, and INVALID_TXN_STATE */
    void (*done)(struct transaction_end_request *request);
};
/* Done when it is certain how it ends; the markers follow. */
void transaction_coordinator_end(struct transaction_coordinator *coordinator,
                                 struct transaction_end_request *request);

/* ---- To look at ---- */

/* NULL: no such id. Valid until the thread's next task. */
const struct transaction *
transaction_coordinator_find(const struct transaction_coordinator *coordinator, struct bytes id);
/* All of the loaded partitions. */
void transaction_coordinator_each(const struct transaction_coordinator *coordinator,
                                  void (*visit)(void *context,
                                                const struct transaction *transaction),
                                  void *context);
/* Some partition is being loaded: there may be more. */
bool transaction_coordinator_is_loading(const struct transaction_coordinator *coordinator);

#endif
