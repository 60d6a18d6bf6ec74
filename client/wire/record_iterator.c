/*
 * A record: length varint | attributes i8 | timestamp_delta varlong | offset_delta varint |
 * key_length varint, key | value_length varint, value | header_count varint |
 * { key_length varint, key | value_length varint, value } ...
 *
 * A negative length means null, of which only -1 is written; a header's key is never null.
 * Source: Kafka 3.9, DefaultRecord.readFrom.
 */
#include <stdlib.h>

#include "client/wire/record_batch.h"
#include "client/wire/varint.h"

#define HEADER_BYTES_MIN 2 /* two empty lengths */

enum error record_iterator_init(struct record_iterator *iterator, const struct record_batch *batch,
                                size_t plain_bytes_max) {
    uint8_t *plain = NULL;
    size_t plain_size;
    enum error error;

    if (record_batch_codec(batch) == COMPRESSION_NONE || batch->records.size == 0) {
        *iterator = (struct record_iterator){
            .batch = *batch, .rest = batch->records, .left = batch->record_count};
        return ERR_NONE;
    }
    error = compression_decompress(record_batch_codec(batch), batch->records, plain_bytes_max,
                                   &plain, &plain_size);
    if (error != ERR_NONE)
        return error == ERR_OUT_OF_MEMORY ? error : ERR_CORRUPT_MESSAGE;
    *iterator = (struct record_iterator){.batch = *batch,
                                         .rest = bytes_of(plain, plain_size),
                                         .left = batch->record_count,
                                         .plain = plain};
    return ERR_NONE;
}

void record_iterator_done(struct record_iterator *iterator) {
    free(iterator->plain);
    *iterator = (struct record_iterator){0};
}

static bool take_raw(struct bytes *from, size_t size, struct bytes *taken) {
    if (size > from->size)
        return false;
    *taken = bytes_of(from->data, size);
    *from = bytes_of(from->data + size, from->size - size);
    return true;
}

static bool take_nullable(struct bytes *from, struct bytes *taken) {
    int32_t size;

    if (!varint_take(from, &size))
        return false;
    if (size < 0) {
        *taken = BYTES_NULL;
        return true;
    }
    return take_raw(from, (size_t)size, taken);
}

bool record_header_next(struct bytes *headers, struct record_header *header) {
    struct bytes rest = *headers;
    struct record_header next;

    if (!take_nullable(&rest, &next.key) || bytes_is_null(next.key) ||
        !take_nullable(&rest, &next.value))
        return false;
    *header = next;
    *headers = rest;
    return true;
}

/* True if `headers` holds exactly `count` headers. */
static bool headers_are_whole(struct bytes headers, int32_t count) {
    struct record_header header;

    if (count < 0 || (size_t)count > headers.size / HEADER_BYTES_MIN)
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (!record_header_next(&headers, &header))
            return false;
    }
    return headers.size == 0;
}

static bool record_parse(struct bytes body, const struct record_batch *batch,
                         struct record *record) {
    struct bytes attributes;
    int64_t timestamp_delta;

    if (!take_raw(&body, 1, &attributes) || !varlong_take(&body, &timestamp_delta) ||
        !varint_take(&body, &record->offset_delta) || !take_nullable(&body, &record->key) ||
        !take_nullable(&body, &record->value) || !varint_take(&body, &record->header_count) ||
        !headers_are_whole(body, record->header_count))
        return false;
    record->headers = body;
    /* Unsigned, because what comes from outside may wrap. */
    record->offset = (int64_t)((uint64_t)batch->base_offset + (uint64_t)record->offset_delta);
    record->timestamp =
        (batch->attributes & RECORD_BATCH_LOG_APPEND_TIME) != 0
            ? batch->max_timestamp
            : (int64_t)((uint64_t)batch->base_timestamp + (uint64_t)timestamp_delta);
    return true;
}

bool record_iterator_next(struct record_iterator *iterator, struct record *record,
                          enum error *error) {
    struct bytes rest = iterator->rest;
    struct bytes body;
    struct record next;
    int32_t size;

    *error = ERR_NONE;
    if (iterator->left == 0 && rest.size == 0)
        return false;
    /* Nothing moves on failure, so that asking again gives the same answer. */
    if (iterator->left <= 0 || !varint_take(&rest, &size) || size < 0 ||
        !take_raw(&rest, (size_t)size, &body) || !record_parse(body, &iterator->batch, &next)) {
        *error = ERR_INVALID_RECORD;
        return false;
    }
    *record = next;
    iterator->rest = rest;
    iterator->left--;
    return true;
}
