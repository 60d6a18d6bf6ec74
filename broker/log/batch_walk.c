#include "broker/log/batch_walk.h"

#include <stdlib.h>
#include <zlib.h>

#include "broker/log/disk.h"
#include "client/wire/big_endian.h"
#include "client/wire/crc32c.h"
#include "client/wire/end_transaction_marker.h"

#define HEADERS_BUFFER_BYTES ((size_t)4096)
#define WHOLE_BUFFER_BYTES   ((size_t)1 << 20) /* much more than a batch: its rest is moved */

#define AT_LENGTH              8
#define AT_LEADER_EPOCH        12
#define AT_LEGACY_CRC          12
#define AT_MAGIC               16
#define AT_CRC                 17
#define AT_LEGACY_TIMESTAMP    18
#define AT_ATTRIBUTES          21
#define LEGACY_SIZE_MIN(magic) ((magic) == 0 ? 26 : 34)

static void decode_header(const uint8_t *at, struct record_batch *header) {
    header->base_offset = (int64_t)big_endian_load_u64(at);
    header->batch_length = (int32_t)big_endian_load_u32(at + AT_LENGTH);
    header->partition_leader_epoch = (int32_t)big_endian_load_u32(at + AT_LEADER_EPOCH);
    header->magic = (int8_t)at[AT_MAGIC];
    header->crc = big_endian_load_u32(at + AT_CRC);
    header->attributes = (int16_t)big_endian_load_u16(at + AT_ATTRIBUTES);
    header->last_offset_delta = (int32_t)big_endian_load_u32(at + 23);
    header->base_timestamp = (int64_t)big_endian_load_u64(at + 27);
    header->max_timestamp = (int64_t)big_endian_load_u64(at + 35);
    header->producer_id = (int64_t)big_endian_load_u64(at + 43);
    header->producer_epoch = (int16_t)big_endian_load_u16(at + 51);
    header->base_sequence = (int32_t)big_endian_load_u32(at + 53);
    header->record_count = (int32_t)big_endian_load_u32(at + 57);
    header->records = BYTES_NULL;
    header->whole = BYTES_NULL;
}

static enum error decode_legacy(struct bytes data, struct stored_batch *batch) {
    if (batch->size < (size_t)LEGACY_SIZE_MIN(batch->magic) ||
        data.size < (size_t)LEGACY_SIZE_MIN(batch->magic) || batch->base_offset < 0)
        return ERR_CORRUPT_MESSAGE;
    batch->last_offset = batch->base_offset;
    batch->leader_epoch = RECORD_NO_LEADER_EPOCH;
    batch->max_timestamp = batch->magic == 0
                               ? RECORD_NO_TIMESTAMP
                               : (int64_t)big_endian_load_u64(data.data + AT_LEGACY_TIMESTAMP);
    return ERR_NONE;
}

enum error stored_batch_decode(struct bytes data, struct stored_batch *batch) {
    struct stored_batch decoded = {0};
    int32_t length;

    if (data.size < RECORD_BATCH_PREFIX_BYTES)
        return ERR_CORRUPT_MESSAGE;
    length = (int32_t)big_endian_load_u32(data.data + AT_LENGTH);
    decoded.magic = (int8_t)data.data[AT_MAGIC];
    decoded.base_offset = (int64_t)big_endian_load_u64(data.data);
    if (length < 0 || decoded.magic < 0 || decoded.magic > 2)
        return ERR_CORRUPT_MESSAGE;
    decoded.size = (size_t)length + RECORD_BATCH_LENGTH_OVERHEAD;
    if (decoded.magic < 2) {
        if (decode_legacy(data, &decoded) != ERR_NONE)
            return ERR_CORRUPT_MESSAGE;
        *batch = decoded;
        return ERR_NONE;
    }
    if (decoded.size < RECORD_BATCH_HEADER_BYTES || data.size < RECORD_BATCH_HEADER_BYTES)
        return ERR_CORRUPT_MESSAGE;
    decode_header(data.data, &decoded.header);
    if (decoded.base_offset < 0 || decoded.header.last_offset_delta < 0 ||
        decoded.base_offset > INT64_MAX - 1 - decoded.header.last_offset_delta)
        return ERR_CORRUPT_MESSAGE;
    decoded.last_offset = decoded.base_offset + decoded.header.last_offset_delta;
    decoded.max_timestamp = decoded.header.max_timestamp;
    decoded.leader_epoch = decoded.header.partition_leader_epoch;
    *batch = decoded;
    return ERR_NONE;
}

bool stored_batch_crc_is_valid(const struct stored_batch *batch, struct bytes data) {
    if (data.size < batch->size)
        return false;
    if (batch->magic == 2)
        return batch->header.crc ==
               crc32c(0, data.data + AT_ATTRIBUTES, batch->size - AT_ATTRIBUTES);
    return big_endian_load_u32(data.data + AT_LEGACY_CRC) ==
           crc32_z(0, data.data + AT_MAGIC, batch->size - AT_MAGIC);
}

/* ---- walking ---- */

