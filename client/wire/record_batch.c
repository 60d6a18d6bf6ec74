#include "client/wire/record_batch.h"

#include <assert.h>

#include "client/wire/big_endian.h"
#include "client/wire/crc32c.h"
#include "client/wire/varint.h"

enum {
    AT_BASE_OFFSET = 0,
    AT_BATCH_LENGTH = 8,
    AT_PARTITION_LEADER_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21, /* the CRC begins here */
    AT_LAST_OFFSET_DELTA = 23,
    AT_BASE_TIMESTAMP = 27,
    AT_MAX_TIMESTAMP = 35,
    AT_PRODUCER_ID = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_BASE_SEQUENCE = 53,
    AT_RECORD_COUNT = 57
};

static_assert(AT_RECORD_COUNT + 4 == RECORD_BATCH_HEADER_BYTES, "the header ends with the count");
static_assert(AT_MAGIC + 1 == RECORD_BATCH_PREFIX_BYTES, "the prefix ends with the magic");

#define MAGIC             2
#define MAGIC_LEGACY_MAX  1
#define LENGTH_MIN_LEGACY 14 /* of an entry of magic 0, the smallest of all */
#define RECORD_BYTES_MIN  6  /* behind its length: each field one byte */

int32_t record_sequence_add(int32_t sequence, int32_t delta) {
    if (sequence == RECORD_NO_SEQUENCE)
        return RECORD_NO_SEQUENCE;
    return (int32_t)(((uint32_t)sequence + (uint32_t)delta) & INT32_MAX);
}

int32_t record_batch_last_sequence(const struct record_batch *batch) {
    return record_sequence_add(batch->base_sequence, batch->last_offset_delta);
}

enum error record_batch_total_size(struct bytes data, size_t *total_size) {
    int32_t length;

    if (data.size < RECORD_BATCH_LENGTH_OVERHEAD)
        return ERR_CORRUPT_MESSAGE;
    length = (int32_t)big_endian_load_u32(data.data + AT_BATCH_LENGTH);
    if (length < LENGTH_MIN_LEGACY)
        return ERR_CORRUPT_MESSAGE;
    *total_size = (size_t)length + RECORD_BATCH_LENGTH_OVERHEAD;
    return ERR_NONE;
}

enum error record_batch_decode(struct bytes data, struct record_batch *batch) {
    const uint8_t *at = data.data;
    size_t size;
    enum error error;
    int8_t magic;

    if ((error = record_batch_total_size(data, &size)) != ERR_NONE)
        return error;
    if (size > data.size)
        return ERR_CORRUPT_MESSAGE;
    magic = (int8_t)at[AT_MAGIC];
    if (magic >= 0 && magic <= MAGIC_LEGACY_MAX)
        return ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    if (magic != MAGIC || size < RECORD_BATCH_HEADER_BYTES)
        return ERR_CORRUPT_MESSAGE;
    *batch = (struct record_batch){
        .base_offset = (int64_t)big_endian_load_u64(at + AT_BASE_OFFSET),
        .batch_length = (int32_t)big_endian_load_u32(at + AT_BATCH_LENGTH),
        .partition_leader_epoch = (int32_t)big_endian_load_u32(at + AT_PARTITION_LEADER_EPOCH),
        .magic = magic,
        .crc = big_endian_load_u32(at + AT_CRC),
        .attributes = (int16_t)big_endian_load_u16(at + AT_ATTRIBUTES),
        .last_offset_delta = (int32_t)big_endian_load_u32(at + AT_LAST_OFFSET_DELTA),
        .base_timestamp = (int64_t)big_endian_load_u64(at + AT_BASE_TIMESTAMP),
        .max_timestamp = (int64_t)big_endian_load_u64(at + AT_MAX_TIMESTAMP),
        .producer_id = (int64_t)big_endian_load_u64(at + AT_PRODUCER_ID),
        .producer_epoch = (int16_t)big_endian_load_u16(at + AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)big_endian_load_u32(at + AT_BASE_SEQUENCE),
        .record_count = (int32_t)big_endian_load_u32(at + AT_RECORD_COUNT),
        .records = bytes_of(at + RECORD_BATCH_HEADER_BYTES, size - RECORD_BATCH_HEADER_BYTES),
        .whole = bytes_of(at, size),
    };
    return ERR_NONE;
}

static uint32_t crc_of(const uint8_t *batch_bytes, size_t size) {
    return crc32c(0, batch_bytes + AT_ATTRIBUTES, size - AT_ATTRIBUTES);
}

bool record_batch_crc_is_valid(const struct record_batch *batch) {
    return crc_of(batch->whole.data, batch->whole.size) == batch->crc;
}

/* Every produced record passes here: lengths of one and two bytes, which are nearly all, are read
 * without a loop. */
enum error record_batch_check_structure(const struct record_batch *batch) {
    const uint8_t *next = batch->records.data;
    const uint8_t *end = next + batch->records.size;
    int32_t count = 0;

