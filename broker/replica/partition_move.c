#include "broker/replica/partition_move.h"

#include <stdlib.h>

#include "broker/log/log_compaction.h"
#include "broker/log/log_move.h"
#include "broker/replica/partition_internal.h"
#include "broker/replica/truncation_plan.h"
#include "client/base/logger.h"

#define CHUNK_BYTES ((size_t)1 << 20)
/* What appends may have to wait for at the end. */
#define REST_BYTES_MAX ((size_t)1 << 20)
/* A chunk that was read while the log was cut may not be whole; one that stays so is damaged. */
#define DAMAGED_READS_MAX 5

/* ---- Beginning and ending ---- */

/* After a restart: the logs were copies of each other, and each may have lost its end, or have been
 * cut. Leader epochs tell what they share, as between a leader and a follower. */
static enum error align(const struct log *log, struct log *future) {
    bool is_complete = false;
    enum error error = ERR_NONE;

    if (log_hole(future) >= 0)
        error = log_truncate(future, log_hole(future));
    while (!is_complete && error == ERR_NONE && log_size(future) > 0) {
        int32_t latest = log_latest_leader_epoch(future);
        struct epoch_end theirs = log_epoch_end(log, latest);
        struct epoch_end own = log_epoch_end(future, theirs.leader_epoch);
        const struct truncation_input input = {
            .leader_epoch = theirs.leader_epoch,
            .leader_end_offset = theirs.end_offset,
            .own_epoch = own.leader_epoch,
            .own_end_offset = own.end_offset,
            .log_end_offset = log_end_offset(future),
            .high_watermark = log_start_offset(future),
        };
        struct truncation truncation = truncation_plan(&input);

        is_complete = truncation.complete;
        /* Without epochs nothing tells. */
        if (latest < 0 || theirs.leader_epoch < 0 || own.leader_epoch < 0)
            return log_truncate_fully_and_start_at(future, log_start_offset(log));
        error = log_truncate(future, truncation.offset);
        if (error == ERR_NONE && !is_complete && log_latest_leader_epoch(future) >= latest)
            return log_truncate_fully_and_start_at(future, log_start_offset(log));
    }
    return error;
}

enum error partition_begin_move(struct partition *partition, struct log *future) {
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    mutex_lock(&partition->move_lock);
    if (partition->is_retired)
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    else if (partition->future != NULL)
        error = ERR_INVALID_REQUEST;
    else
        error = align(partition->log, future);
    if (error == ERR_NONE) {
        struct log_config config = log_config_of_future(log_get_config(partition->log));
        log_set_config(future, &config);
        log_ref(future);
        partition->future = future;
    }
    mutex_unlock(&partition->move_lock);
    mutex_unlock(&partition->append_lock);
    return error;
}

struct log *partition_end_move(struct partition *partition) {
    struct log *future;

    mutex_lock(&partition->move_lock);
    future = partition->future;
    partition->future = NULL;
    mutex_unlock(&partition->move_lock);
    return future;
}

struct log *partition_future_log(struct partition *partition) {
    struct log *future;

    mutex_lock(&partition->move_lock);
    future = partition->future;
    if (future != NULL)
        log_ref(future);
    mutex_unlock(&partition->move_lock);
    return future;
}

void partition_set_future_config(struct partition *partition, const struct log_config *config) {
    struct log_config of_future = log_config_of_future(config);

    mutex_lock(&partition->move_lock);
    if (partition->future != NULL)
        log_set_config(partition->future, &of_future);
    mutex_unlock(&partition->move_lock);
}

void partition_cut_future(struct partition *partition) {
    int64_t end = log_end_offset(partition->log);

    mutex_lock(&partition->move_lock);
    partition->cuts++;
    /* A failure takes the future log's directory offline, which ends the move. */
    if (partition->future != NULL && log_end_offset(partition->future) > end)
        (void)!log_truncate(partition->future, end);
    mutex_unlock(&partition->move_lock);
}

bool partition_is_moving(struct partition *partition) {
    bool is_moving;

    mutex_lock(&partition->move_lock);
    is_moving = partition->future != NULL;
    mutex_unlock(&partition->move_lock);
    return is_moving;
}

/* ---- Copying ---- */

/* What was read of the log, to be appended to its future one. */
struct chunk {
    int64_t position;   /* the future log's end */
    int64_t log_start;  /* the log's start, if the position is below it; else -1 */
    int64_t end_offset; /* what was looked through, if there was nothing; else -1 */
    size_t size;
};

