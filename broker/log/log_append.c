/*
 * Appending: as leader one checked batch, as follower whatever the leader sent.
 */
#include <stdlib.h>

#include "broker/log/append_check.h"
#include "broker/log/log_internal.h"
#include "client/wire/big_endian.h"

#define WRITEBACK_BYTES ((int64_t)8 << 20) /* dirty bytes of a segment that start writeback */

/* The first entry of all need not be durable: no older one can be lost with it, and until the
 * first flush, which syncs the file too, recovery finds the epoch in the batches. So a new
 * partition costs no fsync here. Later ones go to disk before the batch: a crash between them
 * leaves an epoch that starts at the log end, which is harmless; the reverse would hide a
 * divergence. */
static enum error assign_epoch(struct log *log, int32_t leader_epoch, int64_t start_offset) {
    bool synced = true;
    enum error error = ERR_NONE;

    if (leader_epochs_latest(log->epochs).leader_epoch != leader_epoch)
        error = leader_epochs_assign(log->epochs, leader_epoch, start_offset);
    if (error == ERR_NONE)
        error = leader_epochs_catch_up(log->epochs, &synced);
    if (!synced) {
        mutex_lock(&log->state_lock);
        log->dir_changes++;
        mutex_unlock(&log->state_lock);
    }
    return log_fail(log, error, "write leader-epoch-checkpoint");
}

static void note_end(struct log *log, const struct segment *segment) {
    struct batch_ends *ends = log->ends;
    uint32_t slot = ends->count % BATCH_ENDS;

    ends->ends[slot].next_offset = (uint32_t)(segment->next_offset - segment->base_offset);
    ends->ends[slot].position = (uint32_t)segment->size;
    ends->count = ends->count == 2 * BATCH_ENDS - 1 ? BATCH_ENDS : ends->count + 1;
}

/* What one append writes: whole batches, checked, in ascending order. */
struct append_set {
    const uint8_t *data;
    size_t size;
    uint32_t batch_count;
    int64_t base_offset;
    int64_t last_offset;
    int64_t max_timestamp;
};

/* Counts the written batches in, and shows them to readers. */
static void publish(struct log *log, struct segment *segment, const struct append_set *set) {
    struct bytes rest = bytes_of(set->data, set->size);
    struct stored_batch batch;

    mutex_lock(&log->state_lock);
    while (rest.size > 0) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        batch.position = segment->size;
        segment_publish(&log->home, segment, &batch);
        note_end(log, segment);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    offset_store(&log->size, log->size + (int64_t)set->size);
    offset_store(&log->end_offset, segment->next_offset);
    mutex_unlock(&log->state_lock);
}

static enum error note_producers(struct log *log, struct segment *segment,
                                 const struct append_set *set) {
    struct bytes rest = bytes_of(set->data, set->size);
    struct producer_batch producer;
    struct stored_batch batch;
    enum error error = ERR_NONE;

    while (rest.size > 0 && error == ERR_NONE) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        batch.whole = bytes_of(rest.data, batch.size);
        if (stored_batch_producer(&batch, &producer))
            error = log_apply_producer(log, segment, &producer);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    return error;
}

/* flush.ms: from the oldest byte that is not on disk. */
static void note_unflushed(struct log *log, int64_t now_ms) {
    struct log_dir *dir = log->dir;

    mutex_lock(&dir->lock);
    if (log->flush_aged_due_ms < 0) {
        log->flush_aged_due_ms = now_ms + log->config.flush_ms;
        TAILQ_INSERT_TAIL(&dir->flush_aged, log, in_flush_aged);
    }
    mutex_unlock(&dir->lock);
}

static void start_writeback(struct log *log, struct segment *segment) {
    bool post;

    mutex_lock(&log->state_lock);
    post = !log->writeback_is_running;
    log->writeback_is_running = true;
    mutex_unlock(&log->state_lock);
    if (!post)
        return;
    segment->writeback_position = segment->size;
    log_ref(log);
    worker_pool_post(log->dir->pool, &log->writeback_task);
}

static void after_append(struct log *log, struct segment *segment, int64_t now_ms) {
    if (log->end_offset - log_flushed_offset(log) >= log->config.flush_messages)
        log_request_flush(log, log->end_offset);
    if (log->config.flush_ms != INT64_MAX)
        note_unflushed(log, now_ms);
    if (segment->size - segment->writeback_position >= WRITEBACK_BYTES)
        start_writeback(log, segment);
}

