/*
 * The producer state of a log: what it says of a batch that is to be appended; its snapshots, which
 * are kept on disk; and how the state is found again by reading headers of batches from the newest
 * snapshot on.
 */
#include <ctype.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "client/base/logger.h"

#define SNAPSHOT_BYTES_MAX     ((size_t)1 << 30)
#define MARKER_BATCH_BYTES_MAX 4096 /* more than any marker takes */
#define NAME_DIGITS            20
#define SNAPSHOT_REMOVED       (-1)

/* ---- appending ---- */

enum error log_begin_verification(struct log *log, int64_t producer_id, int16_t producer_epoch,
                                  int32_t base_sequence, int64_t now_ms,
                                  struct log_verification *begun) {
    enum error error = log_open_to_change(log);

    if (error != ERR_NONE)
        return error;
    begun->coordinator_epoch = producer_state_coordinator_epoch(log->producers, producer_id);
    if (producer_state_open_offset(log->producers, producer_id) >= 0) {
        begun->guard = LOG_NO_GUARD;
        return ERR_NONE;
    }
    return verifications_begin(&log->verifications, producer_id, producer_epoch, base_sequence,
                               now_ms, &begun->guard);
}

/* INVARIANT: with verification, no batch begins a transaction here that its coordinator does not
 * know of: it has said so since the last marker of that producer. */
static bool lacks_verification(const struct log *log, const struct producer_batch *batch,
                               const struct log_append_options *options) {
    return options->must_be_verified && batch->is_transactional && !batch->is_control &&
           producer_state_open_offset(log->producers, batch->producer_id) < 0 &&
           !verifications_match(&log->verifications, batch->producer_id, options->guard);
}

/* In Kafka's order: duplicates first, since they are not appended; what is not verified before
 * anything else. */
static enum error check_batch(const struct log *log, const struct producer_batch *batch,
                              const struct log_append_options *options,
                              struct producer_duplicate *duplicate) {
    bool is_from_client = options->origin == LOG_APPEND_CLIENT;
    enum error error = producer_state_check(
        log->producers, batch, is_from_client ? PRODUCER_CHECK_ALL : PRODUCER_CHECK_EPOCH_ONLY,
        duplicate);

    if (error == ERR_DUPLICATE_BATCH)
        return error;
    if (lacks_verification(log, batch, options))
        return ERR_INVALID_TXN_STATE;
    if (error == ERR_NONE && is_from_client && !batch->is_control &&
        verifications_is_early(&log->verifications, batch->producer_id, batch->base_sequence))
        return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    return error;
}

enum error log_check_producer(struct log *log, struct bytes data,
                              const struct log_append_options *options,
                              struct log_append_result *result) {
    struct producer_duplicate duplicate;
    struct producer_batch producer;
    struct stored_batch batch;
    enum error error;

    CHECK(stored_batch_decode(data, &batch) == ERR_NONE);
    batch.whole = data;
    if (!stored_batch_producer(&batch, &producer))
        return ERR_NONE;
    error = check_batch(log, &producer, options, &duplicate);
    if (error == ERR_DUPLICATE_BATCH) {
        result->base_offset = duplicate.base_offset;
        result->last_offset = duplicate.last_offset;
        result->max_timestamp = duplicate.timestamp;
        result->log_append_time = log->config.log_append_time ? duplicate.timestamp : -1;
    }
    if (error != ERR_NONE)
        return error;
    return log_prepare_producer(log, &producer, 0);
}

/* ---- the state as a whole ---- */

void log_expire_producers(struct log *log, int64_t now_ms, int64_t expiration_ms) {
    if (log_is_open(log)) /* else later */
        producer_state_expire(log->producers, now_ms, expiration_ms);
    verifications_expire(&log->verifications, now_ms, expiration_ms);
}

size_t log_list_producers(const struct log *log, struct producer_view *views, size_t capacity) {
    return log_open((struct log *)log) == ERR_NONE
               ? producer_state_list(log->producers, views, capacity)
               : 0;
}