static enum error make_room(struct move_buffer *buffer, size_t size) {
    uint8_t *grown;

    if (size <= buffer->capacity)
        return ERR_NONE;
    if ((grown = realloc(buffer->data, size)) == NULL)
        return ERR_OUT_OF_MEMORY;
    buffer->data = grown;
    buffer->capacity = size;
    return ERR_NONE;
}

static enum error read_chunk(struct log *log, int64_t position, struct move_buffer *buffer,
                             struct chunk *chunk) {
    int64_t start = log_start_offset(log);
    int64_t end = log_end_offset(log);
    struct file_range range = {0};
    enum error error;

    *chunk = (struct chunk){position, -1, -1, 0};
    if (position < start) {
        chunk->log_start = start;
        return ERR_NONE;
    }
    if (position >= end)
        return ERR_NONE;
    if ((error = log_read_whole(log, position, end, CHUNK_BYTES, true, &range)) != ERR_NONE)
        return error;
    if (range.size == 0)
        chunk->end_offset = end;
    else if ((error = make_room(buffer, range.size)) == ERR_NONE) {
        chunk->size = range.size;
        error = log_range_copy(log, &range, buffer->data, &chunk->size);
    }
    log_range_release(&range);
    return error;
}

/* Under `move_lock`. */
static enum error append_chunk(struct partition *partition, const struct move_buffer *buffer,
                               const struct chunk *chunk) {
    int64_t wall_ms = clock_wall_ms(partition->environment->clock);
    struct log *future = partition->future;
    struct log_append_result result;
    enum error error = ERR_NONE;

    if (chunk->log_start >= 0)
        error = log_truncate_fully_and_start_at(future, chunk->log_start);
    else if (chunk->end_offset >= 0)
        error = log_advance_end_offset(future, chunk->end_offset, wall_ms);
    else if (chunk->size > 0)
        error =
            log_append_as_follower(future, buffer->data, chunk->size, INT32_MAX, wall_ms, &result);
    if (error == ERR_NONE) {
        log_advance_start_offset(future, log_start_offset(partition->log));
        log_note_high_watermark(future, atomic_load(&partition->high_watermark));
    }
    return error;
}

/* Read without a lock, so that neither appends nor fetches wait for the disk. */
static enum move_step copy_chunk(struct partition *partition, struct log *future, uint32_t cuts,
                                 struct move_buffer *buffer, struct move_result *result) {
    struct chunk chunk;
    bool is_current;

    result->error = read_chunk(partition->log, log_end_offset(future), buffer, &chunk);
    if (result->error == ERR_NONE) {
        mutex_lock(&partition->move_lock);
        is_current = partition->future == future && partition->cuts == cuts;
        if (is_current)
            result->error = append_chunk(partition, buffer, &chunk);
        mutex_unlock(&partition->move_lock);
        if (!is_current)
            return MOVE_GOES_ON;
    }
    switch ((int)result->error) {
    case ERR_NONE:
        partition->damaged_reads = 0;
        result->bytes_copied = chunk.size;
        return MOVE_GOES_ON;
    case ERR_OFFSET_OUT_OF_RANGE: /* the log was cut, or its start moved */
    case ERR_CORRUPT_MESSAGE:
        return ++partition->damaged_reads < DAMAGED_READS_MAX ? MOVE_WAITS : MOVE_FAILED;
    case ERR_OUT_OF_MEMORY:
        return MOVE_WAITS;
    default:
        return MOVE_FAILED;
    }
}

/* ---- Taking the place ---- */

/* Under both locks. False: it is too much for now. */
static enum error copy_rest(struct partition *partition, struct move_buffer *buffer,
                            struct move_result *result, bool *is_complete) {
    enum error error = ERR_NONE;

    while (error == ERR_NONE && result->bytes_copied <= REST_BYTES_MAX &&
           log_end_offset(partition->future) < log_end_offset(partition->log)) {
        struct chunk chunk;
        error = read_chunk(partition->log, log_end_offset(partition->future), buffer, &chunk);
        if (error == ERR_NONE && (error = append_chunk(partition, buffer, &chunk)) == ERR_NONE)
            result->bytes_copied += chunk.size;
    }
    *is_complete = log_end_offset(partition->future) == log_end_offset(partition->log);
    return error;
}

