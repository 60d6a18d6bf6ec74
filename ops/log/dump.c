#include "ops/log/dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/log/batch_walk.h"
#include "broker/log/disk.h"
#include "broker/log/index_file.h"
#include "broker/log/producer_state.h"
#include "broker/log/txn_index.h"
#include "client/wire/big_endian.h"
#include "client/wire/message_set.h"

#define PLAIN_BYTES_MAX ((size_t)128 << 20)
#define FILE_BYTES_MAX  ((size_t)1 << 30)

#define SNAPSHOT_HEADER_BYTES 10 /* producer_state.h */
#define SNAPSHOT_ENTRY_BYTES  46

static int64_t base_offset_of(const char *path) {
    const char *name = strrchr(path, '/');

    return strtoll(name == NULL ? path : name + 1, NULL, 10);
}

static const char *timestamp_type(int16_t attributes, int8_t magic) {
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

static enum error print_records(const struct dump *dump, const struct stored_batch *stored) {
    struct record_iterator iterator;
    struct record_batch batch;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(stored->whole, &batch)) != ERR_NONE ||
        (error = record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (record_iterator_next(&iterator, &record, &error))
        print_record(dump, &record, &batch, timestamp_type(batch.attributes, 2));
    record_iterator_done(&iterator);
    return error;
}

static enum error print_messages(const struct dump *dump, const struct message_set_entry *entry) {
    struct message_set_iterator iterator;
    struct record record;
    enum error error = message_set_iterator_init(&iterator, entry, PLAIN_BYTES_MAX);

    if (error != ERR_NONE)
        return error;
    while (message_set_iterator_next(&iterator, &record))
        print_record(dump, &record, NULL, timestamp_type(entry->attributes, entry->magic));
    message_set_iterator_done(&iterator);
    return ERR_NONE;
}

/* ---- batches ---- */

static enum error print_batch(const struct dump *dump, const struct stored_batch *stored) {
    const struct record_batch *batch = &stored->header;
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
            stored->position, timestamp_type(batch->attributes, 2), batch->max_timestamp,
            stored->size, compression_name(record_batch_codec(batch)), batch->crc);
    return dump->records ? print_records(dump, stored) : ERR_NONE;
}

static enum error print_legacy(const struct dump *dump, const struct stored_batch *stored) {
    struct message_set_entry entry;
    enum error error = message_set_entry_decode(stored->whole, &entry);

    if (error != ERR_NONE)
        return error;
    fprintf(dump->out,
            "offset: %" PRId64 " position: %" PRId64 " %s: %" PRId64
            " size: %zu magic: %d compresscodec: %s crc: %u isvalid: true\n",
            stored->last_offset, stored->position, timestamp_type(entry.attributes, entry.magic),
            stored->max_timestamp, stored->size, entry.magic,
            compression_name(message_set_entry_codec(&entry)), entry.crc);
    return dump->records ? print_messages(dump, &entry) : ERR_NONE;
}

static enum error dump_log(const struct dump *dump, const char *path) {
    struct stored_batch batch;
    struct batch_walk walk;
    struct disk_stat stat;
    enum error error;
    bool found;
    int fd;

    if ((error = disk_stat(disk_system(), path, &stat)) != ERR_NONE ||
        (error = disk_open(disk_system(), path, DISK_OPEN_READ, &fd)) != ERR_NONE)
        return error;
    if (fd < 0)
        return ERR_DISK_FAILED;
    fprintf(dump->out, "Log starting offset: %" PRId64 "\n", base_offset_of(path));
    batch_walk_init(&walk, disk_system(), fd, BATCH_WALK_WHOLE, 0, stat.size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        error = batch.magic == 2 ? print_batch(dump, &batch) : print_legacy(dump, &batch);
        if (error == ERR_OUT_OF_MEMORY)
            break;
        if (error != ERR_NONE)
            fprintf(dump->out, "Found records that cannot be read at position %" PRId64 "\n",
                    batch.position);
    }
    if (error == ERR_NONE && walk.position < stat.size) {
        fprintf(dump->out, "Found %" PRId64 " invalid bytes at the end of %s\n",
                stat.size - walk.position, path);
        error = ERR_DISK_CORRUPT;
    }
    batch_walk_done(&walk);
    close(fd);
    return error;
}

/* ---- the others ---- */

