#include "broker/log/compaction_filter.h"

#include <stdlib.h>

#include "client/wire/message_set_builder.h"
#include "client/wire/varint.h"

#define OUTPUT_BYTES_MAX  ((size_t)INT32_MAX)
#define KEPT_FIRST        ((size_t)256)
#define TIMESTAMP_AT      1 /* of a record, behind its length and attributes */
#define OUTPUT_BYTES_MIN  ((size_t)65536)
#define RECORD_BYTES_MORE 20 /* what a record may grow by: a longer length and timestamp */

/* ---- output ---- */

void compaction_output_done(struct compaction_output *output) {
    free(output->data);
    free(output->kept);
    free(output->kept_timestamps);
    *output = (struct compaction_output){0};
}

void compaction_output_clear(struct compaction_output *output) {
    output->size = 0;
    output->batch_count = 0;
}

static enum error reserve(struct compaction_output *output, size_t more) {
    size_t capacity = output->capacity < OUTPUT_BYTES_MIN ? OUTPUT_BYTES_MIN : output->capacity;
    uint8_t *grown;

    if (more <= output->capacity - output->size)
        return ERR_NONE;
    if (more > OUTPUT_BYTES_MAX - output->size)
        return ERR_OUT_OF_MEMORY;
    while (capacity < output->size + more)
        capacity *= 2;
    if ((grown = realloc(output->data, capacity)) == NULL)
        return ERR_OUT_OF_MEMORY;
    output->data = grown;
    output->capacity = capacity;
    return ERR_NONE;
}

static enum error append(struct compaction_output *output, struct bytes batch) {
    enum error error = reserve(output, batch.size);

    if (error != ERR_NONE)
        return error;
    memcpy(output->data + output->size, batch.data, batch.size);
    output->size += batch.size;
    output->batch_count++;
    return ERR_NONE;
}

/* ---- which records ---- */

static bool tombstone_stays(const struct compaction_rules *rules,
                            const struct stored_batch *batch) {
    if (batch->magic < 2)
        return rules->keep_legacy_tombstones;
    return (batch->header.attributes & RECORD_BATCH_DELETE_HORIZON) == 0 ||
           rules->now_ms < batch->header.base_timestamp;
}

static bool record_stays(const struct compaction_rules *rules, const struct stored_batch *batch,
                         const struct record *record) {
    if (record->offset > rules->latest_offset)
        return true;
    if (bytes_is_null(record->key) || record->offset < key_offsets_get(rules->newest, record->key))
        return false;
    return !bytes_is_null(record->value) || tombstone_stays(rules, batch);
}

struct kept {
    size_t count;
    int32_t read;
    int64_t max_timestamp;
    bool has_tombstone;
};

static enum error keep(struct compaction_output *output, struct kept *kept, struct bytes encoded,
                       const struct record *record) {
    if (kept->count == output->kept_capacity) {
        size_t capacity = output->kept_capacity == 0 ? KEPT_FIRST : output->kept_capacity * 2;
        struct bytes *grown = realloc(output->kept, capacity * sizeof(*grown));
        int64_t *timestamps;
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        output->kept = grown;
        timestamps = realloc(output->kept_timestamps, capacity * sizeof(*timestamps));
        if (timestamps == NULL)
            return ERR_OUT_OF_MEMORY;
        output->kept_timestamps = timestamps;
        output->kept_capacity = capacity;
    }
    output->kept[kept->count] = encoded;
    output->kept_timestamps[kept->count++] = record->timestamp;
    if (kept->count == 1 || record->timestamp > kept->max_timestamp)
        kept->max_timestamp = record->timestamp;
    kept->has_tombstone = kept->has_tombstone || bytes_is_null(record->value);
    return ERR_NONE;
}

static enum error choose_records(const struct compaction_rules *rules,
                                 const struct stored_batch *batch, struct record_iterator *iterator,
                                 struct compaction_output *output, struct kept *kept) {
    bool is_control = (batch->header.attributes & RECORD_BATCH_CONTROL) != 0;
    struct bytes rest = iterator->rest;
    struct record record;
    enum error error;

    while (record_iterator_next(iterator, &record, &error)) {
        struct bytes encoded = bytes_of(rest.data, (size_t)(iterator->rest.data - rest.data));
        rest = iterator->rest;
        kept->read++;
        if (!is_control && !record_stays(rules, batch, &record))
            continue;
        if ((error = keep(output, kept, encoded, &record)) != ERR_NONE)
            return error;
    }
    return error;
}

/* ---- the batch that holds them ---- */

static enum error append_empty(struct compaction_output *output, const struct stored_batch *batch) {
    struct record_batch header = batch->header;
    enum error error = reserve(output, RECORD_BATCH_HEADER_BYTES);

