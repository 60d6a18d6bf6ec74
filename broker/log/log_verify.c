#include "broker/log/log_verify.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/batch_walk.h"
#include "broker/log/checkpoint_file.h"
#include "broker/log/disk.h"
#include "broker/log/leader_epochs.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_internal.h"
#include "broker/log/partition_metadata.h"
#include "client/wire/big_endian.h"
#include "client/wire/message_set.h"

#define NAME_DIGITS     20
#define PLAIN_BYTES_MAX ((size_t)128 << 20)
#define INDEX_BYTES_MAX ((size_t)1 << 30)
#define ARENA_BYTES_MAX ((size_t)1 << 30)

/* Of a segment that was walked: what its indexes are compared with. */
struct walked_batch {
    int64_t position;
    int64_t last_offset;
    int64_t max_timestamp; /* the largest up to here */
};

struct verified_segment {
    int64_t base_offset;
    int64_t next_offset;
    struct walked_batch *batches;
    size_t count;
    size_t capacity;
};

static void found(struct log_verify *verify, const char *path, int64_t position, const char *format,
                  ...) PRINTF_LIKE(4, 5);

static void found(struct log_verify *verify, const char *path, int64_t position, const char *format,
                  ...) {
    char problem[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem, sizeof(problem), format, arguments);
    va_end(arguments);
    verify->findings++;
    verify->on_finding(verify->context, &(struct log_finding){path, position, problem});
}

/* ---- a segment's batches ---- */

static enum error note_batch(struct verified_segment *segment, const struct stored_batch *batch) {
    int64_t max_timestamp = batch->max_timestamp;

    if (segment->count == segment->capacity) {
        size_t capacity = segment->capacity == 0 ? 256 : segment->capacity * 2;
        struct walked_batch *grown = realloc(segment->batches, capacity * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        segment->batches = grown;
        segment->capacity = capacity;
    }
    if (segment->count > 0 && segment->batches[segment->count - 1].max_timestamp > max_timestamp)
        max_timestamp = segment->batches[segment->count - 1].max_timestamp;
    segment->batches[segment->count++] =
        (struct walked_batch){batch->position, batch->last_offset, max_timestamp};
    return ERR_NONE;
}

static enum error check_records(struct log_verify *verify, const char *path,
                                const struct stored_batch *batch) {
    int64_t last_delta = -1;
    struct record_iterator iterator;
    struct record_batch decoded;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(batch->whole, &decoded)) == ERR_NONE)
        error = record_iterator_init(&iterator, &decoded, PLAIN_BYTES_MAX);
    if (error == ERR_OUT_OF_MEMORY)
        return error;
    if (error != ERR_NONE) {
        found(verify, path, batch->position,
              "the batch at offset %" PRId64 " cannot be decompressed", batch->base_offset);
        return ERR_NONE;
    }
    while (record_iterator_next(&iterator, &record, &error)) {
        verify->records++;
        if (record.offset_delta <= last_delta || record.offset_delta > decoded.last_offset_delta)
            break;
        last_delta = record.offset_delta;
    }
    if (error != ERR_NONE || iterator.left > 0 || iterator.rest.size > 0)
        found(verify, path, batch->position,
              "the batch at offset %" PRId64 " holds records that it should not hold",
              batch->base_offset);
    record_iterator_done(&iterator);
    return ERR_NONE;
}

static enum error check_messages(struct log_verify *verify, const char *path,
                                 const struct stored_batch *batch) {
    struct message_set_iterator iterator;
    struct message_set_entry entry;
    struct record record;
    enum error error = message_set_entry_decode(batch->whole, &entry);

    if (error == ERR_NONE)
        error = message_set_iterator_init(&iterator, &entry, PLAIN_BYTES_MAX);
    if (error == ERR_OUT_OF_MEMORY)
        return error;
    if (error != ERR_NONE) {
        found(verify, path, batch->position,
              "the message at offset %" PRId64 " holds what it should not hold",
              batch->base_offset);
        return ERR_NONE;
    }
    while (message_set_iterator_next(&iterator, &record))
        verify->records++;
    message_set_iterator_done(&iterator);
    return ERR_NONE;
}

