/*
 * What a partition knows of its producers, so that a batch sent twice is stored once.
 *
 * Per producer id: its epoch and the newest five batches, by sequence. State rebuilt by replay:
 * from the newest snapshot and the batches behind it. A snapshot file "<offset>.snapshot" holds
 * the state of all batches below that offset:
 *
 *   i16 version = 1 | u32 crc32c of what follows | i32 count | count entries of 46 bytes:
 *   i64 producer_id, i16 producer_epoch, i32 last_sequence, i64 last_offset, i32 offset_delta,
 *   i64 timestamp, i32 coordinator_epoch, i64 current_txn_first_offset
 *
 * It keeps only the newest batch of each; after a reload only that one is known as a duplicate.
 *
 * Pure: no disk, no clock. Threads: callers hold the partition's lock.
 * Source: Apache Kafka 3.9, ProducerStateManager, ProducerAppendInfo; KIP-98, KAFKA-5793.
 */
#ifndef BROKER_LOG_PRODUCER_STATE_H
#define BROKER_LOG_PRODUCER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

struct producer_state;

/* One batch, or the marker that ended a transaction. */
struct producer_batch {
    int64_t producer_id; /* >= 0 */
    int16_t producer_epoch;
    int32_t base_sequence; /* -1: none */
    int32_t last_sequence; /* -1: none */
    int64_t base_offset;
    int64_t last_offset;
    int64_t timestamp; /* its largest */
    bool is_transactional;
    bool is_control;
    bool is_abort;             /* a marker that aborts; else it commits */
    int32_t coordinator_epoch; /* of a marker; -1 if unknown */
};

enum producer_check {
    PRODUCER_CHECK_ALL,       /* a client's batch */
    PRODUCER_CHECK_EPOCH_ONLY /* a coordinator's: no sequences */
};

/* A batch that was stored before. */
struct producer_duplicate {
    int64_t base_offset;
    int64_t last_offset;
    int64_t timestamp;
};

MUST_CHECK enum error producer_state_new(struct producer_state **created);
void producer_state_free(struct producer_state *state); /* accepts NULL */
void producer_state_clear(struct producer_state *state);
/* Any thread. */
size_t producer_state_count(const struct producer_state *state);

/* The last offset of the newest data batch of each producer, -1 if only a marker tells of it. */
typedef void producer_state_visit(void *context, int64_t producer_id, int16_t producer_epoch,
                                  int64_t last_data_offset);
void producer_state_for_each(const struct producer_state *state, producer_state_visit *visit,
                             void *context);

/* May the batch be appended? Changes nothing. Errors: DUPLICATE_BATCH (*duplicate is filled),
 * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE,
 * TRANSACTION_COORDINATOR_FENCED. */
MUST_CHECK enum error producer_state_check(const struct producer_state *state,
                                           const struct producer_batch *batch,
                                           enum producer_check check,
                                           struct producer_duplicate *duplicate);

/* Makes room for a batch of the producer, so that producer_state_apply can't fail: call it before
 * the batch is written, with the number of batches, of any producer, that were prepared and are to
 * be applied before it. */
MUST_CHECK enum error producer_state_prepare(struct producer_state *state, int64_t producer_id,
                                             size_t batches_before);

/* The batch is in the log now, whatever its sequence. Its producer must have been prepared. */
void producer_state_apply(struct producer_state *state, const struct producer_batch *batch);

/* First offset of the oldest open transaction, -1 if none is open. */
int64_t producer_state_first_open_offset(const struct producer_state *state);

/* First offset of the producer's open transaction, -1 if none is open. */
int64_t producer_state_open_offset(const struct producer_state *state, int64_t producer_id);

/* The largest timestamp of the producer's newest batch, -1 if it is not known. */
int64_t producer_state_last_timestamp(const struct producer_state *state, int64_t producer_id);

/* Of the coordinator that wrote the producer's last marker, -1 if there is none. */
int32_t producer_state_coordinator_epoch(const struct producer_state *state, int64_t producer_id);

/* Calls `each` for every open transaction, in no order, until it fails. */
MUST_CHECK enum error producer_state_each_open(
    const struct producer_state *state,
    enum error (*each)(void *context, int64_t producer_id, int64_t first_offset), void *context);

/* What DescribeProducers shows of a producer. */
struct producer_view {
    int64_t producer_id;
    int64_t last_timestamp;
    int64_t current_txn_first_offset; /* -1: no transaction is open */
    int32_t last_sequence;            /* -1: none */
    int32_t coordinator_epoch;        /* -1: no marker seen */
    int16_t producer_epoch;
};

/* Up to `capacity` of them into `views`, ascending by id; returns how many there are. */
size_t producer_state_list(const struct producer_state *state, struct producer_view *views,
                           size_t capacity);

/* Forgets producers without an open transaction that were idle for `expiration_ms`. */
void producer_state_expire(struct producer_state *state, int64_t now_ms, int64_t expiration_ms);

/* `*bytes` is from malloc. */
MUST_CHECK enum error producer_state_encode(const struct producer_state *state, uint8_t **bytes,
                                            size_t *size);
/* Replaces the content. Errors: DISK_CORRUPT (the state is empty then), OUT_OF_MEMORY. */
MUST_CHECK enum error producer_state_decode(struct producer_state *state, struct bytes bytes);

#endif
