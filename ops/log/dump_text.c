/* In the words of kafka-dump-log. */
#include "ops/log/dump.h"

#include <inttypes.h>

#include "client/wire/big_endian.h"

const char *dump_timestamp_type(int16_t attributes, int8_t magic) {
    if (magic == 0)
        return "NoTimestampType";
    return (attributes & RECORD_BATCH_LOG_APPEND_TIME) != 0 ? "LogAppendTime" : "CreateTime";
}

static const char *truth(bool value) {
    return value ? "true" : "false";
}

/* ---- records ---- */

static void print_bytes(FILE *out, struct bytes value) {
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] >= 0x20 && value.data[i] < 0x7f && value.data[i] != '\\')
            fputc(value.data[i], out);
        else
            fprintf(out, "\\x%02x", value.data[i]);
    }
}

static void print_header_keys(FILE *out, const struct record *record) {
    struct bytes rest = record->headers;
    struct record_header header;
    const char *separator = "";

    fprintf(out, " headerKeys: [");
    while (record_header_next(&rest, &header)) {
        fprintf(out, "%s", separator);
        print_bytes(out, header.key);
        separator = ",";
    }
    fprintf(out, "]");
}

static void print_marker(FILE *out, const struct record *record) {
    int type;

    if (bytes_is_null(record->key) || record->key.size < 4)
        return;
    type = big_endian_load_u16(record->key.data + 2);
    if (type > 1 || bytes_is_null(record->value) || record->value.size < 6)
        fprintf(out, " controlType: %d", type);
    else
        fprintf(out, " endTxnMarker: %s coordinatorEpoch: %d", type == 0 ? "ABORT" : "COMMIT",
                (int)big_endian_load_u32(record->value.data + 2));
}

static void print_record(const struct dump *dump, const struct record *record,
                         const struct record_batch *batch, const char *type) {
    FILE *out = dump->out;
    bool is_control = batch != NULL && (batch->attributes & RECORD_BATCH_CONTROL) != 0;

    fprintf(out, "| offset: %" PRId64 " %s: %" PRId64 " keySize: %lld valueSize: %lld",
            record->offset, type, record->timestamp,
            bytes_is_null(record->key) ? -1LL : (long long)record->key.size,
            bytes_is_null(record->value) ? -1LL : (long long)record->value.size);
    if (batch != NULL) {
        fprintf(out, " sequence: %d",
                record_sequence_add(batch->base_sequence, record->offset_delta));
        print_header_keys(out, record);
    }
    if (is_control)
        print_marker(out, record);
    if (dump->contents && !is_control) {
        if (!bytes_is_null(record->key)) {
            fprintf(out, " key: ");
            print_bytes(out, record->key);
        }
        fprintf(out, " payload: ");
        print_bytes(out, record->value);
    }
    fputc('\n', out);
}

struct printing {
    const struct dump *dump;
    const struct record_batch *batch; /* NULL: it is older */
    const char *type;
};

static void on_record(void *context, const struct record *record) {
    const struct printing *printing = context;

    print_record(printing->dump, record, printing->batch, printing->type);
}

/* ---- batches ---- */

static enum error print_batch(struct dump *dump, const struct stored_batch *stored) {
    const struct record_batch *batch = &stored->header;
    struct printing printing = {dump, batch, dump_timestamp_type(batch->attributes, 2)};
    FILE *out = dump->out;

    fprintf(out,
            "baseOffset: %" PRId64 " lastOffset: %" PRId64 " count: %d baseSequence: %d"
            " lastSequence: %d producerId: %" PRId64 " producerEpoch: %d partitionLeaderEpoch: %d"
            " isTransactional: %s isControl: %s deleteHorizonMs: ",
            stored->base_offset, stored->last_offset, batch->record_count, batch->base_sequence,
            record_batch_last_sequence(batch), batch->producer_id, batch->producer_epoch,
            batch->partition_leader_epoch,
            truth((batch->attributes & RECORD_BATCH_TRANSACTIONAL) != 0),
            truth((batch->attributes & RECORD_BATCH_CONTROL) != 0));
    if ((batch->attributes & RECORD_BATCH_DELETE_HORIZON) != 0)
        fprintf(out, "OptionalLong[%" PRId64 "]", batch->base_timestamp);
    else
        fprintf(out, "OptionalLong.empty");
    fprintf(out,
            " position: %" PRId64 " %s: %" PRId64 " size: %zu magic: 2 compresscodec: %s crc: %u"
            " isvalid: true\n",
            stored->position, printing.type, batch->max_timestamp, stored->size,
            compression_name(record_batch_codec(batch)), batch->crc);
    return dump->records ? dump_each_record(stored, on_record, &printing) : ERR_NONE;
}

