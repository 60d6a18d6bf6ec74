#include "broker/log/append_check.h"

#include <stdlib.h>

#include "broker/log/up_conversion.h"
#include "client/wire/varint.h"

#define PLAIN_BYTES_MAX   ((size_t)128 << 20) /* bound of what one batch may decompress to */
#define RECORD_ERRORS_MAX 100                 /* per batch; the response needs no more */

/* What the records of a batch turned out to be. */
struct findings {
    struct log_record_error *errors; /* in the arena */
    int32_t error_count;
    bool timestamp_is_wrong;
    int32_t keyless;        /* in a compacted topic */
    bool offsets_have_gaps; /* offset deltas are not 0, 1, 2... */
    int64_t max_timestamp;
};

struct check {
    const struct log_config *config;
    enum log_append_origin origin;
    int64_t now_ms;
    struct arena *arena;
    struct append_checked *checked;
    struct log_append_result *result;
    enum compression producer_codec; /* what the producer sent, before any conversion */
    /* The batch claims that a broker stamped it: its maximum is the time of every record. A topic
     * with CreateTime takes it at its word, as Kafka does. */
    bool says_append_time;
};

static enum error refuse(struct check *check, enum error error, const char *message) {
    check->result->message = message;
    return error;
}

static enum error refuse_flaw(struct check *check, enum error error, enum log_append_flaw flaw,
                              const char *message) {
    check->result->flaw = flaw;
    check->result->flaw_count = 1;
    return refuse(check, error, message);
}

/* ---- the frame ---- */

static enum error check_rest(struct check *check, struct bytes rest) {
    size_t size;

    if (rest.size < RECORD_BATCH_PREFIX_BYTES)
        return ERR_NONE; /* a torn batch at the end is cut off in silence */
    if (record_batch_total_size(rest, &size) != ERR_NONE)
        return refuse(check, ERR_CORRUPT_MESSAGE, "what follows the batch is not a batch");
    if (size > rest.size)
        return ERR_NONE;
    return refuse(check, ERR_INVALID_RECORD, "more than one record batch");
}

static enum error check_frame(struct check *check, uint8_t *records, size_t size) {
    struct record_batch *batch = &check->checked->batch;
    struct bytes all = bytes_of(records, size);
    size_t total_size;
    enum error error;

    if (size < RECORD_BATCH_PREFIX_BYTES)
        return refuse(check, ERR_INVALID_RECORD, "no whole record batch");
    if ((error = record_batch_total_size(all, &total_size)) != ERR_NONE)
        return refuse(check, error, "the batch length is too small");
    if (total_size > size)
        return refuse(check, ERR_INVALID_RECORD, "no whole record batch");
    if ((error = record_batch_decode(bytes_of(records, total_size), batch)) != ERR_NONE)
        return refuse_flaw(check, error,
                           records[RECORD_BATCH_PREFIX_BYTES - 1] > 2 ? LOG_FLAW_MAGIC
                                                                      : LOG_FLAW_NONE,
                           "the record batch is malformed");
    if (check->origin == LOG_APPEND_CLIENT && batch->base_offset != 0)
        return refuse_flaw(check, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE,
                           "the base offset of a produced batch must be 0");
    if (total_size > (size_t)check->config->max_message_bytes)
        return refuse(check, ERR_MESSAGE_TOO_LARGE, "larger than max.message.bytes");
    if (!record_batch_crc_is_valid(batch))
        return refuse_flaw(check, ERR_CORRUPT_MESSAGE, LOG_FLAW_CRC, "the CRC does not fit");
    check->checked->data = records;
    check->checked->size = total_size;
    check->producer_codec = record_batch_codec(batch);
    return check_rest(check, bytes_of(records + total_size, size - total_size));
}

/* From here on it is a batch like any other, not compressed yet. */
static enum error convert_message_set(struct check *check, struct bytes records) {
    struct up_conversion conversion = {
        .set = records,
        .message_bytes_max = (size_t)check->config->max_message_bytes,
        .set_bytes_max = (size_t)check->config->segment_bytes,
        .plain_bytes_max = PLAIN_BYTES_MAX,
    };
    struct append_checked *checked = check->checked;
    enum error error = up_convert(&conversion);