/* Under both locks: the future log becomes the partition's. */
static enum error exchange(struct partition *partition, struct log_manager *logs) {
    struct log *former = partition->log;
    struct log *future = partition->future;
    struct former_log *kept = malloc(sizeof(*kept));
    enum error error = ERR_NONE;

    if (kept == NULL)
        return ERR_OUT_OF_MEMORY;
    log_advance_start_offset(future, log_start_offset(former));
    log_note_high_watermark(future, atomic_load(&partition->high_watermark));
    error = log_take_leader_epochs(future, former);
    /* INVARIANT: what was on disk stays on disk, and what was acknowledged because of that. There
     * is little left to be flushed, once in the life of a move. */
    if (error == ERR_NONE)
        error = log_flush(future);
    if (error == ERR_NONE)
        error = log_manager_promote(logs, former, future);
    if (error != ERR_NONE) {
        free(kept);
        return error;
    }
    log_set_config(future, log_get_config(former));
    log_set_listener(former, NULL);
    log_set_listener(future, &partition->flush_listener);
    kept->log = former;
    SLIST_INSERT_HEAD(&partition->former_logs, kept, next);
    /* INVARIANT: readers find the new log before the old one fails, so that they look again. */
    atomic_store(&partition->log, future);
    partition->future = NULL;
    /* A failure took the old directory offline; the replica is not there any more. */
    (void)!log_manager_delete_replaced(logs, former);
    return ERR_NONE;
}

/* Whoever waits for the old log to be flushed is told by the new one. */
static void after_exchange(struct partition *partition) {
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    struct log *log = partition->log;

    log_note_promotion(SLIST_FIRST(&partition->former_logs)->log, log);
    mutex_lock(&partition->lock);
    /* Whoever moved it meanwhile may have told the old log. */
    log_note_high_watermark(log, atomic_load(&partition->high_watermark));
    partition_fire_watches(partition, &woken);
    partition_collect_waiters(partition, log_end_offset(log), false, &woken);
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
}

static enum move_step try_exchange(struct partition *partition, struct log *future,
                                   struct log_manager *logs, struct move_buffer *buffer,
                                   struct move_result *result) {
    enum move_step step = MOVE_ENDED;
    bool is_complete = false;

    /* What takes long is done before anybody has to wait for it. */
    if (!log_is_quiet(future) || log_is_being_compacted(partition->log))
        return MOVE_WAITS;
    if ((result->error = log_prepare_promotion(future)) != ERR_NONE)
        return MOVE_FAILED;
    mutex_lock(&partition->append_lock);
    mutex_lock(&partition->move_lock);
    if (partition->future == future) {
        result->error = copy_rest(partition, buffer, result, &is_complete);
        step = result->error != ERR_NONE ? MOVE_FAILED : MOVE_GOES_ON;
        if (!is_complete && result->error == ERR_NONE && result->bytes_copied == 0)
            step = MOVE_WAITS; /* the log is being cut */
        if (is_complete && (!log_is_quiet(future) || log_is_being_compacted(partition->log)))
            step = MOVE_WAITS;
        else if (is_complete) {
            result->error = exchange(partition, logs);
            result->is_moved = result->error == ERR_NONE;
            step = result->is_moved ? MOVE_ENDED : MOVE_FAILED;
        }
    }
    mutex_unlock(&partition->move_lock);
    mutex_unlock(&partition->append_lock);
    if (result->is_moved)
        after_exchange(partition);
    return step;
}

static bool is_moving_to(struct partition *partition, const struct log *future) {
    bool is_same;

    mutex_lock(&partition->move_lock);
    is_same = partition->future == future;
    mutex_unlock(&partition->move_lock);
    return is_same;
}

enum move_step partition_move_step(struct partition *partition, struct log_manager *logs,
                                   struct move_buffer *buffer, struct move_result *result) {
    enum move_step step = MOVE_ENDED;
    struct log *future;
    uint32_t cuts;

    *result = (struct move_result){0};
    mutex_lock(&partition->move_lock);
    cuts = partition->cuts;
    if ((future = partition->future) != NULL)
        log_ref(future);
    mutex_unlock(&partition->move_lock);
    if (future != NULL)
        step = log_end_offset(future) < log_end_offset(partition->log)
                   ? copy_chunk(partition, future, cuts, buffer, result)
                   : try_exchange(partition, future, logs, buffer, result);
    /* What was given up meanwhile fails, too. */
    if (step == MOVE_FAILED && !is_moving_to(partition, future))
        step = MOVE_ENDED;
    log_unref(future);
    return step;
}