static enum error print_message(struct dump *dump, const struct stored_batch *stored,
                                const struct message_set_entry *entry) {
    struct printing printing = {dump, NULL, dump_timestamp_type(entry->attributes, entry->magic)};

    fprintf(dump->out,
            "offset: %" PRId64 " position: %" PRId64 " %s: %" PRId64
            " size: %zu magic: %d compresscodec: %s crc: %u isvalid: true\n",
            stored->last_offset, stored->position, printing.type, stored->max_timestamp,
            stored->size, entry->magic, compression_name(message_set_entry_codec(entry)),
            entry->crc);
    return dump->records ? dump_each_message(entry, on_record, &printing) : ERR_NONE;
}

/* ---- the others ---- */

static void print_offset_entry(struct dump *dump, int64_t offset, int32_t position) {
    fprintf(dump->out, "offset: %" PRId64 " position: %d\n", offset, position);
}

static void print_time_entry(struct dump *dump, int64_t timestamp, int64_t offset) {
    fprintf(dump->out, "timestamp: %" PRId64 " offset: %" PRId64 "\n", timestamp, offset);
}

static void print_aborted(struct dump *dump, int version,
                          const struct aborted_transaction *aborted) {
    fprintf(dump->out,
            "version: %d producerId: %" PRId64 " firstOffset: %" PRId64 " lastOffset: %" PRId64
            " lastStableOffset: %" PRId64 "\n",
            version, aborted->producer_id, aborted->first_offset, aborted->last_offset,
            aborted->last_stable_offset);
}

static void print_producer(struct dump *dump, const struct dumped_producer *producer) {
    FILE *out = dump->out;

    fprintf(out,
            "producerId: %" PRId64 " producerEpoch: %d coordinatorEpoch: %d"
            " currentTxnFirstOffset: ",
            producer->producer_id, producer->producer_epoch, producer->coordinator_epoch);
    if (producer->first_offset < 0)
        fprintf(out, "None");
    else
        fprintf(out, "Some(%" PRId64 ")", producer->first_offset);
    fprintf(out, " lastTimestamp: %" PRId64, producer->timestamp);
    if (producer->last_offset >= 0)
        fprintf(out,
                " firstSequence: %d lastSequence: %d lastOffset: %" PRId64
                " offsetDelta: %d timestamp: %" PRId64,
                producer->first_sequence, producer->last_sequence, producer->last_offset,
                producer->offset_delta, producer->timestamp);
    fputc('\n', out);
}

/* ---- files ---- */

static void print_nothing(struct dump *dump) {
    (void)dump;
}

static void print_status(struct dump *dump, int status) {
    (void)dump;
    (void)status;
}

static void print_file(struct dump *dump, bool is_log) {
    fprintf(dump->out, "Dumping %s\n", dump->path);
    if (is_log)
        fprintf(dump->out, "Log starting offset: %" PRId64 "\n", dump->base_offset);
}

static void print_unreadable(struct dump *dump, int64_t position) {
    fprintf(dump->out, "Found records that cannot be read at position %" PRId64 "\n", position);
}

static void print_invalid(struct dump *dump, int64_t position, int64_t size) {
    (void)position;
    fprintf(dump->out, "Found %" PRId64 " invalid bytes at the end of %s\n", size, dump->path);
}

const struct dump_printer dump_text = {
    .begin = print_nothing,
    .end = print_status,
    .file = print_file,
    .batch = print_batch,
    .message = print_message,
    .unreadable = print_unreadable,
    .invalid = print_invalid,
    .offset_entry = print_offset_entry,
    .time_entry = print_time_entry,
    .aborted = print_aborted,
    .producer = print_producer,
};
