#include "broker/log/down_conversion.h"

#include <stdlib.h>

#define AT_MAGIC 16

/* The records of one batch on their way into one wrapper, or into the result itself. */
struct batch_conversion {
    struct down_conversion *conversion;
    enum compression codec;
    bool is_log_append_time;
    struct message_set_builder inner; /* of a wrapper */
    int64_t base_offset;              /* of a wrapper: that of its first record; -1: none yet */
    int64_t last_offset;
    int64_t max_timestamp;
};

/* Unsigned, because what is stored may be damaged, and wrap. */
static int64_t offset_behind(int64_t offset) {
    return (int64_t)((uint64_t)offset + 1);
}

static int8_t attributes_of(const struct batch_conversion *batch, enum compression codec) {
    bool tells_time = batch->is_log_append_time && batch->conversion->magic == 1;

    return (int8_t)((int)codec | (tells_time ? MESSAGE_SET_LOG_APPEND_TIME : 0));
}

static enum error add_record(struct batch_conversion *batch, const struct record *record) {
    struct down_conversion *conversion = batch->conversion;
    bool is_wrapped = batch->codec != COMPRESSION_NONE;
    struct message_set_entry entry = {
        .offset = record->offset,
        .magic = conversion->magic,
        .attributes = attributes_of(batch, COMPRESSION_NONE),
        .timestamp = record->timestamp,
        .key = record->key,
        .value = record->value,
    };

    if (!is_wrapped && record->offset < conversion->first_offset)
        return ERR_NONE;
    if (batch->base_offset < 0)
        batch->base_offset = record->offset;
    batch->last_offset = record->offset;
    if (record->timestamp > batch->max_timestamp)
        batch->max_timestamp = record->timestamp;
    /* In a wrapper of magic 1 offsets count from the first record's. */
    if (is_wrapped && conversion->magic == 1)
        entry.offset = (int64_t)((uint64_t)entry.offset - (uint64_t)batch->base_offset);
    return message_set_builder_add(is_wrapped ? &batch->inner : &conversion->set, &entry);
}

static enum error finish(struct batch_conversion *batch) {
    struct message_set_entry wrapper = {
        .offset = batch->last_offset,
        .magic = batch->conversion->magic,
        .attributes = attributes_of(batch, batch->codec),
        .timestamp = batch->max_timestamp,
    };

    if (batch->inner.size == 0)
        return ERR_NONE;
    return message_set_builder_add_wrapper(&batch->conversion->set, &wrapper,
                                           bytes_of(batch->inner.data, batch->inner.size));
}

static enum error convert_batch(struct down_conversion *conversion, struct bytes whole) {
    struct batch_conversion converted = {
        .conversion = conversion, .base_offset = -1, .max_timestamp = RECORD_NO_TIMESTAMP};
    struct record_iterator records;
    struct record_batch batch;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(whole, &batch)) != ERR_NONE)
        return error;
    conversion->next_offset = offset_behind(record_batch_last_offset(&batch));
    if ((batch.attributes & RECORD_BATCH_CONTROL) != 0)
        return ERR_NONE;
    converted.codec = record_batch_codec(&batch);
    converted.is_log_append_time = (batch.attributes & RECORD_BATCH_LOG_APPEND_TIME) != 0;
    if (converted.codec > COMPRESSION_LZ4)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    error = record_iterator_init(&records, &batch, conversion->plain_bytes_max);
    if (error != ERR_NONE)
        return error;
    while (record_iterator_next(&records, &record, &error)) {
        if ((error = add_record(&converted, &record)) != ERR_NONE)
            break;
    }
    record_iterator_done(&records);
    if (error == ERR_NONE)
        error = finish(&converted);
    message_set_builder_done(&converted.inner);
    return error;
}

/* An entry of a message set: of magic 1 for who knows only 0, or one that fits as it is. */
static enum error convert_entry(struct down_conversion *conversion, struct bytes whole) {
    struct batch_conversion converted = {
        .conversion = conversion, .base_offset = -1, .max_timestamp = RECORD_NO_TIMESTAMP};
    struct message_set_iterator records;
    struct message_set_entry entry;
    struct record record;
    enum error error;

    if ((error = message_set_entry_decode(whole, &entry)) != ERR_NONE)
        return error;
    conversion->next_offset = offset_behind(entry.offset);
    if (entry.magic <= conversion->magic)
        return message_set_builder_add_raw(&conversion->set, whole);
    converted.codec = message_set_entry_codec(&entry);
    error = message_set_iterator_init(&records, &entry, conversion->plain_bytes_max);
    if (error != ERR_NONE)
        return error;
    while (error == ERR_NONE && message_set_iterator_next(&records, &record))
        error = add_record(&converted, &record);
    message_set_iterator_done(&records);
    if (error == ERR_NONE)
        error = finish(&converted);
    message_set_builder_done(&converted.inner);
    return error;
}

enum error down_convert(struct down_conversion *conversion) {
    struct bytes rest = conversion->stored;
    enum error error = ERR_NONE;

    conversion->set = (struct message_set_builder){0};
    conversion->next_offset = -1;
    while (error == ERR_NONE && rest.size >= RECORD_BATCH_PREFIX_BYTES) {
        struct bytes whole;
        size_t size;
        if ((error = record_batch_total_size(rest, &size)) != ERR_NONE || size > rest.size)
            break;
        whole = bytes_of(rest.data, size);
        error = rest.data[AT_MAGIC] < 2 ? convert_entry(conversion, whole)
                                        : convert_batch(conversion, whole);
        rest = bytes_of(rest.data + size, rest.size - size);
    }
    if (error != ERR_NONE)
        message_set_builder_done(&conversion->set);
    return error;
}
