/*
 * What transactions do to a log: which offsets are not stable yet, and which transactions were
 * aborted. Both follow from the batches, in the order of the log: on the leader, on followers, and
 * when the log is opened.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "client/wire/big_endian.h"

#define ABORTED_AT_ONCE 64

/* ---- what is unstable ---- */

/* State lock. */
static void publish_first_unstable(struct log *log) {
    if (!log->transactions_are_rebuilt)
        __atomic_store_n(&log->first_unstable_offset,
                         unstable_transactions_first_offset(&log->unstable), __ATOMIC_RELEASE);
    __atomic_store_n(&log->has_ended_transactions, log->unstable.ended > 0, __ATOMIC_RELEASE);
}

int64_t log_first_unstable_offset(const struct log *log) {
    int64_t offset = __atomic_load_n(&log->first_unstable_offset, __ATOMIC_ACQUIRE);
    int64_t start = log_start_offset(log);

    return offset < start ? start : offset;
}

void log_forget_replicated_transactions(struct log *log, int64_t high_watermark) {
    if (!__atomic_load_n(&log->has_ended_transactions, __ATOMIC_ACQUIRE))
        return;
    mutex_lock(&log->state_lock);
    unstable_transactions_forget_replicated(&log->unstable, high_watermark);
    publish_first_unstable(log);
    mutex_unlock(&log->state_lock);
}

static void publish_oldest(struct log *log) {
    const struct unstable_transaction *oldest;
    int64_t time_ms = -1;

    mutex_lock(&log->state_lock);
    oldest = unstable_transactions_first_open(&log->unstable);
    if (oldest != NULL)
        time_ms = producer_state_last_timestamp(log->producers, oldest->producer_id);
    mutex_unlock(&log->state_lock);
    __atomic_store_n(&log->oldest_transaction_ms, time_ms, __ATOMIC_RELAXED);
}

int64_t log_oldest_transaction_ms(const struct log *log) {
    return __atomic_load_n(&log->oldest_transaction_ms, __ATOMIC_RELAXED);
}

/* ---- following the batches ---- */

enum error log_prepare_producer(struct log *log, const struct producer_batch *batch,
                                size_t batches_before) {
    enum error error = producer_state_prepare(log->producers, batch->producer_id, batches_before);

    if (error != ERR_NONE || !batch->is_transactional || batch->is_control)
        return error;
    mutex_lock(&log->state_lock);
    error = unstable_transactions_reserve(&log->unstable, batches_before + 1);
    mutex_unlock(&log->state_lock);
    return error;
}

static void begin(struct log *log, int64_t producer_id, int64_t first_offset) {
    mutex_lock(&log->state_lock);
    unstable_transactions_begin(&log->unstable, producer_id, first_offset);
    publish_first_unstable(log);
    mutex_unlock(&log->state_lock);
}

static enum error end(struct log *log, struct segment *segment,
                      const struct producer_batch *marker) {
    const struct unstable_transaction *open;
    struct unstable_transaction ended;
    int64_t stable;

    mutex_lock(&log->state_lock);
    ended = unstable_transactions_end(&log->unstable, marker->producer_id, marker->base_offset);
    open = unstable_transactions_first_open(&log->unstable);
    stable = open == NULL ? ended.marker_offset + 1 : open->first_offset;
    publish_first_unstable(log);
    mutex_unlock(&log->state_lock);
    /* Behind a damaged batch offsets may say anything. */
    if (!marker->is_abort || ended.marker_offset < ended.first_offset ||
        (log->transactions_are_rebuilt && !segment->txn_index.is_rebuilt))
        return ERR_NONE;
    return segment_note_aborted(&log->home, segment,
                                &(struct aborted_transaction){
                                    .producer_id = ended.producer_id,
                                    .first_offset = ended.first_offset,
                                    .last_offset = ended.marker_offset,
                                    .last_stable_offset = stable,
                                });
}

enum error log_apply_producer(struct log *log, struct segment *segment,
                              const struct producer_batch *batch) {
    int64_t before = producer_state_open_offset(log->producers, batch->producer_id);
    enum error error = ERR_NONE;
    int64_t after;

    producer_state_apply(log->producers, batch);
    after = producer_state_open_offset(log->producers, batch->producer_id);
    if (batch->is_transactional)
        verifications_remove(&log->verifications, batch->producer_id);
    if (before < 0 && after >= 0)
        begin(log, batch->producer_id, after);
    if (before >= 0 && after < 0)
        error = end(log, segment, batch);
    if (before >= 0 || after >= 0)
        publish_oldest(log);
    return error;
}

/* ---- rebuilding ---- */

void log_begin_rebuilding_transactions(struct log *log) {
    mutex_lock(&log->state_lock);
    /* Readers keep to what was unstable before: a cut only makes more so what the high watermark
     * does not show. */
    log->transactions_are_rebuilt = true;
    unstable_transactions_clear(&log->unstable);
    mutex_unlock(&log->state_lock);
}

static enum error note_open(void *context, int64_t producer_id, int64_t first_offset) {
    struct log *log = context;
    enum error error;

    mutex_lock(&log->state_lock);
    error = unstable_transactions_reserve(&log->unstable, 1);
    if (error == ERR_NONE)
        unstable_transactions_begin(&log->unstable, producer_id, first_offset);
    mutex_unlock(&log->state_lock);
    return error;
}

enum error log_take_open_transactions(struct log *log) {
    return producer_state_each_open(log->producers, note_open, log);
}