void batch_walk_init(struct batch_walk *walk, struct disk *disk, int fd,
                     enum batch_walk_depth depth, int64_t position, int64_t end) {
    *walk = (struct batch_walk){
        .disk = disk,
        .fd = fd,
        .depth = depth,
        .position = position,
        .end = end,
        .buffer_position = position,
    };
}

void batch_walk_done(struct batch_walk *walk) {
    free(walk->buffer);
    walk->buffer = NULL;
}

static size_t buffered(const struct batch_walk *walk) {
    int64_t skipped = walk->position - walk->buffer_position;

    return skipped < (int64_t)walk->buffer_size ? walk->buffer_size - (size_t)skipped : 0;
}

static const uint8_t *front(const struct batch_walk *walk) {
    return walk->buffer + (walk->position - walk->buffer_position);
}

/* Gets `size` bytes from the position into the buffer, or as many as there are. */
static enum error fill(struct batch_walk *walk, size_t size) {
    size_t chunk = walk->depth == BATCH_WALK_HEADERS ? HEADERS_BUFFER_BYTES : WHOLE_BUFFER_BYTES;
    size_t kept = buffered(walk);
    uint8_t *grown;
    enum error error;
    size_t wanted;
    size_t got;

    if (kept >= size)
        return ERR_NONE;
    if ((uint64_t)chunk > (uint64_t)(walk->end - walk->position))
        chunk = (size_t)(walk->end - walk->position);
    wanted = size > chunk ? size : chunk;
    if (wanted > walk->capacity) {
        if ((grown = malloc(wanted)) == NULL)
            return ERR_OUT_OF_MEMORY;
        if (kept > 0)
            memcpy(grown, front(walk), kept);
        free(walk->buffer);
        walk->buffer = grown;
        walk->capacity = wanted;
    } else if (kept > 0) {
        memmove(walk->buffer, front(walk), kept);
    }
    walk->buffer_position = walk->position;
    walk->buffer_size = kept;
    if ((int64_t)wanted > walk->end - walk->position)
        wanted = (size_t)(walk->end - walk->position);
    if (wanted <= kept)
        return ERR_NONE;
    error = disk_read(walk->disk, walk->fd, walk->buffer + kept, wanted - kept,
                      walk->position + (int64_t)kept, &got);
    if (error == ERR_NONE)
        walk->buffer_size = kept + got;
    return error;
}

enum error batch_walk_next(struct batch_walk *walk, struct stored_batch *batch, bool *found) {
    struct stored_batch decoded;
    enum error error;

    *found = false;
    if ((error = fill(walk, RECORD_BATCH_HEADER_BYTES)) != ERR_NONE)
        return error;
    if (stored_batch_decode(bytes_of(front(walk), buffered(walk)), &decoded) != ERR_NONE ||
        (uint64_t)decoded.size > (uint64_t)(walk->end - walk->position))
        return ERR_NONE;
    if (walk->depth == BATCH_WALK_WHOLE) {
        if ((error = fill(walk, decoded.size)) != ERR_NONE)
            return error;
        if (!stored_batch_crc_is_valid(&decoded, bytes_of(front(walk), buffered(walk))))
            return ERR_NONE;
        decoded.whole = bytes_of(front(walk), decoded.size);
    }
    decoded.position = walk->position;
    walk->position += (int64_t)decoded.size;
    *batch = decoded;
    *found = true;
    return ERR_NONE;
}

/* ---- producers ---- */

/* An end-transaction marker: key i16 version, i16 type; value i16 version, i32 coordinator epoch.
 */
static void read_marker(const struct stored_batch *batch, struct producer_batch *producer) {
    struct record_iterator iterator;
    struct record_batch decoded;
    struct record record;
    enum error error;

    if (bytes_is_null(batch->whole) || record_batch_decode(batch->whole, &decoded) != ERR_NONE ||
        record_iterator_init(&iterator, &decoded, 0) != ERR_NONE)
        return;
    if (record_iterator_next(&iterator, &record, &error)) {
        if (record.key.data != NULL && record.key.size >= 4)
            producer->is_abort = big_endian_load_u16(record.key.data + 2) == RECORD_CONTROL_ABORT;
        if (record.value.data != NULL && record.value.size >= 6)
            producer->coordinator_epoch = (int32_t)big_endian_load_u32(record.value.data + 2);
    }
    record_iterator_done(&iterator);
}

bool stored_batch_producer(const struct stored_batch *batch, struct producer_batch *producer) {
    const struct record_batch *header = &batch->header;

    if (batch->magic < 2 || header->producer_id < 0)
        return false;
    *producer = (struct producer_batch){
        .producer_id = header->producer_id,
        .producer_epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
        .last_sequence = record_batch_last_sequence(header),
        .base_offset = batch->base_offset,
        .last_offset = batch->last_offset,
        .timestamp = header->max_timestamp,
        .is_transactional = (header->attributes & RECORD_BATCH_TRANSACTIONAL) != 0,
        .is_control = (header->attributes & RECORD_BATCH_CONTROL) != 0,
        .coordinator_epoch = -1,
    };
    if (producer->is_control)
        read_marker(batch, producer);
    return true;
}