    if (error != ERR_NONE)
        return refuse(check, error, conversion.message);
    check->producer_codec = conversion.codec;
    checked->rebuilt = checked->data = conversion.batch;
    checked->size = conversion.batch_size;
    return record_batch_decode(bytes_of(checked->data, checked->size), &checked->batch);
}

static enum error check_header(struct check *check) {
    const struct record_batch *batch = &check->checked->batch;
    bool is_control = (batch->attributes & RECORD_BATCH_CONTROL) != 0;

    check->says_append_time = (batch->attributes & RECORD_BATCH_LOG_APPEND_TIME) != 0 &&
                              check->origin == LOG_APPEND_CLIENT;

    if (batch->last_offset_delta < 0 || batch->record_count <= 0 ||
        batch->last_offset_delta != batch->record_count - 1)
        return refuse_flaw(check, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE,
                           "record count and offsets contradict each other");
    if (is_control && check->origin == LOG_APPEND_CLIENT)
        return refuse(check, ERR_INVALID_RECORD, "clients may not write control batches");
    if (batch->producer_id >= 0 && batch->base_sequence < 0 && check->origin == LOG_APPEND_CLIENT)
        return refuse_flaw(check, ERR_INVALID_RECORD, LOG_FLAW_OFFSET_OR_SEQUENCE,
                           "an idempotent batch needs a sequence");
    if ((batch->attributes & RECORD_BATCH_CODEC_MASK) > COMPRESSION_ZSTD)
        return refuse(check, ERR_INVALID_RECORD, "unknown compression");
    return ERR_NONE;
}

/* ---- the records ---- */

static void note_error(struct check *check, struct findings *findings, int32_t record_index,
                       const char *message) {
    if (findings->errors == NULL)
        findings->errors = arena_alloc(check->arena, RECORD_ERRORS_MAX, sizeof(*findings->errors));
    /* Out of memory, the error stands without a list. */
    if (findings->errors != NULL && findings->error_count < RECORD_ERRORS_MAX)
        findings->errors[findings->error_count] = (struct log_record_error){record_index, message};
    findings->error_count++;
}

static bool timestamp_is_allowed(const struct check *check, int64_t timestamp) {
    const struct log_config *config = check->config;
    int64_t distance;

    if (config->log_append_time || timestamp == RECORD_NO_TIMESTAMP)
        return true;
    if (timestamp <= check->now_ms)
        return __builtin_sub_overflow(check->now_ms, timestamp, &distance)
                   ? config->timestamp_before_max_ms == INT64_MAX
                   : distance <= config->timestamp_before_max_ms;
    return __builtin_sub_overflow(timestamp, check->now_ms, &distance)
               ? config->timestamp_after_max_ms == INT64_MAX
               : distance <= config->timestamp_after_max_ms;
}

static const char *timestamp_fault(const struct check *check, int64_t timestamp) {
    if (!timestamp_is_allowed(check, timestamp))
        return "the timestamp is out of the topic's bounds";
    if (check->says_append_time &&
        (check->config->log_append_time || timestamp == RECORD_NO_TIMESTAMP))
        return "producers may not set LogAppendTime";
    return NULL;
}

/* A record is refused for one reason: the key's comes first. */
static inline void note_record(struct check *check, struct findings *findings, int32_t index,
                               int64_t timestamp, int32_t offset_delta, bool has_key) {
    const char *fault;

    if (check->says_append_time)
        timestamp = check->checked->batch.max_timestamp;
    if (timestamp > findings->max_timestamp)
        findings->max_timestamp = timestamp;
    if (offset_delta != index)
        findings->offsets_have_gaps = true;
    if (!has_key && check->config->compact) {
        note_error(check, findings, index, "a compacted topic needs a key");
        findings->keyless++;
    } else if ((fault = timestamp_fault(check, timestamp)) != NULL) {
        note_error(check, findings, index, fault);
        findings->timestamp_is_wrong = true;
    }
}

static enum error malformed(struct check *check) {
    return refuse(check, ERR_INVALID_RECORD, "the records do not follow their format");
}

/* The length prefixes are followed and the first fields read; what is behind the key's length is
 * the consumer's business. At 100-byte records this is the dearest part of an append. */
static enum error walk_plain(struct check *check, struct findings *findings) {
    const struct record_batch *batch = &check->checked->batch;
    struct bytes rest = batch->records;

