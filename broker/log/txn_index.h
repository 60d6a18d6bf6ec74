/*
 * A segment's aborted transactions, for readers of committed records: they skip the batches of the
 * producer from first_offset up to the marker.
 *
 *   .txnindex   i16 version = 0, i64 producer_id, i64 first_offset, i64 last_offset (of the ABORT
 *               marker), i64 last_stable_offset                                      34 bytes each
 *
 * One entry per ABORT marker in the segment whose transaction had records in this partition, in
 * the order of the markers. last_stable_offset is the first offset of what was still open when the
 * marker came, else the one behind it: a transaction whose marker comes later begins there or
 * later. The file is made with its first entry.
 *
 * Threads: one writer (who holds the partition's lock). Readers take the count under the log's
 * state lock; entries below it are not changed but by truncation, after which a reader finds fewer.
 * Source: Apache Kafka 3.9, TransactionIndex, AbortedTxn.
 */
#ifndef BROKER_LOG_TXN_INDEX_H
#define BROKER_LOG_TXN_INDEX_H

#include "broker/log/index_file.h"
#include "client/base/bytes.h"

#define TXN_INDEX_ENTRY_BYTES 34

struct txn_index {
    struct cached_file file;
    uint32_t count;      /* state lock; entries in the file */
    bool is_dirty;       /* atomic; the file was written since txn_index_sync */
    bool is_rebuilt;     /* writer; recovery fills it anew */
    int64_t last_offset; /* writer; of the last entry, else -1 */
};

struct aborted_transaction {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
    int64_t last_stable_offset;
};

void txn_index_init(struct txn_index *index);
void txn_index_done(struct txn_index *index, struct file_cache *cache);

/* The bytes of an entry. Errors: DISK_CORRUPT (another version, or offsets that can't be). */
void aborted_transaction_encode(const struct aborted_transaction *aborted,
                                uint8_t raw[TXN_INDEX_ENTRY_BYTES]);
MUST_CHECK enum error aborted_transaction_decode(const uint8_t raw[TXN_INDEX_ENTRY_BYTES],
                                                 struct aborted_transaction *aborted);

/* Takes over an existing file of `file_bytes` bytes (-1: none), and looks at every entry.
 * Errors: DISK_CORRUPT (size, version, or markers that do not ascend from `base_offset`), the
 * disk's, OUT_OF_MEMORY. */
MUST_CHECK enum error txn_index_load(struct txn_index *index, const struct index_place *place,
                                     int64_t file_bytes, int64_t base_offset);

/* Writer, without the state lock. The marker must lie behind the last one. */
MUST_CHECK enum error txn_index_append(struct txn_index *index, const struct index_place *place,
                                       const struct aborted_transaction *aborted);

/* fdatasync if anything was written. */
MUST_CHECK enum error txn_index_sync(struct txn_index *index, const struct index_place *place);

/* Writer, without the state lock: keeps the entries whose marker lies below `offset`. */
MUST_CHECK enum error txn_index_truncate(struct txn_index *index, const struct index_place *place,
                                         int64_t offset);

/* Reads up to `capacity` entries from number `at` on; fewer if the file became shorter. An entry
 * that can't be decoded is DISK_CORRUPT. */
MUST_CHECK enum error txn_index_read(struct txn_index *index, const struct index_place *place,
                                     uint32_t at, struct aborted_transaction *entries,
                                     uint32_t capacity, uint32_t *read_count);

/* The number of the first of `count` entries whose marker lies at or behind `offset`. */
MUST_CHECK enum error txn_index_find(struct txn_index *index, const struct index_place *place,
                                     uint32_t count, int64_t offset, uint32_t *found);

#endif