    if (error != ERR_NONE)
        return error;
    header.attributes &=
        RECORD_BATCH_LOG_APPEND_TIME | RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL;
    header.base_timestamp = RECORD_NO_TIMESTAMP;
    header.record_count = 0;
    header.records = bytes_of("", 0);
    record_batch_write_header(output->data + output->size, &header);
    output->size += RECORD_BATCH_HEADER_BYTES;
    output->batch_count++;
    return ERR_NONE;
}

/* Writes the record with its timestamp relative to another base; NULL if it can't be read. */
static uint8_t *write_rebased(uint8_t *to, struct bytes encoded, int64_t timestamp_delta) {
    int64_t old_delta;
    int32_t size;

    if (!varint_take(&encoded, &size) || encoded.size < TIMESTAMP_AT)
        return NULL;
    encoded = bytes_of(encoded.data + TIMESTAMP_AT, encoded.size - TIMESTAMP_AT);
    if (!varlong_take(&encoded, &old_delta))
        return NULL;
    to = varlong_write(to, (int64_t)(TIMESTAMP_AT + varlong_size(timestamp_delta) + encoded.size));
    *to++ = 0; /* attributes, of which there are none */
    to = varlong_write(to, timestamp_delta);
    memcpy(to, encoded.data, encoded.size);
    return to + encoded.size;
}

/* The kept records one behind the other, `*plain` from malloc. `horizon` replaces the base
 * timestamp, unless it is negative. */
static enum error encode_records(const struct compaction_output *output, size_t count,
                                 int64_t horizon, uint8_t **plain, size_t *size) {
    size_t bound = 1;
    uint8_t *at;

    for (size_t i = 0; i < count; i++)
        bound += output->kept[i].size + RECORD_BYTES_MORE;
    if ((*plain = at = malloc(bound)) == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count && at != NULL; i++) {
        if (horizon >= 0) {
            uint64_t delta = (uint64_t)output->kept_timestamps[i] - (uint64_t)horizon;
            at = write_rebased(at, output->kept[i], (int64_t)delta);
        } else {
            memcpy(at, output->kept[i].data, output->kept[i].size);
            at += output->kept[i].size;
        }
    }
    if (at == NULL) {
        free(*plain);
        return ERR_INVALID_RECORD;
    }
    *size = (size_t)(at - *plain);
    return ERR_NONE;
}

static enum error append_rebuilt(struct compaction_output *output, const struct stored_batch *batch,
                                 const struct kept *kept, int64_t horizon) {
    struct record_batch header = batch->header;
    enum compression codec = record_batch_codec(&header);
    uint8_t *compressed = NULL;
    uint8_t *plain;
    size_t size;
    enum error error;

    if ((error = encode_records(output, kept->count, horizon, &plain, &size)) != ERR_NONE)
        return error;
    if (codec != COMPRESSION_NONE)
        error = compression_compress(codec, COMPRESSION_LEVEL_DEFAULT, bytes_of(plain, size),
                                     &compressed, &size);
    if (error == ERR_NONE)
        error = reserve(output, RECORD_BATCH_HEADER_BYTES + size);
    if (error == ERR_NONE) {
        uint8_t *at = output->data + output->size;
        memcpy(at + RECORD_BATCH_HEADER_BYTES, compressed != NULL ? compressed : plain, size);
        header.records = bytes_of(at + RECORD_BATCH_HEADER_BYTES, size);
        header.record_count = (int32_t)kept->count;
        if ((header.attributes & RECORD_BATCH_LOG_APPEND_TIME) == 0)
            header.max_timestamp = kept->max_timestamp;
        if (horizon >= 0) {
            header.attributes |= RECORD_BATCH_DELETE_HORIZON;
            header.base_timestamp = horizon;
        }
        record_batch_write_header(at, &header);
        output->size += RECORD_BATCH_HEADER_BYTES + size;
        output->batch_count++;
    }
    free(plain);
    free(compressed);
    return error;
}

static int64_t horizon_of(const struct compaction_rules *rules) {
    int64_t horizon;

    return __builtin_add_overflow(rules->now_ms, rules->delete_retention_ms, &horizon) ? INT64_MAX
                                                                                       : horizon;
}

static enum error filter_records(const struct compaction_rules *rules,
                                 const struct compaction_batch *batch,
                                 struct record_iterator *iterator,
                                 struct compaction_output *output) {
    const struct stored_batch *stored = batch->batch;
    bool has_horizon = (stored->header.attributes & RECORD_BATCH_DELETE_HORIZON) != 0;
    bool is_control = (stored->header.attributes & RECORD_BATCH_CONTROL) != 0;
    struct kept kept = {.max_timestamp = RECORD_NO_TIMESTAMP};
    bool needs_horizon;
    enum error error;

    error = choose_records(rules, stored, iterator, output, &kept);
    if (error != ERR_NONE)
        return error;
    output->records_read += kept.read;
    output->records_kept += (int64_t)kept.count;
    if (kept.count == 0)
        return batch->is_last_of_producer ? append_empty(output, stored) : ERR_NONE;
    needs_horizon = !has_horizon &&
                    ((is_control && batch->is_discarded) || (!is_control && kept.has_tombstone));
    if ((int32_t)kept.count == kept.read && !needs_horizon)
        return append(output, stored->whole);
    return append_rebuilt(output, stored, &kept, needs_horizon ? horizon_of(rules) : -1);
}