void log_end_rebuilding_transactions(struct log *log) {
    for (size_t i = 0; i < log->segment_count; i++)
        log->segments[i]->txn_index.is_rebuilt = false;
    mutex_lock(&log->state_lock);
    log->transactions_are_rebuilt = false;
    unstable_transactions_forget_replicated(&log->unstable, log_high_watermark(log));
    publish_first_unstable(log);
    mutex_unlock(&log->state_lock);
    publish_oldest(log);
}

/* ---- aborted transactions ---- */

static enum error add(struct arena *arena, struct log_aborted_list *list,
                      const struct aborted_transaction *aborted) {
    if (list->count == list->capacity) {
        int32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        struct log_aborted *grown = arena_alloc(arena, (size_t)capacity, sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        if (list->count > 0)
            memcpy(grown, list->all, (size_t)list->count * sizeof(*grown));
        list->all = grown;
        list->capacity = capacity;
    }
    list->all[list->count++] = (struct log_aborted){aborted->producer_id, aborted->first_offset};
    return ERR_NONE;
}

/* The next segment with aborted transactions whose base is at or above `base_min`; a reference. */
static struct segment *next_with_aborted(struct log *log, int64_t base_min, uint32_t *count) {
    struct segment *found = NULL;

    mutex_lock(&log->state_lock);
    for (size_t i = 0; i < log->segment_count && found == NULL; i++) {
        if (log->segments[i]->base_offset >= base_min && log->segments[i]->txn_index.count > 0)
            found = log->segments[i];
    }
    if (found != NULL) {
        *count = found->txn_index.count;
        segment_ref(found);
    }
    mutex_unlock(&log->state_lock);
    return found;
}

/* `*complete` is set if no later entry can be of a transaction below `to`. */
static enum error collect_from(struct log *log, struct segment *segment, uint32_t count,
                               int64_t from, int64_t to, struct arena *arena,
                               struct log_aborted_list *list, bool *complete) {
    struct aborted_transaction entries[ABORTED_AT_ONCE];
    uint32_t at;
    uint32_t got;
    enum error error = segment_find_aborted(&log->home, segment, count, from, &at);

    for (; error == ERR_NONE && at < count && !*complete; at += got) {
        uint32_t wanted = count - at < ABORTED_AT_ONCE ? count - at : ABORTED_AT_ONCE;
        error = segment_read_aborted(&log->home, segment, at, entries, wanted, &got);
        if (error != ERR_NONE || got == 0)
            break;
        for (uint32_t i = 0; i < got && error == ERR_NONE && !*complete; i++) {
            if (entries[i].last_offset >= from && entries[i].first_offset < to)
                error = add(arena, list, &entries[i]);
            *complete = entries[i].last_stable_offset >= to;
        }
    }
    return error;
}

static int by_first_offset(const void *a, const void *b) {
    const struct log_aborted *left = a;
    const struct log_aborted *right = b;

    return (left->first_offset > right->first_offset) - (left->first_offset < right->first_offset);
}

static int64_t base_at(struct log *log, int64_t offset) {
    int64_t base_offset;

    mutex_lock(&log->state_lock);
    base_offset = log->segments[log_segment_index_of(log, offset)]->base_offset;
    mutex_unlock(&log->state_lock);
    return base_offset;
}

/* Where the batches of the range end, or further. */
static enum error bound_of(struct log *log, const struct file_range *range, int64_t *bound) {
    uint8_t first_offset[8];
    struct segment *segment;
    enum error error;
    size_t got;

    *bound = INT64_MAX;
    error = disk_read(log->dir->disk, range->fd, first_offset, sizeof(first_offset),
                      range->position, &got);
    if (error != ERR_NONE || got < sizeof(first_offset))
        return error;
    mutex_lock(&log->state_lock);
    segment = log->segments[log_segment_index_of(log, (int64_t)big_endian_load_u64(first_offset))];
    segment_ref(segment);
    mutex_unlock(&log->state_lock);
    error =
        segment_bound_offset(&log->home, segment, range->position + (int64_t)range->size, bound);
    segment_unref(segment, log->dir->cache);
    return error;
}

static enum error collect_once(struct log *log, int64_t from, int64_t limit,
                               const struct file_range *range, struct arena *arena,
                               struct log_aborted_list *list) {
    int64_t base_min = base_at(log, from);
    int64_t to = limit;
    struct segment *segment;
    bool complete = false;
    enum error error = ERR_NONE;
    uint32_t count;

    *list = (struct log_aborted_list){0};
    while (error == ERR_NONE && !complete &&
           (segment = next_with_aborted(log, base_min, &count)) != NULL) {
        if (to == limit && (error = bound_of(log, range, &to)) == ERR_NONE && to > limit)
            to = limit;
        if (error == ERR_NONE)
            error = collect_from(log, segment, count, from, to, arena, list, &complete);
        base_min = segment->base_offset + 1;
        segment_unref(segment, log->dir->cache);
    }
    return error;
}

enum error log_aborted_transactions(struct log *log, int64_t from, int64_t limit,
                                    const struct file_range *range, struct arena *arena,
                                    struct log_aborted_list *list) {
    enum error error = log_open(log);

    while (error == ERR_NONE) {
        uint32_t generation = log_generation(log);
        error = collect_once(log, from, limit, range, arena, list);
        if (generation == log_generation(log))
            break;
        if (error == ERR_DISK_CORRUPT)
            error = ERR_NONE; /* a truncation may have pulled entries away */
    }
    if (error == ERR_NONE && list->count > 1)
        qsort(list->all, (size_t)list->count, sizeof(*list->all), by_first_offset);
    return log_fail(log, error, "read aborted transactions");
}