static enum error check_batch(struct log_verify *verify, const char *path,
                              struct verified_segment *segment, const struct stored_batch *batch) {
    verify->batches++;
    if (batch->last_offset < segment->next_offset ||
        (batch->magic == 2 && batch->base_offset < segment->next_offset))
        found(verify, path, batch->position,
              "the batch at offset %" PRId64 " comes after offset %" PRId64, batch->base_offset,
              segment->next_offset - 1);
    else
        segment->next_offset = batch->last_offset + 1;
    if (note_batch(segment, batch) != ERR_NONE)
        return ERR_OUT_OF_MEMORY;
    return batch->magic == 2 ? check_records(verify, path, batch)
                             : check_messages(verify, path, batch);
}

static enum error walk_segment(struct log_verify *verify, const char *path,
                               struct verified_segment *segment) {
    struct stored_batch batch;
    struct disk_stat stat;
    struct batch_walk walk;
    enum error error;
    bool more;
    int fd;

    if ((error = disk_stat(verify->disk, path, &stat)) != ERR_NONE ||
        (error = disk_open(verify->disk, path, DISK_OPEN_READ, &fd)) != ERR_NONE)
        return error;
    if (fd < 0)
        return ERR_DISK_FAILED;
    verify->segments++;
    verify->bytes += stat.size;
    batch_walk_init(&walk, verify->disk, fd, BATCH_WALK_WHOLE, 0, stat.size);
    while ((error = batch_walk_next(&walk, &batch, &more)) == ERR_NONE && more) {
        if ((error = check_batch(verify, path, segment, &batch)) != ERR_NONE)
            break;
    }
    if (error == ERR_NONE && walk.position < stat.size)
        found(verify, path, walk.position,
              "here is no whole batch with a right checksum; %" PRId64 " bytes are left",
              stat.size - walk.position);
    batch_walk_done(&walk);
    close(fd);
    return error;
}

/* ---- its companions ---- */

