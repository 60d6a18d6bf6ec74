/* As JSON: see dump.h. */
#include "ops/log/dump.h"

#include <jansson.h>

#include "client/wire/big_endian.h"
#include "ops/output/json_bytes.h"

static void begin(struct dump *dump) {
    fprintf(dump->out, "{\"kind\": \"LogDump\", \"apiVersion\": \"barnabas/v1\", \"items\": [");
}

static void end(struct dump *dump, int status) {
    fprintf(dump->out, "\n], \"status\": %d}\n", status);
}

static void begin_file(struct dump *dump, bool is_log) {
    (void)dump;
    (void)is_log;
}

static json_t *new_item(const struct dump *dump, const char *type) {
    json_t *item = json_object();

    json_object_set_new(item, "path", json_string(dump->path));
    json_object_set_new(item, "type", json_string(type));
    return item;
}

static void set(json_t *object, const char *name, int64_t value) {
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void write_item(struct dump *dump, json_t *item) {
    fputs(dump->has_items ? ",\n" : "\n", dump->out);
    dump->has_items = true;
    json_dumpf(item, dump->out, JSON_COMPACT);
    json_decref(item);
}

/* ---- records ---- */

struct collecting {
    const struct dump *dump;
    const struct record_batch *batch; /* NULL: it is older */
    json_t *records;
};

static void set_headers(json_t *item, const struct record *record) {
    struct bytes rest = record->headers;
    json_t *headers = json_array();
    struct record_header header;

    while (record_header_next(&rest, &header)) {
        json_t *one = json_object();

        json_set_bytes(one, "key", header.key.data, header.key.size);
        json_set_bytes(one, "value", header.value.data, header.value.size);
        json_array_append_new(headers, one);
    }
    json_object_set_new(item, "headers", headers);
}

static void set_marker(json_t *item, const struct record *record) {
    int type;

    if (bytes_is_null(record->key) || record->key.size < 4)
        return;
    type = big_endian_load_u16(record->key.data + 2);
    set(item, "controlType", type);
    if (type > 1 || bytes_is_null(record->value) || record->value.size < 6)
        return;
    json_object_set_new(item, "endTxnMarker", json_string(type == 0 ? "ABORT" : "COMMIT"));
    set(item, "coordinatorEpoch", (int32_t)big_endian_load_u32(record->value.data + 2));
}

static void on_record(void *context, const struct record *record) {
    const struct collecting *collecting = context;
    const struct record_batch *batch = collecting->batch;
    bool is_control = batch != NULL && (batch->attributes & RECORD_BATCH_CONTROL) != 0;
    json_t *item = json_object();

    set(item, "offset", record->offset);
    set(item, "timestamp", record->timestamp);
    set(item, "keySize", bytes_is_null(record->key) ? -1 : (int64_t)record->key.size);
    set(item, "valueSize", bytes_is_null(record->value) ? -1 : (int64_t)record->value.size);
    if (batch != NULL)
        set(item, "sequence", record_sequence_add(batch->base_sequence, record->offset_delta));
    if (is_control)
        set_marker(item, record);
    if (collecting->dump->contents && !is_control) {
        json_set_bytes(item, "key", record->key.data, record->key.size);
        json_set_bytes(item, "value", record->value.data, record->value.size);
        if (batch != NULL)
            set_headers(item, record);
    }
    json_array_append_new(collecting->records, item);
}

/* ---- batches ---- */

static void set_stored(json_t *item, const struct stored_batch *stored, const char *timestamp_type,
                       enum compression codec, uint32_t crc) {
    set(item, "position", stored->position);
    set(item, "size", (int64_t)stored->size);
    set(item, "magic", stored->magic);
    json_object_set_new(item, "timestampType", json_string(timestamp_type));
    set(item, "maxTimestamp", stored->max_timestamp);
    json_object_set_new(item, "compressCodec", json_string(compression_name(codec)));
    set(item, "crc", crc);
}

/* The item with its records, if they are wanted. `entry`: it is a message of before batches. */
static enum error write_with_records(struct dump *dump, json_t *item,
                                     const struct stored_batch *stored,
                                     const struct message_set_entry *entry) {
    struct collecting collecting = {dump, entry == NULL ? &stored->header : NULL, NULL};
    enum error error = ERR_NONE;

    if (dump->records) {
        collecting.records = json_array();
        error = entry == NULL ? dump_each_record(stored, on_record, &collecting)
                              : dump_each_message(entry, on_record, &collecting);
        json_object_set_new(item, "records", collecting.records);
    }
    write_item(dump, item);
    return error;
}

static enum error write_batch(struct dump *dump, const struct stored_batch *stored) {
    const struct record_batch *batch = &stored->header;
    json_t *item = new_item(dump, "batch");

    set(item, "baseOffset", stored->base_offset);
    set(item, "lastOffset", stored->last_offset);
    set(item, "count", batch->record_count);
    set(item, "baseSequence", batch->base_sequence);
    set(item, "lastSequence", record_batch_last_sequence(batch));
    set(item, "producerId", batch->producer_id);
    set(item, "producerEpoch", batch->producer_epoch);
    set(item, "partitionLeaderEpoch", batch->partition_leader_epoch);
    json_object_set_new(item, "isTransactional",
                        json_boolean((batch->attributes & RECORD_BATCH_TRANSACTIONAL) != 0));
    json_object_set_new(item, "isControl",
                        json_boolean((batch->attributes & RECORD_BATCH_CONTROL) != 0));
    json_object_set_new(item, "deleteHorizonMs",
                        (batch->attributes & RECORD_BATCH_DELETE_HORIZON) != 0
                            ? json_integer((json_int_t)batch->base_timestamp)
                            : json_null());
    set_stored(item, stored, dump_timestamp_type(batch->attributes, 2), record_batch_codec(batch),
               batch->crc);
    return write_with_records(dump, item, stored, NULL);
}

static enum error write_message(struct dump *dump, const struct stored_batch *stored,
                                const struct message_set_entry *entry) {
    json_t *item = new_item(dump, "message");

    set(item, "offset", stored->last_offset);
    set_stored(item, stored, dump_timestamp_type(entry->attributes, entry->magic),
               message_set_entry_codec(entry), entry->crc);
    return write_with_records(dump, item, stored, entry);
}

static void write_unreadable(struct dump *dump, int64_t position) {
    json_t *item = new_item(dump, "unreadableRecords");

    set(item, "position", position);
    write_item(dump, item);
}

static void write_invalid(struct dump *dump, int64_t position, int64_t size) {
    json_t *item = new_item(dump, "invalidBytes");

    set(item, "position", position);
    set(item, "size", size);
    write_item(dump, item);
}

/* ---- the others ---- */

static void write_offset_entry(struct dump *dump, int64_t offset, int32_t position) {
    json_t *item = new_item(dump, "offsetIndexEntry");

    set(item, "offset", offset);
    set(item, "position", position);
    write_item(dump, item);
}

static void write_time_entry(struct dump *dump, int64_t timestamp, int64_t offset) {
    json_t *item = new_item(dump, "timeIndexEntry");

    set(item, "timestamp", timestamp);
    set(item, "offset", offset);
    write_item(dump, item);
}

static void write_aborted(struct dump *dump, int version,
                          const struct aborted_transaction *aborted) {
    json_t *item = new_item(dump, "abortedTransaction");

    set(item, "version", version);
    set(item, "producerId", aborted->producer_id);
    set(item, "firstOffset", aborted->first_offset);
    set(item, "lastOffset", aborted->last_offset);
    set(item, "lastStableOffset", aborted->last_stable_offset);
    write_item(dump, item);
}

static void write_producer(struct dump *dump, const struct dumped_producer *producer) {
    json_t *item = new_item(dump, "producer");

    set(item, "producerId", producer->producer_id);
    set(item, "producerEpoch", producer->producer_epoch);
    set(item, "coordinatorEpoch", producer->coordinator_epoch);
    set(item, "currentTransactionStartOffset", producer->first_offset);
    set(item, "lastTimestamp", producer->timestamp);
    if (producer->last_offset >= 0) {
        set(item, "firstSequence", producer->first_sequence);
        set(item, "lastSequence", producer->last_sequence);
        set(item, "lastOffset", producer->last_offset);
        set(item, "offsetDelta", producer->offset_delta);
    }
    write_item(dump, item);
}

const struct dump_printer dump_json = {
    .begin = begin,
    .end = end,
    .file = begin_file,
    .batch = write_batch,
    .message = write_message,
    .unreadable = write_unreadable,
    .invalid = write_invalid,
    .offset_entry = write_offset_entry,
    .time_entry = write_time_entry,
    .aborted = write_aborted,
    .producer = write_producer,
};
