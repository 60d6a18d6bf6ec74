/*
 * Transactions of a producer: records of several partitions, and the offsets of a consumer group,
 * become visible together or never. A producer is transactional if transactional.id is set; then
 * records can be sent inside transactions only.
 *
 *     barnabas_producer_init_transactions          once
 *     barnabas_producer_begin_transaction          then, again and again:
 *     barnabas_producer_send ...
 *     barnabas_producer_send_offsets               if what was read came from a group
 *     barnabas_producer_commit_transaction         or barnabas_producer_abort_transaction
 *
 * What success means.
 * - init: no other producer with this id can add anything to any transaction, and what one had
 *   left open is aborted; what it had committed is visible, or will be soon.
 * - commit: every record of the transaction is in the log of every in-sync replica, the offsets
 *   are in the group's book, and it has been decided, on the coordinator's replicas, that all of
 *   it is visible. Readers with isolation.level=read_committed see it some milliseconds later,
 *   each partition by itself; those with read_uncommitted saw it before. All reports of the
 *   records have been given.
 * - abort: nothing of it will ever be seen by readers with read_committed, nor count as
 *   committed. Records that were not yet sent were reported with the reason or as CANCELLED.
 * A record's own report says that it is stored, and nothing of its visibility.
 *
 * When a call's time is up (REQUEST_TIMED_OUT) it goes on, and its outcome is kept: call the same
 * again to wait for it. Until then the other calls here are CALL_OUT_OF_TURN. If the program ends
 * without knowing how a commit went, the group's committed offsets tell what was done: they are
 * part of the transaction.
 *
 * Who is fenced. Whoever calls init last with a transactional id is its owner. The others fail
 * with PRODUCER_FENCED, or with INVALID_PRODUCER_EPOCH and after the abort with PRODUCER_FENCED:
 * that is fatal. So is a transaction that was open for longer than transaction.timeout.ms, which
 * its coordinator has aborted. Offsets of a group member that has lost its place are refused
 * (ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID): abort, and poll.
 *
 * Errors are of one of three classes (barnabas_producer_error_class), as in the Java client:
 * - retriable: the call has not come to its end. The same call again, as it was. The library
 *   itself retries all that a retry can mend, for as long as it takes: coordinators that move or
 *   load, CONCURRENT_TRANSACTIONS, lost connections.
 * - abortable: this transaction cannot be committed: a record was not stored in time or was
 *   refused (OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID, INVALID_TXN_STATE and
 *   INVALID_PRODUCER_EPOCH of a record are such, too), TRANSACTION_ABORTABLE, a refused group,
 *   INVALID_PRODUCER_ID_MAPPING. Every call but abort fails with it. Abort, then go on with the
 *   next transaction; if a record's fate was unknown the abort takes the next epoch, so that it
 *   cannot be mixed up with later ones.
 * - fatal: PRODUCER_FENCED, INVALID_TXN_STATE and INVALID_PRODUCER_EPOCH of a coordinator,
 *   TRANSACTIONAL_ID_AUTHORIZATION_FAILED, UNSUPPORTED_VERSION, and what nobody foresaw. Every
 *   call fails with it. Close the producer; a new one with the same id begins where it is safe.
 * Abortable failures that leave a gap in a partition's numbers need a coordinator of Kafka 2.5 or
 * newer; with an older one they are fatal.
 *
 * Threads. Transactional calls may come from any thread, one at a time: while one waits, the
 * others are CALL_OUT_OF_TURN. Records may be sent by any thread while the transaction is open.
 * None of these calls may be made from a callback of the background thread. With
 * delivery.reports=poll, callbacks run inside commit and abort as well.
 *
 * Memory. Offsets and group metadata are copied. A transaction takes memory for its records only
 * until their reports, so its size is bounded by its time alone.
 */
#ifndef BARNABAS_TRANSACTIONS_H
#define BARNABAS_TRANSACTIONS_H

#include <barnabas/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes the transactional id: waits for its coordinator, and for the end of what it had open.
 * Errors: CONFIG_INVALID (transactional.id is not set); REQUEST_TIMED_OUT;
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED (retriable: once allowed, it
 * may be called again); INVALID_TRANSACTION_TIMEOUT (above the brokers' limit: fatal) and others of
 * the fatal class; CALL_OUT_OF_TURN (it has succeeded already). */
BARNABAS_API int barnabas_producer_init_transactions(struct barnabas_producer *producer,
                                                     int64_t timeout_ms);

/* Returns at once: the coordinator hears of the transaction with its first record or offset.
 * Errors: CALL_OUT_OF_TURN (one is open, or init has not succeeded), the standing error. */
BARNABAS_API int barnabas_producer_begin_transaction(struct barnabas_producer *producer);

/* Makes the offsets part of the transaction: the group goes on from there if it is committed, and
 * only then. For each partition the offset behind the last record whose work is in this
 * transaction. `metadata` is what barnabas_consumer_group_metadata gave after the records were
 * polled: it keeps out a member whose partitions are others' by now. The consumer must not commit
 * by itself (enable.auto.commit=false).
 * After REQUEST_TIMED_OUT it goes on, and a commit waits for it.
 * Errors: INVALID_REQUEST (no group, a negative partition or offset), CALL_OUT_OF_TURN, and the
 * standing error, which may be what the coordinators just said. */
BARNABAS_API int barnabas_producer_send_offsets(struct barnabas_producer *producer,
                                                const struct barnabas_offset *offsets, size_t count,
                                                const struct barnabas_group_metadata *metadata,
                                                int64_t timeout_ms);

/* Sends what waits, waits until all is stored, and commits. */
BARNABAS_API int barnabas_producer_commit_transaction(struct barnabas_producer *producer,
                                                      int64_t timeout_ms);

/* Drops what waits and aborts; also what stands with an abortable error. Records that are on
 * their way are waited for, up to delivery.timeout.ms. */
BARNABAS_API int barnabas_producer_abort_transaction(struct barnabas_producer *producer,
                                                     int64_t timeout_ms);

enum barnabas_error_class {
    BARNABAS_CLASS_RETRIABLE,
    BARNABAS_CLASS_ABORTABLE,
    BARNABAS_CLASS_FATAL,
    BARNABAS_CLASS_MISUSE /* nothing was done: the arguments, or the order of calls, are wrong */
};

/* What an error asks for that one of these calls, or barnabas_producer_send, has just returned. */
BARNABAS_API enum barnabas_error_class
barnabas_producer_error_class(struct barnabas_producer *producer, int error);

#ifdef __cplusplus
}
#endif

#endif