/* The batch at `position`, or NULL. */
static const struct walked_batch *batch_at(const struct verified_segment *segment,
                                           int64_t position) {
    size_t low = 0;
    size_t high = segment->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segment->batches[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < segment->count && segment->batches[low].position == position
               ? &segment->batches[low]
               : NULL;
}

/* The first batch that ends at or behind `offset`: with it in it, if nothing was compacted away.
 * `count` if there is none. */
static size_t first_ending_at(const struct verified_segment *segment, int64_t offset) {
    size_t low = 0;
    size_t high = segment->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segment->batches[middle].last_offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether an entry of the time index tells the largest timestamp up to its offset, which names the
 * batch that has it or a record in it. */
static bool is_largest_timestamp(const struct verified_segment *segment, int64_t timestamp,
                                 int64_t offset) {
    size_t at = first_ending_at(segment, offset);

    if (at == segment->count || segment->batches[at].max_timestamp < timestamp)
        return false;
    if (segment->batches[at].last_offset == offset)
        return segment->batches[at].max_timestamp == timestamp;
    return at == 0 || segment->batches[at - 1].max_timestamp <= timestamp;
}

static void check_offset_index(struct log_verify *verify, const char *path,
                               const struct verified_segment *segment, const uint8_t *data,
                               size_t size) {
    int32_t before = -1;

    for (size_t at = 0; at + OFFSET_INDEX_ENTRY_BYTES <= size; at += OFFSET_INDEX_ENTRY_BYTES) {
        int32_t relative = (int32_t)big_endian_load_u32(data + at);
        int32_t position = (int32_t)big_endian_load_u32(data + at + 4);
        int64_t offset = segment->base_offset + relative;
        const struct walked_batch *batch = batch_at(segment, position);
        /* A follower of Kafka indexes several batches by the offset of the last. */
        if (relative <= before || batch == NULL || batch->last_offset > offset ||
            offset >= segment->next_offset) {
            found(verify, path, (int64_t)at,
                  "the entry of offset %" PRId64 " at position %d names no batch that is there",
                  offset, position);
            return;
        }
        before = relative;
    }
}

static void check_time_index(struct log_verify *verify, const char *path,
                             const struct verified_segment *segment, const uint8_t *data,
                             size_t size) {
    int64_t before = -1;
    int32_t before_relative = 0;

    for (size_t at = 0; at + TIME_INDEX_ENTRY_BYTES <= size; at += TIME_INDEX_ENTRY_BYTES) {
        int64_t timestamp = (int64_t)big_endian_load_u64(data + at);
        int32_t relative = (int32_t)big_endian_load_u32(data + at + 8);
        int64_t offset = segment->base_offset + relative;
        if (timestamp <= before || relative < before_relative ||
            !is_largest_timestamp(segment, timestamp, offset)) {
            found(verify, path, (int64_t)at,
                  "the entry of timestamp %" PRId64 " and offset %" PRId64
                  " contradicts the batches",
                  timestamp, offset);
            return;
        }
        before = timestamp;
        before_relative = relative;
    }
}

static void check_txn_index(struct log_verify *verify, const char *path,
                            const struct verified_segment *segment, const uint8_t *data,
                            size_t size) {
    int64_t before = segment->base_offset - 1;
    struct aborted_transaction aborted;

    for (size_t at = 0; at + TXN_INDEX_ENTRY_BYTES <= size; at += TXN_INDEX_ENTRY_BYTES) {
        if (aborted_transaction_decode(data + at, &aborted) != ERR_NONE ||
            aborted.last_offset <= before || aborted.last_offset >= segment->next_offset) {
            found(verify, path, (int64_t)at, "the entry names no marker that can be there");
            return;
        }
        before = aborted.last_offset;
    }
}

static enum error
check_index(struct log_verify *verify, const char *dir, const struct verified_segment *segment,
            const char *suffix, size_t entry_bytes, bool is_required,
            void (*check)(struct log_verify *, const char *, const struct verified_segment *,
                          const uint8_t *, size_t)) {
    char path[PATH_MAX];
    enum error error;
    char *data;
    size_t size;

    snprintf(path, sizeof(path), "%s/%020" PRId64 "%s", dir, segment->base_offset, suffix);
    error = disk_read_file(verify->disk, path, INDEX_BYTES_MAX, &data, &size);
    if (error == ERR_DISK_CORRUPT) {
        found(verify, path, -1, "no index is as large as this file");
        return ERR_NONE;
    }
    if (error != ERR_NONE)
        return error;
    if (data == NULL && is_required && segment->count > 0)
        found(verify, path, -1, "the file is missing");
    if (size % entry_bytes != 0)
        found(verify, path, (int64_t)(size - size % entry_bytes), "the last entry is not whole");
    if (data != NULL)
        check(verify, path, segment, (const uint8_t *)data, size);
    free(data);
    return ERR_NONE;
}

static enum error check_segment(struct log_verify *verify, const char *dir, int64_t base_offset,
                                int64_t *next_offset) {
    struct verified_segment segment = {.base_offset = base_offset, .next_offset = base_offset};
    char path[PATH_MAX];
    enum error error;

    snprintf(path, sizeof(path), "%s/%020" PRId64 SEGMENT_SUFFIX_LOG, dir, base_offset);
    if (base_offset < *next_offset)
        found(verify, path, -1, "the segment before ends at offset %" PRId64, *next_offset - 1);
    if ((error = walk_segment(verify, path, &segment)) == ERR_NONE &&
        (error = check_index(verify, dir, &segment, SEGMENT_SUFFIX_INDEX, OFFSET_INDEX_ENTRY_BYTES,
                             true, check_offset_index)) == ERR_NONE &&
        (error = check_index(verify, dir, &segment, SEGMENT_SUFFIX_TIME_INDEX,
                             TIME_INDEX_ENTRY_BYTES, false, check_time_index)) == ERR_NONE)
        error = check_index(verify, dir, &segment, SEGMENT_SUFFIX_TXN_INDEX, TXN_INDEX_ENTRY_BYTES,
                            false, check_txn_index);
    if (segment.next_offset > *next_offset)
        *next_offset = segment.next_offset;
    free(segment.batches);
    return error;
}

/* ---- a partition ---- */

struct listing {
    struct log_verify *verify;
    const char *dir;
    int64_t *bases; /* of segments */
    size_t count;
    size_t capacity;
    bool has_segments;
    bool has_partitions;
};

static bool take_base(const char *name, int64_t *base_offset) {
    *base_offset = 0;
    for (int i = 0; i < NAME_DIGITS; i++) {
        if (!isdigit((unsigned char)name[i]) ||
            __builtin_mul_overflow(*base_offset, 10, base_offset) ||
            __builtin_add_overflow(*base_offset, name[i] - '0', base_offset))
            return false;
    }
    return true;
}

static enum error check_snapshot(struct log_verify *verify, const char *path) {
    struct producer_state *state = NULL;
    char *data = NULL;
    size_t size;
    enum error error;

    if ((error = producer_state_new(&state)) == ERR_NONE)
        error = disk_read_file(verify->disk, path, INDEX_BYTES_MAX, &data, &size);
    if (error == ERR_NONE && data != NULL)
        error = producer_state_decode(state, bytes_of(data, size));
    if (error == ERR_DISK_CORRUPT) {
        found(verify, path, -1, "it is no snapshot of producers, or its checksum is wrong");
        error = ERR_NONE;
    }
    producer_state_free(state);
    free(data);
    return error;
}

static enum error on_partition_file(void *context, const struct disk_entry *entry) {
    struct listing *listing = context;
    char path[PATH_MAX];
    int64_t base_offset;

    if (entry->is_dir || strlen(entry->name) <= NAME_DIGITS ||
        !take_base(entry->name, &base_offset))
        return ERR_NONE;
    snprintf(path, sizeof(path), "%s/%s", listing->dir, entry->name);
    if (strcmp(entry->name + NAME_DIGITS, SEGMENT_SUFFIX_SNAPSHOT) == 0)
        return check_snapshot(listing->verify, path);
    if (strcmp(entry->name + NAME_DIGITS, SEGMENT_SUFFIX_LOG) != 0)
        return ERR_NONE;
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
        int64_t *grown = realloc(listing->bases, capacity * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        listing->bases = grown;
        listing->capacity = capacity;
    }
    listing->bases[listing->count++] = base_offset;
    return ERR_NONE;
}

static int ascending(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static enum error check_small_files(struct log_verify *verify, const char *dir,
                                    int64_t log_end_offset) {
    struct leader_epochs *epochs = NULL;
    struct uuid topic_id;
    char path[PATH_MAX];
    enum error error;

    snprintf(path, sizeof(path), "%s/leader-epoch-checkpoint", dir);
    error = leader_epochs_open(verify->disk, dir, &epochs);
    if (error == ERR_DISK_CORRUPT)
        found(verify, path, -1, "it is no list of leader epochs");
    else if (error != ERR_NONE)
        return error;
    else if (leader_epochs_latest(epochs).start_offset > log_end_offset)
        found(verify, path, -1, "the last epoch begins behind the log end, %" PRId64,
              log_end_offset);
    leader_epochs_free(epochs);
    error = partition_metadata_read(verify->disk, dir, &topic_id);
    if (error != ERR_DISK_CORRUPT)
        return error;
    snprintf(path, sizeof(path), "%s/partition.metadata", dir);
    found(verify, path, -1, "it tells no topic id");
    return ERR_NONE;
}

enum error log_verify_partition(struct log_verify *verify, const char *path) {
    struct listing listing = {.verify = verify, .dir = path};
    int64_t next_offset = 0;
    enum error error;

    verify->partitions++;
    error = disk_list(verify->disk, path, on_partition_file, &listing);
    if (listing.count > 0)
        qsort(listing.bases, listing.count, sizeof(listing.bases[0]), ascending);
    for (size_t i = 0; i < listing.count && error == ERR_NONE; i++) {
        error = check_segment(verify, path, listing.bases[i], &next_offset);
        if (verify->on_segment != NULL)
            verify->on_segment(verify->context);
    }
    free(listing.bases);
    return error == ERR_NONE ? check_small_files(verify, path, next_offset) : error;
}

/* ---- a data directory ---- */

/* Future ones, too: they are opened like the others. */
static bool holds_a_log(const struct disk_entry *entry) {
    struct bytes topic;
    int32_t partition;
    enum log_folder_kind kind = log_folder_parse(entry->name, &topic, &partition);

    return entry->is_dir && (kind == LOG_FOLDER_CURRENT || kind == LOG_FOLDER_FUTURE);
}

static enum error on_directory_entry(void *context, const struct disk_entry *entry) {
    struct listing *listing = context;
    char path[PATH_MAX];

    if (!holds_a_log(entry))
        return ERR_NONE;
    snprintf(path, sizeof(path), "%s/%s", listing->dir, entry->name);
    return log_verify_partition(listing->verify, path);
}

static enum error check_checkpoint(struct log_verify *verify, const char *dir, const char *name) {
    struct offset_checkpoint *entries;
    struct arena arena;
    char path[PATH_MAX];
    size_t count;
    enum error error;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    arena_init(&arena, ARENA_BYTES_MAX);
    error = offset_checkpoint_read(verify->disk, path, &arena, &entries, &count);
    arena_done(&arena);
    if (error != ERR_DISK_CORRUPT)
        return error;
    found(verify, path, -1, "it is no list of topic, partition and offset");
    return ERR_NONE;
}

enum error log_verify_directory(struct log_verify *verify, const char *path) {
    static const char *const checkpoints[] = {LOG_DIR_RECOVERY_POINTS, LOG_DIR_START_OFFSETS,
                                              LOG_DIR_HIGH_WATERMARKS, LOG_DIR_COMPACTED};
    struct listing listing = {.verify = verify, .dir = path};
    struct meta_properties meta = {0};
    char meta_path[PATH_MAX];
    enum error error = meta_properties_read(verify->disk, path, &meta);

    meta_properties_done(&meta);
    if (error == ERR_DISK_CORRUPT) {
        snprintf(meta_path, sizeof(meta_path), "%s/meta.properties", path);
        found(verify, meta_path, -1, "it does not say whose data these are");
        error = ERR_NONE;
    }
    for (size_t i = 0; i < ARRAY_COUNT(checkpoints) && error == ERR_NONE; i++)
        error = check_checkpoint(verify, path, checkpoints[i]);
    return error == ERR_NONE ? disk_list(verify->disk, path, on_directory_entry, &listing) : error;
}

/* ---- either ---- */

static enum error look_for_segments(void *context, const struct disk_entry *entry) {
    struct listing *listing = context;
    int64_t base_offset;

    if (holds_a_log(entry))
        listing->has_partitions = true;
    if (!entry->is_dir && strlen(entry->name) > NAME_DIGITS && take_base(entry->name, &base_offset))
        listing->has_segments = true;
    return ERR_NONE;
}

enum error log_verify_path(struct log_verify *verify, const char *path) {
    struct listing listing = {.verify = verify};
    enum error error = disk_list(verify->disk, path, look_for_segments, &listing);

    if (error != ERR_NONE)
        return error;
    if (listing.has_segments && !listing.has_partitions)
        return log_verify_partition(verify, path);
    return log_verify_directory(verify, path);
}