    for (int32_t i = 0; i < batch->record_count; i++) {
        struct bytes record;
        int64_t timestamp_delta;
        int32_t offset_delta;
        int32_t key_size;
        int32_t size;
        if (!varint_take(&rest, &size) || size <= 0 || (size_t)size > rest.size)
            return malformed(check);
        record = bytes_of(rest.data + 1, (size_t)size - 1); /* behind the unused attributes */
        rest = bytes_of(rest.data + size, rest.size - (size_t)size);
        if (!varlong_take(&record, &timestamp_delta) || !varint_take(&record, &offset_delta) ||
            !varint_take(&record, &key_size) || (key_size > 0 && (size_t)key_size > record.size))
            return malformed(check);
        note_record(check, findings, i,
                    (int64_t)((uint64_t)batch->base_timestamp + (uint64_t)timestamp_delta),
                    offset_delta, key_size >= 0);
    }
    return rest.size == 0 ? ERR_NONE : malformed(check);
}

static enum error walk_compressed(struct check *check, struct findings *findings) {
    const struct record_batch *batch = &check->checked->batch;
    struct record_iterator iterator;
    struct record record;
    enum error error;
    int32_t index = 0;

    error = record_iterator_init(&iterator, batch, PLAIN_BYTES_MAX);
    if (error != ERR_NONE)
        return refuse(check, error, "the records cannot be decompressed");
    while (record_iterator_next(&iterator, &record, &error))
        note_record(check, findings, index++, record.timestamp, record.offset_delta,
                    !bytes_is_null(record.key));
    record_iterator_done(&iterator);
    return error == ERR_NONE && index == batch->record_count ? ERR_NONE : malformed(check);
}

static enum compression target_codec(const struct check *check) {
    const struct record_batch *batch = &check->checked->batch;

    if (check->config->keep_producer_compression || (batch->attributes & RECORD_BATCH_CONTROL) != 0)
        return check->producer_codec;
    return check->config->compression;
}

/* Compressed records are looked into only for a reason: it costs up to twenty times the append. */
static bool must_decompress(const struct check *check) {
    const struct log_config *config = check->config;

    return config->compact || config->validate_compressed_records || check->says_append_time ||
           target_codec(check) != record_batch_codec(&check->checked->batch) ||
           (!config->log_append_time && (config->timestamp_before_max_ms != INT64_MAX ||
                                         config->timestamp_after_max_ms != INT64_MAX));
}

static enum error check_records(struct check *check, struct findings *findings) {
    const struct record_batch *batch = &check->checked->batch;
    enum error error;

    if (record_batch_codec(batch) == COMPRESSION_NONE)
        error = walk_plain(check, findings);
    else if (must_decompress(check))
        error = walk_compressed(check, findings);
    else
        return ERR_NONE;
    if (error != ERR_NONE || findings->error_count == 0)
        return error;
    check->result->record_errors = findings->errors;
    check->result->record_error_count = findings->errors == NULL ? 0
                                        : findings->error_count < RECORD_ERRORS_MAX
                                            ? findings->error_count
                                            : RECORD_ERRORS_MAX;
    if (findings->keyless > 0) {
        check->result->flaw = LOG_FLAW_NO_KEY;
        check->result->flaw_count = findings->keyless;
    }
    return refuse(check, findings->timestamp_is_wrong ? ERR_INVALID_TIMESTAMP : ERR_INVALID_RECORD,
                  "one or more records were refused");
}

/* ---- the form to store ---- */

struct header_list {
    struct record_header *headers;
    size_t capacity;
};

