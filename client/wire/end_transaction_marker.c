#include "client/wire/end_transaction_marker.h"

#include "client/wire/big_endian.h"
#include "client/wire/record_batch.h"

#define RECORD_BYTES (END_TRANSACTION_MARKER_BYTES - RECORD_BATCH_HEADER_BYTES)

/* Lengths are zigzag varints of one byte. */
#define SMALL_VARINT(value) ((uint8_t)((value)*2))

static void encode_record(const struct end_transaction_marker *marker, uint8_t *at) {
    at[0] = SMALL_VARINT(RECORD_BYTES - 1);
    at[1] = 0; /* attributes */
    at[2] = 0; /* timestamp delta */
    at[3] = 0; /* offset delta */
    at[4] = SMALL_VARINT(4);
    big_endian_store_u16(at + 5, 0);
    big_endian_store_u16(at + 7, marker->is_commit ? RECORD_CONTROL_COMMIT : RECORD_CONTROL_ABORT);
    at[9] = SMALL_VARINT(6);
    big_endian_store_u16(at + 10, 0);
    big_endian_store_u32(at + 12, (uint32_t)marker->coordinator_epoch);
    at[16] = 0; /* headers */
}

void end_transaction_marker_encode(const struct end_transaction_marker *marker,
                                   uint8_t batch[END_TRANSACTION_MARKER_BYTES]) {
    encode_record(marker, batch + RECORD_BATCH_HEADER_BYTES);
    record_batch_write_header(
        batch, &(struct record_batch){
                   .partition_leader_epoch = RECORD_NO_LEADER_EPOCH,
                   .attributes = RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL,
                   .base_timestamp = marker->timestamp,
                   .max_timestamp = marker->timestamp,
                   .producer_id = marker->producer_id,
                   .producer_epoch = marker->producer_epoch,
                   .base_sequence = RECORD_NO_SEQUENCE,
                   .record_count = 1,
                   .records = bytes_of(batch + RECORD_BATCH_HEADER_BYTES, RECORD_BYTES),
               });
}