/* Data of an aborted transaction, or a marker that has been discarded for long enough. */
static bool loses_all(const struct compaction_rules *rules, const struct compaction_batch *batch) {
    const struct record_batch *header = &batch->batch->header;

    if (!batch->is_discarded || (header->attributes & RECORD_BATCH_CONTROL) == 0)
        return batch->is_discarded;
    return (header->attributes & RECORD_BATCH_DELETE_HORIZON) != 0 &&
           header->base_timestamp <= rules->now_ms;
}

static enum error filter_batch(const struct compaction_rules *rules,
                               const struct compaction_batch *batch,
                               struct compaction_output *output) {
    struct record_iterator iterator;
    struct record_batch decoded;
    enum error error;

    if (loses_all(rules, batch)) {
        output->records_read += batch->batch->header.record_count;
        return batch->is_last_of_producer ? append_empty(output, batch->batch) : ERR_NONE;
    }
    if ((error = record_batch_decode(batch->batch->whole, &decoded)) != ERR_NONE ||
        (error = record_iterator_init(&iterator, &decoded, COMPACTION_PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    error = filter_records(rules, batch, &iterator, output);
    record_iterator_done(&iterator);
    return error;
}

/* ---- magic 0 and 1 ---- */

/* Within a wrapper of magic 1 offsets count from the first record's. */
static enum error rewrap(const struct message_set_entry *entry, struct message_set_iterator *all,
                         const struct compaction_rules *rules, const struct stored_batch *batch,
                         struct compaction_output *output) {
    struct message_set_builder inner = {0};
    struct message_set_builder outer = {0};
    struct message_set_entry wrapper = *entry;
    int64_t base_offset = -1;
    struct record record;
    enum error error = ERR_NONE;

    wrapper.timestamp = RECORD_NO_TIMESTAMP;
    while (error == ERR_NONE && message_set_iterator_next(all, &record)) {
        struct message_set_entry one = {.offset = record.offset,
                                        .magic = entry->magic,
                                        .attributes =
                                            entry->attributes & MESSAGE_SET_LOG_APPEND_TIME,
                                        .timestamp = record.timestamp,
                                        .key = record.key,
                                        .value = record.value};
        if (!record_stays(rules, batch, &record))
            continue;
        base_offset = base_offset < 0 ? record.offset : base_offset;
        wrapper.offset = record.offset;
        if (record.timestamp > wrapper.timestamp)
            wrapper.timestamp = record.timestamp;
        if (entry->magic == 1)
            one.offset -= base_offset;
        error = message_set_builder_add(&inner, &one);
    }
    if (error == ERR_NONE)
        error = message_set_builder_add_wrapper(&outer, &wrapper, bytes_of(inner.data, inner.size));
    if (error == ERR_NONE)
        error = append(output, bytes_of(outer.data, outer.size));
    message_set_builder_done(&inner);
    message_set_builder_done(&outer);
    return error;
}

static enum error filter_legacy(const struct compaction_rules *rules,
                                const struct stored_batch *batch,
                                struct compaction_output *output) {
    struct message_set_iterator iterator;
    struct message_set_entry entry;
    struct record record;
    int64_t read = 0;
    int64_t kept = 0;
    enum error error;

    if ((error = message_set_entry_decode(batch->whole, &entry)) != ERR_NONE ||
        (error = message_set_iterator_init(&iterator, &entry, COMPACTION_PLAIN_BYTES_MAX)) !=
            ERR_NONE)
        return error;
    while (message_set_iterator_next(&iterator, &record)) {
        read++;
        kept += record_stays(rules, batch, &record) ? 1 : 0;
    }
    message_set_iterator_done(&iterator);
    output->records_read += read;
    output->records_kept += kept;
    if (kept == 0)
        return ERR_NONE;
    if (kept == read)
        return append(output, batch->whole);
    if ((error = message_set_iterator_init(&iterator, &entry, COMPACTION_PLAIN_BYTES_MAX)) !=
        ERR_NONE)
        return error;
    error = rewrap(&entry, &iterator, rules, batch, output);
    message_set_iterator_done(&iterator);
    return error;
}

enum error compaction_filter(const struct compaction_rules *rules,
                             const struct compaction_batch *batch,
                             struct compaction_output *output) {
    return batch->batch->magic < 2 ? filter_legacy(rules, batch->batch, output)
                                   : filter_batch(rules, batch, output);
}