enum error log_write_snapshot(struct log *log, int64_t offset, bool durable) {
    char path[SEGMENT_PATH_MAX];
    enum error error;
    uint8_t *bytes;
    size_t size;

    if (log->snapshot_offset == offset)
        return ERR_NONE;
    if ((error = producer_state_encode(log->producers, &bytes, &size)) != ERR_NONE)
        return error;
    segment_path(&log->home, offset, SEGMENT_SUFFIX_SNAPSHOT, path);
    error = disk_replace_file(log->dir->disk, path, bytes, size, durable);
    free(bytes);
    if (error == ERR_NONE)
        log->snapshot_offset = offset;
    return error;
}

/* ---- which snapshots there are ---- */

static enum error note_offset(struct producers_rebuild *rebuild, int64_t offset) {
    size_t capacity = rebuild->snapshot_capacity == 0 ? 4 : rebuild->snapshot_capacity * 2;
    int64_t *grown;

    if (rebuild->snapshot_count == rebuild->snapshot_capacity) {
        if ((grown = realloc(rebuild->snapshots, capacity * sizeof(*grown))) == NULL)
            return ERR_OUT_OF_MEMORY;
        rebuild->snapshots = grown;
        rebuild->snapshot_capacity = capacity;
    }
    rebuild->snapshots[rebuild->snapshot_count++] = offset;
    return ERR_NONE;
}

static enum error note_snapshot(void *context, const struct disk_entry *entry) {
    int64_t offset = 0;

    if (entry->is_dir || strlen(entry->name) != NAME_DIGITS + strlen(SEGMENT_SUFFIX_SNAPSHOT) ||
        strcmp(entry->name + NAME_DIGITS, SEGMENT_SUFFIX_SNAPSHOT) != 0)
        return ERR_NONE;
    for (int i = 0; i < NAME_DIGITS; i++) {
        if (!isdigit((unsigned char)entry->name[i]) ||
            __builtin_mul_overflow(offset, 10, &offset) ||
            __builtin_add_overflow(offset, entry->name[i] - '0', &offset))
            return ERR_NONE;
    }
    return note_offset(context, offset);
}

static int descending(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? 1 : left > right ? -1 : 0;
}

static enum error remove_snapshot(struct log *log, int64_t offset) {
    char path[SEGMENT_PATH_MAX];

    segment_path(&log->home, offset, SEGMENT_SUFFIX_SNAPSHOT, path);
    return disk_unlink(log->dir->disk, path);
}

static bool is_segment_base(const struct log *log, int64_t offset) {
    for (size_t i = 0; i < log->segment_count; i++) {
        if (log->segments[i]->base_offset == offset)
            return true;
    }
    return false;
}

static enum error check_open(void *context, int64_t producer_id, int64_t first_offset) {
    const int64_t *snapshot_offset = context;

    (void)producer_id;
    return first_offset < *snapshot_offset ? ERR_NONE : ERR_DISK_CORRUPT;
}

static enum error read_snapshot(struct log *log, int64_t offset) {
    char path[SEGMENT_PATH_MAX];
    enum error error;
    char *data;
    size_t size;

    segment_path(&log->home, offset, SEGMENT_SUFFIX_SNAPSHOT, path);
    error = disk_read_file(log->dir->disk, path, SNAPSHOT_BYTES_MAX, &data, &size);
    if (error != ERR_NONE)
        return error;
    error = data == NULL ? ERR_DISK_CORRUPT
                         : producer_state_decode(log->producers, bytes_of(data, size));
    free(data);
    if (error == ERR_NONE)
        error = producer_state_each_open(log->producers, check_open, &offset);
    if (error != ERR_NONE)
        producer_state_clear(log->producers);
    return error;
}

/* Loads the newest one at or below the bound that is valid; sets snapshot_offset. Removes those
 * that are corrupt. */
