/*
 * Walks the record batches of a segment file, of any magic, trusting nothing it reads.
 *
 * Legacy messages (magic 0 and 1, reference: Kafka's old message sets) are walked as batches of
 * their own: such a message carries the offset of its last record, so where it begins is only
 * known from the one before.
 *
 * Threads: one at a time. Source: Apache Kafka 3.9, FileLogInputStream, AbstractLegacyRecordBatch.
 */
#ifndef BROKER_LOG_BATCH_WALK_H
#define BROKER_LOG_BATCH_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/log/producer_state.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/record_batch.h"

struct disk;

struct stored_batch {
    int64_t position; /* in the file */
    size_t size;
    int64_t base_offset; /* legacy: the last offset */
    int64_t last_offset;
    int64_t max_timestamp; /* -1: unknown (magic 0) */
    int32_t leader_epoch;  /* -1: unknown */
    int8_t magic;
    struct record_batch header; /* magic 2 only; without `whole` its views are null */
    struct bytes whole;         /* of a whole walk; valid until the next step */
};

enum batch_walk_depth {
    BATCH_WALK_HEADERS, /* reads headers only and skips the rest */
    BATCH_WALK_WHOLE    /* reads all and checks CRCs */
};

struct batch_walk {
    struct disk *disk;
    int fd;
    enum batch_walk_depth depth;
    int64_t position; /* where the next batch begins */
    int64_t end;      /* of what may be read, exclusive */
    uint8_t *buffer;  /* bytes from buffer_position on */
    size_t capacity;
    int64_t buffer_position;
    size_t buffer_size;
};

/* Batches from `position` to `end`. */
void batch_walk_init(struct batch_walk *walk, struct disk *disk, int fd,
                     enum batch_walk_depth depth, int64_t position, int64_t end);
void batch_walk_done(struct batch_walk *walk);

/* `*found` is false at the end, and before bytes that are no whole, valid batch: then `position`
 * is below `end`. Errors: the disk's, OUT_OF_MEMORY. */
MUST_CHECK enum error batch_walk_next(struct batch_walk *walk, struct stored_batch *batch,
                                      bool *found);

/* Reads the header of the batch at the front of `data` in memory, whole or not: its size, magic
 * and offsets. CORRUPT_MESSAGE if no batch can look like this or `data` is shorter than a header.
 */
MUST_CHECK enum error stored_batch_decode(struct bytes data, struct stored_batch *batch);
/* True if the CRC of the whole batch in `data` fits. */
bool stored_batch_crc_is_valid(const struct stored_batch *batch, struct bytes data);

/* What a magic 2 batch says of its producer; false if it has none. For a marker the whole batch
 * must be there, or its kind and coordinator epoch are unknown. */
bool stored_batch_producer(const struct stored_batch *batch, struct producer_batch *producer);

#endif