static enum error append_set(struct log *log, const struct append_set *set, int64_t now_ms) {
    struct segment *segment = log_active_segment(log);
    bool is_first; /* batch in its segment */
    enum error error;

    if (log->ends == NULL) {
        struct batch_ends *ends = calloc(1, sizeof(*ends));
        if (ends == NULL)
            return ERR_OUT_OF_MEMORY;
        mutex_lock(&log->state_lock);
        log->ends = ends;
        mutex_unlock(&log->state_lock);
    }
    if (segment_must_roll(segment, &log->config, set->size, set->last_offset, set->max_timestamp,
                          now_ms)) {
        if ((error = log_roll_to(log, set->base_offset, now_ms)) != ERR_NONE)
            return log_fail(log, error, "roll a segment");
        segment = log_active_segment(log);
    }
    is_first = !segment->has_file;
    if ((error = segment_write(&log->home, segment, set->data, set->size, set->batch_count)) !=
        ERR_NONE)
        return log_fail(log, error, "append");
    /* INVARIANT: counted when the file is there, before its batches show: a flush that finds them
     * makes the file's name durable too. */
    if (is_first) {
        mutex_lock(&log->state_lock);
        log->dir_changes++;
        mutex_unlock(&log->state_lock);
    }
    if ((error = note_producers(log, segment, set)) != ERR_NONE)
        return log_fail(log, error, "append to a transaction index");
    publish(log, segment, set);
    if ((error = segment_spill_indexes(&log->home, segment)) != ERR_NONE)
        return log_fail(log, error, "append to an index");
    after_append(log, segment, now_ms);
    return ERR_NONE;
}

static void fill_offsets(const struct log *log, struct log_append_result *result) {
    result->log_start_offset = log_start_offset(log);
    result->log_end_offset = log_end_offset(log);
}

/* INVARIANT: what flush.messages promises to be on disk is acknowledged only when it is, also when
 * it is a repetition of something that is still on its way there. */
static int64_t flush_offset_for(struct log *log, int64_t last_offset) {
    int64_t offset = -1;

    if (log->config.flush_messages == INT64_MAX || last_offset < 0)
        return -1;
    mutex_lock(&log->state_lock);
    if (log->flushed_offset <= last_offset && log->flush_wanted_offset > last_offset)
        offset = last_offset + 1;
    mutex_unlock(&log->state_lock);
    return offset;
}

static enum error append_checked(struct log *log, struct append_checked *checked,
                                 int32_t leader_epoch, int64_t now_ms,
                                 const struct log_append_options *options,
                                 struct log_append_result *result) {
    int64_t base_offset = log->end_offset;
    struct append_set set = {
        .data = checked->data,
        .size = checked->size,
        .batch_count = 1,
        .base_offset = base_offset,
        .last_offset = base_offset + checked->batch.last_offset_delta,
        .max_timestamp = checked->batch.max_timestamp,
    };
    enum error error;

    if (base_offset > INT64_MAX - 1 - checked->batch.last_offset_delta)
        return ERR_INVALID_RECORD;
    record_batch_stamp_base_offset(checked->data, base_offset);
    record_batch_stamp_leader_epoch(checked->data, leader_epoch);
    if ((error = log_check_producer(log, bytes_of(checked->data, checked->size), options,
                                    result)) != ERR_NONE ||
        (error = assign_epoch(log, leader_epoch, base_offset)) != ERR_NONE ||
        (error = append_set(log, &set, now_ms)) != ERR_NONE)
        return error;
    result->base_offset = set.base_offset;
    result->last_offset = set.last_offset;
    return ERR_NONE;
}

enum error log_append_as_leader(struct log *log, uint8_t *records, size_t size,
                                int32_t leader_epoch, int64_t now_ms,
                                const struct log_append_options *options, struct arena *arena,
                                struct log_append_result *result) {
    struct append_checked checked;
    enum error error;

    CHECK(leader_epoch >= 0);
    *result = (struct log_append_result){
        .base_offset = -1,
        .last_offset = -1,
        .log_append_time = -1,
        .max_timestamp = RECORD_NO_TIMESTAMP,
        .flush_offset = -1,
    };
    fill_offsets(log, result);
    if ((error = log_open_to_change(log)) != ERR_NONE)
        return error;
    error =
        append_check(records, size, &log->config, options->origin, now_ms, arena, &checked, result);
    if (error != ERR_NONE)
        return error;
    error = append_checked(log, &checked, leader_epoch, now_ms, options, result);
    free(checked.rebuilt);
    fill_offsets(log, result);
    result->flush_offset = flush_offset_for(log, result->last_offset);
    return error;
}

