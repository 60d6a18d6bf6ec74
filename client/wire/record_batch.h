/* clang-format off */
/*
 * Record batches of magic 2: the unit that producers send, logs store and consumers fetch.
 *
 *   0 base_offset i64       | 16 magic i8 = 2         | 35 max_timestamp i64   | 57 record_count i32
 *   8 batch_length i32      | 17 crc u32 (of 21...)   | 43 producer_id i64     | 61 records
 *  12 partition_leader_     | 21 attributes i16       | 51 producer_epoch i16  |
 *     epoch i32             | 23 last_offset_delta i32| 53 base_sequence i32   |
 *                           | 27 base_timestamp i64   |                        |
 *
 * base_offset and partition_leader_epoch lie outside the CRC: the leader stamps them in place.
 * Source: Kafka 3.9, DefaultRecordBatch, DefaultRecord.
 */
/* clang-format on */
#ifndef CLIENT_WIRE_RECORD_BATCH_H
#define CLIENT_WIRE_RECORD_BATCH_H

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/compression.h"

#define RECORD_BATCH_HEADER_BYTES    61
#define RECORD_BATCH_PREFIX_BYTES    17 /* enough to walk: up to and with the magic */
#define RECORD_BATCH_LENGTH_OVERHEAD 12 /* bytes not counted by batch_length */
#define RECORD_NO_TIMESTAMP          (-1)
#define RECORD_NO_PRODUCER_ID        (-1)
#define RECORD_NO_SEQUENCE           (-1)
#define RECORD_NO_LEADER_EPOCH       (-1)

enum record_batch_attributes {
    RECORD_BATCH_CODEC_MASK = 0x07,
    RECORD_BATCH_LOG_APPEND_TIME = 0x08,
    RECORD_BATCH_TRANSACTIONAL = 0x10,
    RECORD_BATCH_CONTROL = 0x20,
    RECORD_BATCH_DELETE_HORIZON = 0x40
};

/* The header, decoded. */
struct record_batch {
    int64_t base_offset;
    int32_t batch_length;
    int32_t partition_leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    struct bytes records; /* behind the header; possibly compressed */
    struct bytes whole;   /* the batch with its header */
};

/* Unsigned, because what comes from outside may wrap. */
static inline int64_t record_batch_last_offset(const struct record_batch *batch) {
    return (int64_t)((uint64_t)batch->base_offset + (uint64_t)batch->last_offset_delta);
}

static inline enum compression record_batch_codec(const struct record_batch *batch) {
    return (enum compression)(batch->attributes & RECORD_BATCH_CODEC_MASK);
}

/* base_sequence + last_offset_delta, wrapping from INT32_MAX to 0; -1 stays -1. */
int32_t record_batch_last_sequence(const struct record_batch *batch);
int32_t record_sequence_add(int32_t sequence, int32_t delta);

/* The total size of the batch that starts at `data`, from its first 12 bytes; CORRUPT_MESSAGE if
 * these are not there or the length field is below what any batch, of any magic, needs. Needs no
 * whole batch; DOES NOT check magic. */
MUST_CHECK enum error record_batch_total_size(struct bytes data, size_t *total_size);

/* Decodes the header of the first batch in `data`, which must hold the batch whole.
 * CORRUPT_MESSAGE: too short, bad length, unknown magic. UNSUPPORTED_FOR_MESSAGE_FORMAT: magic 0
 * or 1.
 * The CRC is not checked. */
MUST_CHECK enum error record_batch_decode(struct bytes data, struct record_batch *batch);

/* True if the stored CRC is that of the bytes. */
bool record_batch_crc_is_valid(const struct record_batch *batch);

/* Walks the length prefixes of an uncompressed batch and compares their number with
 * record_count: INVALID_RECORD unless they fill the records area exactly, and for a compressed
 * batch. */
MUST_CHECK enum error record_batch_check_structure(const struct record_batch *batch);

/* Writes the header in front of `batch->records.size` bytes of records, which are there already:
 * batch_length, magic and CRC are computed, the other fields are taken from `batch`. */
void record_batch_write_header(uint8_t *batch_bytes, const struct record_batch *batch);