static enum error load_newest(struct log *log, struct producers_rebuild *rebuild) {
    enum error error;

    log->snapshot_offset = -1;
    error = disk_list(log->dir->disk, log->dir_name, note_snapshot, rebuild);
    if (error == ERR_NONE && rebuild->snapshot_count > 0)
        qsort(rebuild->snapshots, rebuild->snapshot_count, sizeof(rebuild->snapshots[0]),
              descending);
    for (size_t i = 0; i < rebuild->snapshot_count && error == ERR_NONE; i++) {
        int64_t offset = rebuild->snapshots[i];
        if (offset > rebuild->snapshot_max)
            continue;
        error = read_snapshot(log, offset);
        if (error == ERR_NONE) {
            log->snapshot_offset = offset;
            break;
        }
        if (error != ERR_DISK_CORRUPT)
            break;
        LOG_WARN("snapshot_corrupt", "topic=%.*s partition=%d offset=%" PRId64,
                 BYTES_FORMAT(log->topic), log->partition, offset);
        error = remove_snapshot(log, offset);
        rebuild->snapshots[i] = SNAPSHOT_REMOVED;
    }
    return error;
}

/* Of those that were not loaded, removes all above the bound but that at the log end, and older
 * ones that belong to no segment. */
static enum error remove_others(struct log *log, const struct producers_rebuild *rebuild) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < rebuild->snapshot_count && error == ERR_NONE; i++) {
        int64_t offset = rebuild->snapshots[i];
        bool is_above = offset > rebuild->snapshot_max;
        if (offset == SNAPSHOT_REMOVED || offset == log->snapshot_offset)
            continue;
        if (is_above ? offset != log->end_offset : !is_segment_base(log, offset))
            error = remove_snapshot(log, offset);
    }
    return error;
}

/* ---- replay ---- */

/* A marker's coordinator epoch lies in its record: it must be read whole. */
static enum error read_marker(struct log *log, int fd, struct stored_batch *batch,
                              uint8_t data[MARKER_BATCH_BYTES_MAX]) {
    enum error error;
    size_t got;

    if ((batch->header.attributes & RECORD_BATCH_CONTROL) == 0 ||
        batch->size > MARKER_BATCH_BYTES_MAX)
        return ERR_NONE;
    error = disk_read(log->dir->disk, fd, data, batch->size, batch->position, &got);
    if (error == ERR_NONE && got == batch->size)
        batch->whole = bytes_of(data, got);
    return error;
}

enum error log_replay_batch(struct log *log, struct segment *segment,
                            const struct stored_batch *batch) {
    struct producer_batch producer;
    enum error error;

    if (!stored_batch_producer(batch, &producer))
        return ERR_NONE;
    if ((error = log_prepare_producer(log, &producer, 0)) != ERR_NONE)
        return error;
    return log_apply_producer(log, segment, &producer);
}

static enum error replay_header(struct log *log, struct segment *segment, int fd,
                                struct stored_batch *batch) {
    uint8_t data[MARKER_BATCH_BYTES_MAX];
    enum error error;

    if (batch->magic < 2 || batch->header.producer_id < 0)
        return ERR_NONE;
    if ((error = read_marker(log, fd, batch, data)) != ERR_NONE)
        return error;
    return log_replay_batch(log, segment, batch);
}

static enum error replay_segment(struct log *log, struct segment *segment, int64_t from) {
    struct stored_batch batch;
    struct batch_walk walk;
    struct open_file *file;
    enum error error;
    bool found;

