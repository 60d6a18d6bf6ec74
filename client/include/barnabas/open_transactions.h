/*
 * Transactions as operators see them: which there are, what a partition knows of its producers, and
 * ending one that nobody else will end.
 *
 * A transaction hangs in a partition if the partition has it open, but its coordinator does not
 * know of it, or of this partition in it: then no marker will come, and readers of committed
 * records wait there for ever. Brokers that verify transactions (KIP-890) do not let that happen;
 * older ones, and bugs, do.
 *
 * Calls and errors: as in admin.h. All strings belong to the result.
 */
#ifndef BARNABAS_OPEN_TRANSACTIONS_H
#define BARNABAS_OPEN_TRANSACTIONS_H

#include <barnabas/admin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_transaction_listing {
    const char *transactional_id;
    const char *state; /* "Ongoing", as Kafka names them */
    int64_t producer_id;
    int32_t coordinator; /* the broker */
};

struct barnabas_transactions {
    size_t count;
    const struct barnabas_transaction_listing *items; /* ascending by transactional id */
    size_t silent_brokers;                            /* that gave no answer: theirs are missing */
    int error;                                        /* of the last of those */
};
BARNABAS_API void barnabas_transactions_free(struct barnabas_transactions *transactions);

/* Of all coordinators: those of the given producers (none: of all), that are open for longer than
 * `duration_ms` (-1: all). */
BARNABAS_API int barnabas_admin_list_transactions(struct barnabas_admin *admin,
                                                  const int64_t *producer_ids, size_t count,
                                                  int64_t duration_ms, int64_t timeout_ms,
                                                  struct barnabas_transactions **transactions);

struct barnabas_transaction {
    const char *transactional_id;
    const char *state;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t timeout_ms;
    int64_t start_ms; /* wall clock; -1: none is open */
    size_t partition_count;
    const struct barnabas_topic_partition *partitions; /* that wait for their markers yet */
};
BARNABAS_API void barnabas_transaction_free(struct barnabas_transaction *transaction);

/* TRANSACTIONAL_ID_NOT_FOUND: no coordinator knows of it. */
BARNABAS_API int barnabas_admin_describe_transaction(struct barnabas_admin *admin,
                                                     const char *transactional_id,
                                                     int64_t timeout_ms,
                                                     struct barnabas_transaction **transaction);

struct barnabas_active_producer {
    int64_t producer_id;
    int32_t producer_epoch;
    int32_t coordinator_epoch; /* of its last marker; -1: it has had none */
    int32_t last_sequence;     /* -1: none */
    int64_t last_ms;           /* when it wrote last, by its records' time */
    int64_t start_offset;      /* of the transaction that is open here; -1: none */
};

struct barnabas_partition_producers {
    const char *topic;
    int32_t partition;
    int error;
    size_t count;
    const struct barnabas_active_producer *items;
};

struct barnabas_producers {
    size_t count;
    const struct barnabas_partition_producers *items; /* in the order of the answer */
};
BARNABAS_API void barnabas_producers_free(struct barnabas_producers *producers);

/* What one broker, which has a replica of each partition, knows of who writes there. */
BARNABAS_API int
barnabas_admin_describe_producers(struct barnabas_admin *admin, int32_t broker_id,
                                  const struct barnabas_topic_partition *partitions, size_t count,
                                  int64_t timeout_ms, struct barnabas_producers **producers);

struct barnabas_abort_marker {
    struct barnabas_topic_partition partition;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t coordinator_epoch; /* that of the partition's last marker of the producer, or 0 */
};

/* Has the partition's leader end the producer's open transaction there, as aborted, whatever its
 * coordinator says: for transactions that hang, only. Errors besides the usual ones:
 * INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED (a newer producer or coordinator has
 * written), NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION. */
BARNABAS_API int barnabas_admin_abort_transaction(struct barnabas_admin *admin, int32_t leader_id,
                                                  const struct barnabas_abort_marker *marker,
                                                  int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