/* ---- appending as a follower ---- */

/* Takes whole batches off the front of `rest` into a set: as many as fit one segment. */
static enum error take_set(struct log *log, struct bytes *rest, int32_t leader_epoch,
                           struct append_set *set) {
    int64_t next_offset = log->end_offset;
    struct stored_batch batch;
    struct producer_batch producer;
    enum error error;

    *set = (struct append_set){.data = rest->data, .max_timestamp = RECORD_NO_TIMESTAMP};
    while (rest->size >= RECORD_BATCH_PREFIX_BYTES) {
        int32_t length = (int32_t)big_endian_load_u32(rest->data + 8);
        if (length >= 0 && (size_t)length + RECORD_BATCH_LENGTH_OVERHEAD > rest->size)
            break; /* torn, as the end of a fetch may be */
        if (stored_batch_decode(*rest, &batch) != ERR_NONE ||
            !stored_batch_crc_is_valid(&batch, *rest))
            return ERR_CORRUPT_MESSAGE;
        if (batch.leader_epoch > leader_epoch)
            return ERR_UNKNOWN_LEADER_EPOCH;
        if (batch.base_offset < next_offset)
            return ERR_OFFSET_OUT_OF_RANGE;
        if (set->batch_count > 0 && (set->size + batch.size > (size_t)log->config.segment_bytes ||
                                     batch.last_offset - set->base_offset > INT32_MAX / 2))
            return ERR_NONE;
        if (stored_batch_producer(&batch, &producer) &&
            (error = log_prepare_producer(log, &producer, set->batch_count)) != ERR_NONE)
            return error;
        if (set->batch_count++ == 0)
            set->base_offset = batch.base_offset;
        set->last_offset = batch.last_offset;
        if (batch.max_timestamp > set->max_timestamp)
            set->max_timestamp = batch.max_timestamp;
        set->size += batch.size;
        next_offset = batch.last_offset + 1;
        *rest = bytes_of(rest->data + batch.size, rest->size - batch.size);
    }
    rest->size = 0;
    return ERR_NONE;
}

static enum error assign_epochs(struct log *log, const struct append_set *set) {
    struct bytes rest = bytes_of(set->data, set->size);
    struct stored_batch batch;
    enum error error = ERR_NONE;

    while (rest.size > 0 && error == ERR_NONE) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        if (batch.leader_epoch >= 0)
            error = assign_epoch(log, batch.leader_epoch, batch.base_offset);
        else
            leader_epochs_clear(log->epochs);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    return error;
}

/* An empty log whose end lies inside the first batch begins anew where that batch begins: the
 * leader's first batch may start below its log start offset. */
static enum error restart_within(struct log *log, struct bytes records) {
    struct stored_batch batch;

    if (log->end_offset != log->start_offset || stored_batch_decode(records, &batch) != ERR_NONE ||
        batch.base_offset >= log->end_offset || batch.last_offset < log->end_offset)
        return ERR_NONE;
    return log_truncate_fully_and_start_at(log, batch.base_offset);
}

enum error log_append_as_follower(struct log *log, const uint8_t *records, size_t size,
                                  int32_t leader_epoch, int64_t now_ms,
                                  struct log_append_result *result) {
    struct bytes rest = bytes_of(records, size);
    struct append_set set;
    enum error error;

    *result = (struct log_append_result){
        .base_offset = -1,
        .last_offset = -1,
        .log_append_time = -1,
        .max_timestamp = RECORD_NO_TIMESTAMP,
        .flush_offset = -1,
    };
    if ((error = log_open_to_change(log)) == ERR_NONE)
        error = restart_within(log, rest);
    while (error == ERR_NONE && rest.size > 0) {
        if ((error = take_set(log, &rest, leader_epoch, &set)) != ERR_NONE ||
            set.batch_count == 0 || (error = assign_epochs(log, &set)) != ERR_NONE ||
            (error = append_set(log, &set, now_ms)) != ERR_NONE)
            break;
        if (result->base_offset < 0)
            result->base_offset = set.base_offset;
        result->last_offset = set.last_offset;
    }
    fill_offsets(log, result);
    result->flush_offset = flush_offset_for(log, result->last_offset);
    return error;
}
