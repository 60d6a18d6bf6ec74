#include "ops/log/dump.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/index_file.h"
#include "broker/log/producer_state.h"
#include "client/wire/big_endian.h"

#define PLAIN_BYTES_MAX ((size_t)128 << 20)
#define FILE_BYTES_MAX  ((size_t)1 << 30)

#define SNAPSHOT_HEADER_BYTES 10 /* producer_state.h */
#define SNAPSHOT_ENTRY_BYTES  46

static int64_t base_offset_of(const char *path) {
    const char *name = strrchr(path, '/');

    return strtoll(name == NULL ? path : name + 1, NULL, 10);
}

/* ---- records ---- */

enum error dump_each_record(const struct stored_batch *stored, dump_record *each, void *context) {
    struct record_iterator iterator;
    struct record_batch batch;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(stored->whole, &batch)) != ERR_NONE ||
        (error = record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (record_iterator_next(&iterator, &record, &error))
        each(context, &record);
    record_iterator_done(&iterator);
    return error;
}

enum error dump_each_message(const struct message_set_entry *entry, dump_record *each,
                             void *context) {
    struct message_set_iterator iterator;
    struct record record;
    enum error error = message_set_iterator_init(&iterator, entry, PLAIN_BYTES_MAX);

    if (error != ERR_NONE)
        return error;
    while (message_set_iterator_next(&iterator, &record))
        each(context, &record);
    message_set_iterator_done(&iterator);
    return ERR_NONE;
}

static enum error dump_batch(struct dump *dump, const struct stored_batch *stored) {
    struct message_set_entry entry;
    enum error error;

    if (stored->magic == 2)
        return dump->printer->batch(dump, stored);
    error = message_set_entry_decode(stored->whole, &entry);
    return error == ERR_NONE ? dump->printer->message(dump, stored, &entry) : error;
}

static enum error dump_log(struct dump *dump) {
    struct stored_batch batch;
    struct batch_walk walk;
    struct disk_stat stat;
    enum error error;
    bool found;
    int fd;

    if ((error = disk_stat(disk_system(), dump->path, &stat)) != ERR_NONE ||
        (error = disk_open(disk_system(), dump->path, DISK_OPEN_READ, &fd)) != ERR_NONE)
        return error;
    if (fd < 0)
        return ERR_DISK_FAILED;
    batch_walk_init(&walk, disk_system(), fd, BATCH_WALK_WHOLE, 0, stat.size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        error = dump_batch(dump, &batch);
        if (error == ERR_OUT_OF_MEMORY)
            break;
        if (error != ERR_NONE)
            dump->printer->unreadable(dump, batch.position);
    }
    if (error == ERR_NONE && walk.position < stat.size) {
        dump->printer->invalid(dump, walk.position, stat.size - walk.position);
        error = ERR_DISK_CORRUPT;
    }
    batch_walk_done(&walk);
    close(fd);
    return error;
}

/* ---- the others ---- */

static void dump_offset_entry(struct dump *dump, const uint8_t *at) {
    dump->printer->offset_entry(dump, dump->base_offset + (int32_t)big_endian_load_u32(at),
                                (int32_t)big_endian_load_u32(at + 4));
}

static void dump_time_entry(struct dump *dump, const uint8_t *at) {
    dump->printer->time_entry(dump, (int64_t)big_endian_load_u64(at),
                              dump->base_offset + (int32_t)big_endian_load_u32(at + 8));
}

static void dump_aborted(struct dump *dump, const uint8_t *at) {
    const struct aborted_transaction aborted = {
        .producer_id = (int64_t)big_endian_load_u64(at + 2),
        .first_offset = (int64_t)big_endian_load_u64(at + 10),
        .last_offset = (int64_t)big_endian_load_u64(at + 18),
        .last_stable_offset = (int64_t)big_endian_load_u64(at + 26),
    };

    dump->printer->aborted(dump, big_endian_load_u16(at), &aborted);
}

/* See producer_state.h for the layout. */
static void dump_producer(struct dump *dump, const uint8_t *at) {
    struct dumped_producer producer = {
        .producer_id = (int64_t)big_endian_load_u64(at),
        .producer_epoch = (int16_t)big_endian_load_u16(at + 8),
        .last_sequence = (int32_t)big_endian_load_u32(at + 10),
        .last_offset = (int64_t)big_endian_load_u64(at + 14),
        .offset_delta = (int32_t)big_endian_load_u32(at + 22),
        .timestamp = (int64_t)big_endian_load_u64(at + 26),
        .coordinator_epoch = (int32_t)big_endian_load_u32(at + 34),
        .first_offset = (int64_t)big_endian_load_u64(at + 38),
    };

    producer.first_sequence =
        (int32_t)((uint32_t)(producer.last_sequence - producer.offset_delta) & INT32_MAX);
    dump->printer->producer(dump, &producer);
}

/* One after the other; `from` bytes lie before them. */
static enum error dump_entries(struct dump *dump, size_t from, size_t entry_bytes,
                               void (*each)(struct dump *dump, const uint8_t *at)) {
    enum error error;
    char *data;
    size_t size;

    error = disk_read_file(disk_system(), dump->path, FILE_BYTES_MAX, &data, &size);
    if (error != ERR_NONE)
        return error;
    if (data == NULL)
        return ERR_DISK_FAILED;
    for (size_t at = from; at + entry_bytes <= size; at += entry_bytes)
        each(dump, (const uint8_t *)data + at);
    free(data);
    return size < from || (size - from) % entry_bytes != 0 ? ERR_DISK_CORRUPT : ERR_NONE;
}

static bool ends_in(const char *path, const char *suffix) {
    size_t size = strlen(path);

    return size >= strlen(suffix) && strcmp(path + size - strlen(suffix), suffix) == 0;
}

enum error dump_file(struct dump *dump, const char *path) {
    dump->path = path;
    dump->base_offset = base_offset_of(path);
    dump->printer->file(dump, ends_in(path, ".log"));
    if (ends_in(path, ".log"))
        return dump_log(dump);
    if (ends_in(path, ".index"))
        return dump_entries(dump, 0, OFFSET_INDEX_ENTRY_BYTES, dump_offset_entry);
    if (ends_in(path, ".timeindex"))
        return dump_entries(dump, 0, TIME_INDEX_ENTRY_BYTES, dump_time_entry);
    if (ends_in(path, ".txnindex"))
        return dump_entries(dump, 0, TXN_INDEX_ENTRY_BYTES, dump_aborted);
    if (ends_in(path, ".snapshot"))
        return dump_entries(dump, SNAPSHOT_HEADER_BYTES, SNAPSHOT_ENTRY_BYTES, dump_producer);
    return ERR_INVALID_REQUEST;
}