    if (record_batch_codec(batch) != COMPRESSION_NONE)
        return ERR_INVALID_RECORD;
    /* The smallest record is longer than the two bytes that are looked at. */
    while (end - next > RECORD_BYTES_MIN) {
        uint64_t zigzag = next[0];
        uint64_t size;

        if (zigzag < 0x80) {
            next += 1;
        } else if (next[1] < 0x80) {
            zigzag = (zigzag & 0x7f) | (uint64_t)next[1] << 7;
            next += 2;
        } else {
            struct bytes rest = bytes_of(next, (size_t)(end - next));

            if (!varint_take_groups(&rest, VARINT_BYTES_MAX, &zigzag))
                return ERR_INVALID_RECORD;
            zigzag = (uint32_t)zigzag;
            next = rest.data;
        }
        size = zigzag >> 1;
        if ((zigzag & 1) != 0 || size < RECORD_BYTES_MIN || size > (uint64_t)(end - next))
            return ERR_INVALID_RECORD;
        next += size;
        count++;
    }
    return next == end && count == batch->record_count ? ERR_NONE : ERR_INVALID_RECORD;
}

void record_batch_write_header(uint8_t *batch_bytes, const struct record_batch *batch) {
    size_t size = RECORD_BATCH_HEADER_BYTES + batch->records.size;
    uint8_t *at = batch_bytes;

    CHECK(size <= INT32_MAX);
    big_endian_store_u64(at + AT_BASE_OFFSET, (uint64_t)batch->base_offset);
    big_endian_store_u32(at + AT_BATCH_LENGTH, (uint32_t)(size - RECORD_BATCH_LENGTH_OVERHEAD));
    big_endian_store_u32(at + AT_PARTITION_LEADER_EPOCH, (uint32_t)batch->partition_leader_epoch);
    at[AT_MAGIC] = MAGIC;
    big_endian_store_u16(at + AT_ATTRIBUTES, (uint16_t)batch->attributes);
    big_endian_store_u32(at + AT_LAST_OFFSET_DELTA, (uint32_t)batch->last_offset_delta);
    big_endian_store_u64(at + AT_BASE_TIMESTAMP, (uint64_t)batch->base_timestamp);
    big_endian_store_u64(at + AT_MAX_TIMESTAMP, (uint64_t)batch->max_timestamp);
    big_endian_store_u64(at + AT_PRODUCER_ID, (uint64_t)batch->producer_id);
    big_endian_store_u16(at + AT_PRODUCER_EPOCH, (uint16_t)batch->producer_epoch);
    big_endian_store_u32(at + AT_BASE_SEQUENCE, (uint32_t)batch->base_sequence);
    big_endian_store_u32(at + AT_RECORD_COUNT, (uint32_t)batch->record_count);
    big_endian_store_u32(at + AT_CRC, crc_of(batch_bytes, size));
}

void record_batch_stamp_base_offset(uint8_t *batch_bytes, int64_t base_offset) {
    big_endian_store_u64(batch_bytes + AT_BASE_OFFSET, (uint64_t)base_offset);
}

void record_batch_stamp_leader_epoch(uint8_t *batch_bytes, int32_t leader_epoch) {
    big_endian_store_u32(batch_bytes + AT_PARTITION_LEADER_EPOCH, (uint32_t)leader_epoch);
}

void record_batch_stamp_max_timestamp(uint8_t *batch_bytes, int64_t max_timestamp) {
    size_t size =
        (size_t)big_endian_load_u32(batch_bytes + AT_BATCH_LENGTH) + RECORD_BATCH_LENGTH_OVERHEAD;

    CHECK(batch_bytes[AT_MAGIC] == MAGIC);
    CHECK(size >= RECORD_BATCH_HEADER_BYTES);
    big_endian_store_u64(batch_bytes + AT_MAX_TIMESTAMP, (uint64_t)max_timestamp);
    big_endian_store_u32(batch_bytes + AT_CRC, crc_of(batch_bytes, size));
}

void record_batch_stamp_create_time(uint8_t *batch_bytes, int64_t max_timestamp) {
    uint16_t attributes = big_endian_load_u16(batch_bytes + AT_ATTRIBUTES);

    big_endian_store_u16(batch_bytes + AT_ATTRIBUTES,
                         attributes & (uint16_t)~RECORD_BATCH_LOG_APPEND_TIME);
    record_batch_stamp_max_timestamp(batch_bytes, max_timestamp);
}

void record_batch_stamp_log_append_time(uint8_t *batch_bytes, int64_t timestamp) {
    uint16_t attributes = big_endian_load_u16(batch_bytes + AT_ATTRIBUTES);

    big_endian_store_u16(batch_bytes + AT_ATTRIBUTES, attributes | RECORD_BATCH_LOG_APPEND_TIME);
    record_batch_stamp_max_timestamp(batch_bytes, timestamp);
}