static enum error copy_record(struct record_batch_builder *builder, const struct record *record,
                              struct header_list *list) {
    struct bytes encoded = record->headers;
    size_t count = (size_t)record->header_count;

    if (count > list->capacity) {
        struct record_header *grown = realloc(list->headers, count * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        list->headers = grown;
        list->capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        if (!record_header_next(&encoded, &list->headers[i]))
            return ERR_INVALID_RECORD;
    }
    return record_batch_builder_add(builder, record->timestamp, record->key, record->value,
                                    list->headers, record->header_count);
}

static enum error copy_records(struct record_batch_builder *builder,
                               const struct record_batch *batch) {
    struct header_list list = {NULL, 0};
    struct record_iterator iterator;
    struct record record;
    enum error error;

    if ((error = record_iterator_init(&iterator, batch, PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (record_iterator_next(&iterator, &record, &error)) {
        if ((error = copy_record(builder, &record, &list)) != ERR_NONE)
            break;
    }
    free(list.headers);
    record_iterator_done(&iterator);
    return error;
}

/* Everything survives but the codec and the offset deltas, which become consecutive. */
static enum error rebuild(struct check *check) {
    struct record_batch_options options = record_batch_options_default;
    struct append_checked *checked = check->checked;
    struct record_batch_builder *builder;
    uint8_t *rebuilt = NULL;
    enum error error;

    options.codec = target_codec(check);
    options.level = options.codec == check->config->compression ? check->config->compression_level
                                                                : COMPRESSION_LEVEL_DEFAULT;
    options.attributes =
        checked->batch.attributes & (RECORD_BATCH_TRANSACTIONAL | RECORD_BATCH_CONTROL);
    options.producer_id = checked->batch.producer_id;
    options.producer_epoch = checked->batch.producer_epoch;
    options.base_sequence = checked->batch.base_sequence;
    if ((error = record_batch_builder_new(&options, &builder)) != ERR_NONE)
        return error;
    error = copy_records(builder, &checked->batch);
    if (error == ERR_NONE)
        error = record_batch_builder_finish(builder, &rebuilt, &checked->size);
    record_batch_builder_free(builder);
    if (error != ERR_NONE)
        return refuse(check, error, "the batch cannot be compressed anew");
    free(checked->rebuilt);
    checked->rebuilt = checked->data = rebuilt;
    return record_batch_decode(bytes_of(checked->data, checked->size), &checked->batch);
}

static enum error check_stored_size(struct check *check) {
    const struct append_checked *checked = check->checked;

    if (checked->rebuilt != NULL && checked->size > (size_t)check->config->max_message_bytes)
        return refuse(check, ERR_MESSAGE_TOO_LARGE, "larger than max.message.bytes when stored");
    if (checked->size > (size_t)check->config->segment_bytes)
        return refuse(check, ERR_RECORD_LIST_TOO_LARGE, "larger than segment.bytes");
    return ERR_NONE;
}

static void stamp_times(struct check *check, const struct findings *findings, bool was_walked) {
    struct append_checked *checked = check->checked;

    if (check->config->log_append_time) {
        record_batch_stamp_log_append_time(checked->data, check->now_ms);
        check->result->log_append_time = check->now_ms;
    } else if (check->says_append_time) {
        record_batch_stamp_create_time(checked->data, findings->max_timestamp);
    } else if (was_walked && findings->max_timestamp != checked->batch.max_timestamp) {
        record_batch_stamp_max_timestamp(checked->data, findings->max_timestamp);
    } else {
        return;
    }
    CHECK(record_batch_decode(bytes_of(checked->data, checked->size), &checked->batch) == ERR_NONE);
}

enum error append_check(uint8_t *records, size_t size, const struct log_config *config,
                        enum log_append_origin origin, int64_t now_ms, struct arena *arena,
                        struct append_checked *checked, struct log_append_result *result) {
    struct check check = {config, origin, now_ms, arena, checked, result, COMPRESSION_NONE, false};
    struct bytes all = bytes_of(records, size);
    bool is_message_set = origin == LOG_APPEND_CLIENT && up_conversion_applies(all);
    struct findings findings = {.max_timestamp = RECORD_NO_TIMESTAMP};
    bool was_walked;
    enum error error;

    *checked = (struct append_checked){0};
    error = is_message_set ? convert_message_set(&check, all) : check_frame(&check, records, size);
    if (error != ERR_NONE || (error = check_header(&check)) != ERR_NONE)
        goto out;
    was_walked = record_batch_codec(&checked->batch) == COMPRESSION_NONE || must_decompress(&check);
    if ((error = check_records(&check, &findings)) != ERR_NONE)
        goto out;
    if ((target_codec(&check) != record_batch_codec(&checked->batch) ||
         findings.offsets_have_gaps) &&
        (error = rebuild(&check)) != ERR_NONE)
        goto out;
    if ((error = check_stored_size(&check)) != ERR_NONE)
        goto out;
    stamp_times(&check, &findings, was_walked);
    result->max_timestamp = checked->batch.max_timestamp;
out:
    if (error != ERR_NONE) {
        free(checked->rebuilt);
        checked->rebuilt = NULL;
    }
    return error;
}