    error = segment_find(&log->home, segment, from, segment->size, &batch, &found);
    if (error != ERR_NONE || !found)
        return error;
    if ((error = segment_open_file(&log->home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    batch_walk_init(&walk, log->dir->disk, file->fd, BATCH_WALK_HEADERS, batch.position,
                    segment->size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        if ((error = replay_header(log, segment, file->fd, &batch)) != ERR_NONE)
            break;
    }
    batch_walk_done(&walk);
    open_file_unref(file);
    return error;
}

/* A snapshot at the log end that was not believed stays if it says what the batches say: after a
 * crash of a broker with thousands of idle logs that is most of the work. */
static enum error prove_snapshot(struct log *log) {
    char path[SEGMENT_PATH_MAX];
    uint8_t *expected = NULL;
    size_t expected_size;
    char *data = NULL;
    enum error error;
    size_t size;

    segment_path(&log->home, log->end_offset, SEGMENT_SUFFIX_SNAPSHOT, path);
    if ((error = producer_state_encode(log->producers, &expected, &expected_size)) != ERR_NONE)
        return error;
    error = disk_read_file(log->dir->disk, path, SNAPSHOT_BYTES_MAX, &data, &size);
    if (error == ERR_NONE && data != NULL && size == expected_size &&
        memcmp(data, expected, size) == 0)
        log->snapshot_offset = log->end_offset;
    else if (error == ERR_NONE || error == ERR_DISK_CORRUPT)
        error = remove_snapshot(log, log->end_offset);
    free(data);
    free(expected);
    return error;
}

static bool has_unproven(const struct log *log, const struct producers_rebuild *rebuild) {
    for (size_t i = 0; i < rebuild->snapshot_count; i++) {
        if (rebuild->snapshots[i] == log->end_offset && log->end_offset > rebuild->snapshot_max)
            return true;
    }
    return false;
}

enum error log_replay_segments(struct log *log) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < log->segment_count && error == ERR_NONE; i++) {
        struct segment *segment = log->segments[i];
        if (segment->size > 0 && segment->next_offset > log->snapshot_offset)
            error = replay_segment(log, segment, log->snapshot_offset);
        if (error == ERR_CORRUPT_MESSAGE) {
            LOG_ERROR("segment_damaged",
                      "topic=%.*s partition=%d base_offset=%" PRId64
                      " action=producer_state_is_incomplete",
                      BYTES_FORMAT(log->topic), log->partition, segment->base_offset);
            error = ERR_NONE;
        }
    }
    return error;
}

/* ---- rebuilding ---- */

enum error log_begin_producers(struct log *log, int64_t snapshot_max,
                               struct producers_rebuild *rebuild) {
    enum error error;

    *rebuild = (struct producers_rebuild){.snapshot_max = snapshot_max};
    /* What was verified may have been cut away: it is asked again. */
    verifications_clear(&log->verifications);
    log_begin_rebuilding_transactions(log);
    producer_state_clear(log->producers);
    error = load_newest(log, rebuild);
    return error == ERR_NONE ? log_take_open_transactions(log) : error;
}

enum error log_end_producers(struct log *log, const struct producers_rebuild *rebuild) {
    enum error error = remove_others(log, rebuild);

    if (error == ERR_NONE && has_unproven(log, rebuild))
        error = prove_snapshot(log);
    log_end_rebuilding_transactions(log);
    return error;
}

void producers_rebuild_done(struct producers_rebuild *rebuild) {
    free(rebuild->snapshots);
}

enum error log_rebuild_producers(struct log *log, int64_t snapshot_max, bool trust_absence) {
    struct producers_rebuild rebuild;
    enum error error = log_begin_producers(log, snapshot_max, &rebuild);

    /* First, so that none stays of what was cut away, if the replay fails. */
    if (error == ERR_NONE)
        error = remove_others(log, &rebuild);
    /* Where there was one, there were producers: if it is damaged, the batches tell of them. */
    if (error == ERR_NONE && (rebuild.snapshot_count > 0 || !trust_absence))
        error = log_replay_segments(log);
    if (error == ERR_NONE && has_unproven(log, &rebuild))
        error = prove_snapshot(log);
    log_end_rebuilding_transactions(log);
    producers_rebuild_done(&rebuild);
    return error;
}
