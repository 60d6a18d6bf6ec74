/*
 * The control batch that ends a transaction in a partition.
 *
 *   a batch with one record: attributes control and transactional, base_sequence -1;
 *   key i16 version = 0, i16 type (0 ABORT, 1 COMMIT); value i16 version = 0, i32 coordinator_epoch
 *
 * Pure. Source: Apache Kafka 3.9, EndTransactionMarker, MemoryRecords.writeEndTransactionalMarker.
 */
#ifndef CLIENT_WIRE_END_TRANSACTION_MARKER_H
#define CLIENT_WIRE_END_TRANSACTION_MARKER_H

#include <stdbool.h>
#include <stdint.h>

#define RECORD_CONTROL_ABORT         0
#define RECORD_CONTROL_COMMIT        1
#define END_TRANSACTION_MARKER_BYTES 78

struct end_transaction_marker {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t coordinator_epoch;
    bool is_commit;
    int64_t timestamp; /* wall clock, ms */
};

/* A whole batch, but for its base offset and leader epoch. */
void end_transaction_marker_encode(const struct end_transaction_marker *marker,
                                   uint8_t batch[END_TRANSACTION_MARKER_BYTES]);

#endif