static void print_offset_entry(FILE *out, int64_t base_offset, const uint8_t *at) {
    fprintf(out, "offset: %" PRId64 " position: %d\n",
            base_offset + (int32_t)big_endian_load_u32(at), (int)big_endian_load_u32(at + 4));
}

static void print_time_entry(FILE *out, int64_t base_offset, const uint8_t *at) {
    fprintf(out, "timestamp: %" PRId64 " offset: %" PRId64 "\n", (int64_t)big_endian_load_u64(at),
            base_offset + (int32_t)big_endian_load_u32(at + 8));
}

static void print_aborted(FILE *out, int64_t base_offset, const uint8_t *at) {
    (void)base_offset;
    fprintf(out,
            "version: %d producerId: %" PRId64 " firstOffset: %" PRId64 " lastOffset: %" PRId64
            " lastStableOffset: %" PRId64 "\n",
            big_endian_load_u16(at), (int64_t)big_endian_load_u64(at + 2),
            (int64_t)big_endian_load_u64(at + 10), (int64_t)big_endian_load_u64(at + 18),
            (int64_t)big_endian_load_u64(at + 26));
}

/* See producer_state.h for the layout. */
static void print_producer(FILE *out, int64_t base_offset, const uint8_t *at) {
    int64_t first_offset = (int64_t)big_endian_load_u64(at + 38);
    int32_t last_sequence = (int32_t)big_endian_load_u32(at + 10);
    int64_t last_offset = (int64_t)big_endian_load_u64(at + 14);
    int32_t offset_delta = (int32_t)big_endian_load_u32(at + 22);

    (void)base_offset;
    fprintf(out,
            "producerId: %" PRId64 " producerEpoch: %d coordinatorEpoch: %d"
            " currentTxnFirstOffset: ",
            (int64_t)big_endian_load_u64(at), (int16_t)big_endian_load_u16(at + 8),
            (int)big_endian_load_u32(at + 34));
    if (first_offset < 0)
        fprintf(out, "None");
    else
        fprintf(out, "Some(%" PRId64 ")", first_offset);
    fprintf(out, " lastTimestamp: %" PRId64, (int64_t)big_endian_load_u64(at + 26));
    if (last_offset >= 0)
        fprintf(out,
                " firstSequence: %d lastSequence: %d lastOffset: %" PRId64
                " offsetDelta: %d timestamp: %" PRId64,
                (int)((uint32_t)(last_sequence - offset_delta) & INT32_MAX), last_sequence,
                last_offset, offset_delta, (int64_t)big_endian_load_u64(at + 26));
    fputc('\n', out);
}

/* One after the other; `from` bytes lie before them. */
static enum error dump_entries(const struct dump *dump, const char *path, size_t from,
                               size_t entry_bytes,
                               void (*print)(FILE *out, int64_t base_offset, const uint8_t *at)) {
    enum error error;
    char *data;
    size_t size;

    error = disk_read_file(disk_system(), path, FILE_BYTES_MAX, &data, &size);
    if (error != ERR_NONE)
        return error;
    if (data == NULL)
        return ERR_DISK_FAILED;
    for (size_t at = from; at + entry_bytes <= size; at += entry_bytes)
        print(dump->out, base_offset_of(path), (const uint8_t *)data + at);
    free(data);
    return size < from || (size - from) % entry_bytes != 0 ? ERR_DISK_CORRUPT : ERR_NONE;
}

static bool ends_in(const char *path, const char *suffix) {
    size_t size = strlen(path);

    return size >= strlen(suffix) && strcmp(path + size - strlen(suffix), suffix) == 0;
}

enum error dump_file(const struct dump *dump, const char *path) {
    bool is_index = ends_in(path, ".index");

    fprintf(dump->out, "Dumping %s\n", path);
    if (ends_in(path, ".log"))
        return dump_log(dump, path);
    if (is_index)
        return dump_entries(dump, path, 0, OFFSET_INDEX_ENTRY_BYTES, print_offset_entry);
    if (ends_in(path, ".timeindex"))
        return dump_entries(dump, path, 0, TIME_INDEX_ENTRY_BYTES, print_time_entry);
    if (ends_in(path, ".txnindex"))
        return dump_entries(dump, path, 0, TXN_INDEX_ENTRY_BYTES, print_aborted);
    if (ends_in(path, ".snapshot"))
        return dump_entries(dump, path, SNAPSHOT_HEADER_BYTES, SNAPSHOT_ENTRY_BYTES,
                            print_producer);
    return ERR_INVALID_REQUEST;
}
