/*
 * Records are encoded as they are added, behind the place of the header, which is written last.
 */
#include <stdlib.h>

#include "client/wire/compression_codec.h"
#include "client/wire/record_batch.h"
#include "client/wire/varint.h"

#define CAPACITY_BYTES_FIRST ((size_t)1024)
#define SIZE_BYTES_MAX       ((size_t)1 << 30)

struct record_batch_builder {
    struct record_batch_options options;
    struct compression_output bytes; /* begins with the room for the header */
    int32_t count;
    int64_t base_timestamp; /* of the first record; valid if count > 0 */
    int64_t max_timestamp;  /* valid if count > 0 */
};

const struct record_batch_options record_batch_options_default = {
    .codec = COMPRESSION_NONE,
    .level = COMPRESSION_LEVEL_DEFAULT,
    .attributes = 0,
    .base_offset = 0,
    .partition_leader_epoch = RECORD_NO_LEADER_EPOCH,
    .producer_id = RECORD_NO_PRODUCER_ID,
    .producer_epoch = -1,
    .base_sequence = RECORD_NO_SEQUENCE,
};

enum error record_batch_builder_new(const struct record_batch_options *options,
                                    struct record_batch_builder **created) {
    struct record_batch_builder *builder = calloc(1, sizeof(*builder));
    enum error error = ERR_OUT_OF_MEMORY;

    CHECK((options->attributes & RECORD_BATCH_CODEC_MASK) == 0);
    if (builder == NULL)
        goto out;
    builder->options = *options;
    builder->bytes.size_max = SIZE_BYTES_MAX;
    error = compression_output_reserve(&builder->bytes, CAPACITY_BYTES_FIRST);
    if (error != ERR_NONE)
        goto out;
    builder->bytes.size = RECORD_BATCH_HEADER_BYTES;
    *created = builder;
    builder = NULL; /* handed over */
out:
    record_batch_builder_free(builder);
    return error;
}

void record_batch_builder_free(struct record_batch_builder *builder) {
    if (builder == NULL)
        return;
    free(builder->bytes.data);
    free(builder);
}

static size_t nullable_size(struct bytes value) {
    return bytes_is_null(value) ? 1 : varlong_size((int64_t)value.size) + value.size;
}

static uint8_t *nullable_write(uint8_t *to, struct bytes value) {
    if (bytes_is_null(value))
        return varlong_write(to, -1);
    to = varlong_write(to, (int64_t)value.size);
    if (value.size > 0)
        memcpy(to, value.data, value.size);
    return to + value.size;
}

/* Of what follows the record's length. False if it is more than any batch may be. */
static bool body_size(int64_t timestamp_delta, int32_t offset_delta, struct bytes key,
                      struct bytes value, const struct record_header *headers, int32_t header_count,
                      size_t *size) {
    size_t sum =
        1 + varlong_size(timestamp_delta) + varlong_size(offset_delta) + varlong_size(header_count);

    if (key.size > SIZE_BYTES_MAX || value.size > SIZE_BYTES_MAX)
        return false;
    sum += nullable_size(key) + nullable_size(value);
    for (int32_t i = 0; i < header_count; i++) {
        if (headers[i].key.size > SIZE_BYTES_MAX || headers[i].value.size > SIZE_BYTES_MAX ||
            sum > SIZE_BYTES_MAX)
            return false;
        sum += nullable_size(headers[i].key) + nullable_size(headers[i].value);
    }
    *size = sum;
    return sum <= SIZE_BYTES_MAX;
}

