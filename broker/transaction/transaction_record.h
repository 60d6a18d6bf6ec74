/*
 * The records of __transaction_state.
 *
 *   key    i16 version = 0, str transactional id
 *   value  i16 version: 0 is written; 1 is the flexible form with tagged fields
 *          i64 producer_id, i16 producer_epoch, i32 timeout_ms, i8 state,
 *          [str topic, [i32 partition]], null in state Empty,
 *          i64 last_update_timestamp, i64 start_timestamp
 *
 * A null value is a tombstone: the caller tells it before decoding. The last producer id and epoch
 * are not in version 0: whoever coordinates next does not know them.
 *
 * Pure. Source: Apache Kafka 3.9, TransactionLogKey.json, TransactionLogValue.json, TransactionLog.
 */
#ifndef BROKER_TRANSACTION_TRANSACTION_RECORD_H
#define BROKER_TRANSACTION_TRANSACTION_RECORD_H

#include "broker/transaction/transaction.h"
#include "client/wire/writer.h"

/* Errors: MALFORMED, UNSUPPORTED_VERSION. The id is a view. */
MUST_CHECK enum error transaction_key_decode(struct bytes bytes, struct bytes *id);
/* The caller frees the values with transaction_values_done. Errors: as above, OUT_OF_MEMORY. */
MUST_CHECK enum error transaction_value_decode(struct bytes bytes,
                                               struct transaction_values *values);

void transaction_key_encode(struct wire_writer *writer, struct bytes id);
void transaction_value_encode(struct wire_writer *writer, const struct transaction_values *values);

#endif