/* In-place stamps, outside the CRC. `batch_bytes` is the start of a whole batch. */
void record_batch_stamp_base_offset(uint8_t *batch_bytes, int64_t base_offset);
void record_batch_stamp_leader_epoch(uint8_t *batch_bytes, int32_t leader_epoch);
/* Sets CreateTime and max_timestamp, and the CRC anew. */
void record_batch_stamp_create_time(uint8_t *batch_bytes, int64_t max_timestamp);
/* Sets LogAppendTime and max_timestamp, and the CRC anew. */
void record_batch_stamp_log_append_time(uint8_t *batch_bytes, int64_t timestamp);
/* Sets max_timestamp and the CRC anew. */
void record_batch_stamp_max_timestamp(uint8_t *batch_bytes, int64_t max_timestamp);

struct record_header {
    struct bytes key;
    struct bytes value; /* may be null */
};

struct record {
    int64_t offset;
    int64_t timestamp;
    int32_t offset_delta;
    struct bytes key;   /* may be null */
    struct bytes value; /* may be null */
    int32_t header_count;
    struct bytes headers; /* encoded; walk with record_header_next */
};

/* Walks the records of one batch, decompressing if need be. Records and their headers are checked
 * whole; offset deltas are given as they are. */
struct record_iterator {
    struct record_batch batch;
    struct bytes rest;
    int32_t left;
    uint8_t *plain; /* decompressed records, or NULL */
};

/* `plain_bytes_max` bounds decompression. The batch's bytes must outlive the iterator, the records'
 * views live until record_iterator_done. Errors: CORRUPT_MESSAGE, OUT_OF_MEMORY. */
MUST_CHECK enum error record_iterator_init(struct record_iterator *iterator,
                                           const struct record_batch *batch,
                                           size_t plain_bytes_max);
/* False at the end (`*error` is NONE) or on a malformed record, or if the records are not as many
 * as the header says (INVALID_RECORD). `*error` is set in any case. */
bool record_iterator_next(struct record_iterator *iterator, struct record *record,
                          enum error *error);
void record_iterator_done(struct record_iterator *iterator);

/* Takes one header off the front of `*headers`; false at the end or if malformed. */
bool record_header_next(struct bytes *headers, struct record_header *header);

/* Builds a batch: add records, then finish. Timestamps may come in any order. */
struct record_batch_builder;

struct record_batch_options {
    enum compression codec;
    int32_t level;
    int16_t attributes; /* TRANSACTIONAL, CONTROL, LOG_APPEND_TIME; codec bits are added */
    int64_t base_offset;
    int32_t partition_leader_epoch;
    int64_t producer_id; /* -1: none */
    int16_t producer_epoch;
    int32_t base_sequence;
};

extern const struct record_batch_options record_batch_options_default;

MUST_CHECK enum error record_batch_builder_new(const struct record_batch_options *options,
                                               struct record_batch_builder **created);
/* The offset is base_offset + number of records so far. Null and empty keys and values are told
 * apart; a header's key is never null. OUT_OF_MEMORY (also past 1 GiB): nothing was added. */
MUST_CHECK enum error record_batch_builder_add(struct record_batch_builder *builder,
                                               int64_t timestamp, struct bytes key,
                                               struct bytes value,
                                               const struct record_header *headers,
                                               int32_t header_count);
/* Uncompressed size if it were finished now, with header. */
size_t record_batch_builder_size(const struct record_batch_builder *builder);
int32_t record_batch_builder_count(const struct record_batch_builder *builder);
/* Producer fields may be set late, before finish. */
void record_batch_builder_set_producer(struct record_batch_builder *builder, int64_t producer_id,
                                       int16_t producer_epoch, int32_t base_sequence);
/* `*bytes` is from malloc and holds the finished batch of at least one record; afterwards the
 * builder can only be freed. base_timestamp is the first record's, whatever the order.
 * OUT_OF_MEMORY: the builder is as before. */
MUST_CHECK enum error record_batch_builder_finish(struct record_batch_builder *builder,
                                                  uint8_t **bytes, size_t *size);
void record_batch_builder_free(struct record_batch_builder *builder); /* accepts NULL */

#endif