enum error record_batch_builder_add(struct record_batch_builder *builder, int64_t timestamp,
                                    struct bytes key, struct bytes value,
                                    const struct record_header *headers, int32_t header_count) {
    int64_t base_timestamp = builder->count == 0 ? timestamp : builder->base_timestamp;
    int64_t timestamp_delta = (int64_t)((uint64_t)timestamp - (uint64_t)base_timestamp);
    size_t size;
    uint8_t *at;
    enum error error;

    CHECK(header_count >= 0);
    if (!body_size(timestamp_delta, builder->count, key, value, headers, header_count, &size))
        return ERR_OUT_OF_MEMORY;
    error = compression_output_reserve(&builder->bytes, varlong_size((int64_t)size) + size);
    if (error != ERR_NONE)
        return error;
    at = varlong_write(builder->bytes.data + builder->bytes.size, (int64_t)size);
    *at++ = 0; /* attributes, of which there are none */
    at = varlong_write(at, timestamp_delta);
    at = varlong_write(at, builder->count);
    at = nullable_write(at, key);
    at = nullable_write(at, value);
    at = varlong_write(at, header_count);
    for (int32_t i = 0; i < header_count; i++) {
        CHECK(!bytes_is_null(headers[i].key));
        at = nullable_write(at, headers[i].key);
        at = nullable_write(at, headers[i].value);
    }
    builder->bytes.size += varlong_size((int64_t)size) + size;
    CHECK(at == builder->bytes.data + builder->bytes.size);
    if (builder->count == 0 || timestamp > builder->max_timestamp)
        builder->max_timestamp = timestamp;
    builder->base_timestamp = base_timestamp;
    builder->count++;
    return ERR_NONE;
}

size_t record_batch_builder_size(const struct record_batch_builder *builder) {
    return builder->bytes.size;
}

int32_t record_batch_builder_count(const struct record_batch_builder *builder) {
    return builder->count;
}

void record_batch_builder_set_producer(struct record_batch_builder *builder, int64_t producer_id,
                                       int16_t producer_epoch, int32_t base_sequence) {
    builder->options.producer_id = producer_id;
    builder->options.producer_epoch = producer_epoch;
    builder->options.base_sequence = base_sequence;
}

/* Moves the records out of the builder, compressed if so wanted, behind room for the header. */
static enum error take_records(struct record_batch_builder *builder, uint8_t **bytes,
                               size_t *size) {
    struct compression_output *plain = &builder->bytes;
    enum error error;

    if (builder->options.codec == COMPRESSION_NONE) {
        *bytes = plain->data;
        *size = plain->size;
    } else {
        error = compression_compress_behind(RECORD_BATCH_HEADER_BYTES, builder->options.codec,
                                            builder->options.level,
                                            bytes_of(plain->data + RECORD_BATCH_HEADER_BYTES,
                                                     plain->size - RECORD_BATCH_HEADER_BYTES),
                                            bytes, size);
        if (error != ERR_NONE)
            return error;
        free(plain->data);
    }
    plain->data = NULL;
    return ERR_NONE;
}

enum error record_batch_builder_finish(struct record_batch_builder *builder, uint8_t **bytes,
                                       size_t *size) {
    const struct record_batch_options *options = &builder->options;
    uint8_t *taken;
    size_t taken_size;
    enum error error;

    CHECK(builder->count > 0);
    CHECK(builder->bytes.data != NULL);
    if ((error = take_records(builder, &taken, &taken_size)) != ERR_NONE)
        return error;
    record_batch_write_header(
        taken, &(struct record_batch){
                   .base_offset = options->base_offset,
                   .partition_leader_epoch = options->partition_leader_epoch,
                   .attributes = (int16_t)(options->attributes | (int16_t)options->codec),
                   .last_offset_delta = builder->count - 1,
                   .base_timestamp = builder->base_timestamp,
                   .max_timestamp = builder->max_timestamp,
                   .producer_id = options->producer_id,
                   .producer_epoch = options->producer_epoch,
                   .base_sequence = options->base_sequence,
                   .record_count = builder->count,
                   .records = bytes_of(taken + RECORD_BATCH_HEADER_BYTES,
                                       taken_size - RECORD_BATCH_HEADER_BYTES),
               });
    *bytes = taken;
    *size = taken_size;
    return ERR_NONE;
}
